//! One client floods, fifty others go on: how long those wait.
//!
//! The server runs with the rate limits of a class on the network, which on
//! loopback have to be asked for.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;

use crate::contender::{Book, Lab, Running};
use crate::dialect::Dialect;
use crate::results::{Fact, Verdict};
use crate::script::Script;
use crate::workload::{Answer, finds};

/// What the filter on the command line is held against.
pub const NAME: &str = "flood";

/// The others: a class.
const CLASS: usize = 50;

/// Time between two messages of the class, 20 a second for each of them: below
/// the limits of a connection, and far more than people type.
const BETWEEN: Duration = Duration::from_millis(1);

/// The highest 99th percentile of a wait that people do not notice, in milliseconds.
const P99: f64 = 50.0;

/// The limits of a server with `--lan`.
pub const LIMITS: [&str; 4] = ["--max-rate", "200", "--max-rate-per-address", "4000"];

/// Messages the flood has under way in one write.
const PIPELINE: usize = 1_024;

/// Three facts: the class alone, and beside a flood with and without the limits.
///
/// # Errors
///
/// When the server does not start, or answers wrong.
pub fn measure(lab: &mut Lab) -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    let target = || Verdict { target: format!("p99 at most {P99} ms"), met: None };
    for (what, limits, floods) in [
        ("the class alone", &LIMITS[..], false),
        ("beside a flood that is not limited", &[], true),
        ("beside a flood", &LIMITS, true),
    ] {
        let server = lab.server_with(Book::Memory, limits)?;
        let (waits, flood) = class(&server, lab.effort.round * 3, floods)?;
        let p99 = waits.value_at_quantile(0.99) as f64 / 1e6;
        let mut value = format!(
            "p50 {:.2} ms, p99 {p99:.2} ms, longest {:.2} ms",
            waits.value_at_quantile(0.5) as f64 / 1e6,
            waits.max() as f64 / 1e6,
        );
        if floods {
            value += &format!("; the flood got {flood:.0} answers a second");
        }
        // What happens without the limits is for comparison.
        let judged = !(floods && limits.is_empty());
        let verdict = judged.then(|| Verdict { met: Some(p99 <= P99), ..target() });
        facts.push(Fact { what: format!("{CLASS} others, {what}"), value, verdict });
    }
    Ok(facts)
}

/// Has the class ask in turn, and returns what each waited in nanoseconds, and
/// the flood's answers a second.
fn class(server: &Running, time: Duration, floods: bool) -> Result<(Histogram<u64>, f64)> {
    let script = not_found(1);
    let batch = script.batch(0).context("there is one message")?;
    let mut class = Dialect::Line.connect_many(server.tcp, CLASS)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flood = floods.then(|| Flood::start(server, &stop)).transpose()?;

    let mut waits = Histogram::new(3)?;
    let mut reply = vec![0; batch.reply.len()];
    let start = Instant::now();
    let mut due = start;
    for student in (0..CLASS).cycle() {
        let stream = &mut class[student];
        let asked = Instant::now();
        stream.write_all(batch.request)?;
        stream.read_exact(&mut reply)?;
        ensure!(reply == batch.reply, "a wrong reply: {}", reply.escape_ascii());
        let now = Instant::now();
        waits.record((now - asked).as_nanos() as u64)?;
        if now - start >= time {
            break;
        }
        due += BETWEEN;
        std::thread::sleep(due.saturating_duration_since(now));
    }
    stop.store(true, Ordering::Relaxed);
    let answers = flood.map_or(0, |flood| flood.answers.load(Ordering::Relaxed));
    Ok((waits, answers as f64 / start.elapsed().as_secs_f64()))
}

/// A script without a sleep: it sends, and reads what comes back.
pub struct Flood {
    stream: TcpStream,
    answers: Arc<AtomicU64>,
}

impl Flood {
    /// Floods until `stop`, or until it is dropped.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub fn start(server: &Running, stop: &Arc<AtomicBool>) -> Result<Self> {
        let stream = Dialect::Line.connect(server.tcp)?;
        let answers = Arc::new(AtomicU64::new(0));
        let (mut writing, mut reading) = (stream.try_clone()?, stream.try_clone()?);
        let (stopped, counted) = (Arc::clone(stop), Arc::clone(&answers));
        std::thread::spawn(move || {
            let script = not_found(PIPELINE);
            let Some(batch) = script.batch(0) else { return };
            while !stopped.load(Ordering::Relaxed) && writing.write_all(batch.request).is_ok() {}
        });
        std::thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = reading.read(&mut chunk) {
                let lines = chunk[..read].iter().filter(|&&byte| byte == b'\n').count();
                counted.fetch_add(lines as u64, Ordering::Relaxed);
            }
        });
        Ok(Flood { stream, answers })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // Ends both threads.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Finds in an empty book, in one batch.
fn not_found(count: usize) -> Script {
    let mut ask = finds(1, count, 0);
    ask.iter_mut().for_each(|exchange| exchange.answer = Answer::NotFound);
    Script::new(Dialect::Line, &ask, count)
}
