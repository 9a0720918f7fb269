//! The people of a class on several servers are one class to its teacher and its board.

use api::{Action, JournalEntry, Lead, Person, Student};

use super::serving::{joined, two_servers};
use super::{OneRoom, say};
use crate::classroom::events::EventClient;
use crate::classroom::person::{Page, Roster, board_until, class_state};
use crate::classroom::postgres::Postgres;
use crate::classroom::teacher::Teacher;
use crate::classroom::{HttpResponse, TestServer, must};
use tcp_classroom::Rooms;

/// A page that says whose it is and how far that one is.
pub(super) fn student(name: &str, done: u32) -> Student {
    Student { name: name.to_owned(), steps: 20, done, ..Student::default() }
}

/// The class's teacher at one of its servers.
pub(super) struct AtServer<'s> {
    teacher: Teacher,
    pub(super) folder: String,
    server: &'s TestServer,
    here: &'s OneRoom,
}

impl<'s> AtServer<'s> {
    pub(super) fn new(server: &'s TestServer, here: &'s OneRoom) -> Self {
        let teacher = Teacher::with_token(server, here.room.token.as_str());
        AtServer { teacher, folder: format!("/r/{}", here.room.code), server, here }
    }

    pub(super) async fn tries(&self, act: &str) -> HttpResponse {
        let path = format!("{}{}", self.folder, api::TEACHER_ACT);
        self.teacher.request("POST", &path, act).await
    }

    pub(super) async fn acts(&self, act: &str) {
        let done = self.tries(act).await;
        assert_eq!(done.status, 204, "{act}: {}", done.text());
    }

    /// The name of the one who stored a contact; `-` where that is not known.
    pub(super) async fn author(&self, contact: &str) -> String {
        let path = format!("{}{}?name={contact}", self.folder, api::TEACHER_AUTHOR);
        let told = self.teacher.request("GET", &path, "").await;
        if told.status == 404 {
            return "-".to_owned();
        }
        let person: Person = serde_json::from_slice(&told.body).unwrap();
        if person.name.is_empty() { person.address } else { person.name }
    }

