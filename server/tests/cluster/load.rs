//! Students who add, change and remove contacts without pause on two servers, and note
//! what each change was answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::within;

/// How long a student waits for a reply: as long as the page does.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a student waits for `Welcome!`, which takes 50 ms, before the other server is
/// tried.
const WELCOME: Duration = Duration::from_secs(2);

/// Time between two changes of a student, so that the load is that of a class and the
/// checker has some 100,000 changes to read, not a million.
const THINKING: Duration = Duration::from_millis(20);

/// After so many changes on the other server a student goes back to the own one.
const VISIT: u32 = 20;

/// Time for the load to go on after a fault: Patroni's `ttl` of 20 s, the choice of another
/// primary, and the same again on a machine that does much else.
const GOING_ON: Duration = Duration::from_secs(90);

/// One change that was asked for.
pub struct Change {
    pub name: String,
    /// None where the name is removed.
    pub phone: Option<String>,
    pub asked: Instant,
    /// When it was confirmed. None if it may have been made or not.
    pub confirmed: Option<Instant>,
}

/// What a student has done in one room.
#[derive(Default)]
pub struct Record {
    pub room: usize,
    pub changes: Vec<Change>,
    /// Replies that nothing explains, with what was asked.
    pub wrong: Vec<String>,
}

/// What has been answered so far.
#[derive(Clone, Copy)]
pub struct Counts {
    /// Confirmed by each server.
    pub confirmed: [u64; 2],
    pub uncertain: u64,
    /// The longest time in which no server confirmed anything, since the last look.
    pub pause: Duration,
    last: Instant,
}

/// All students.
pub struct Load {
    counts: Arc<Mutex<Counts>>,
    ended: Arc<AtomicBool>,
    students: Vec<JoinHandle<Record>>,
}

impl Load {
    /// Two students in each room, one on each server.
    pub fn on(servers: [SocketAddr; 2], codes: &[String]) -> Self {
        let (confirmed, uncertain, pause) = ([0; 2], 0, Duration::ZERO);
        let counts = Counts { confirmed, uncertain, pause, last: Instant::now() };
        let (counts, ended) = (Arc::new(Mutex::new(counts)), Arc::new(AtomicBool::new(false)));
        let mut students = Vec::new();
        for (room, code) in codes.iter().enumerate() {
            for home in 0..2 {
                let student = Student {
                    servers,
                    home,
                    code: code.clone(),
                    counts: Arc::clone(&counts),
                    ended: Arc::clone(&ended),
                    record: Record { room, ..Record::default() },
                };
                students.push(tokio::spawn(student.work()));
            }
        }
        Load { counts, ended, students }
    }

    /// Waits until each of some servers has confirmed so many more changes.
    pub async fn goes_on(&self, servers: &[usize], more: u64) {
        let before = self.counts().confirmed;
        within(&format!("servers {servers:?} confirm changes"), GOING_ON, async {
            while servers
                .iter()
                .any(|&server| self.counts().confirmed[server] < before[server] + more)
            {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    /// The counts, with the pause since the last call of this.
    pub fn take_counts(&self) -> Counts {
        let mut counts = self.counts.lock().unwrap();
        let taken = *counts;
        counts.pause = Duration::ZERO;
        taken
    }

    /// Ends the load.
    pub async fn end(self) -> Vec<Record> {
        self.ended.store(true, Ordering::SeqCst);
        let mut records = Vec::new();
        for student in self.students {
            records.push(within("a student ends", GOING_ON, student).await.unwrap());
        }
        records
    }
}

struct Student {
    servers: [SocketAddr; 2],
    home: usize,
    code: String,
    counts: Arc<Mutex<Counts>>,
    ended: Arc<AtomicBool>,
    record: Record,
}

impl Student {
    async fn work(mut self) -> Record {
        // Names whose state is certain, the longest untouched one first.
        let mut certain = VecDeque::new();
        let mut connection = None;
        let mut visited = 0;
        for number in 0_u64.. {
            if self.ended.load(Ordering::SeqCst) {
                break;
            }
            if connection.as_ref().is_some_and(|(_, server)| *server != self.home) {
                visited += 1;
                if visited == VISIT {
                    (connection, visited) = (None, 0);
                }
            }
            let Some((client, server)) = self.connected(&mut connection).await else { break };
            let old = if number % 4 < 2 { None } else { certain.pop_front() };
            let removes = number % 4 == 3 && old.is_some();
            let name = old.unwrap_or_else(|| format!("w{}n{number}", self.home));
            let phone = (!removes).then(|| number.to_string());
            let (line, expected) = match &phone {
                Some(phone) => (format!("add;{name};{phone}\n"), format!("{name} added!\n")),
                None => (format!("remove;{name}\n"), format!("{name} removed!\n")),
            };
            let asked = Instant::now();
            let reply = timeout(PATIENCE, client.say(&line)).await;
            let reply = reply.map_err(|_| ()).and_then(|reply| reply.map_err(|_| ()));
            let confirmed = reply.as_ref() == Ok(&expected);
            self.note(server, confirmed);
            self.record.changes.push(Change {
                name: name.clone(),
                phone,
                asked,
                confirmed: confirmed.then(Instant::now),
            });
            match reply {
                Ok(_) if confirmed && removes => {}
                Ok(_) if confirmed => certain.push_back(name),
                Ok(reply) if reply.starts_with("Error: not confirmed, try again") => {}
                Ok(reply) => self.record.wrong.push(format!("{} to {}", reply.trim(), line.trim())),
                // Cut off, or given up.
                Err(()) => connection = None,
            }
            sleep(THINKING).await;
        }
        self.record
    }

    /// The connection, made anew if there is none: to the own server, or to the other one.
    /// None when the load is to end.
    async fn connected<'a>(
        &self,
        connection: &'a mut Option<(Connection, usize)>,
    ) -> Option<(&'a mut Connection, usize)> {
        while connection.is_none() {
            if self.ended.load(Ordering::SeqCst) {
                return None;
            }
            for server in [self.home, 1 - self.home] {
                let joining = Connection::join(self.servers[server], &self.code);
                if let Some(joined) = joining.await {
                    *connection = Some((joined, server));
                    break;
                }
            }
            if connection.is_none() {
                sleep(THINKING).await;
            }
        }
        connection.as_mut().map(|(client, server)| (client, *server))
    }

    fn note(&self, server: usize, confirmed: bool) {
        let mut counts = self.counts.lock().unwrap();
        if confirmed {
            let now = Instant::now();
            counts.confirmed[server] += 1;
            counts.pause = counts.pause.max(now - counts.last);
            counts.last = now;
        } else {
            counts.uncertain += 1;
        }
    }
}

/// A raw TCP connection that is in a class.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Joins a class; none if that failed.
    pub async fn join(server: SocketAddr, code: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(server).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut welcome = [0; 8];
        timeout(WELCOME, stream.read_exact(&mut welcome)).await.ok()?.ok()?;
        let mut connection = Connection(BufReader::new(stream));
        let join = format!("join;{code}\n");
        let reply = timeout(PATIENCE, connection.say(&join)).await.ok()?.ok()?;
        reply.ends_with(" joined!\n").then_some(connection)
    }

    /// Sends a line and reads one.
    async fn say(&mut self, line: &str) -> std::io::Result<String> {
        self.send(line).await?;
        self.line().await
    }

    /// Sends lines.
    pub async fn send(&mut self, lines: &str) -> std::io::Result<()> {
        self.0.write_all(lines.as_bytes()).await
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// The server has closed the connection.
    pub async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        if line.ends_with('\n') { Ok(line) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }
}
