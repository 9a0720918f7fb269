//! The class on the board: numbers, and only those people who are shown.

use api::{Board, Student};

use crate::classroom::events::EventClient;
use crate::classroom::person::{Page, Roster, board_until};
use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, WebSocketClient};

const SECRETS: [&str; 5] = ["张三", "seat-7", "lisi", "13800138000", "127.0.0.1"];

/// Whether a board says nothing of anybody; the addresses to join are the server's own.
#[track_caller]
fn assert_names_nobody(board: &Board) {
    let json = serde_json::to_string(&board.class).unwrap();
    for secret in SECRETS {
        assert!(!json.contains(secret), "{secret} in {json}");
    }
}

/// A student who has said a name, and whose page is connected.
async fn student(page: &Page<'_>, done: u32) -> WebSocketClient {
    let name = "张三".to_owned();
    let seat = "seat-7".to_owned();
    page.reports(&Student { name, seat, done, steps: 3, ..Student::default() }).await;
    page.websocket().await
}

async fn says(socket: &mut WebSocketClient, text: &str) {
    socket.send(text).await;
    socket.next().await;
}

#[tokio::test]
async fn the_board_counts_steps_and_from_three_people_on_mistakes_and_names_nobody() {
    let server = TestServer::start().await;
    let mut board = EventClient::open_board(server.http).await;
    let class = board.board().await.unwrap().class;
    assert_eq!((class.students, class.steps.len(), class.reached), (0, 0, false));
    let pages: Vec<_> = (0..3).map(|number| Page::new(&server, number)).collect();
    let mut sockets = Vec::new();
    for (page, done) in pages.iter().zip([0b001, 0b011, 0b111]) {
        sockets.push(student(page, done).await);
    }
    let counted = board_until(&mut board, "the steps", |board| board.class.students == 3).await;
    assert_eq!(counted.class.steps, [3, 2, 1]);

    for _ in 0..4 {
        says(&mut sockets[0], "add；lisi；13800138000").await;
    }
    says(&mut sockets[1], "add；lisi；13800138000").await;
    says(&mut sockets[1], "add;lisi;13800138000").await;
    let two = board_until(&mut board, "messages", |board| board.contacts == 1).await;
    assert_eq!(two.class.mistakes, [], "two are not told");
    // A raw TCP client of a page's own computer is the same person.
    let mut tcp = server.tcp().await;
    tcp.send("find；lisi".as_bytes()).await;
    tcp.expect(b"Error").await;
    says(&mut sockets[2], "find；lisi").await;
    let told = |board: &Board| !board.class.mistakes.is_empty();
    let three = board_until(&mut board, "three who made it", told).await;
    let mistake = &three.class.mistakes[0];
    assert_eq!((mistake.cause.as_str(), mistake.count), ("fullwidth-semicolon", 3));
    assert_eq!(mistake.example, "find；*");
    let rates = |board: &Board| board.class.rates.iter().sum::<u32>() == 8;
    let rated = board_until(&mut board, "every message in a second", rates).await;
    assert_eq!(rated.class.rates.len(), 60);
    for board in [&counted, &two, &three, &rated] {
        assert_names_nobody(board);
        assert_eq!((&board.class.lines, &board.class.shown), (&None, &None));
    }
}

