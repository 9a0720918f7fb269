//! The network of the programs that run in pages: what they reach, and what they
//! cannot do to others.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::homework::checks::CHECKS;
use tcp_classroom::PortRange;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::classroom::events::EventClient;
use crate::classroom::person::{Page, Roster, board_until};
use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, get, http, must};

/// After so long without a byte a side has no more room.
const QUIET: Duration = Duration::from_millis(300);

/// A program, as its worker asks for it.
pub struct Program {
    http: SocketAddr,
    secret: String,
}

/// Waits until nothing listens there. A program that another test starts at this moment has
/// a copy of the listener, as a fork has, until it is its own.
async fn free(address: &str) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    must("the port is free", refused).await;
}

/// Posts a request; its status and the answer's bytes.
async fn post(server: SocketAddr, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let head = format!(
        "POST /api/program HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Length: {}{headers}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let status = str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

impl Program {
    async fn open(server: &TestServer) -> Self {
        Self::at(server.http).await
    }

    async fn at(http: SocketAddr) -> Self {
        Self::of_page(http, "").await
    }

    /// Of the page with this key.
    pub async fn of_page(http: SocketAddr, key: &str) -> Self {
        let (status, secret) = post(http, "", format!("open {key}").as_bytes()).await;
        assert_eq!(status, 200);
        Program { http, secret: String::from_utf8(secret).unwrap() }
    }

    /// Asks with bytes; the error number and the bytes that come.
    pub async fn send(&self, line: &str, bytes: &[u8]) -> (i32, Vec<u8>) {
        let headers = format!("\r\nAuthorization: Bearer {}", self.secret);
        let body = [line.as_bytes(), b"\n", bytes].concat();
        let (status, answer) = post(self.http, &headers, &body).await;
        assert_eq!(status, 200, "{line}");
        let end = answer.iter().position(|&byte| byte == b'\n').unwrap();
        (str::from_utf8(&answer[..end]).unwrap().parse().unwrap(), answer[end + 1..].to_vec())
    }

    pub async fn ask(&self, line: &str) -> (i32, String) {
        let (status, bytes) = self.send(line, b"").await;
        (status, String::from_utf8(bytes).unwrap())
    }

    /// Listens, and returns the listener's number and where it is reached.
    pub async fn serve(&self) -> (String, String) {
        let (status, bound) = self.ask("bind 127.0.0.1 9998").await;
        assert_eq!(status, 0);
        let id = bound.split(' ').next().unwrap().to_owned();
        let (status, address) = self.ask(&format!("listen {id}")).await;
        assert_eq!(status, 0, "{address}");
        (id, address)
    }

    /// Accepts a connection, and returns its number.
    pub async fn accept(&self, listener: &str) -> String {
        let (status, accepted) = self.ask(&format!("accept {listener} 5000")).await;
        assert_eq!(status, 0, "{accepted}");
        accepted.split(' ').next().unwrap().to_owned()
    }

    /// Connects, and returns the connection's number.
    async fn connect(&self, port: u16) -> String {
        let (status, answer) = self.ask(&format!("connect 127.0.0.1 {port} 5000")).await;
        assert_eq!(status, 0, "{answer}");
        answer.split(' ').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_program_talks_to_the_classroom_by_its_port_and_by_the_usual_one() {
    let server = TestServer::start().await;
    let program = Program::open(&server).await;
    for port in [server.tcp.port(), 9999] {
        let id = program.connect(port).await;
        let recv = format!("recv {id} 1024 5000");
        assert_eq!(program.ask(&recv).await, (0, "Welcome!".into()));
        let sent = program.send(&format!("send {id} 5000"), "add;张三;1".as_bytes()).await;
        assert_eq!(sent, (0, b"12".to_vec()));
        assert_eq!(program.ask(&recv).await, (0, "张三 added!".into()));
        program.send(&format!("send {id} 5000"), b"exit").await;
        assert_eq!(program.ask(&recv).await, (0, String::new()));
        assert_eq!(program.ask(&format!("close {id}")).await.0, 0);
        assert_eq!(program.ask(&recv).await.0, 9, "it is closed");
    }
}

#[tokio::test]
async fn a_program_serves_a_raw_client_and_one_in_another_page() {
    let server = TestServer::start().await;
    let (one, other) = (Program::open(&server).await, Program::open(&server).await);
    let (listener, address) = one.serve().await;
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    assert!((10_000..10_100).contains(&port), "{address}");
    assert!(address.starts_with("127.0.0.1:"), "{address}");

    let mut raw = TcpStream::connect(&*address).await.unwrap();
    let (status, accepted) = one.ask(&format!("accept {listener} 5000")).await;
    assert_eq!(status, 0);
    let words: Vec<&str> = accepted.split(' ').collect();
    assert_eq!(words[1..], ["127.0.0.1", &*raw.local_addr().unwrap().port().to_string()]);
    one.send(&format!("send {} 5000", words[0]), b"Welcome!").await;
    let mut heard = [0; 8];
    raw.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"Welcome!");

    let mine = other.connect(port).await;
    let (_, accepted) = one.ask(&format!("accept {listener} 5000")).await;
    let theirs = accepted.split(' ').next().unwrap();
    other.send(&format!("send {mine} 5000"), b"hello").await;
    assert_eq!(one.ask(&format!("recv {theirs} 3 5000")).await, (0, "hel".into()));
    assert_eq!(one.ask(&format!("recv {theirs} 1024 5000")).await, (0, "lo".into()));
    // Nothing comes in time.
    assert_eq!(one.ask(&format!("recv {theirs} 1024 20")).await.0, 11);
    assert_eq!(one.ask(&format!("accept {listener} 20")).await.0, 11);
}

#[tokio::test]
async fn no_other_address_is_reached_and_no_other_port() {
    let server = TestServer::start().await;
    let program = Program::open(&server).await;
    for (request, status) in [
        ("connect 192.0.2.1 80 1000".to_owned(), 101),
        ("connect example.org 80 1000".to_owned(), 101),
        // The page's own server is no server of the lesson.
        (format!("connect 127.0.0.1 {} 1000", server.http.port()), 111),
        ("connect 127.0.0.1 22 1000".to_owned(), 111),
        ("connect 127.0.0.1 10099 1000".to_owned(), 111),
        ("bind 192.0.2.1 9998".to_owned(), 99),
        ("connect 127.0.0.1 99999 1000".to_owned(), 22),
        ("nonsense".to_owned(), 95),
        ("recv".to_owned(), 9),
    ] {
        assert_eq!(program.ask(&request).await.0, status, "{request}");
    }
    assert_eq!(program.ask("bind 127.0.0.1 9998").await.0, 0);
    assert_eq!(program.ask("bind 127.0.0.1 9998").await.0, 98, "twice in one program");
}

#[tokio::test]
async fn a_program_has_its_own_sockets_and_no_more_than_sixteen() {
    let server = TestServer::start().await;
    let (one, other) = (Program::open(&server).await, Program::open(&server).await);
    let id = one.connect(9999).await;
    // The same number is nothing for another page.
    assert_eq!(other.ask(&format!("recv {id} 1024 1000")).await.0, 9);
    for _ in 1..16 {
        one.connect(9999).await;
    }
    assert_eq!(one.ask("connect 127.0.0.1 9999 1000").await.0, 24);
    // Another one is not held up, and the first has room again when it begins anew.
    other.connect(9999).await;
    assert_eq!(one.ask("begin").await.0, 0);
    one.connect(9999).await;
    let wrong = "\r\nAuthorization: Bearer 00000000000000000000000000000000";
    for headers in ["", wrong] {
        assert_eq!(post(server.http, headers, b"begin").await.0, 401);
    }
    let foreign = "\r\nOrigin: http://example.org";
    assert_eq!(post(server.http, foreign, b"open").await.0, 403);
}

#[tokio::test]
async fn the_end_of_a_program_frees_its_port_and_ends_its_connections() {
    // Ports that no other test takes meanwhile.
    let ports = PortRange { first: 10_190, last: 10_192 };
    let server = TestServer::with(|config| config.limits.student_ports = ports).await;
    let (one, other) = (Program::open(&server).await, Program::open(&server).await);
    let (_, address) = one.serve().await;
    let (_, second) = other.serve().await;
    assert_ne!(address, second);
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(one.ask("end").await.0, 0);
    // What was not accepted is reset, or ended.
    let _ = raw.read(&mut [0]).await;
    free(&address).await;
    assert_eq!(one.serve().await.1, address, "the same port as before");
}

#[tokio::test]
async fn a_tab_whose_server_was_replaced_by_another_tab_s_is_told_so_each_time() {
    let server = TestServer::start().await;
    let one = Program::of_page(server.http, "tabs0fAstudent0123456789").await;
    let other = Program::of_page(server.http, "tabs0fAstudent0123456789").await;
    for (first, second) in [(&one, &other), (&other, &one)] {
        first.ask("begin").await;
        let (listener, _) = first.serve().await;
        second.ask("begin").await;
        second.serve().await;
        for _ in 0..2 {
            let (status, text) = first.ask(&format!("accept {listener} 5000")).await;
            assert_eq!(status, 98);
            assert!(text.starts_with("Another tab of yours"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_page_does_nothing_with_what_is_another_one_s() {
    // Ports that no other test takes meanwhile.
    let ports = PortRange { first: 10_200, last: 10_202 };
    let server = TestServer::with(|config| config.limits.student_ports = ports).await;
    let (one, other) = (Program::open(&server).await, Program::open(&server).await);
    let (listener, address) = one.serve().await;
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    let (_, accepted) = one.ask(&format!("accept {listener} 5000")).await;
    let client = accepted.split(' ').next().unwrap();
    raw.write_all(b"for one").await.unwrap();
    for id in [&*listener, client] {
        for (request, status) in [
            (format!("recv {id} 1024 100"), 9),
            (format!("send {id} 100"), 9),
            (format!("accept {id} 100"), 9),
            (format!("listen {id}"), 9),
            (format!("shutdown {id} 2"), 9),
            // Closing what is closed is no error.
            (format!("close {id}"), 0),
        ] {
            assert_eq!(other.ask(&request).await.0, status, "{request}");
        }
    }
    other.ask("begin").await;
    // The same number stands for a port of its own, as long as there is none for it.
    let (_, second) = other.serve().await;
    assert_ne!(address, second);
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let (status, bound) = other.ask(&format!("bind 127.0.0.1 {port}")).await;
    assert_eq!(status, 0);
    // And no page has a second port, under whatever number.
    let id = bound.split(' ').next().unwrap();
    assert_eq!(other.ask(&format!("listen {id}")).await.0, 98);
    let third = Program::open(&server).await;
    third.serve().await;
    // The one that was to be disturbed has lost nothing.
    assert_eq!(one.ask(&format!("recv {client} 1024 5000")).await, (0, "for one".into()));
    one.send(&format!("send {client} 5000"), b"back").await;
    let mut heard = [0; 4];
    raw.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"back");
    assert_eq!(other.ask("end").await.0, 0);
    assert!(TcpStream::connect(&*address).await.is_ok());
}

/// Writes until the other side has taken nothing for a while. Returns the bytes that
/// it took.
async fn write_until_full(stream: &TcpStream) -> usize {
    let mut written = 0;
    while timeout(QUIET, stream.writable()).await.is_ok() {
        match stream.try_write(&[0; 4096]) {
            Ok(length) => written += length,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(written < 4_000_000, "it goes on for ever");
    }
    written
}

#[tokio::test]
async fn what_waits_on_a_connection_is_bounded_each_way() {
    let server = TestServer::start().await;
    let program = Program::open(&server).await;
    let (listener, address) = program.serve().await;
    let raw = TcpSocket::new_v4().unwrap();
    // The system doubles them: what the client itself may hold is 16 KB each way.
    raw.set_send_buffer_size(8 * 1024).unwrap();
    raw.set_recv_buffer_size(8 * 1024).unwrap();
    let mut raw = raw.connect(address.parse().unwrap()).await.unwrap();
    // Before it is accepted, and behind it.
    let waiting = write_until_full(&raw).await;
    let (_, accepted) = program.ask(&format!("accept {listener} 5000")).await;
    let id = accepted.split(' ').next().unwrap().to_owned();
    let more = write_until_full(&raw).await;
    assert!(waiting + more <= (64 + 16 + 16) * 1024, "{waiting} + {more} bytes wait");
    let read = program.send(&format!("recv {id} 1000000 5000"), b"").await;
    assert!(read.0 == 0 && read.1.len() <= 64 * 1024, "{} bytes at once", read.1.len());

    let mut sent = 0;
    loop {
        let (status, taken) = program.send(&format!("send {id} 300"), &[b'x'; 65_536]).await;
        if status == 11 {
            break;
        }
        assert_eq!(status, 0);
        sent += str::from_utf8(&taken).unwrap().parse::<usize>().unwrap();
        assert!(sent < 4_000_000, "it goes on for ever");
    }
    // A packet on this computer's own way is 64 KB, and may be under way besides.
    assert!(sent <= (64 + 16 + 64) * 1024, "{sent} bytes wait");
    let mut first = [0];
    raw.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"x");
    // What is longer than a request may be is refused as a whole.
    let headers = format!("\r\nAuthorization: Bearer {}", program.secret);
    let long = vec![b'x'; 70_000];
    assert_eq!(post(server.http, &headers, &long).await.0, 413);
}

#[tokio::test]
async fn the_teacher_lets_other_computers_connect_to_students_servers() {
    let ports = PortRange { first: 10_195, last: 10_198 };
    let server = TestServer::with(|config| {
        config.http = SocketAddr::from(([0, 0, 0, 0], 0));
        config.limits.student_ports = ports;
    })
    .await;
    let http = SocketAddr::from(([127, 0, 0, 1], server.http.port()));
    let program = Program::at(http).await;
    // Stands for an address of the network.
    let elsewhere = |address: &str| {
        let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
        TcpStream::connect(SocketAddr::from(([127, 0, 0, 2], port)))
    };
    let (_, address) = program.serve().await;
    assert!(elsewhere(&address).await.is_err(), "{address}");
    let mut teacher = Teacher::of(&server);
    teacher.host = http.to_string();
    teacher.does("open-servers").await;
    program.ask("begin").await;
    let (listener, address) = program.serve().await;
    let _raw = elsewhere(&address).await.unwrap();
    assert_eq!(program.ask(&format!("accept {listener} 5000")).await.0, 0);
    teacher.does("close-servers").await;
    program.ask("begin").await;
    let (_, address) = program.serve().await;
    assert!(elsewhere(&address).await.is_err(), "{address}");
}

#[tokio::test]
async fn the_program_of_a_blocked_address_ends_and_none_begins_there() {
    let ports = PortRange { first: 10_160, last: 10_162 };
    let server = TestServer::with(|config| config.limits.student_ports = ports).await;
    let program = Program::open(&server).await;
    let (_, address) = program.serve().await;
    let _socket = Page::new(&server, 1).websocket().await;
    let id = Roster::open(&server).await.find("the page", |_| true).await.id;
    let teacher = Teacher::of(&server).from([127, 0, 0, 3]);
    teacher.acts(&format!(r#"{{"action":"block","person":{id}}}"#)).await;
    let headers = format!("\r\nAuthorization: Bearer {}", program.secret);
    assert_eq!(post(server.http, &headers, b"alive").await.0, 403);
    free(&address).await;
    assert_eq!(post(server.http, "", b"open").await.0, 403);
    teacher.acts(r#"{"action":"unblock","text":"127.0.0.1"}"#).await;
    Program::open(&server).await.serve().await;
}

#[tokio::test]
async fn homework_that_is_checked_in_a_page_counts_check_by_check_and_is_marked() {
    let server = TestServer::start().await;
    let mut roster = Roster::open(&server).await;
    let mut board = EventClient::open_path(server.http, api::BOARD).await;
    let page = Page::new(&server, 1);
    page.reports(&api::Student { name: "wei".into(), ..api::Student::default() }).await;
    let required: u8 = CHECKS.iter().map(|check| u8::from(check.required)).sum();
    // All required ones passed, of the others none was tried.
    let all: String = CHECKS.iter().map(|check| if check.required { 'p' } else { 's' }).collect();
    let some = all.replacen("ppp", "pnf", 1);
    assert_eq!(page.says_checked(&some).await.status, 204);
    let row = roster.find("some checks", |row| row.homework == Some((required - 1, required)));
    let row = row.await;
    assert_eq!((row.in_page, row.passed, row.checks), (true, false, some));
    assert_eq!(page.says_checked(&all).await.status, 204);
    // A later try that goes wrong takes nothing away.
    assert_eq!(page.says_checked(&all.replace('p', "f")).await.status, 204);
    let row = roster.find("all checks", |row| row.passed).await;
    assert_eq!((row.in_page, row.homework, &row.checks), (true, Some((required, required)), &all));
    let work = api::BoardWork { passed: required, of: required, in_page: true };
    board_until(&mut board, "it on the wall", |board| board.class.homework == [work]).await;
    let unknown = Page::new(&server, 2);
    assert_eq!(unknown.says_checked(&all).await.status, 404, "a page that was never here");
    let many = "p".repeat(10_000);
    for wrong in ["", "p", &all[1..], &(all.clone() + "p"), &all.replace('p', "x"), &many] {
        assert_eq!(page.says_checked(wrong).await.status, 400, "{wrong}");
    }
    let row = roster.find("all checks", |row| row.passed).await;
    assert_eq!(row.checks, all);
}

#[tokio::test]
async fn a_page_that_leaves_gives_everything_back_at_once() {
    let ports = PortRange { first: 10_180, last: 10_182 };
    let server = TestServer::with(|config| config.limits.student_ports = ports).await;
    let program = Program::open(&server).await;
    let (_, address) = program.serve().await;
    let nobody = post(server.http, "", b"leave 00000000000000000000000000000000").await;
    assert_eq!(nobody.0, 204, "it is told nothing");
    assert!(TcpStream::connect(&*address).await.is_ok());
    let leave = format!("leave {}", program.secret);
    assert_eq!(post(server.http, "", leave.as_bytes()).await.0, 204);
    free(&address).await;
    let headers = format!("\r\nAuthorization: Bearer {}", program.secret);
    assert_eq!(post(server.http, &headers, b"begin").await.0, 401);
}

#[tokio::test]
async fn a_line_that_is_typed_reaches_the_program_that_waits() {
    let server = TestServer::start().await;
    let program = Program::open(&server).await;
    assert_eq!(program.ask("input 20").await.0, 11);
    let (line, typed) =
        tokio::join!(program.ask("input 5000"), program.send("type", "张三".as_bytes()));
    assert_eq!((line, typed.0), ((0, "张三".into()), 0));
}

#[tokio::test]
async fn the_interpreter_is_there_for_good_under_a_name_with_a_hash() {
    let server = TestServer::start().await;
    let told = get(server.http, "/api/python", "").await;
    let told: serde_json::Value = serde_json::from_str(&told.text()).unwrap();
    let Some(name) = told["program"]["name"].as_str() else {
        panic!("Python is not built; `cargo xtask test` builds it first");
    };
    for (file, kind) in [("_bg.wasm", "application/wasm"), (".js", "text/javascript")] {
        let response = get(server.http, &format!("/python/{name}{file}"), "").await;
        assert_eq!((response.status, response.header("content-type")), (200, Some(kind)));
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        assert!(response.header("cache-control").unwrap().contains("immutable"));
        println!("{file}: {} bytes as gzip", response.wire_length);
    }
    let head = format!("GET /python/python-0.js HTTP/1.1\r\nHost: {}", server.http);
    assert_eq!(http(server.http, &head).await.status, 404);
}
