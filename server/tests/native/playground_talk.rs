//! Pages that talk to the servers that run in pages: their own and, where it may be, those
//! of others, and what a hostile page gets.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::SinkExt as _;
use tcp_classroom::PortRange;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::classroom::homework::{FakeCheck, HomeworkPage, KEY};
use crate::classroom::person::Page;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, WebSocketClient, get, must};
use crate::playground::Program;

const OTHER: &str = "another0student1234567";

/// Another page's conversation: with the program of `key`'s page, or with one at an
/// address.
async fn talk(http: SocketAddr, key: &str, at: &str) -> WebSocketClient {
    let path = format!("ws?at={at}&server={key}");
    WebSocketClient::connect_to(http, &path, &[]).await.unwrap()
}

/// The servers that a page is told of.
async fn servers(http: SocketAddr, key: &str) -> api::Servers {
    let answer = get(http, &format!("{}?key={key}", api::SERVERS), "").await;
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.text()).unwrap()
}

/// A server on all addresses, as with `--lan`, and where this computer reaches its page.
async fn on_network(ports: PortRange) -> (TestServer, SocketAddr, Teacher) {
    let server = TestServer::with(|config| {
        config.http = SocketAddr::from(([0, 0, 0, 0], 0));
        config.limits.student_ports = ports;
    })
    .await;
    let http = SocketAddr::from(([127, 0, 0, 1], server.http.port()));
    let mut teacher = Teacher::of(&server);
    teacher.host = http.to_string();
    (server, http, teacher)
}

#[tokio::test]
async fn a_page_talks_to_its_own_program_each_message_a_send_and_each_recv_a_message() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, address) = program.serve().await;
    // By itself, and as the panel of the program calls it.
    for at in ["127.0.0.1", &*address, &format!("wei%20{address}")] {
        let mut client = talk(server.http, KEY, at).await;
        let id = program.accept(&listener).await;
        for chunk in ["Welcome!", "张三", "13"] {
            program.send(&format!("send {id} 5000"), chunk.as_bytes()).await;
            client.expect(chunk).await;
        }
        client.send("find;张三\nfind;a\n").await;
        let heard = program.ask(&format!("recv {id} 1024 5000")).await;
        assert_eq!(heard, (0, "find;张三\nfind;a\n".into()));
        // The program ends the conversation, and goes on itself.
        program.ask(&format!("close {id}")).await;
        assert_eq!(client.expect_close().await, 1000);
    }
    let client = talk(server.http, KEY, "127.0.0.1").await;
    let id = program.accept(&listener).await;
    drop(client);
    assert_eq!(program.ask(&format!("recv {id} 1024 5000")).await, (0, String::new()));
}

#[tokio::test]
async fn a_page_is_told_that_a_server_has_not_greeted_and_may_speak_first() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, address) = program.serve().await;
    let mut first = talk(server.http, KEY, "127.0.0.1").await;
    let id = program.accept(&listener).await;
    // The program serves one client at a time.
    let mut second = talk(server.http, OTHER, &address).await;
    first.expect("").await;
    first.send("hello").await;
    assert_eq!(program.ask(&format!("recv {id} 1024 5000")).await, (0, "hello".into()));
    program.send(&format!("send {id} 5000"), b"Received hello;").await;
    first.expect("Received hello;").await;
    second.expect("").await;
    second.send("early").await;
    let id = program.accept(&listener).await;
    assert_eq!(program.ask(&format!("recv {id} 1024 5000")).await, (0, "early".into()));
    program.send(&format!("send {id} 5000"), b"Welcome!").await;
    second.expect("Welcome!").await;
}

#[tokio::test]
async fn a_program_that_ends_while_a_page_talks_to_it_is_told_apart_from_a_server_that_closes() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    for end in ["end", "begin"] {
        let (listener, address) = program.serve().await;
        let mut clients = Vec::new();
        for at in ["127.0.0.1", &*address] {
            let mut client = talk(server.http, KEY, at).await;
            let id = program.accept(&listener).await;
            program.send(&format!("send {id} 5000"), b"Welcome!").await;
            client.expect("Welcome!").await;
            // What it never reads makes its end a reset.
            client.send("unread").await;
            clients.push(client);
        }
        // One that was never accepted ends as well.
        clients.push(talk(server.http, OTHER, &address).await);
        assert_eq!(program.ask(end).await.0, 0);
        for client in &mut clients {
            assert_eq!(client.expect_close().await, api::CLOSED_NO_SERVER, "{end}");
        }
        let mut late = talk(server.http, KEY, &address).await;
        assert_eq!(late.expect_close().await, api::CLOSED_NO_SERVER);
    }
}

