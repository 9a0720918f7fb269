//! What a server of a class knows, the others know as well: what can be undone, who stored
//! a contact, which numbers pages have, and how the homework goes.

use std::collections::BTreeSet;

use api::{Action, JournalEntry};

use super::people::{AtServer, student};
use super::serving::{joined, two_servers};
use super::{OneRoom, say};
use crate::classroom::events::EventClient;
use crate::classroom::homework::{HomeworkPage, RealCheck, refused_relay_in, right_server};
use crate::classroom::person::{Page, board_until};
use crate::classroom::port::student_port;
use crate::classroom::postgres::Postgres;
use crate::classroom::{TestServer, get, must, needs};
use tcp_classroom::Rooms;

#[tokio::test]
async fn what_was_taken_out_of_the_book_on_one_server_is_put_back_from_any_other_once() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teachers = [&one, &two].map(|server| AtServer::new(server, &here));
    let mut student = joined(&one, &here.room.code).await;
    for name in ["a", "b", "c"] {
        assert_eq!(say(&mut student, &format!("add;{name};1")).await, format!("{name} added!"));
    }
    teachers[0].acts(r#"{"action":"delete","text":"a"}"#).await;
    let is_delete = |entry: &JournalEntry| entry.act.action == Action::Delete;
    let deleted = teachers[1].journal_until(is_delete).await;
    teachers[1].can_undo(Some(deleted.id)).await;
    teachers[1].acts(r#"{"action":"reset"}"#).await;
    assert_eq!(say(&mut student, "find;b").await, "Not Found!");
    let is_reset = |entry: &JournalEntry| entry.act.action == Action::Reset;
    let reset = teachers[0].journal_until(is_reset).await;
    teachers[0].can_undo(Some(reset.id)).await;
    // The last one first, each where the other one was done.
    teachers[0].acts(r#"{"action":"undo"}"#).await;
    assert_eq!(say(&mut student, "find;b").await, "1");
    assert_eq!(say(&mut student, "find;a").await, "Not Found!");
    teachers[1].can_undo(Some(deleted.id)).await;
    // A server that opens the class later knows of it, too.
    let third = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    let later = AtServer::new(&third, &here);
    let deleted = later.journal_until(is_delete).await;
    later.can_undo(Some(deleted.id)).await;
    later.acts(r#"{"action":"undo"}"#).await;
    assert_eq!(say(&mut student, "find;a").await, "1");
    for teacher in &teachers {
        teacher.can_undo(None).await;
        assert_eq!(teacher.tries(r#"{"action":"undo"}"#).await.status, 409);
    }
    // With the lesson it is over on all servers, and in the database.
    teachers[0].acts(r#"{"action":"delete","text":"c"}"#).await;
    let deleted = teachers[1].journal_until(|entry| entry.whom == "c").await;
    teachers[1].can_undo(Some(deleted.id)).await;
    teachers[1].acts(r#"{"action":"end"}"#).await;
    teachers[0].can_undo(None).await;
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let acts = "select text, removed from tcp_classroom.acts";
    let acts = database.query(acts, &[]).await.unwrap();
    let acts: Vec<(String, Option<String>)> =
        acts.iter().map(|row| (row.get(0), row.get(1))).collect();
    let [(text, None)] = &acts[..] else { panic!("{acts:?}") };
    assert!(text.contains(r#""action":"end""#), "{text}");
}

#[tokio::test]
async fn of_many_resets_the_database_keeps_no_more_than_can_be_undone() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, _two, here) = two_servers(postgres).await;
    let teacher = AtServer::new(&one, &here);
    let mut student = joined(&one, &here.room.code).await;
    for _ in 0..10 {
        assert_eq!(say(&mut student, "add;a;1").await, "a added!");
        teacher.acts(r#"{"action":"reset"}"#).await;
    }
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let count = async || -> (i64, i64) {
        let count = "select count(*), count(removed) from tcp_classroom.acts";
        let row = database.query_one(count, &[]).await.unwrap();
        (row.get(0), row.get(1))
    };
    must("all are told", async { while count().await.0 != 10 {} }).await;
    assert_eq!(count().await, (10, 8));
}

#[tokio::test]
async fn who_stored_a_contact_is_known_on_every_server_until_the_lesson_ends() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teachers = [&one, &two].map(|server| AtServer::new(server, &here));
    let pages: Vec<_> =
        (0..2).map(|n| Page::in_folder([&one, &two][n], &teachers[0].folder, n)).collect();
    let mut sockets = Vec::new();
    for (page, name) in pages.iter().zip(["Ann", "Bob"]) {
        sockets.push(page.websocket().await);
        page.reports(&student(name, 0)).await;
    }
    let add = async |socket: usize, name: &str, sockets: &mut Vec<_>| {
        let socket: &mut crate::classroom::WebSocketClient = &mut sockets[socket];
        socket.send(&format!("add;{name};1")).await;
        socket.expect(&format!("{name} added!")).await;
    };
    add(0, "a", &mut sockets).await;
    add(0, "b", &mut sockets).await;
    add(1, "b", &mut sockets).await;
    for teacher in &teachers {
        let told = async { while teacher.author("a").await != "Ann" {} };
        must("Ann has stored a", told).await;
        // The last one, wherever that was.
        let told = async { while teacher.author("b").await != "Bob" {} };
        must("Bob has stored b", told).await;
        assert_eq!(teacher.author("nobody").await, "-");
    }
    // Of a program that has ended long ago the address is known.
    let mut client = joined(&one, &here.room.code).await;
    assert_eq!(say(&mut client, "add;c;1").await, "c added!");
    assert_eq!(teachers[1].author("c").await, "127.0.0.1");
    // What is removed has none, and a teacher who puts it back is none.
    assert_eq!(say(&mut client, "remove;c").await, "c removed!");
    assert_eq!(teachers[1].author("c").await, "-");
    teachers[0].acts(r#"{"action":"delete","text":"a"}"#).await;
    teachers[0].acts(r#"{"action":"undo"}"#).await;
    assert_eq!(teachers[1].author("a").await, "-");

    let other = here.rooms.create("Class 3c", super::QUOTA).await.unwrap();
    let mut stranger = one.tcp().await;
    assert_eq!(say(&mut stranger, &format!("join;{}", other.code)).await, "Class 3c joined!");
    assert_eq!(say(&mut stranger, "add;b;2").await, "b added!");
    assert_eq!(teachers[0].author("b").await, "Bob");

    teachers[1].acts(r#"{"action":"end"}"#).await;
    let forgotten = async { while teachers[0].author("b").await != "-" {} };
    must("it is forgotten", forgotten).await;
    let database = postgres.connect(here.url.rsplit('/').next().unwrap()).await;
    let left = "select name from tcp_classroom.contacts where author is not null";
    let left = database.query(left, &[]).await.unwrap();
    assert_eq!(left.len(), 1, "the other class's");
    // The other class is never ended: it is forgotten when it is opened on another day.
    let yesterday = "update tcp_classroom.rooms set used = current_date - 1";
    assert_eq!(database.execute(yesterday, &[]).await.unwrap(), 2);
    let third = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    say(&mut third.tcp().await, &format!("join;{}", other.code)).await;
    let left = "select count(author) from tcp_classroom.contacts";
    let left: i64 = database.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

/// The number that a page is given, or its own.
async fn number(server: &TestServer, here: &OneRoom, key: &str, brought: u64) -> u64 {
    let code = &here.room.code;
    let path = format!("/r/{code}{}?page={key}&number={brought}", api::CLASSROOM);
    let told: api::Classroom =
        serde_json::from_slice(&get(server.http, &path, "").await.body).unwrap();
    told.number
}

#[tokio::test]
async fn pages_that_come_to_two_servers_at_once_have_a_number_each_and_keep_it() {
    const PAGES: usize = 40;
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let key = |page: usize| format!("key{page:020}");
    let asking = (0..PAGES).map(|page| {
        let (server, here) = ([&one, &two][page % 2], &here);
        async move { number(server, here, &key(page), 0).await }
    });
    let numbers = futures_util::future::join_all(asking).await;
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct, (1..=PAGES as u64).collect());
    // A page keeps its number on the other server, and no page gets another's.
    assert_eq!(number(&two, &here, &key(0), numbers[0]).await, numbers[0]);
    let brought = number(&two, &here, "late0000000000000001", numbers[0]).await;
    assert!(!distinct.contains(&brought), "{brought}");
    // Numbers of examples that stand in the book are passed over.
    let mut student = joined(&one, &here.room.code).await;
    let next = PAGES + 2;
    assert_eq!(say(&mut student, &format!("add;lisi{next};1")).await, format!("lisi{next} added!"));
    super::lists_in(&two, &here.room.code, &[&format!("lisi{next}")]).await;
    assert_eq!(number(&two, &here, &key(PAGES), 0).await, next as u64 + 1);
    // Another class begins with the first.
    let other = here.rooms.create("Class 3c", super::QUOTA).await.unwrap();
    let other = OneRoom { url: here.url.clone(), rooms: here.rooms, room: other };
    assert_eq!(number(&one, &other, &key(0), 0).await, 1);
}

#[tokio::test]
async fn a_check_py_at_another_server_than_its_page_is_paired_and_shown_everywhere() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teachers = [&one, &two].map(|server| AtServer::new(server, &here));
    let student_page = Page::in_folder(&one, &teachers[0].folder, 1);
    let _socket = student_page.websocket().await;
    student_page.reports(&student("Ann", 0)).await;
    let mut page = HomeworkPage::open_in(one.http, &teachers[0].folder, &student_page.key).await;
    let code = page.last.code.clone();
    // With this step the other server is told of the homework page, too.
    student_page.reports(&student("Ann", 1)).await;
    let known = async { while !teachers[1].progress().await.contains("page,fine,1,1,") {} };
    must("the page is known at the other server", known).await;
    let path = format!("{}{}", teachers[1].folder, api::BOARD);
    let mut board = EventClient::open_path(two.http, &path).await;

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let class = &teachers[1].folder;
    let mut check = RealCheck::start_in(two.http, class, folder.path(), "server.py", &code).await;
    let shown = page.until(|homework| homework.relay && homework.passed).await;
    assert!(shown.checks.iter().any(|check| check.state == "passed"), "{shown:?}");
    assert_eq!(shown.code, code);
    for teacher in &teachers {
        let told = async { while !teacher.progress().await.contains(",yes") {} };
        must("it is in the table", told).await;
    }
    let done = |board: &api::Board| board.class.homework.iter().any(|work| work.passed == work.of);
    let told = board_until(&mut board, "it is on the wall", done).await;
    assert_eq!(told.class.homework.len(), 1, "once");
    check.end().await;
    let shown = page.until(|homework| !homework.relay).await;
    assert!(shown.passed);

    // With the lesson it is forgotten on both.
    teachers[0].acts(r#"{"action":"end"}"#).await;
    board_until(&mut board, "forgotten", |board| board.class.homework.is_empty()).await;
    page.until(|homework| !homework.passed).await;
}

#[tokio::test]
async fn a_page_s_own_check_is_told_at_all_servers_and_a_code_in_no_other_class() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let teachers = [&one, &two].map(|server| AtServer::new(server, &here));
    let page = Page::in_folder(&one, &teachers[0].folder, 1);
    let _socket = page.websocket().await;
    page.reports(&student("Ann", 0)).await;
    // Its report comes to the other server, as behind a balancer that goes by no class.
    let there = Page::in_folder(&two, &teachers[1].folder, 1);
    let known = async { while there.says_checked(&"p".repeat(checks())).await.status == 404 {} };
    must("the page is known there", known).await;
    for teacher in &teachers {
        let told = async { while !teacher.progress().await.contains(",yes") {} };
        must("it is in the table", told).await;
    }

    let other = here.rooms.create("Class 3c", super::QUOTA).await.unwrap();
    let folder = format!("/r/{}", other.code);
    let homework = HomeworkPage::open_in(one.http, &folder, &page.key).await;
    let code = &homework.last.code;
    let refused = refused_relay_in(two.http, &teachers[1].folder, code, "").await;
    assert_eq!(refused.status, 404, "a page of another class");
}

fn checks() -> usize {
    protocol::homework::checks::CHECKS.len()
}