    async fn does_to(&self, action: &str, person: u64) {
        self.acts(&format!(r#"{{"action":"{action}","person":{person}}}"#)).await;
    }

    pub(super) async fn roster(&self) -> Roster {
        Roster::open_in(self.server, &self.folder, self.here.room.token.as_str()).await
    }

    /// Everybody's progress, as it is at this moment.
    pub(super) async fn progress(&self) -> String {
        let path = format!("{}{}", self.folder, api::TEACHER_PROGRESS);
        self.teacher.request("GET", &path, "").await.text()
    }

    /// What a teacher's page is told.
    async fn events(&self) -> EventClient {
        let headers = format!("Authorization: Bearer {}\r\n", self.here.room.token.as_str());
        let path = format!("{}{}", self.folder, api::TEACHER);
        EventClient::open_path_with(self.server.http, &path, &headers).await
    }

    /// Waits until this entry of the journal can be undone.
    pub(super) async fn can_undo(&self, entry: Option<u64>) {
        let mut events = self.events().await;
        let told = async {
            loop {
                let (name, data) = events.named().await.unwrap();
                if name == api::TEACHER_EVENT
                    && serde_json::from_str::<Lead>(&data).unwrap().undo == entry
                {
                    return;
                }
            }
        };
        must(&format!("{entry:?} can be undone"), told).await;
    }

    /// The first entry of the journal that is so, once there is one.
    pub(super) async fn journal_until(
        &self,
        is_so: impl Fn(&JournalEntry) -> bool,
    ) -> JournalEntry {
        let mut events = self.events().await;
        let told = async {
            loop {
                let (name, data) = events.named().await.unwrap();
                if name == api::JOURNAL_EVENT {
                    let entries = serde_json::from_str::<Vec<JournalEntry>>(&data).unwrap();
                    if let Some(entry) = entries.into_iter().find(|entry| is_so(entry)) {
                        return entry;
                    }
                }
            }
        };
        must("the entry is in the journal", told).await
    }

    /// The actions in the journal, once there are so many.
    async fn journal(&self, count: usize) -> Vec<JournalEntry> {
        let mut events = self.events().await;
        let mut entries = Vec::new();
        let reading = async {
            while entries.len() < count {
                let (name, data) = events.named().await.unwrap();
                if name == api::JOURNAL_EVENT {
                    entries.extend(serde_json::from_str::<Vec<JournalEntry>>(&data).unwrap());
                }
            }
        };
        must("the journal", reading).await;
        entries
    }
}

#[tokio::test]
async fn a_step_is_in_the_teacher_s_list_on_another_server_before_that_compares() {
    /// More than a server's heartbeats meanwhile, at each of which it compares what others
    /// have told: then it is notifications that bring the steps.
    const STEPS: u32 = 20;
    const COUNT_BEATS: &str = "create table beats (server bigint);
        create function beat() returns trigger language plpgsql as
            'begin insert into public.beats values (new.id); return new; end';
        create trigger beat after update on tcp_classroom.servers
            for each row execute function beat()";
    const BEATS: &str = "select coalesce(max(count), 0) from \
                         (select count(*) as count from beats group by server) as each";
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&two, &here);
    let page = Page::in_folder(&one, &teacher.folder, 1);
    let _socket = page.websocket().await;
    let mut roster = teacher.roster().await;
    // Until the servers know of each other it takes longer.
    page.reports(&student("张三", 0)).await;
    roster.find("the student", |row| row.name == "张三").await;
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    database.batch_execute(COUNT_BEATS).await.unwrap();
    for step in 1..=STEPS {
        let done = (1 << step) - 1;
        page.reports(&student("张三", done)).await;
        roster.find("the step", |row| row.done == done).await;
    }
    let beats: i64 = database.query_one(BEATS, &[]).await.unwrap().get(0);
    // As many as steps, but for the first and the last one, where it is comparisons.
    assert!(beats < i64::from(STEPS) - 4, "{beats} heartbeats");
}

#[tokio::test]
async fn a_teacher_on_one_server_lowers_a_hand_and_ends_a_conversation_on_another() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&two, &here);
    let page = Page::in_folder(&one, &teacher.folder, 1);
    let mut socket = page.websocket().await;
    let mut class = page.class().await;
    let hand = Student { hand: true, ..student("张三", 1) };
    page.reports(&hand).await;
    let raised = async { while !class_state(&mut class).await.hand {} };
    must("the hand is raised", raised).await;
    let mut roster = teacher.roster().await;
    let row = roster.find("the hand is seen on the other server", |row| row.hand).await;
    assert_eq!((&*row.name, row.step), ("张三", Some(0)));

    teacher.does_to("lower-hand", row.id).await;
    let lowered = async { while class_state(&mut class).await.hand {} };
    must("the hand is lowered", lowered).await;
    roster.find("and seen to be", |row| !row.hand).await;

    socket.send("add;a;1").await;
    socket.expect("a added!").await;
    teacher.does_to("disconnect", row.id).await;
    assert_eq!(socket.expect_close().await, api::CLOSED_BY_TEACHER);
    for server in [&one, &two] {
        let journal = AtServer::new(server, &here).journal(2).await;
        let told: Vec<_> = journal.iter().map(|entry| (entry.act.action, &*entry.whom)).collect();
        let whom = "张三";
        assert_eq!(told, [(Action::LowerHand, whom), (Action::Disconnect, whom)]);
    }
    // A server that comes later knows what was done before.
    let third = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    assert_eq!(AtServer::new(&third, &here).journal(2).await[0].act.action, Action::LowerHand);
    // A lesson that was never ended is forgotten after a day.
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let old = "update tcp_classroom.acts set done = done - interval '25 hours'";
    assert_eq!(database.execute(old, &[]).await.unwrap(), 2);
    teacher.acts(r#"{"action":"announce","text":"hello"}"#).await;
    let count = async || -> i64 {
        let count = "select count(*) from tcp_classroom.acts";
        database.query_one(count, &[]).await.unwrap().get(0)
    };
    must("the old ones are gone", async { while count().await != 1 {} }).await;
}

#[tokio::test]
async fn a_block_holds_on_every_server_and_ends_what_is_open_there() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&two, &here);
    let mut client = joined(&one, &here.room.code).await;
    let row = teacher.roster().await.find("the client is seen", |row| row.raw).await;
    teacher.does_to("block", row.id).await;
    client.expect_end().await;
    let join = format!("join;{}", here.room.code);
    for server in [&one, &two] {
        let told = say(&mut server.tcp().await, &join).await;
        assert!(told.starts_with("Error: your teacher has blocked your computer"), "{told}");
    }
}