#[tokio::test]
async fn a_check_py_comes_before_the_program_and_the_program_is_reached_by_its_address() {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, address) = program.serve().await;
    let by_check = talk(server.http, KEY, "127.0.0.1").await;
    assert_eq!(check.asked_to("connect").await["port"], 9999);
    let mut by_address = talk(server.http, KEY, &address).await;
    let id = program.accept(&listener).await;
    program.send(&format!("send {id} 5000"), b"Welcome!").await;
    by_address.expect("Welcome!").await;
    drop(by_check);
}

#[tokio::test]
async fn others_are_told_the_name_and_the_address_and_nothing_else() {
    let server = TestServer::start().await;
    let named = Page::new(&server, 1);
    named.reports(&api::Student { name: "魏".into(), ..api::Student::default() }).await;
    let first = Program::of_page(server.http, &named.key).await;
    let (listener, address) = first.serve().await;
    let nameless = Program::of_page(server.http, OTHER).await;
    let (_, second) = nameless.serve().await;
    let told = servers(server.http, KEY).await;
    assert_eq!((told.network, told.open), (false, true));
    let told: Vec<_> = told.servers.iter().map(|one| (&*one.name, &*one.address)).collect();
    assert_eq!(told, [("魏", &*address), ("", &*second)], "those with a name first");
    let text = get(server.http, &format!("{}?key={KEY}", api::SERVERS), "").await.text();
    assert!(!text.contains(&named.key) && !text.contains(OTHER), "{text}");
    // Its own is no neighbour.
    let of_named = servers(server.http, &named.key).await.servers;
    assert_eq!(of_named.iter().map(|one| &*one.address).collect::<Vec<_>>(), [&*second]);

    let mut client = talk(server.http, KEY, &address).await;
    let id = first.accept(&listener).await;
    first.send(&format!("send {id} 5000"), b"Welcome!").await;
    client.expect("Welcome!").await;
    assert_eq!(first.ask("end").await.0, 0);
    assert_eq!(servers(server.http, KEY).await.servers.len(), 1);
}

#[tokio::test]
async fn on_the_network_the_teacher_decides_whether_pages_reach_each_other_s_servers() {
    let ports = PortRange { first: 10_170, last: 10_173 };
    let (_server, http, teacher) = on_network(ports).await;
    let program = Program::of_page(http, KEY).await;
    let (listener, address) = program.serve().await;
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let other = Program::of_page(http, OTHER).await;
    let connect = format!("connect 127.0.0.1 {port} 5000");
    for lets in [false, true, false] {
        teacher.does(if lets { "open-servers" } else { "close-servers" }).await;
        let told = servers(http, OTHER).await;
        assert_eq!((told.network, told.open, told.servers.len()), (true, lets, usize::from(lets)));
        let mut client = talk(http, OTHER, &address).await;
        if lets {
            let id = program.accept(&listener).await;
            program.send(&format!("send {id} 5000"), b"Welcome!").await;
            client.expect("Welcome!").await;
            assert_eq!(other.ask(&connect).await.0, 0);
            program.accept(&listener).await;
        } else {
            assert_eq!(client.expect_close().await, api::CLOSED_NO_SERVER);
            assert_eq!(other.ask(&connect).await.0, 111, "its program reaches no more");
        }
        // The page's own is reached at any time.
        let mut own = talk(http, KEY, &address).await;
        let id = program.accept(&listener).await;
        program.send(&format!("send {id} 5000"), b"Welcome!").await;
        own.expect("Welcome!").await;
    }
}

#[tokio::test]
async fn behind_a_proxy_on_the_same_computer_the_teacher_decides_as_on_the_network() {
    let ports = PortRange { first: 10_163, last: 10_165 };
    let server = TestServer::with(|config| {
        config.is_behind_proxy = true;
        config.limits.student_ports = ports;
    })
    .await;
    let program = Program::of_page(server.http, KEY).await;
    let (_, address) = program.serve().await;
    let port = address.rsplit_once(':').unwrap().1;
    let other = Program::of_page(server.http, OTHER).await;
    assert_eq!(other.ask(&format!("connect 127.0.0.1 {port} 5000")).await.0, 111);
    let told = servers(server.http, OTHER).await;
    assert_eq!((told.network, told.open, told.servers.len()), (true, false, 0));
    let mut client = talk(server.http, OTHER, &address).await;
    assert_eq!(client.expect_close().await, api::CLOSED_NO_SERVER);
    Teacher::of(&server).does("open-servers").await;
    assert_eq!(other.ask(&format!("connect 127.0.0.1 {port} 5000")).await.0, 0);
}

