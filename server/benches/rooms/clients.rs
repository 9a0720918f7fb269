//! Clients: how they load the servers, each waiting for its replies before it goes on.
//!
//! They are lean, unlike those of the tests: on two processors what a client takes is missing
//! to the servers and the database.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{interval_at, sleep_until};

/// A raw TCP client that is in a room.
pub struct Client {
    stream: BufReader<TcpStream>,
    number: usize,
    replies: Vec<u8>,
}

/// What a client sends before it reads the replies, a line or several: its number, and how
/// often it has sent.
pub type Lines = fn(usize, usize) -> String;

/// How it went.
#[derive(Default)]
pub struct Load {
    /// How long the replies took to what was sent together, sorted.
    pub times: Vec<Duration>,
    pub replies: usize,
    /// Bytes that went from and to the clients, without those of TCP.
    pub bytes: usize,
    pub clients: Vec<Client>,
}

impl Client {
    /// Connects and joins a room.
    pub async fn join(server: SocketAddr, code: &str, number: usize) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Client { stream: BufReader::new(stream), number, replies: Vec::new() };
        client.stream.write_all(format!("join;{code}\n").as_bytes()).await.unwrap();
        let mut welcome = [0; 8];
        client.stream.read_exact(&mut welcome).await.unwrap();
        assert!(client.ask("").await.ends_with("joined!\n"));
        client
    }

    /// Sends lines and returns the replies to all of them.
    pub async fn ask(&mut self, lines: &str) -> &str {
        self.stream.write_all(lines.as_bytes()).await.unwrap();
        self.replies.clear();
        // Joining sends nothing more, and is answered.
        for _ in 0..lines.matches('\n').count().max(1) {
            self.stream.read_until(b'\n', &mut self.replies).await.unwrap();
        }
        let replies = std::str::from_utf8(&self.replies).unwrap();
        assert!(!replies.contains("Error"), "{replies}");
        replies
    }

    /// Asks until the end of a time, or only each `every`.
    async fn ask_until(
        mut self,
        end: Instant,
        every: Option<Duration>,
        lines: Lines,
    ) -> (Load, Self) {
        let mut load = Load::default();
        let mut pace = every.map(|every| {
            // Not all at once.
            let first = every.mul_f64((self.number * 7_919 % 1_000) as f64 / 1_000.0);
            interval_at((Instant::now() + first).into(), every)
        });
        for n in 0.. {
            if let Some(pace) = &mut pace {
                tokio::select! { _ = pace.tick() => {} () = sleep_until(end.into()) => break }
            }
            let start = Instant::now();
            if start >= end {
                break;
            }
            let lines = lines(self.number, n);
            load.bytes += lines.len() + self.ask(&lines).await.len();
            load.replies += lines.matches('\n').count();
            load.times.push(start.elapsed());
        }
        (load, self)
    }
}

/// Has all clients ask for so long, one thing after another or only each `every`.
pub async fn load(
    clients: Vec<Client>,
    lasts: Duration,
    every: Option<Duration>,
    lines: Lines,
) -> Load {
    let end = Instant::now() + lasts;
    let asking =
        clients.into_iter().map(|client| tokio::spawn(client.ask_until(end, every, lines)));
    let mut load = Load::default();
    for asked in asking.collect::<Vec<_>>() {
        let (of_one, client) = asked.await.unwrap();
        load.times.extend(of_one.times);
        load.replies += of_one.replies;
        load.bytes += of_one.bytes;
        load.clients.push(client);
    }
    load.times.sort_unstable();
    load
}

impl Load {
    /// A part of the times, in milliseconds.
    pub fn at(&self, part: f64) -> f64 {
        at(&self.times, part)
    }
}

/// A part of sorted times, in milliseconds; not a number of none.
pub fn at(times: &[Duration], part: f64) -> f64 {
    let index = (times.len().saturating_sub(1) as f64 * part) as usize;
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}
