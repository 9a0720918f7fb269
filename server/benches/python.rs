//! Python in the page: how soon a program starts, how long a message to it and back
//! takes, and what thirty programs at once cost a class of fifty. The first two need
//! Chromium; `cargo xtask bench python` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[path = "../tests/classroom/mod.rs"]
mod classroom;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use classroom::binary::Program;
use classroom::browser::{Browser, ENGLISH};
use classroom::{TcpClient, TestServer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Messages to the program in the page.
const MESSAGES: usize = 500;

/// Programs and students of the class.
const PROGRAMS: usize = 30;
const STUDENTS: usize = 50;

/// The time between two messages to a program, and of a student.
const PROGRAM_PAUSE: Duration = Duration::from_millis(100);
const STUDENT_PAUSE: Duration = Duration::from_millis(500);

/// How long the class goes on.
const LESSON: Duration = Duration::from_secs(20);

/// The highest 99th percentile of the lesson's answers, in milliseconds.
const TARGET: f64 = 20.0;

/// What the programs are: they say back what they hear.
const ECHO: &str = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 9998))\ns.listen(5)\n\
    sock, addr = s.accept()\nwhile True:\n    data = sock.recv(1024)\n    if not data:\n        break\n    \
    sock.sendall(data)\n";

#[tokio::main]
async fn main() {
    println!("| Python in the page | |");
    println!("|---|---|");
    in_the_page().await;
    beside_a_class().await;
}

/// A quantile of some times, in milliseconds.
fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0
}

async fn in_the_page() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    browser.show("program").await;
    browser.until("document.getElementById('program-state')?.textContent").await;
    for what in ["first start, download included", "start of the next program"] {
        let begun = Instant::now();
        run(&browser, "print('here')\n").await;
        browser.until("document.getElementById('output').textContent === 'here'").await;
        println!("| {what} | {} ms |", begun.elapsed().as_millis());
        browser.until("document.getElementById('program').dataset.state === 'ended'").await;
        run(&browser, "").await;
        browser.until("document.getElementById('output').textContent === ''").await;
        browser.until("document.getElementById('program').dataset.state === 'ended'").await;
    }
    run(&browser, ECHO).await;
    browser.until("document.getElementById('program').dataset.address").await;
    let address = browser.script("return document.getElementById('program').dataset.address").await;
    let mut client = TcpStream::connect(address.as_str().unwrap()).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..MESSAGES {
        times.push(say(&mut client, b"hello").await);
    }
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    println!("| raw TCP to the program and back | p50 {p50:.1} ms, p99 {p99:.1} ms |");
    browser.finish().await;
}

async fn run(browser: &Browser, source: &str) {
    let script = "const editor = document.getElementById('editor'); editor.value = arguments[0]; \
                  document.getElementById('run').click()";
    browser.client.execute(script, vec![json!(source)]).await.unwrap();
}

/// Sends a message and waits for it to come back.
async fn say(stream: &mut TcpStream, message: &[u8]) -> Duration {
    let begun = Instant::now();
    stream.write_all(message).await.unwrap();
    let mut heard = vec![0; message.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, message);
    begun.elapsed()
}

/// The programs as their workers ask for them, without browsers: those run on the
/// students' computers.
async fn beside_a_class() {
    let server = Program::start(&[]);
    let (http, tcp) = (server.http, server.tcp);
    for programs in [0, PROGRAMS] {
        let before = server.memory("VmRSS:");
        let mut running = JoinSet::new();
        for _ in 0..programs {
            running.spawn(echo(http));
        }
        let end = Instant::now() + LESSON;
        let mut class = JoinSet::new();
        for number in 0..STUDENTS {
            class.spawn(student(tcp, number, end));
        }
        sleep(LESSON / 2).await;
        if programs > 0 {
            let taken = server.memory("VmRSS:").saturating_sub(before);
            println!("| memory of a program on the server | {} KB |", taken / programs as u64);
        }
        let mut times: Vec<_> = class.join_all().await.into_iter().flatten().collect();
        let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        let met = if p99 <= TARGET { "yes" } else { "**no**" };
        println!(
            "| the lesson's answers, {STUDENTS} students beside {programs} programs | \
             p50 {p50:.2} ms, p99 {p99:.2} ms; at most {TARGET} ms: {met} |"
        );
        running.shutdown().await;
    }
}

/// A student at the speed of people. Returns how long each answer took.
async fn student(tcp: SocketAddr, number: usize, end: Instant) -> Vec<Duration> {
    let mut client = TcpClient::connect(tcp).await;
    client.expect(b"Welcome!").await;
    sleep(STUDENT_PAUSE * number as u32 / STUDENTS as u32).await;
    let mut times = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        client.send(format!("add;student{number};1\n").as_bytes()).await;
        client.line().await;
        times.push(begun.elapsed());
        sleep(STUDENT_PAUSE).await;
    }
    times
}

/// A program that serves, and its client, until the task is ended.
async fn echo(http: SocketAddr) {
    let mut worker = Worker::open(http).await;
    let bound = worker.text("bind 127.0.0.1 9998").await;
    let id = bound.split(' ').next().unwrap();
    let address = worker.text(&format!("listen {id}")).await;
    let mut client = TcpStream::connect(&*address).await.unwrap();
    let accepted = worker.text(&format!("accept {id} 20000")).await;
    let id = accepted.split(' ').next().unwrap();
    let serve = async {
        loop {
            let data = worker.ask(&format!("recv {id} 1024 20000"), b"").await;
            worker.ask(&format!("send {id} 20000"), &data).await;
        }
    };
    let talk = async {
        loop {
            say(&mut client, b"hello").await;
            sleep(PROGRAM_PAUSE).await;
        }
    };
    tokio::select! {
        () = serve => {}
        () = talk => {}
    }
}

/// What a worker of a page asks, over one connection as a browser does.
struct Worker {
    http: SocketAddr,
    stream: TcpStream,
    secret: String,
}

impl Worker {
    async fn open(http: SocketAddr) -> Self {
        let stream = TcpStream::connect(http).await.unwrap();
        let mut worker = Worker { http, stream, secret: String::new() };
        worker.secret = String::from_utf8(worker.post(b"open").await).unwrap();
        worker
    }

    /// Asks, and returns the answer's bytes.
    async fn ask(&mut self, line: &str, bytes: &[u8]) -> Vec<u8> {
        let answer = self.post(&[line.as_bytes(), b"\n", bytes].concat()).await;
        let answer = answer.strip_prefix(b"0\n");
        answer.unwrap_or_else(|| panic!("{line} fails")).to_vec()
    }

    async fn text(&mut self, line: &str) -> String {
        String::from_utf8(self.ask(line, b"").await).unwrap()
    }

    async fn post(&mut self, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST /api/program HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            self.http,
            self.secret,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        body
    }
}