#[tokio::test]
async fn lines_are_on_the_board_only_while_they_are_shown() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut board = EventClient::open_board(server.http).await;
    let page = Page::new(&server, 1);
    let mut socket = student(&page, 1).await;
    says(&mut socket, "add;before;13800138000").await;
    let before = board_until(&mut board, "a contact", |board| board.contacts == 1).await;
    assert_names_nobody(&before);
    teacher.does("show").await;
    // Awaited, so that the line comes behind the switch.
    let shown = board_until(&mut board, "lines", |board| board.class.lines.is_some()).await;
    assert_eq!(shown.class.lines, Some(Vec::new()), "nothing from before");
    says(&mut socket, "add;lisi;13800138000").await;
    let mut tcp = server.tcp().await;
    tcp.send(b"hello\x1b[2J\n").await;
    tcp.line().await;
    drop(tcp);
    let lines = |board: &Board| board.class.lines.as_ref().is_some_and(|lines| lines.len() == 6);
    let shown = board_until(&mut board, "six lines", lines).await.class.lines.unwrap();
    let shown: Vec<_> = shown.iter().map(|line| (&*line.kind, &*line.name, &*line.text)).collect();
    assert_eq!(
        shown,
        [
            ("sent", "张三", "add;lisi;138****8000"),
            ("received", "张三", "lisi added!"),
            ("accepted", "", ""),
            ("sent", "", "hello<U+001B>[2J"),
            ("received", "", "Received hello<U+001B>[2J;"),
            ("closed", "", ""),
        ]
    );
    teacher.does("hide").await;
    let hidden = board_until(&mut board, "no lines", |board| board.class.lines.is_none()).await;
    assert_names_nobody(&hidden);
    teacher.does("show").await;
    let again = board_until(&mut board, "lines again", |board| board.class.lines.is_some()).await;
    assert_eq!(again.class.lines, Some(Vec::new()));
}

#[tokio::test]
async fn one_conversation_is_on_the_board_only_while_it_is_shown() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut roster = Roster::open(&server).await;
    let mut board = EventClient::open_board(server.http).await;
    let (one, other) = (Page::new(&server, 1), Page::new(&server, 2));
    let mut socket = student(&one, 1).await;
    let mut hidden = other.websocket().await;
    says(&mut hidden, "add;hidden;1").await;
    says(&mut socket, "add;lisi;13800138000").await;
    let id = roster.find("the student", |row| row.name == "张三").await.id;
    teacher.acts(&format!(r#"{{"action":"show-one","person":{id}}}"#)).await;
    let is_shown = |board: &Board| board.class.shown.is_some();
    let shown = board_until(&mut board, "the conversation", is_shown).await.class.shown.unwrap();
    assert_eq!(shown.name, "张三");
    let lines: Vec<_> = shown.lines.iter().map(|line| (line.sent, &*line.text)).collect();
    assert_eq!(lines, [(true, "add;lisi;13800138000"), (false, "lisi added!")]);
    says(&mut socket, "find;lisi").await;
    let goes_on =
        |board: &Board| board.class.shown.as_ref().is_some_and(|shown| shown.lines.len() == 4);
    let board_now = board_until(&mut board, "it goes on", goes_on).await;
    assert!(!serde_json::to_string(&board_now).unwrap().contains("hidden"));
    teacher.does("end").await;
    let ended = board_until(&mut board, "nothing", |board| !is_shown(board)).await;
    assert_names_nobody(&ended);
}

#[tokio::test]
async fn the_switches_are_on_the_board() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let mut board = EventClient::open_board(server.http).await;
    teacher.does("stage-echo").await;
    teacher.does("pause").await;
    teacher.acts(r#"{"action":"announce","text":"看这里"}"#).await;
    let told = |board: &Board| board.class.announcement.is_some();
    let class = board_until(&mut board, "the announcement", told).await.class;
    assert_eq!((class.echoes, class.announcement.as_deref()), (true, Some("看这里")));
    assert!(class.held.is_some_and(|held| held <= 300));
}

/// An address of this computer that others can reach, if it has one.
fn own_address() -> Option<std::net::IpAddr> {
    // Nothing is sent: the system only chooses the address it would send from.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test]
async fn this_computer_itself_is_not_the_first_device_that_reaches_it() {
    let server = TestServer::with(|config| config.tcp.set_ip([0, 0, 0, 0].into())).await;
    let mut board = EventClient::open_board(server.http).await;
    assert!(!board.board().await.unwrap().class.reached);
    let _here = TcpClient::connect(([127, 0, 0, 1], server.tcp.port()).into()).await;
    if let Some(own) = own_address() {
        let _own = TcpClient::connect((own, server.tcp.port()).into()).await;
    }
    let came = board_until(&mut board, "they came", |board| board.clients >= 1).await;
    assert!(!came.class.reached);
}
