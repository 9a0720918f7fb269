//! A server of many classes: `join` on raw TCP, a folder of its own for the browser, and
//! a teacher for each.

use super::{OneRoom, QUOTA, say};
use crate::classroom::events::EventClient;
use crate::classroom::postgres::Postgres;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, WebSocketClient, get, must};
use tcp_classroom::{RoomPort, Rooms};
use transcripts::{Action, all};

const WHICH_CLASS: &str = "Error: which class? send join;CODE first";

/// Two servers of a database with one room.
pub(super) async fn two_servers(postgres: &Postgres) -> (TestServer, TestServer, OneRoom) {
    let here = OneRoom::on(postgres).await;
    let one = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    let two = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    (one, two, here)
}

/// A client that has joined a room.
pub(super) async fn joined(server: &TestServer, code: &str) -> TcpClient {
    let mut client = server.tcp().await;
    assert_eq!(say(&mut client, &format!("join;{code}")).await, "Class 3b joined!");
    client
}

#[tokio::test]
async fn a_client_is_asked_for_its_class_until_it_joins_and_then_it_is_the_lesson() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let mut client = one.tcp().await;
    for line in ["hi", "add;a;1", "find;a", "ad;x;1", "join", "join;", "join;a;b", "Join;abc"] {
        let told = say(&mut client, line).await;
        let expected = match line {
            "join;" => "Error: there is no class with this code",
            _ => WHICH_CLASS,
        };
        assert!(told.starts_with(expected), "{line}: {told}");
    }
    let told = say(&mut client, "join;2345-6789-abcd").await;
    assert!(told.starts_with("Error: there is no class with this code"), "{told}");
    let code = &here.room.code;
    assert_eq!(say(&mut client, &format!(" join ; {code} ")).await, "Class 3b joined!");
    assert_eq!(say(&mut client, "add;a;1").await, "a added!");
    assert_eq!(say(&mut client, "hi").await, "Received hi;");
    assert!(say(&mut client, &format!("join;{code}")).await.starts_with("Error: there is no comm"));
    // Everything in one packet, the line ends included, on another server.
    let mut client = TcpClient::connect(two.tcp).await;
    client.send(format!("hi\njoin;{code}\nadd;b;2\nfind;a\nexit\n").as_bytes()).await;
    let expected = format!("Welcome!{WHICH_CLASS}\nClass 3b joined!\nb added!\n1\n");
    assert_eq!(client.rest().await, expected);
    // Said in packets without line ends, as the lesson's clients do.
    let mut client = one.tcp().await;
    client.send(format!("join;{code}").as_bytes()).await;
    client.expect(b"Class 3b joined!").await;
    client.send(b"find;b").await;
    client.expect(b"2").await;
    client.send(b"exit").await;
    client.expect_end().await;
    let mut client = one.tcp().await;
    client.send(b"exit\n").await;
    client.expect_end().await;
}

#[tokio::test]
async fn who_has_joined_is_answered_every_transcript_byte_for_byte() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let server = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    let mut played = 0;
    for transcript in all() {
        // What is about the first bytes of a connection is over when it has joined.
        let mut sent = transcript.turns.iter().filter_map(|turn| match &turn.action {
            Action::Send(bytes) => Some(bytes),
            _ => None,
        });
        let opens = transcript.name.contains("byte order mark")
            || sent.next().is_some_and(|bytes| bytes.starts_with(b"\xEF\xBB\xBF"));
        let is_foreign = transcript.name.starts_with("foreign");
        if is_foreign || opens || transcript.stage != protocol::Stage::Contacts {
            continue;
        }
        println!("{}", transcript.name);
        let room = here.rooms.create("a transcript", QUOTA).await.unwrap();
        let mut client = server.tcp().await;
        client.send(format!("join;{}", room.code).as_bytes()).await;
        client.expect(b"a transcript joined!").await;
        for turn in &transcript.turns {
            match &turn.action {
                Action::Send(bytes) => client.send(bytes).await,
                Action::Silence => {}
                Action::End => client.end().await,
            }
            client.expect(&turn.answer).await;
        }
        played += 1;
    }
    assert!(played > 50, "{played}");
}

