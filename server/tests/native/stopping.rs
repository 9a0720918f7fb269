//! Ctrl+C ends the program within three seconds, whatever its clients do.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::classroom::DEADLINE;
use crate::classroom::binary::{Program, read};
use nix::sys::signal::Signal;

/// What the program may take to end.
const ENDING: Duration = Duration::from_secs(3);

/// A client that will never read, with a receive buffer that is soon full.
fn deaf(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

/// Sends the same again and again until the server takes no more.
fn stuff(stream: &mut TcpStream, bytes: &[u8]) {
    stream.set_nonblocking(true).unwrap();
    let mut idle = 0;
    let start = Instant::now();
    while idle < 50 {
        assert!(start.elapsed() < DEADLINE, "its sockets never fill");
        match stream.write(bytes) {
            Ok(_) => idle = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                idle += 1;
                std::thread::park_timeout(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn handshake(stream: &mut TcpStream, http: SocketAddr) {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {http}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut welcome = Vec::new();
    while !welcome.ends_with(b"Welcome!") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        welcome.extend(byte);
    }
}

/// The name of a contact, nearly as long as one may be: lists are to be long.
fn name(number: usize) -> String {
    format!("{number:04} {}", "名".repeat(50))
}

/// Adds contacts, and is told that each is stored.
fn add(program: &Program, phone: &str) {
    const CONTACTS: usize = 1_000;
    let client = program.welcome();
    let mut answers = BufReader::new(client.try_clone().unwrap()).lines();
    for number in 0..CONTACTS {
        (&client).write_all(format!("add;{};{phone}\n", name(number)).as_bytes()).unwrap();
        if number % 100 == 99 {
            let added =
                answers.by_ref().take(100).filter(|line| line.as_ref().unwrap().ends_with("!"));
            assert_eq!(added.count(), 100);
        }
    }
}

/// Beside clients of some kind that do not read, the program ends in time and
/// well, and every change that was confirmed is kept.
fn check(never_read: impl FnOnce(&Program) -> Vec<TcpStream>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("contacts.db");
    let mut program = Program::with_data(&data);
    add(&program, "138");
    let _deaf = never_read(&program);
    add(&program, "139");

    let start = Instant::now();
    program.signal(Signal::SIGINT);
    assert_eq!(program.exit().code(), Some(0));
    let took = start.elapsed();
    assert!(took < ENDING, "{took:?}");

    let program = Program::with_data(&data);
    let mut client = program.welcome();
    for number in [0, 500, 999] {
        client.write_all(format!("find;{}\n", name(number)).as_bytes()).unwrap();
        assert_eq!(read(&mut client, 4), "139\n");
    }
}

#[test]
fn it_ends_beside_a_raw_tcp_client_that_does_not_read() {
    check(|program| {
        let mut stream = deaf(program.tcp);
        stuff(&mut stream, &b"find;a\n".repeat(10_000));
        vec![stream]
    });
}

#[test]
fn it_ends_beside_a_websocket_that_does_not_read() {
    check(|program| {
        let mut stream = deaf(program.http);
        handshake(&mut stream, program.http);
        let lines = b"find;a\n".repeat(9_000);
        let mut frame = vec![0x81, 0xfe];
        frame.extend(u16::try_from(lines.len()).unwrap().to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(lines);
        stuff(&mut stream, &frame);
        vec![stream]
    });
}

#[test]
fn it_ends_beside_an_http_client_that_does_not_read() {
    check(|program| {
        let mut stream = deaf(program.http);
        let request =
            format!("GET /api/contacts?limit=1000 HTTP/1.1\r\nHost: {}\r\n\r\n", program.http);
        stuff(&mut stream, request.repeat(100).as_bytes());
        vec![stream]
    });
}

#[test]
fn it_ends_beside_watchers_that_do_not_read() {
    check(|program| {
        let request = format!("GET /api/events HTTP/1.1\r\nHost: {}\r\n\r\n", program.http);
        let mut watchers: Vec<_> = (0..20).map(|_| deaf(program.http)).collect();
        for watcher in &mut watchers {
            watcher.write_all(request.as_bytes()).unwrap();
        }
        watchers
    });
}

/// It makes progress all the time, and would for hours.
#[test]
fn it_ends_beside_a_client_that_reads_a_little_now_and_then() {
    check(|program| {
        let mut stream = deaf(program.tcp);
        stuff(&mut stream, &b"find;a\n".repeat(10_000));
        let mut slow = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut some = [0; 512];
            while !matches!(slow.read(&mut some), Ok(0)) {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        vec![stream]
    });
}

#[test]
fn it_ends_beside_silent_connections_and_half_a_request() {
    check(|program| {
        let mut half = deaf(program.http);
        half.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
        let mut word = deaf(program.http);
        word.write_all(b"GE").unwrap();
        vec![deaf(program.tcp), deaf(program.http), half, word]
    });
}
