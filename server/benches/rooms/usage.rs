//! Usage: what servers and database have taken of the machine.

use std::path::Path;

use crate::classroom::binary::Program;
use crate::classroom::postgres::Postgres;

/// Units of time in `/proc/PID/stat`, a second: fixed for all programs on Linux.
const TICKS: f64 = 100.0;

/// Seconds of processor time, and bytes, up to a moment.
#[derive(Clone, Copy)]
pub struct Usage {
    pub servers: f64,
    pub database: f64,
    /// Written to the database's log, which is what a second machine or a backup gets.
    pub log: f64,
}

impl Usage {
    pub async fn now(postgres: &Postgres, servers: &[Program]) -> Self {
        let client = postgres.connect("postgres").await;
        let select = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8";
        let log = client.query_one(select, &[]).await.unwrap().get(0);
        let servers = servers.iter().map(|server| seconds(server.child.id(), 2)).sum();
        Usage { servers, database: of_database(postgres), log }
    }

    /// What was taken since then.
    pub fn since(self, before: Self) -> Self {
        Usage {
            servers: self.servers - before.servers,
            database: self.database - before.database,
            log: self.log - before.log,
        }
    }
}

/// The cluster's processes, those that have ended included.
fn of_database(postgres: &Postgres) -> f64 {
    let socket = postgres.socket();
    let folder = socket.parent().unwrap();
    let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let main: u32 = file.lines().next().unwrap().parse().unwrap();
    let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let parent: u32 = fields(pid)?.get(1)?.parse().ok()?;
        (parent == main).then(|| seconds(pid, 2))
    });
    seconds(main, 4) + children.sum::<f64>()
}

/// The time of a process: its own with two fields, with four that of its ended children, too.
fn seconds(pid: u32, count: usize) -> f64 {
    let fields = fields(pid).unwrap_or_default();
    let ticks = fields.iter().skip(11).take(count).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

/// The fields of `/proc/PID/stat` behind the name, which may contain anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    let stat = stat.ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// Memory that is in use, in MB, of all servers.
pub fn megabytes(servers: &[Program]) -> f64 {
    servers.iter().map(|server| server.memory("VmRSS")).sum::<u64>() as f64 / 1_024.0
}
