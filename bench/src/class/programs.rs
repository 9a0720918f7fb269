//! Python in the page: what thirty programs that run in students' pages take from a class
//! of fifty.
//!
//! In a classroom each program runs in the browser of its own student's computer. So no
//! browser is here, which would be measured in place of the server: each program is its
//! worker's requests to `POST api/program`, as `python/src/worker.rs` makes them, one
//! connection each. How fast a program itself is in a browser, `cargo xtask bench python`
//! measures besides.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;

use super::student::{Client, Student};
use crate::contender::{Book, Lab, Running};
use crate::dialect::TIMEOUT;
use crate::flood::LIMITS;
use crate::gauge;
use crate::results::{Fact, Verdict};

/// What the filter on the command line is held against.
pub const NAME: &str = "python in the page";

/// The class: half of it has no Python of its own.
const PROGRAMS: usize = 30;
const STUDENTS: usize = 50;

/// The pause between two messages to a program, as a client without a `sleep` has it
/// that is started again and again. People type one each few seconds.
const PAUSE: Duration = Duration::from_millis(100);

/// The highest 99th percentile of the lesson's answers, in milliseconds: none that people
/// notice.
const P99: f64 = 20.0;

/// Milliseconds that a request of a worker waits.
const LONGEST: u32 = 20_000;

/// Three facts: how long the lesson's answers took beside the programs, how long messages
/// to these, and what one takes of the server's memory.
///
/// # Errors
///
/// When the server does not start, or answers wrong.
pub fn measure(lab: &mut Lab) -> Result<Vec<Fact>> {
    // Half as long as the class alone: seven answers are beyond the 99th percentile.
    let lasting = lab.effort.class / 2;
    let file = lab.directory()?.join("contacts.db");
    let server = lab.server_with(Book::File(&file), &LIMITS)?;
    let (answers, messages) = lesson(&server, lasting)?;
    let p99 = quantile(&answers, 0.99);
    Ok(vec![
        Fact {
            what: format!("{STUDENTS} pages, {PROGRAMS} programs in other pages: answers"),
            value: told(&answers),
            verdict: Some(Verdict {
                target: format!("p99 at most {P99} ms"),
                met: Some(p99 <= P99),
            }),
        },
        Fact {
            what: "raw TCP to such a program and back, without the browser's part".to_owned(),
            value: told(&messages),
            verdict: None,
        },
        memory(lab)?,
    ])
}

/// In milliseconds.
fn quantile(waits: &Histogram<u64>, quantile: f64) -> f64 {
    waits.value_at_quantile(quantile) as f64 / 1e6
}

fn told(waits: &Histogram<u64>) -> String {
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        quantile(waits, 0.5),
        quantile(waits, 0.99),
        quantile(waits, 1.0)
    )
}

/// Gives a lesson while the programs run. Returns what the students waited, and the
/// programs' clients, in nanoseconds.
fn lesson(server: &Running, lasting: Duration) -> Result<(Histogram<u64>, Histogram<u64>)> {
    let programs = open(server, PROGRAMS)?;
    let students: Vec<_> = (0..STUDENTS)
        .map(|number| Ok(Student::new(number, Client::page(server.http, number)?)))
        .collect::<Result<_>>()?;
    let end = Instant::now() + lasting;
    let talks = programs.into_iter().map(|program| spawn(move || program.talk_until(end)));
    let talks: Vec<_> = talks.collect();
    let students = students.into_iter().map(|student| spawn(move || student.work_until(end)));
    let students: Vec<_> = students.collect();
    let (mut answers, mut messages) = (Histogram::new(3)?, Histogram::new(3)?);
    for student in students {
        let student = student.join().ok().context("a student panicked")??;
        answers.add(&student.waits)?;
    }
    for talk in talks {
        messages.add(talk.join().ok().context("a program's client panicked")??)?;
    }
    Ok((answers, messages))
}

