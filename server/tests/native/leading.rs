//! What the teacher does, and what becomes of it for everybody else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api::{JournalEntry, Lead, People, Person, Snapshot};
use tcp_classroom::{Book, PerAddress};

use crate::classroom::events::EventClient;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, WebSocketClient, must};

#[tokio::test]
async fn the_stage_changes_from_the_next_message_on_for_raw_tcp_and_pages_alike() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let (mut tcp, mut page) = (server.tcp().await, server.websocket().await);
    tcp.send(b"add;a;1").await;
    tcp.expect(b"a added!").await;
    teacher.does("stage-echo").await;
    tcp.send(b"find;a").await;
    tcp.expect(b"Received find;a;").await;
    page.send("find;a").await;
    page.expect("Received find;a;").await;
    server.tcp().await.send(b"find;a").await;
    teacher.does("stage-contacts").await;
    tcp.send(b"find;a").await;
    tcp.expect(b"1").await;
    page.send("find;a").await;
    page.expect("1").await;
}

#[tokio::test]
async fn the_pause_before_each_reply_is_changed_live() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let (mut tcp, mut page) = (server.tcp().await, server.websocket().await);
    teacher.acts(r#"{"action":"slow","millis":150}"#).await;
    for _ in 0..2 {
        let start = Instant::now();
        tcp.send(b"find;a").await;
        tcp.expect(b"Not Found!").await;
        assert!(start.elapsed() >= Duration::from_millis(150));
        let start = Instant::now();
        page.send("find;a").await;
        page.expect("Not Found!").await;
        assert!(start.elapsed() >= Duration::from_millis(150));
    }
    // Half a minute, and the next one is at once.
    teacher.acts(r#"{"action":"slow","millis":30000}"#).await;
    teacher.acts(r#"{"action":"slow","millis":0}"#).await;
    let start = Instant::now();
    tcp.send(b"find;a").await;
    tcp.expect(b"Not Found!").await;
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_frozen_book_refuses_changes_and_answers_finds_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.db");
    for book in [Book::in_memory(10), Book::open(&path, 10).unwrap()] {
        let server = TestServer::with_book(book, |_| {}).await;
        let teacher = Teacher::of(&server);
        let (mut tcp, mut page) = (server.tcp().await, server.websocket().await);
        tcp.send(b"add;a;1\n").await;
        tcp.expect(b"a added!\n").await;
        teacher.does("freeze").await;
        tcp.send(b"add;b;2\nfind;a\nremove;a\nfind;a\n").await;
        let frozen = "Error: nothing was changed, your teacher has frozen the book for now; \
                      reading goes on, like find;zhangsan";
        assert_eq!(tcp.line().await, format!("{frozen}\n"));
        tcp.expect(b"1\n").await;
        assert_eq!(tcp.line().await, format!("{frozen}\n"));
        tcp.expect(b"1\n").await;
        page.send("add;a;2").await;
        page.expect(frozen).await;
        teacher.does("thaw").await;
        page.send("add;a;2").await;
        page.expect("a added!").await;
        tcp.send(b"find;a\n").await;
        tcp.expect(b"2\n").await;
        server.stop().await;
    }
    assert_eq!(Book::open(&path, 10).unwrap().len(), 1);
}

#[tokio::test]
async fn a_reset_is_durable_at_once_and_undone_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.db");
    let server = TestServer::with_book(Book::open(&path, 100).unwrap(), |_| {}).await;
    let teacher = Teacher::of(&server);
    let mut tcp = server.tcp().await;
    tcp.send("add;a;1\nadd;b;2\nadd;张三;3\nremove;b\n".as_bytes()).await;
    tcp.expect("a added!\nb added!\n张三 added!\nb removed!\n".as_bytes()).await;
    let before = teacher.book().await;
    assert_eq!(before, "name,phone\na,1\n张三,3\n");
    teacher.does("reset").await;
    tcp.send(b"find;a\n").await;
    tcp.expect(b"Not Found!\n").await;
    assert_eq!(copied(&path), 0, "it is on the disk when it is answered");
    teacher.does("undo").await;
    assert_eq!(teacher.book().await, before);
    assert_eq!(copied(&path), 2);

    // What was acknowledged since the reset is not lost by undoing it.
    teacher.does("reset").await;
    tcp.send(b"add;a;9\nadd;new;8\n").await;
    tcp.expect(b"a added!\nnew added!\n").await;
    teacher.does("undo").await;
    tcp.send("find;a\nfind;new\nfind;张三\n".as_bytes()).await;
    tcp.expect(b"9\n8\n3\n").await;
    assert_eq!(teacher.tries(r#"{"action":"undo"}"#).await.0, 409);
    server.stop().await;
    assert_eq!(Book::open(&path, 100).unwrap().len(), 3);
}

/// How many contacts a copy of the file, made now with its log, is opened with.
fn copied(path: &std::path::Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    for ending in ["", "-wal"] {
        let (name, from) = (format!("{name}{ending}"), format!("{}{ending}", path.display()));
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    Book::open(&folder.path().join(name), 100).unwrap().len()
}

#[tokio::test]
async fn a_contact_is_deleted_by_its_name_and_deletions_are_undone_one_by_one() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut tcp = server.tcp().await;
    tcp.send(b"add;rude <img>;1\nadd;b;2\n").await;
    tcp.expect(b"rude <img> added!\nb added!\n").await;
    teacher.does("freeze").await;
    for name in ["rude <img>", "b"] {
        teacher.acts(&format!(r#"{{"action":"delete","text":"{name}"}}"#)).await;
    }
    tcp.send(b"find;rude <img>\nfind;b\n").await;
    tcp.expect(b"Not Found!\nNot Found!\n").await;
    teacher.does("undo").await;
    tcp.send(b"find;rude <img>\nfind;b\n").await;
    tcp.expect(b"Not Found!\n2\n").await;
    teacher.does("undo").await;
    tcp.send(b"find;rude <img>\n").await;
    tcp.expect(b"1\n").await;
}

#[tokio::test]
async fn a_new_book_keeps_the_old_one_as_a_file_that_a_server_can_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.db");
    let server = TestServer::with_book(Book::open(&path, 100).unwrap(), |_| {}).await;
    let teacher = Teacher::of(&server);
    let mut tcp = server.tcp().await;
    tcp.send("add;a;1\nadd;张三;3\n".as_bytes()).await;
    tcp.expect("a added!\n张三 added!\n".as_bytes()).await;
    for (name, status) in [("../up", 400), ("", 400), ("nul", 400), ("contacts", 409)] {
        let act = format!(r#"{{"action":"new-book","text":"{name}"}}"#);
        assert_eq!(teacher.tries(&act).await.0, status, "{name}");
    }
    teacher.acts(r#"{"action":"new-book","text":"7班"}"#).await;
    let kept = folder.path().join("7班.db");
    assert_eq!(Book::open(&kept, 100).unwrap().len(), 2);
    tcp.send(b"find;a\nadd;b;2\n").await;
    tcp.expect(b"Not Found!\nb added!\n").await;
    let again = teacher.tries(r#"{"action":"new-book","text":"7班"}"#).await;
    assert!(again.0 == 409 && again.1.contains("7班.db is there already"), "{again:?}");
    tcp.send(b"find;b\n").await;
    tcp.expect(b"2\n").await;
    teacher.does("undo").await;
    tcp.send(b"find;a\nfind;b\n").await;
    tcp.expect(b"1\n2\n").await;
    server.stop().await;
    assert_eq!(Book::open(&path, 100).unwrap().len(), 3);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn those_who_watch_the_book_get_a_new_snapshot_after_a_reset() {
    let server = TestServer::start().await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\nadd;b;2\n").await;
    tcp.expect(b"a added!\nb added!\n").await;
    let mut events = EventClient::open(server.http).await;
    assert_eq!(events.snapshot().await, Snapshot { seq: 2, count: 2 });
    Teacher::of(&server).does("reset").await;
    assert_eq!(events.snapshot().await, Snapshot { seq: 4, count: 0 });
}

#[tokio::test]
async fn a_closed_door_lets_no_new_client_in_and_says_so() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut inside = server.tcp().await;
    teacher.does("close-door").await;
    let mut tcp = TcpClient::connect(server.tcp).await;
    let told = "Error: your teacher lets nobody in at the moment, ask to be let in\n";
    assert_eq!(tcp.rest().await, told);
    let mut page = WebSocketClient::connect(server.http, &[]).await.unwrap();
    assert_eq!(page.expect_close().await, api::CLOSED_DOOR);
    inside.send(b"find;a").await;
    inside.expect(b"Not Found!").await;
    teacher.does("open-door").await;
    server.serves_others().await;
}

/// What a teacher's page knows.
struct Desk {
    events: EventClient,
    lead: Lead,
    journal: Vec<JournalEntry>,
    people: BTreeMap<u64, Person>,
}

impl Desk {
    /// A page on this computer that has been told everything.
    async fn open(server: &TestServer) -> Self {
        let events = EventClient::open_path(server.http, api::TEACHER).await;
        let mut desk =
            Desk { events, lead: Lead::default(), journal: Vec::new(), people: BTreeMap::new() };
        let mut told = Vec::new();
        while !["journal", "lead", "people"].iter().all(|name| told.iter().any(|t| t == name)) {
            told.push(desk.next().await);
        }
        desk
    }

    /// Takes in the next event, and returns its name.
    async fn next(&mut self) -> String {
        let (name, data) = must("an event", self.events.named()).await.unwrap();
        match name.as_str() {
            api::TEACHER_EVENT => self.lead = serde_json::from_str(&data).unwrap(),
            api::JOURNAL_EVENT => {
                self.journal.extend(serde_json::from_str::<Vec<_>>(&data).unwrap());
            }
            api::PEOPLE_EVENT => {
                let news: People = serde_json::from_str(&data).unwrap();
                if news.complete {
                    self.people.clear();
                }
                self.people.extend(news.rows.into_iter().map(|row| (row.id, row)));
                news.gone.iter().for_each(|id| drop(self.people.remove(id)));
            }
            other => panic!("{other}"),
        }
        name
    }

    /// Waits until the switches are so.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        must(what, async {
            while !holds(self) {
                self.next().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_teacher_s_page_is_told_the_switches_and_the_journal_as_they_change() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut desk = Desk::open(&server).await;
    assert!(
        desk.lead == Lead { addresses: desk.lead.addresses.clone(), ..Lead::default() }
            || desk.lead.program.is_some()
    );
    assert!(!desk.lead.addresses.is_empty() && desk.journal.is_empty());
    teacher.does("pause").await;
    desk.until("it is held", |desk| desk.lead.held.is_some_and(|left| left > 290)).await;
    teacher.acts(r#"{"action":"announce","text":"看黑板 <b>"}"#).await;
    teacher.does("close-door").await;
    desk.until("the door is closed", |desk| desk.lead.closed).await;
    assert_eq!(desk.lead.announcement.as_deref(), Some("看黑板 <b>"));
    let mut tcp = TcpClient::connect(server.tcp).await;
    assert!(tcp.rest().await.starts_with("Error: "));
    for action in ["resume", "unannounce", "open-door"] {
        teacher.does(action).await;
    }
    desk.until("six entries", |desk| desk.journal.len() == 6).await;
    let numbers: Vec<_> = desk.journal.iter().map(|entry| entry.id).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    // What changes nothing is no entry.
    teacher.does("resume").await;
    teacher.does("freeze").await;
    desk.until("the next entry", |desk| desk.journal.len() == 7).await;
    assert_eq!(desk.journal[6].act.action, api::Action::Freeze);
    // A page that comes late is told all of it.
    let late = Desk::open(&server).await;
    assert_eq!(late.journal, desk.journal);
    assert!(late.lead.frozen);
}

#[tokio::test]
async fn the_journal_says_what_can_be_undone() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\nadd;b;2\n").await;
    tcp.expect(b"a added!\nb added!\n").await;
    let mut desk = Desk::open(&server).await;
    assert_eq!((desk.lead.contacts, desk.lead.undo), (2, None));
    teacher.acts(r#"{"action":"delete","text":"a"}"#).await;
    teacher.does("reset").await;
    desk.until("two entries", |desk| desk.journal.len() == 2 && desk.lead.contacts == 0).await;
    assert_eq!(desk.lead.undo, Some(2));
    teacher.does("undo").await;
    desk.until("one is left", |desk| desk.lead.undo == Some(1)).await;
    desk.until("the book is told", |desk| desk.lead.contacts == 1).await;
    teacher.does("end").await;
    desk.until("nothing can be undone", |desk| desk.lead.undo.is_none()).await;
    let late = Desk::open(&server).await;
    let actions: Vec<_> = late.journal.iter().map(|entry| entry.act.action).collect();
    assert_eq!(actions, [api::Action::End], "the lesson's journal is forgotten");
}

#[tokio::test]
async fn one_is_disconnected_and_can_come_back() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let (mut tcp, mut page, mut other) =
        (server.tcp().await, server.websocket().await, server.tcp().await);
    teacher.acts(r#"{"action":"disconnect","person":1}"#).await;
    tcp.expect_end().await;
    teacher.acts(r#"{"action":"disconnect","person":2}"#).await;
    assert_eq!(page.expect_close().await, api::CLOSED_BY_TEACHER);
    other.send(b"find;a").await;
    other.expect(b"Not Found!").await;
    server.serves_others().await;
    let desk = Desk::open(&server).await;
    assert_eq!(desk.journal[0].whom, "127.0.0.1");
}

#[tokio::test]
async fn a_blocked_address_is_out_with_all_its_connections_and_others_stay() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let from_there = async || TcpClient::connect_from([127, 0, 0, 3], server.tcp).await;
    let (mut first, mut second) = (from_there().await, from_there().await);
    for client in [&mut first, &mut second] {
        client.expect(b"Welcome!").await;
    }
    let mut other = server.tcp().await;
    teacher.acts(r#"{"action":"block","person":1}"#).await;
    first.expect_end().await;
    second.expect_end().await;
    let told = from_there().await.rest().await;
    assert!(told.starts_with("Error: your teacher has blocked your computer"), "{told}");
    other.send(b"find;a").await;
    other.expect(b"Not Found!").await;
    server.serves_others().await;
    let desk = Desk::open(&server).await;
    let [(address, left)] = &desk.lead.blocked[..] else { panic!("{:?}", desk.lead) };
    assert!(address == "127.0.0.3" && (290..=300).contains(left), "{address} {left}");
    teacher.acts(r#"{"action":"unblock","text":"127.0.0.3"}"#).await;
    let mut again = from_there().await;
    again.expect(b"Welcome!").await;
}

#[tokio::test]
async fn the_teacher_is_told_of_an_address_that_has_too_many_connections() {
    let server = TestServer::with(|config| config.limits.per_address = PerAddress::All(4)).await;
    let from_there = async || TcpClient::connect_from([127, 0, 0, 3], server.tcp).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = from_there().await;
        client.expect(b"Welcome!").await;
        clients.push(client);
    }
    for _ in 0..3 {
        let told = from_there().await.rest().await;
        assert!(told.starts_with("Error: your computer has too many"), "{told}");
    }
    let desk = Desk::open(&server).await;
    let [entry] = &desk.journal[..] else { panic!("once a minute: {:?}", desk.journal) };
    assert_eq!((entry.act.action, &*entry.whom), (api::Action::Crowded, "127.0.0.3"));
    assert!(entry.by_itself);
    // It is none of the teacher's actions.
    let (status, _) = Teacher::of(&server).tries(r#"{"action":"crowded"}"#).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn what_is_on_the_board_is_hidden_again() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let _somebody = server.tcp().await;
    let mut desk = Desk::open(&server).await;
    teacher.does("show").await;
    teacher.acts(r#"{"action":"show-one","person":1}"#).await;
    desk.until("both are shown", |desk| desk.lead.shows_lines && desk.lead.shows == Some(1)).await;
    teacher.does("hide").await;
    desk.until("neither is", |desk| !desk.lead.shows_lines && desk.lead.shows.is_none()).await;
}

#[tokio::test]
async fn the_teacher_s_page_sees_who_is_here_and_what_was_done_to_them() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut desk = Desk::open(&server).await;
    assert!(desk.people.is_empty());
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\nad;x\n").await;
    tcp.expect(b"a added!\n").await;
    desk.until("its mistake", |desk| desk.people.values().any(|row| row.errors == 1)).await;
    let row = desk.people.values().next().unwrap().clone();
    assert!(row.raw && row.address == "127.0.0.1" && row.messages == 2, "{row:?}");
    assert_eq!((row.mistake.as_str(), row.cause.as_str()), ("ad;x", "unknown-verb"));
    let author = teacher.request("GET", "/api/teacher/author?name=a", "").await.text();
    assert_eq!(serde_json::from_str::<Person>(&author).unwrap().id, row.id);
    assert_eq!(teacher.request("GET", "/api/teacher/author?name=b", "").await.status, 404);
    let progress = teacher.request("GET", "/api/teacher/progress.csv", "").await.text();
    assert!(progress.contains("127.0.0.1"), "{progress}");

    let id = row.id;
    teacher.acts(&format!(r#"{{"action":"sticky-split","person":{id}}}"#)).await;
    desk.until("its replies", |desk| desk.people[&id].sticky == api::Sticky::Split).await;
    teacher.acts(&format!(r#"{{"action":"disconnect","person":{id}}}"#)).await;
    desk.until("it is gone", |desk| desk.people.get(&id).is_none_or(|row| row.state == "gone"))
        .await;
    teacher.does("end").await;
    desk.until("nobody is left", |desk| desk.people.is_empty()).await;
}