#[tokio::test]
async fn on_a_room_s_own_port_the_lesson_s_clients_run_unchanged() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let any = ([127, 0, 0, 1], 0).into();
    let port = RoomPort::bind(&here.room.code, any).unwrap();
    let unknown = RoomPort::bind("2345-6789-abcd", any).unwrap();
    let (own, nobody_s) = (port.local_addr().unwrap(), unknown.local_addr().unwrap());
    let rooms = Rooms::connect(&here.url).await.unwrap();
    let server = TestServer::with_ports(rooms, vec![port, unknown]).await;
    let mut client = TcpClient::connect(own).await;
    client.expect(b"Welcome!").await;
    client.send(b"add;zhangsan;13800138000").await;
    client.expect(b"zhangsan added!").await;
    let mut other = joined(&server, &here.room.code).await;
    assert_eq!(say(&mut other, "find;zhangsan").await, "13800138000");
    let mut client = TcpClient::connect(nobody_s).await;
    assert_eq!(client.rest().await, "Error: this class is over\n");
    assert!(RoomPort::bind("abc", any).is_err());
}

#[tokio::test]
async fn a_browser_finds_its_class_in_a_folder_and_nothing_outside_of_it() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let code = &here.room.code;
    let mut page =
        WebSocketClient::connect_to(one.http, &format!("r/{code}/ws"), &[]).await.unwrap();
    page.expect("Welcome!").await;
    page.send("add;张三;1").await;
    page.expect("张三 added!").await;
    let mut raw = joined(&two, code).await;
    assert_eq!(say(&mut raw, "find;张三").await, "1");
    let contacts = get(two.http, &format!("/r/{code}/api/contacts"), "").await;
    assert_eq!(contacts.status, 200);
    assert!(contacts.text().contains("张三"), "{}", contacts.text());
    assert_eq!(get(one.http, &format!("/r/{code}/"), "").await.status, 200);
    let moved = get(one.http, &format!("/r/{code}"), "").await;
    assert_eq!((moved.status, moved.header("location")), (308, Some(&*format!("./{code}/"))));
    let moved = get(one.http, "/r/https:evil.example", "").await;
    assert_eq!((moved.status, moved.header("location")), (308, Some("./https:evil.example/")));
    for nothing in ["/api/contacts", "/ws", "/r/2345-6789-abcd/", "/r/x/api/contacts", "/board"] {
        let answer = get(one.http, nothing, "").await;
        assert_eq!(answer.status, 404, "{nothing}");
        assert!(!answer.text().contains("张三"));
    }
    assert_eq!(get(one.http, "/healthz", "").await.status, 200);
    assert!(get(one.http, "/", "").await.text().starts_with("Which class?"));
    let browser = "\r\nAccept: text/html";
    let wrong = get(one.http, "/r/2345-6789-abcd/", browser).await;
    assert_eq!(wrong.status, 404);
    let told = wrong.text();
    assert!(told.contains("There is no class with this code."), "{told}");
    assert!(told.contains(r#"<form action="../../r/">"#), "{told}");
    let typed = format!("/r/?code={}", code.to_uppercase());
    let entered = get(one.http, &typed, browser).await;
    assert_eq!((entered.status, entered.header("location")), (303, Some(&*format!("{code}/"))));
    let metrics = get(one.http, "/metrics", "").await.text();
    for line in ["tcp_classroom_open_classes 1", "tcp_classroom_connections{kind=\"page\"} 1"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains(&**code) && !metrics.contains("Class 3b"), "{metrics}");
}

#[tokio::test]
async fn a_program_in_a_class_s_page_is_in_that_class_without_joining() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let path = format!("/r/{}{}", here.room.code, api::PROGRAM);
    let opened = Teacher::with_token(&one, "").request("POST", &path, "open").await;
    assert_eq!(opened.status, 200);
    let program = Teacher::with_token(&one, &opened.text());
    let ask = async |line: &str, body: &str| {
        let answer = program.request("POST", &path, &format!("{line}\n{body}")).await;
        let text = answer.text();
        text.strip_prefix("0\n").unwrap_or_else(|| panic!("{line}: {text}")).to_owned()
    };
    let connected = ask("connect 127.0.0.1 9999 5000", "").await;
    let id = connected.split(' ').next().unwrap();
    assert_eq!(ask(&format!("recv {id} 1024 5000"), "").await, "Welcome!");
    ask(&format!("send {id} 5000"), "add;a;1").await;
    assert_eq!(ask(&format!("recv {id} 1024 5000"), "").await, "a added!");
    let mut client = joined(&two, &here.room.code).await;
    assert_eq!(say(&mut client, "find;a").await, "1");
}

