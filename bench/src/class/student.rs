//! A student: says one thing after the other, with a pause as people need it, and reads
//! the answer to each.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::dialect::{Dialect, TIMEOUT, message_frame};

/// The pause between two messages, in milliseconds: who copies a line needs two seconds,
/// who types one six.
const PAUSE: std::ops::Range<u64> = 2_000..6_000;

/// The steps of a lesson, as a page of it reports them.
pub(super) const STEPS: u8 = 8;

/// The mistakes of beginners, with what the server calls them, the most frequent first.
const MISTAKES: [(&str, &str); 6] = [
    ("add；NAME；13800138000", "fullwidth-semicolon"),
    ("add NAME 13800138000", "space-separator"),
    ("ADD;NAME;13800138000", "capital-verb"),
    ("add;NAME", "too-few-fields"),
    ("add,NAME,13800138000", "wrong-separator"),
    ("ad;NAME;13800138000", "unknown-verb"),
];

/// One in so many messages is a mistake.
const MISTAKEN: u32 = 3;

/// How a student is connected.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    dialect: Dialect,
    /// Where a page reports, and its key.
    page: Option<(SocketAddr, String)>,
}

impl Client {
    /// A page with a key of its own.
    pub(super) fn page(http: SocketAddr, number: usize) -> Result<Self> {
        let key = format!("benchkey{number:020}");
        let stream = Dialect::WebSocket.connect_at(http, &format!("/ws?page={key}"))?;
        Ok(Client { stream, dialect: Dialect::WebSocket, page: Some((http, key)) })
    }

    /// A Python program, on a computer of its own.
    pub(super) fn program(tcp: SocketAddr, number: usize) -> Result<Self> {
        let own = SocketAddr::from((Ipv4Addr::new(127, 0, 1, number as u8 + 1), 0));
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &own)?;
        connect(&socket, &tcp)?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Dialect::Packet.begin(&stream, tcp)?;
        Ok(Client { stream, dialect: Dialect::Packet, page: None })
    }

    pub(super) fn say(&mut self, text: &str) -> Result<String> {
        match self.dialect {
            Dialect::WebSocket => {
                let mut frame = Vec::new();
                message_frame(text.as_bytes(), [1, 2, 3, 4], &mut frame);
                self.stream.write_all(&frame)?;
                self.frame()
            }
            _ => {
                self.stream.write_all(text.as_bytes())?;
                let mut reply = [0; 1024];
                let length = self.stream.read(&mut reply)?;
                Ok(String::from_utf8(reply[..length].to_vec())?)
            }
        }
    }

    /// The next text message; a ping is none.
    fn frame(&mut self) -> Result<String> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head)?;
            let length = match head[1] {
                126 => {
                    let mut length = [0; 2];
                    self.stream.read_exact(&mut length)?;
                    usize::from(u16::from_be_bytes(length))
                }
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload)?;
            match head[0] {
                0x81 => return Ok(String::from_utf8(payload)?),
                // A pong, empty as it may be to an empty ping.
                0x89 => self.stream.write_all(&[0x8A, 0x80, 1, 2, 3, 4])?,
                other => anyhow::bail!("an unexpected frame: {other:#x}"),
            }
        }
    }

    /// Reports what a page has done.
    fn report(&self, step: u8, done: u32) -> Result<()> {
        let Some((http, key)) = &self.page else { return Ok(()) };
        let body = format!(r#"{{"name":"{key}","step":{step},"steps":{STEPS},"done":{done}}}"#);
        let mut stream = TcpStream::connect_timeout(http, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let request = format!(
            "POST /api/student?key={key} HTTP/1.1\r\nHost: {http}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        ensure!(response.starts_with("HTTP/1.1 204 "), "a report is refused: {response}");
        Ok(())
    }
}

/// A student and what it has done.
#[derive(Debug)]
pub(super) struct Student {
    client: Client,
    number: usize,
    random: fastrand::Rng,
    /// From the message to its answer, in nanoseconds.
    pub(super) waits: Histogram<u64>,
    pub(super) messages: u64,
    /// What each of its mistakes is called.
    pub(super) causes: Vec<&'static str>,
    /// The contacts it has in the book.
    pub(super) contacts: usize,
    /// The steps it has reported; none for a program.
    pub(super) done: Option<u32>,
}

impl Student {
    pub(super) fn new(number: usize, client: Client) -> Self {
        let done = client.page.is_some().then_some(0);
        Student {
            client,
            number,
            random: fastrand::Rng::with_seed(number as u64),
            waits: Histogram::new(3).expect("three digits are possible"),
            messages: 0,
            causes: Vec::new(),
            contacts: 0,
            done,
        }
    }

    /// Works until then.
    pub(super) fn work_until(mut self, end: Instant) -> Result<Self> {
        // Students begin at different moments.
        std::thread::sleep(Duration::from_millis(self.random.u64(0..PAUSE.start)));
        while Instant::now() < end {
            self.step().with_context(|| format!("student {}", self.number))?;
            let pause = Duration::from_millis(self.random.u64(PAUSE));
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(self)
    }

    /// Says one thing, and reports the steps that a page makes.
    fn step(&mut self) -> Result<()> {
        let name = format!("n{}x{}", self.number, self.contacts);
        if self.random.u32(0..MISTAKEN) == 0 {
            // The first ones more often than the last.
            let at = self.random.usize(0..MISTAKES.len()).min(self.random.usize(0..MISTAKES.len()));
            let (line, cause) = MISTAKES[at];
            let reply = self.ask(&line.replace("NAME", &name))?;
            ensure!(reply.starts_with("Error: "), "{reply:?} to a mistake");
            self.causes.push(cause);
            return Ok(());
        }
        let (line, expected) = match self.random.u32(0..3) {
            0 => (format!("add;{name};13800138000"), format!("{name} added!")),
            1 => (format!("find;{name}"), "Not Found!".to_owned()),
            _ => ("hello".to_owned(), "Received hello;".to_owned()),
        };
        let reply = self.ask(&line)?;
        ensure!(reply == expected, "{reply:?} instead of {expected:?}");
        self.contacts += usize::from(line.starts_with("add;"));
        if let Some(done) = &mut self.done
            && *done != (1 << STEPS) - 1
        {
            let step = done.count_ones() as u8;
            *done |= 1 << step;
            self.client.report((step + 1).min(STEPS - 1), *done)?;
        }
        Ok(())
    }

    fn ask(&mut self, text: &str) -> Result<String> {
        let asked = Instant::now();
        let reply = self.client.say(text)?;
        self.waits.record(asked.elapsed().as_nanos() as u64)?;
        self.messages += 1;
        Ok(reply)
    }
}
