//! Everybody in the class, as the teacher sees them and as they are counted.

use std::time::{Duration, Instant};

use api::{Person, Student};

use crate::classroom::person::{Page, Roster, class_state, post_student};
use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, WebSocketClient, get};

fn student(name: &str, seat: &str) -> Student {
    Student { name: name.to_owned(), seat: seat.to_owned(), steps: 8, ..Student::default() }
}

#[tokio::test]
async fn a_teacher_sees_who_is_here_and_what_each_said_last() {
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    assert_eq!(roster.take().await.rows, []);
    let page = Page::new(&server, 1);
    let mut socket = page.websocket().await;
    page.reports(&Student { step: 2, done: 0b11, ..student("张三", "A3") }).await;
    socket.send("add；lisi；139").await;
    socket.next().await;
    let mistaken = |row: &Person| row.cause == "fullwidth-semicolon";
    let row = roster.find("the page with its mistake", mistaken).await;
    assert_eq!((row.name.as_str(), row.seat.as_str(), row.raw), ("张三", "A3", false));
    assert_eq!((row.step, row.done, row.state.as_str()), (Some(2), 0b11, "fine"));
    assert_eq!((row.last.as_str(), row.mistake.as_str()), ("add；lisi；139", "add；lisi；139"));
    assert_eq!((row.messages, row.errors, row.address.as_str()), (1, 1, "127.0.0.1"));
    assert!(!row.recovered);

    let mut tcp = server.tcp().await;
    tcp.send(b"find;nobody").await;
    tcp.expect(b"Not Found!").await;
    tcp.send(b"add;a;1\x1b").await;
    tcp.expect(b"Error: ").await;
    let row = roster.find("the raw TCP client", |row| row.raw && row.errors == 1).await;
    assert_eq!((row.commands, row.step), (vec!["find".to_owned()], None));
    assert_eq!(row.last, "add;a;1<U+001B>");
    assert_eq!(row.cause, "invisible-character");

    // What succeeds makes up for the mistake, which stays in sight.
    socket.send("add;lisi;139").await;
    socket.expect("lisi added!").await;
    let row = roster.find("the mistake made good", |row| row.messages == 2 && !row.raw).await;
    assert_eq!((row.last.as_str(), row.mistake.as_str()), ("add;lisi;139", "add；lisi；139"));
    assert_eq!((row.cause.as_str(), row.recovered, row.errors), ("fullwidth-semicolon", true, 1));
    drop(tcp);
    roster.find("the client gone", |row| row.raw && row.state == "gone").await;
}

#[tokio::test]
async fn a_page_that_reconnects_is_the_same_person_and_one_without_a_key_is_not() {
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    let page = Page::new(&server, 1);
    page.reports(&student("张三", "")).await;
    let first = roster.find("a page that only reported", |row| row.name == "张三").await;
    assert_eq!(first.state, "gone", "it is not connected");
    let mut socket = page.websocket().await;
    socket.send("hello").await;
    socket.next().await;
    drop(socket);
    roster.find("it left", |row| row.messages == 1 && row.state == "gone").await;
    let mut socket = page.websocket().await;
    socket.send("hello").await;
    socket.next().await;
    let again = roster.find("it is back", |row| row.messages == 2 && row.state == "fine").await;
    assert_eq!((again.id, again.name.as_str()), (first.id, "张三"));

    for bad in ["ws", "ws?page=short", "ws?page=has-a-mark-in-it-long", "ws?page="] {
        let mut socket = WebSocketClient::connect_to(server.http, bad, &[]).await.unwrap();
        socket.expect("Welcome!").await;
        roster.until(bad, |rows| rows.iter().filter(|row| row.state == "fine").count() == 2).await;
        drop(socket);
        roster.until(bad, |rows| rows.iter().filter(|row| row.state == "fine").count() == 1).await;
    }
    assert_eq!(roster.rows.len(), 5, "each of them was somebody else");
}

#[tokio::test]
async fn who_makes_mistake_after_mistake_is_struggling_until_a_command_succeeds() {
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    let mut tcp = server.tcp().await;
    for _ in 0..5 {
        tcp.send(b"add zhangsan 138\n").await;
        tcp.line().await;
        // Small talk is no success.
        tcp.send(b"hello\n").await;
        tcp.line().await;
    }
    roster.find("five mistakes", |row| row.state == "struggling" && row.errors == 5).await;
    tcp.send(b"add;zhangsan;138\n").await;
    tcp.line().await;
    roster.find("a success", |row| row.state == "fine" && row.commands == ["add"]).await;
}

