//! The load: a single-threaded closed loop. Each connection sends a batch,
//! waits until its replies are complete and right, and sends the next.
//!
//! In a closed loop a slow server is asked less often, so its latencies look
//! better than waiting people would find them; they are for comparing
//! contenders under the same load, not for planning capacity.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::dialect::{Dialect, TIMEOUT};
use crate::script::{Batch, Script};
use crate::yardstick::no_events;

/// Connections that play their scripts.
#[derive(Debug)]
pub struct Generator {
    epoll: OwnedFd,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// Number of the batch under way.
    batch: usize,
    /// Bytes of its reply that have come, all of them right.
    received: usize,
    sent: Instant,
}

/// How long a round goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Each script once.
    Once,
    /// The scripts again and again; then what is under way is finished.
    For(Duration),
}

/// What a round came to.
#[derive(Clone, Debug)]
pub struct Round {
    /// Messages answered, and answered right.
    pub exchanges: u64,
    pub elapsed: Duration,
    /// Time from the write of a batch to its last reply, in nanoseconds.
    pub latency: Histogram<u64>,
    /// The same, only of finds that were sent alone.
    pub finds: Histogram<u64>,
}

impl Generator {
    /// Opens `connections` of them.
    ///
    /// # Errors
    ///
    /// When one is refused, or not welcomed.
    pub fn connect(address: SocketAddr, dialect: Dialect, connections: usize) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let streams = dialect.connect_many(address, connections)?;
        let connections = streams.into_iter().enumerate().map(|(number, stream)| {
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(number as u64), EventFlags::IN)?;
            Ok(Connection { stream, batch: 0, received: 0, sent: Instant::now() })
        });
        let connections = connections.collect::<Result<_>>()?;
        Ok(Generator { epoll, connections })
    }

    /// Plays the script of each connection, from its beginning.
    ///
    /// # Errors
    ///
    /// A reply is wrong, or does not come within [`TIMEOUT`], or a connection
    /// ends.
    pub fn run(&mut self, scripts: &[Script], span: Span) -> Result<Round> {
        ensure!(scripts.len() == self.connections.len(), "a script for each connection");
        // Up to the longest wait there is, to three digits: finer than any machine
        // is quiet.
        let longest = TIMEOUT.as_nanos() as u64;
        let histogram = || Histogram::new_with_max(longest, 3).context("a histogram");
        let (mut latency, mut finds) = (histogram()?, histogram()?);
        let mut exchanges = 0;

        let start = Instant::now();
        let end = match span {
            Span::Once => None,
            Span::For(time) => Some(start + time),
        };
        let mut open = 0;
        for (connection, script) in self.connections.iter_mut().zip(scripts) {
            connection.batch = 0;
            if let Some(batch) = script.batch(0) {
                connection.send(batch, Instant::now())?;
                open += 1;
            }
        }

        let mut events = no_events::<64>();
        let mut chunk = [0; 4 * 1024];
        let timeout = TIMEOUT.try_into().context("a time span")?;
        while open > 0 {
            let ready = match epoll::wait(&self.epoll, &mut events, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready.context("cannot wait")?,
            };
            if ready == 0 {
                bail!("{open} replies did not come within {} s", TIMEOUT.as_secs());
            }
            for event in &events[..ready] {
                let number = event.data.u64() as usize;
                let (connection, script) = (&mut self.connections[number], &scripts[number]);
                let batch = script.batch(connection.batch).context("it sent this batch")?;
                if !connection.receive(batch, &mut chunk)? {
                    continue;
                }
                let now = Instant::now();
                let taken = (now - connection.sent).as_nanos() as u64;
                latency.saturating_record(taken);
                if batch.is_find {
                    finds.saturating_record(taken);
                }
                exchanges += batch.exchanges as u64;

                connection.batch += 1;
                let next = match end {
                    Some(end) if now >= end => None,
                    None => script.batch(connection.batch),
                    Some(_) => script.batch(connection.batch).or_else(|| {
                        connection.batch = 0;
                        script.batch(0)
                    }),
                };
                match next {
                    Some(batch) => connection.send(batch, now)?,
                    None => open -= 1,
                }
            }
        }
        Ok(Round { exchanges, elapsed: start.elapsed(), latency, finds })
    }
}

impl Connection {
    fn send(&mut self, batch: Batch<'_>, now: Instant) -> Result<()> {
        self.received = 0;
        self.sent = now;
        // Everything before has been answered, so the socket has room.
        let written = self.stream.write(batch.request).context("cannot send")?;
        ensure!(written == batch.request.len(), "the socket took only {written} bytes");
        Ok(())
    }

    /// Takes what has come. Whether the replies to `batch` are complete.
    fn receive(&mut self, batch: Batch<'_>, chunk: &mut [u8]) -> Result<bool> {
        let read = match self.stream.read(chunk) {
            Ok(0) => bail!("the connection was closed in the middle of a conversation"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error).context("the connection broke"),
        };
        let missing = &batch.reply[self.received..];
        if !missing.starts_with(&chunk[..read]) {
            bail!(
                "to {:?} came {:?} and not {:?}",
                batch.request.escape_ascii().to_string(),
                chunk[..read].escape_ascii().to_string(),
                missing.escape_ascii().to_string()
            );
        }
        self.received += read;
        Ok(read == missing.len())
    }
}