#[tokio::test]
async fn each_class_has_its_teacher_who_is_known_on_every_server_by_token_and_cookie() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let code = &here.room.code;
    let other = here.rooms.create("Class 3c", QUOTA).await.unwrap();
    let session = format!("/r/{code}/api/teacher/session");
    let token = here.room.token.as_str();
    let begun = Teacher::with_token(&one, token).request("POST", &session, "").await;
    assert_eq!(begun.status, 204);
    let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(token));
    // The cookie's name has the port, which is the same behind a balancer.
    let cookie = format!("teacher-{}={}", two.http.port(), cookie.split_once('=').unwrap().1);
    let contacts = format!("/r/{code}{}", api::TEACHER_CONTACTS);
    let with_cookie = get(two.http, &contacts, &format!("\r\nCookie: {cookie}")).await;
    assert_eq!(with_cookie.status, 200);
    // Neither the teacher of another class nor a browser on the server's computer.
    let stranger = Teacher::with_token(&one, other.token.as_str());
    assert_eq!(stranger.request("POST", &session, "").await.status, 401);
    assert_eq!(get(one.http, &contacts, "").await.status, 401);

    let mut student = joined(&one, code).await;
    assert_eq!(say(&mut student, "add;a;1").await, "a added!");
    let teacher = Teacher::with_token(&two, token);
    let act = format!("/r/{code}/api/teacher/act");
    let delete = r#"{"action":"delete","text":"a"}"#;
    assert_eq!(teacher.request("POST", &act, delete).await.status, 204);
    assert_eq!(say(&mut student, "find;a").await, "Not Found!");
    assert_eq!(teacher.request("POST", &act, r#"{"action":"undo"}"#).await.status, 204);
    assert_eq!(say(&mut student, "find;a").await, "1");
    assert_eq!(teacher.request("POST", &act, r#"{"action":"reset"}"#).await.status, 204);
    assert_eq!(say(&mut student, "find;a").await, "Not Found!");
    assert_eq!(teacher.request("POST", &act, r#"{"action":"undo"}"#).await.status, 204);
    assert_eq!(say(&mut student, "find;a").await, "1");
    let nul = r#"{"action":"delete","text":"a\u0000b"}"#;
    assert_eq!(teacher.request("POST", &act, nul).await.status, 404);
    let keep = r#"{"action":"new-book","text":"old"}"#;
    assert_eq!(teacher.request("POST", &act, keep).await.status, 409);
    assert_eq!(say(&mut student, "find;a").await, "1");
}

/// Says a line until the reply begins as expected.
async fn until(client: &mut TcpClient, line: &str, expected: &str) {
    let said = async { while !say(client, line).await.starts_with(expected) {} };
    must(&format!("{line} is answered {expected}"), said).await;
}

#[tokio::test]
async fn what_a_teacher_switches_on_one_server_holds_on_the_others_and_on_those_that_come() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let code = &here.room.code;
    let mut student = joined(&one, code).await;
    let teacher = Teacher::with_token(&two, here.room.token.as_str());
    let act = async |action: &str| {
        let (path, body) =
            (format!("/r/{code}/api/teacher/act"), format!(r#"{{"action":{action}}}"#));
        let done = teacher.request("POST", &path, &body).await;
        assert_eq!(done.status, 204, "{action}: {}", done.text());
    };
    assert_eq!(say(&mut student, "add;a;1").await, "a added!");
    act(r#""freeze""#).await;
    let frozen = "Error: nothing was changed, your teacher has frozen";
    until(&mut student, "add;a;2", frozen).await;
    let third = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    until(&mut joined(&third, code).await, "add;a;3", frozen).await;
    act(r#""thaw""#).await;
    until(&mut student, "add;a;4", "a added!").await;

    let path = format!("/r/{code}{}?key=0123456789abcdef", api::CLASS);
    let mut page = EventClient::open_path(one.http, &path).await;
    let mut state = async || -> api::ClassState {
        let (_, data) = page.named().await.unwrap();
        serde_json::from_str(&data).unwrap()
    };
    let before = state().await;
    assert_eq!((before.held, before.announcement), (None, None));
    act(r#""announce","text":"look here""#).await;
    act(r#""pause""#).await;
    let held = async {
        loop {
            let state = state().await;
            if let (Some("look here"), Some(held)) = (state.announcement.as_deref(), state.held) {
                return held;
            }
        }
    };
    let left = must("the pause comes to the other server's pages", held).await;
    assert!((290..=300).contains(&left), "{left}");
    act(r#""close-door""#).await;
    let closed = "Error: your teacher lets nobody in at the moment";
    let join = format!("join;{code}");
    // Each time somebody new: one that was let in before the door closed stays.
    let refused = async { while !say(&mut one.tcp().await, &join).await.starts_with(closed) {} };
    must("the door closes", refused).await;
    // A server that opens the class closes its door before the first client is in it.
    let fourth = TestServer::with_rooms(Rooms::connect(&here.url).await.unwrap()).await;
    let told = say(&mut fourth.tcp().await, &join).await;
    assert!(told.starts_with(closed), "{told}");
    act(r#""open-door""#).await;
    until(&mut one.tcp().await, &join, "Class 3b joined!").await;
    act(r#""stage-echo""#).await;
    until(&mut student, "find;a", "Received find;a;").await;
    act(r#""stage-contacts""#).await;
    until(&mut student, "find;a", "4").await;
}

#[tokio::test]
async fn what_is_switched_on_two_servers_at_once_holds_on_both() {
    const TIMES: usize = 10;
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two, here) = two_servers(postgres).await;
    let code = &here.room.code;
    let [on_one, on_two] =
        [&one, &two].map(|server| Teacher::with_token(server, here.room.token.as_str()));
    let path = format!("/r/{code}/api/teacher/act");
    let act = async |teacher: &Teacher, action: &str| {
        let done = teacher.request("POST", &path, &format!(r#"{{"action":{action}}}"#)).await;
        assert_eq!(done.status, 204, "{action}: {}", done.text());
    };
    let class = format!("/r/{code}{}?key=0123456789abcdef", api::CLASS);
    let mut pages = Vec::new();
    for server in [&one, &two] {
        pages.push(EventClient::open_path(server.http, &class).await);
    }
    for time in 0..TIMES {
        let (freeze, announce) = match time % 2 {
            0 => (r#""freeze""#, format!(r#""announce","text":"{time}""#)),
            _ => (r#""thaw""#, r#""unannounce""#.to_owned()),
        };
        tokio::join!(act(&on_one, freeze), act(&on_two, &announce));
        for page in &mut pages {
            let both = async {
                loop {
                    let (_, data) = page.named().await.unwrap();
                    let state: api::ClassState = serde_json::from_str(&data).unwrap();
                    if (state.frozen, state.announcement.is_some())
                        == (time % 2 == 0, time % 2 == 0)
                    {
                        return;
                    }
                }
            };
            must("both are switched", both).await;
        }
    }
}

#[tokio::test]
async fn wrong_codes_sent_at_once_are_answered_one_by_one_and_do_not_keep_a_server_from_its_end() {
    /// More seconds than a test waits for one reply.
    const CODES: usize = 40;
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let server = TestServer::with_rooms(here.rooms).await;
    let mut client = server.tcp().await;
    client.send("join;2345-6789-abcd\n".repeat(CODES).as_bytes()).await;
    let told = client.line().await;
    assert!(told.starts_with("Error: there is no class with this code"), "{told}");
    server.stop().await;
    let rest = client.rest().await;
    assert!(rest.matches("no class with this code").count() < CODES / 2, "{rest}");
}

#[tokio::test]
async fn a_server_of_one_class_knows_no_join() {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    let told = say(&mut client, "join;2345-6789-abcd").await;
    assert!(told.starts_with("Error: there is no command join"), "{told}");
}