#[tokio::test]
async fn forged_names_are_cleaned_and_cut_and_too_long_a_report_is_refused() {
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    let page = Page::new(&server, 1);
    page.reports(&student("\u{202e}<img src=x>\u{200b}\x1b[31m", &"座".repeat(200))).await;
    let row = roster.find("the page", |row| !row.name.is_empty()).await;
    assert_eq!((row.name.as_str(), row.seat), ("<img src=x>[31m", "座".repeat(32)));
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(10_000));
    for (body, status) in [(long.as_str(), 413), ("[1]", 400), ("", 400), ("{}", 204)] {
        assert_eq!(post_student(server.http, &page.key, body).await.status, status);
    }
    for key in ["", "short", "spaces%20and%20more%20of%20them", &"k".repeat(65)] {
        assert_eq!(post_student(server.http, key, "{}").await.status, 400, "{key}");
        assert_eq!(get(server.http, &format!("/api/class?key={key}"), "").await.status, 400);
    }
    let forged = Student { step: 255, steps: 255, done: u32::MAX, ..Student::default() };
    page.reports(&forged).await;
    let row = roster.find("forged steps", |row| row.step == Some(31)).await;
    assert_eq!(row.done, u32::MAX);
    let path = format!("/api/class?key={}", page.key);
    assert_eq!(get(server.http, &path, "\r\nOrigin: http://evil.test").await.status, 403);
}