/// What a program that has a client takes of the server's memory.
fn memory(lab: &mut Lab) -> Result<Fact> {
    let server = lab.server_with(Book::Memory, &LIMITS)?;
    // As many others first, whose connections leave the allocator as it is later.
    for program in open(&server, PROGRAMS)? {
        program.talk_until(Instant::now())?;
    }
    let before = gauge::settled(server.process())?;
    let mut programs = open(&server, PROGRAMS)?;
    for program in &mut programs {
        program.say()?;
    }
    let each = gauge::settled(server.process())?.saturating_sub(before) as f64;
    let each = each / PROGRAMS as f64 / 1024.0;
    Ok(Fact {
        what: format!("{PROGRAMS} programs in pages, a client each: memory of the server"),
        value: format!("{each:.1} KiB each"),
        verdict: None,
    })
}

fn open(server: &Running, programs: usize) -> Result<Vec<Program>> {
    (0..programs).map(|_| Program::start(server.http)).collect()
}

/// A program that sends back what it receives, and its client.
struct Program {
    client: TcpStream,
    serves: JoinHandle<Result<()>>,
}

impl Program {
    fn start(http: SocketAddr) -> Result<Self> {
        let mut worker = Worker::open(http)?;
        let bound = worker.text("bind 127.0.0.1 9998")?;
        let listener = bound.split(' ').next().context("a number")?;
        let address: SocketAddr = worker.text(&format!("listen {listener}"))?.parse()?;
        let client = TcpStream::connect_timeout(&address, TIMEOUT)?;
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(TIMEOUT))?;
        let accepted = worker.text(&format!("accept {listener} {LONGEST}"))?;
        let id = accepted.split(' ').next().context("a number")?.to_owned();
        let serves = spawn(move || {
            loop {
                let data = worker.ask(&format!("recv {id} 1024 {LONGEST}"), b"")?;
                if data.is_empty() {
                    break;
                }
                worker.ask(&format!("send {id} {LONGEST}"), &data)?;
            }
            worker.ask("end", b"").map(drop)
        });
        Ok(Program { client, serves })
    }

    /// Says something; how long it took to come back.
    fn say(&mut self) -> Result<Duration> {
        const MESSAGE: &[u8] = b"add;zhangsan;13800138000";
        let said = Instant::now();
        self.client.write_all(MESSAGE)?;
        let mut heard = [0; MESSAGE.len()];
        self.client.read_exact(&mut heard)?;
        ensure!(heard == MESSAGE, "a program answers {}", heard.escape_ascii());
        Ok(said.elapsed())
    }

    /// Says something again and again, at least once, and ends.
    fn talk_until(mut self, end: Instant) -> Result<Histogram<u64>> {
        let mut waits = Histogram::new(3)?;
        loop {
            waits.record(self.say()?.as_nanos() as u64)?;
            if Instant::now() >= end {
                break;
            }
            sleep(PAUSE);
        }
        self.client.shutdown(Shutdown::Write)?;
        self.serves.join().ok().context("a program panicked")??;
        Ok(waits)
    }
}

/// The worker of a page, as the server sees it.
struct Worker {
    http: SocketAddr,
    stream: BufReader<TcpStream>,
    secret: String,
}

impl Worker {
    fn open(http: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&http, TIMEOUT)?;
        stream.set_nodelay(true)?;
        let mut worker = Worker { http, stream: BufReader::new(stream), secret: String::new() };
        worker.secret = String::from_utf8(worker.post(b"open")?)?;
        Ok(worker)
    }

    /// Asks, and returns the answer's bytes.
    fn ask(&mut self, line: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let answer = self.post(&[line.as_bytes(), b"\n", bytes].concat())?;
        let answer = answer.strip_prefix(b"0\n");
        Ok(answer.with_context(|| format!("{line} fails"))?.to_vec())
    }

    fn text(&mut self, line: &str) -> Result<String> {
        Ok(String::from_utf8(self.ask(line, b"")?)?)
    }

    fn post(&mut self, body: &[u8]) -> Result<Vec<u8>> {
        let Worker { http, stream, secret } = self;
        let head = format!(
            "POST /api/program HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {secret}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let mut length = None;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200 "), "a program is refused: {line}");
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = Some(value.parse()?),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length.context("an answer says how long it is")?];
        stream.read_exact(&mut body)?;
        Ok(body)
    }
}