#[tokio::test]
async fn a_hostile_page_reaches_no_port_but_those_of_programs_and_no_more_than_its_share() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, address) = program.serve().await;
    for at in [
        &*format!("127.0.0.1:{}", server.tcp.port()),
        &format!("127.0.0.1:{}", server.http.port()),
        "127.0.0.1:22",
        "192.0.2.1:80",
        "127.0.0.1:99999",
        "127.0.0.1:-1",
        "127.0.0.1:",
        "%00",
        "",
        KEY,
    ] {
        let mut client = talk(server.http, OTHER, at).await;
        assert_eq!(client.expect_close().await, api::CLOSED_NO_SERVER, "{at:?}");
    }
    for key in ["", "short", "with%20space%20in%20it", &"k".repeat(65)] {
        let path = format!("ws?at={address}&server={key}");
        assert!(WebSocketClient::connect_to(server.http, &path, &[]).await.is_err(), "{key}");
        let answer = get(server.http, &format!("{}?key={key}", api::SERVERS), "").await;
        assert_eq!(answer.status, 400, "{key}");
    }
    let foreign = "\r\nOrigin: http://evil.example";
    let path = format!("{}?key={OTHER}", api::SERVERS);
    assert_eq!(get(server.http, &path, foreign).await.status, 403);
    let path = format!("ws?at={address}&server={OTHER}");
    let headers = [("origin", "http://evil.example")];
    assert!(WebSocketClient::connect_to(server.http, &path, &headers).await.is_err());

    // As many as the program may have, accepted or not; then no more.
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(talk(server.http, OTHER, &address).await);
    }
    let mut one_more = talk(server.http, OTHER, &address).await;
    assert_eq!(one_more.expect_close().await, api::CLOSED_NO_SERVER);
    // One that goes makes room, and the others of the class are not held up.
    let id = program.accept(&listener).await;
    program.send(&format!("send {id} 5000"), b"Welcome!").await;
    clients.remove(0).expect("Welcome!").await;
    must("there is room", async {
        loop {
            let mut client = talk(server.http, OTHER, &address).await;
            // It is refused at once, or stays.
            let refused = timeout(QUIET, client.next()).await.is_ok();
            if !refused {
                return;
            }
        }
    })
    .await;
    server.serves_others().await;
}

/// After so long without a Close a conversation was let in, and a side that takes nothing
/// has no more room.
const QUIET: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_page_that_floods_and_one_that_does_not_read_hold_up_nobody() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, address) = program.serve().await;
    let mut silent = talk(server.http, OTHER, &address).await;
    let id = program.accept(&listener).await;
    // The program sends and its client does not read: the buffers fill.
    let mut sent = 0;
    loop {
        let (status, taken) = program.send(&format!("send {id} 300"), &[b'x'; 65_536]).await;
        if status == 11 {
            break;
        }
        assert_eq!(status, 0);
        sent += str::from_utf8(&taken).unwrap().parse::<usize>().unwrap();
        assert!(sent < 8_000_000, "it goes on for ever");
    }
    // The page sends and the program does not read: nor is the page read any more.
    let mut flood = talk(server.http, OTHER, &address).await;
    let id = program.accept(&listener).await;
    program.send(&format!("send {id} 5000"), b"Welcome!").await;
    flood.expect("Welcome!").await;
    let text = "x".repeat(60_000);
    let mut sent = 0;
    while timeout(QUIET, flood.socket.send(Message::text(text.clone()))).await.is_ok() {
        sent += text.len();
        assert!(sent < 20_000_000, "it goes on for ever");
    }
    let mut own = talk(server.http, KEY, &address).await;
    let id = program.accept(&listener).await;
    program.send(&format!("send {id} 5000"), b"Welcome!").await;
    own.expect("Welcome!").await;
    server.serves_others().await;
    // After ten seconds it is cut off.
    assert_eq!(flood.expect_close().await, 1011);
    assert_eq!(silent.next().await.into_data().len(), 4096, "a recv at a time");
}

#[tokio::test]
async fn a_page_and_its_program_that_flood_each_other_hear_the_end() {
    let server = TestServer::start().await;
    let program = Program::of_page(server.http, KEY).await;
    let (listener, _) = program.serve().await;
    let text = "x".repeat(60_000);
    for closes in [true, false] {
        let mut client = talk(server.http, KEY, "127.0.0.1").await;
        let id = program.accept(&listener).await;
        let mut sent = 0;
        while timeout(QUIET, client.socket.send(Message::text(text.clone()))).await.is_ok() {
            sent += text.len();
            assert!(sent < 20_000_000, "it goes on for ever");
        }
        for _ in 0..4 {
            program.send(&format!("send {id} 300"), &[b'x'; 65_536]).await;
        }
        if closes {
            // What it has not read makes its end a reset.
            program.ask(&format!("close {id}")).await;
        }
        // Otherwise it is cut off after ten seconds.
        let end = async { while !matches!(client.next().await, Message::Close(_)) {} };
        must("the end", end).await;
    }
    assert_eq!(program.ask("end").await.0, 0);
    must("the server stops", server.stop()).await;
}