#[tokio::test]
async fn a_flood_of_reports_is_refused_and_named_and_hurts_nobody() {
    /// Reports on one connection, as fast as they are answered.
    const FLOOD: usize = 1_000;
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    let (flooder, quiet) = (Page::new(&server, 1), Page::new(&server, 2));
    let _socket = quiet.websocket().await;
    let mut client = TcpClient::connect(server.http).await;
    let request = format!(
        "POST /api/student?key={} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}",
        flooder.key, server.http
    );
    let start = Instant::now();
    let mut statuses = [0, 0];
    for _ in 0..FLOOD {
        client.send(request.as_bytes()).await;
        let status = client.line().await;
        statuses[usize::from(status.contains("429"))] += 1;
        let mut length = 0;
        loop {
            let header = client.line().await.to_lowercase();
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if header == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        use tokio::io::AsyncReadExt;
        client.stream.read_exact(&mut body).await.unwrap();
    }
    let most = 20 + 5 * (start.elapsed().as_secs() as usize + 1);
    assert!(statuses[0] <= most && statuses[0] >= 20, "{statuses:?}, {most} at most");
    roster.find("the flooder", |row| row.flooding).await;
    // Another page of the same address is heard all the same.
    quiet.reports(&student("李四", "")).await;
    let row = roster.find("the quiet one", |row| row.name == "李四").await;
    assert!(!row.flooding);
}

#[tokio::test]
async fn who_is_slowed_down_is_named() {
    let server = TestServer::with(|config| config.limits.rates.loopback = true).await;
    let mut roster = Roster::open(&server).await;
    let mut quiet = server.tcp().await;
    quiet.send(b"hello\n").await;
    quiet.line().await;
    let mut flooder = server.tcp().await;
    flooder.send("find;a\n".repeat(1_000).as_bytes()).await;
    let row = roster.find("the flooder", |row| row.flooding).await;
    roster.until("all of its messages", |rows| rows.iter().any(|row| row.messages == 1_000)).await;
    assert!(roster.rows.values().all(|other| other.id == row.id || !other.flooding));
}

#[tokio::test]
async fn a_page_is_told_how_the_class_stands_and_nobody_elses_hand() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut roster = Roster::open(&server).await;
    let (one, other) = (Page::new(&server, 1), Page::new(&server, 2));
    let (mut one_class, mut other_class) = (one.class().await, other.class().await);
    assert_eq!(class_state(&mut one_class).await, api::ClassState::default());
    class_state(&mut other_class).await;
    one.reports(&Student { hand: true, ..student("张三", "") }).await;
    assert!(class_state(&mut one_class).await.hand);
    let row = roster.find("the hand", |row| row.hand && row.state == "fine").await;
    teacher.acts(&format!(r#"{{"action":"lower-hand","person":{}}}"#, row.id)).await;
    assert!(!class_state(&mut one_class).await.hand);
    teacher.does("freeze").await;
    let state = class_state(&mut one_class).await;
    assert!(state.frozen && !state.shown);
    teacher.does("pause").await;
    let held = class_state(&mut one_class).await.held.expect("it is held");
    assert!((295..=300).contains(&held), "{held}");
    teacher.acts(&format!(r#"{{"action":"show-one","person":{}}}"#, row.id)).await;
    assert!(class_state(&mut one_class).await.shown);
    // The other page has been told of the freeze and so on, and of no hand.
    loop {
        let state = class_state(&mut other_class).await;
        assert!(!state.hand && !state.shown);
        if state.held.is_some() {
            break;
        }
    }
    drop(one_class);
    roster.find("the page left", |row| row.id == 1 && row.state == "gone").await;
}

#[tokio::test]
async fn the_last_one_who_stored_a_contact_is_known() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let page = Page::new(&server, 1);
    page.reports(&student("张三", "")).await;
    let (mut socket, mut tcp) = (page.websocket().await, server.tcp().await);
    socket.send("add;x;1").await;
    socket.expect("x added!").await;
    let author = async |name: &str| {
        let path = format!("/api/teacher/author?name={name}");
        let response = teacher.request("GET", &path, "").await;
        (response.status, response.text())
    };
    let person = |text: &str| serde_json::from_str::<Person>(text).expect(text);
    assert_eq!(person(&author("x").await.1).name, "张三");
    tcp.send(b"add;x;2").await;
    tcp.expect(b"x added!").await;
    assert!(person(&author("x").await.1).raw);
    assert_eq!(author("y").await.0, 404);
    let without_token = get(server.http, "/api/teacher/author?name=x", "\r\nVia: 1.1 x").await;
    assert_eq!(without_token.status, 401);
}

#[tokio::test]
async fn progress_is_a_csv_file_that_no_spreadsheet_takes_for_formulas() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let page = Page::new(&server, 1);
    page.reports(&Student { step: 3, done: 0b111, ..student("=1+1", "A,1") }).await;
    let mut socket = page.websocket().await;
    socket.send("add lisi 139").await;
    socket.next().await;
    let response = teacher.request("GET", "/api/teacher/progress.csv", "").await;
    assert_eq!(response.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = response.text();
    let rows: Vec<_> = text.lines().collect();
    assert!(rows[0].starts_with("\u{feff}name,seat,address,client,state,step,done,"), "{text}");
    assert_eq!(
        rows[1],
        "'=1+1,\"A,1\",127.0.0.1,page,fine,4,3,1,1,add lisi 139,space-separator,,,"
    );
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn what_is_remembered_of_a_class_is_gone_after_the_lesson() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut roster = Roster::open(&server).await;
    let (here, gone) = (Page::new(&server, 1), Page::new(&server, 2));
    for page in [&here, &gone] {
        page.reports(&Student { hand: true, done: 1, ..student("张三", "A3") }).await;
    }
    let mut socket = here.websocket().await;
    socket.send("add;secret;1").await;
    socket.next().await;
    let mut class = here.class().await;
    assert!(class_state(&mut class).await.hand);
    roster.until("two pages", |rows| rows.iter().filter(|row| row.hand).count() == 2).await;
    teacher.does("end").await;
    let blank = |row: &Person| {
        row.name.is_empty()
            && row.seat.is_empty()
            && row.last.is_empty()
            && !row.hand
            && (row.messages, row.done, row.step) == (0, 0, None)
    };
    roster.until("only who is here, nameless", |rows| rows.len() == 1 && blank(&rows[0])).await;
    // Two events at most: the lesson's number, and the hand.
    while class_state(&mut class).await.lesson != 1 {}
    let author = teacher.request("GET", "/api/teacher/author?name=secret", "").await;
    assert_eq!(author.status, 404);
    let progress = teacher.request("GET", "/api/teacher/progress.csv", "").await.text();
    assert!(!["张三", "A3", "secret"].iter().any(|told| progress.contains(told)), "{progress}");
    let metrics = get(server.http, "/metrics", "").await.text();
    assert!(metrics.contains("\ntcp_classroom_people 1\n"), "{metrics}");
    // The conversation goes on.
    socket.send("find;secret").await;
    socket.expect("1").await;
    roster.find("it counts from zero", |row| row.messages == 1).await;
}

#[tokio::test]
async fn three_hundred_people_are_told_in_changes_and_at_most_twice_a_second() {
    const PEOPLE: usize = 300;
    let server = TestServer::start().await;
    let mut sockets = Vec::new();
    for number in 0..PEOPLE {
        sockets.push(Page::new(&server, number).websocket().await);
    }
    let mut roster = Roster::open(&server).await;
    roster.until("all of them", |rows| rows.len() == PEOPLE).await;
    let (start, seen) = (Instant::now(), (roster.events_seen, roster.rows_seen));
    for socket in &mut sockets[..10] {
        socket.send("hello").await;
        socket.expect("Received hello;").await;
    }
    roster
        .until("ten of them", |rows| rows.iter().filter(|row| row.messages == 1).count() == 10)
        .await;
    let events = roster.events_seen - seen.0;
    let most = start.elapsed().div_duration_f64(Duration::from_millis(500)) as usize + 2;
    assert!(events <= most, "{events} events, {most} at most");
    assert!(roster.rows_seen - seen.1 <= 30, "only those who changed are told");
}

#[tokio::test]
async fn more_people_than_are_remembered_are_served_and_counted() {
    /// Beyond the bound of 1,000.
    const PAGES: usize = 1_050;
    let server = TestServer::start().await;
    for number in 0..PAGES {
        let mut socket = Page::new(&server, number).websocket().await;
        socket.send("hello").await;
        socket.expect("Received hello;").await;
    }
    let mut roster = Roster::open(&server).await;
    roster.take().await;
    assert_eq!(roster.rows.len(), 1_000);
    assert!((1..=40).all(|id| !roster.rows.contains_key(&id)), "they left longest ago");
    // What the forgotten said is counted all the same.
    let metrics = get(server.http, "/metrics", "").await.text();
    for line in ["tcp_classroom_people 1000\n", "tcp_classroom_messages_total 1050\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn metrics_count_what_happened_and_name_nobody() {
    let server = TestServer::start().await;
    let page = Page::new(&server, 1);
    page.reports(&student("张三", "")).await;
    let mut socket = page.websocket().await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;lisi;1\nadd lisi\nfind;lisi\n").await;
    for _ in 0..3 {
        tcp.line().await;
    }
    socket.send("find;lisi").await;
    socket.expect("1").await;
    let response = get(server.http, "/metrics", "").await;
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = response.text();
    for line in [
        "# TYPE tcp_classroom_connections gauge",
        "tcp_classroom_connections{kind=\"page\"} 1",
        "tcp_classroom_connections{kind=\"tcp\"} 1",
        "# TYPE tcp_classroom_messages_total counter",
        "tcp_classroom_messages_total 4",
        "tcp_classroom_errors_total 1",
        "tcp_classroom_contacts 1",
        "tcp_classroom_people 2",
        "tcp_classroom_book_frozen 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} in {text}");
    }
    for secret in ["张三", "lisi", "127.0.0.1", &page.key] {
        assert!(!text.contains(secret), "{text}");
    }
    let rebound =
        crate::classroom::http(server.http, "GET /metrics HTTP/1.1\r\nHost: rebound.test");
    assert_eq!(rebound.await.status, 403);
}

#[tokio::test]
async fn metrics_tell_how_long_the_disk_takes() {
    let folder = tempfile::tempdir().unwrap();
    let book = tcp_classroom::Book::open(&folder.path().join("contacts.db"), 10).unwrap();
    let server = TestServer::with_book(book, |_| {}).await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;lisi;1\n").await;
    tcp.line().await;
    let text = get(server.http, "/metrics", "").await.text();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(&text);
        line.trim().parse::<f64>().unwrap()
    };
    assert_eq!(value("tcp_classroom_commit_seconds_count"), 1.0);
    assert!(value("tcp_classroom_commit_seconds_sum") > 0.0);
}