#[tokio::test]
async fn the_board_on_one_server_counts_and_shows_students_of_another() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&two, &here);
    let pages: Vec<_> =
        (0..2).map(|n| Page::in_folder([&one, &two][n], &teacher.folder, n)).collect();
    let mut sockets = Vec::new();
    for (page, (name, done)) in pages.iter().zip([("Ann", 0b111), ("Bob", 0b001)]) {
        sockets.push(page.websocket().await);
        page.reports(&student(name, done)).await;
    }
    let path = format!("{}{}", teacher.folder, api::BOARD);
    let mut board = EventClient::open_path(two.http, &path).await;
    let counts = |board: &api::Board| {
        let class = &board.class;
        board.pages == 2 && class.students == 2 && class.steps.starts_with(&[2, 1, 1, 0])
    };
    let told = board_until(&mut board, "both are counted", counts).await;
    assert_eq!(told.class.shown, None);

    sockets[0].send("add;a;1").await;
    sockets[0].expect("a added!").await;
    let ann = teacher.roster().await.find("Ann is seen", |row| row.name == "Ann").await;
    teacher.does_to("show-one", ann.id).await;
    let shows = |board: &api::Board| {
        board.class.shown.as_ref().is_some_and(|shown| {
            shown.name == "Ann" && shown.lines.iter().any(|line| line.text == "a added!")
        })
    };
    board_until(&mut board, "what Ann said is shown", shows).await;
    teacher.acts(r#"{"action":"hide"}"#).await;
    board_until(&mut board, "and hidden", |board| board.class.shown.is_none()).await;

    // Lines of both servers, and none that were hidden.
    teacher.acts(r#"{"action":"show"}"#).await;
    let replies = [("find;a", "1"), ("find;nobody", "Not Found!")];
    for (socket, (text, reply)) in sockets.iter_mut().zip(replies) {
        let said = |board: &api::Board| {
            let mut lines = board.class.lines.iter().flatten();
            lines.any(|line| line.kind == "sent" && line.text == text)
        };
        let says = async {
            loop {
                // Said again: the other server may not know yet that it is shown.
                socket.send(text).await;
                socket.expect(reply).await;
                if said(&board.board().await.unwrap()) {
                    return;
                }
            }
        };
        must(&format!("{text} is on the board"), says).await;
    }
    teacher.acts(r#"{"action":"hide"}"#).await;
    board_until(&mut board, "all are hidden", |board| board.class.lines.is_none()).await;
    teacher.acts(r#"{"action":"show"}"#).await;
    let told = board_until(&mut board, "shown", |board| board.class.lines.is_some()).await;
    let lines = told.class.lines.unwrap();
    assert!(lines.iter().all(|line| line.text != "find;nobody"), "{lines:?}");

    // The lesson ends everywhere.
    teacher.acts(r#"{"action":"end"}"#).await;
    let mut roster = AtServer::new(&one, &here).roster().await;
    roster.until("all are nameless", |rows| rows.iter().all(|row| row.name.is_empty())).await;
    let journal = AtServer::new(&one, &here).journal(1).await;
    assert_eq!(journal.last().unwrap().act.action, Action::End);
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let named = async || -> i64 {
        let named = "select count(*) from tcp_classroom.presence where text ~ 'Ann|Bob'";
        database.query_one(named, &[]).await.unwrap().get(0)
    };
    must("the names are not in the database", async { while named().await > 0 {} }).await;
}

#[tokio::test]
async fn servers_that_stop_leave_no_names_in_the_database() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&two, &here);
    let page = Page::in_folder(&one, &teacher.folder, 1);
    let _socket = page.websocket().await;
    page.reports(&student("Ann", 1)).await;
    let there = async { while !teacher.progress().await.contains("Ann") {} };
    must("Ann is seen on the other server", there).await;
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let told = async || -> i64 {
        let told = "select count(*) from tcp_classroom.presence where text like '%Ann%'";
        database.query_one(told, &[]).await.unwrap().get(0)
    };
    assert_eq!(told().await, 1);
    one.stop().await;
    assert_eq!(told().await, 0);
    // The others need not wait until it is given up.
    let gone = async { while teacher.progress().await.contains("Ann") {} };
    must("Ann is not seen any more", gone).await;
}
