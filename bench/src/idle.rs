//! What an idle connection takes in memory, fresh and after it has been used.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::contender::{Book, Lab, Running};
use crate::dialect::Dialect;
use crate::gauge;
use crate::results::{IdleRow, Verdict};
use crate::script::Script;
use crate::workload::finds;

/// What the filter on the command line is held against.
pub const NAME: &str = "idle memory";

/// At most so much, in KiB. A connection is a task of the runtime, its decoder
/// and its replies; on a WebSocket also HTTP's state and a read buffer of 4 KiB.
/// Redis takes 1.4, and 9 once used.
const TCP: f64 = 3.0;
const WEBSOCKET: f64 = 8.0;

/// One row for each kind of connection.
///
/// # Errors
///
/// When a program does not start, or refuses a connection.
pub fn measure(lab: &mut Lab) -> Result<Vec<IdleRow>> {
    let connections = lab.effort.idle;
    raise_descriptor_limit(connections)?;
    let mut rows = Vec::new();
    for (kind, dialect, most) in [
        ("tcp-classroom, TCP", Dialect::Line, TCP),
        ("tcp-classroom, WebSocket", Dialect::WebSocket, WEBSOCKET),
    ] {
        let server = lab.server(Book::Memory)?;
        let (fresh, used) = each(&server, dialect, connections)?;
        let target = format!("at most {most} KiB");
        let verdict = Verdict { target, met: Some(fresh.max(used) <= most) };
        rows.push(IdleRow {
            kind: kind.to_owned(),
            connections,
            fresh,
            used,
            verdict: Some(verdict),
        });
    }
    if let Some(redis) = lab.redis(false)? {
        let (fresh, used) = each(&redis, Dialect::Redis, connections)?;
        rows.push(IdleRow { kind: redis.name.clone(), connections, fresh, used, verdict: None });
    }
    Ok(rows)
}

/// KiB a connection: once it is open, and once each has asked one thing.
fn each(running: &Running, dialect: Dialect, connections: usize) -> Result<(f64, f64)> {
    let address = if dialect == Dialect::WebSocket { running.http } else { running.tcp };
    let before = gauge::settled(running.process())?;
    let per_connection = |now: u64| now.saturating_sub(before) as f64 / connections as f64 / 1024.0;

    let mut open = dialect.connect_many(address, connections)?;
    let fresh = per_connection(gauge::settled(running.process())?);

    // One find in an empty book: it leaves nothing behind but what the
    // connection keeps.
    let mut ask = finds(1, 1, 0);
    for exchange in &mut ask {
        exchange.answer = crate::workload::Answer::NotFound;
    }
    let script = Script::new(dialect, &ask, 1);
    let batch = script.batch(0).context("there is one message")?;
    let mut reply = vec![0; batch.reply.len()];
    for stream in &mut open {
        stream.write_all(batch.request)?;
        stream.read_exact(&mut reply)?;
        anyhow::ensure!(reply == batch.reply, "a wrong reply: {}", reply.escape_ascii());
    }
    let used = per_connection(gauge::settled(running.process())?);
    Ok((fresh, used))
}

/// Descriptors besides the connections: a few files and the other programs'.
const SPARE: u64 = 100;

fn raise_descriptor_limit(connections: usize) -> Result<()> {
    let needed = connections as u64 + SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).with_context(|| {
            format!("{connections} connections need {needed} descriptors; see `ulimit -Hn`")
        })?;
    }
    Ok(())
}
