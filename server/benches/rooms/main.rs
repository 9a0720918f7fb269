//! Many classes in a database, `cargo xtask bench rooms`: adds and finds a second, how long
//! they take, how soon another server has a change, and what each takes of processors, memory
//! and network; beside `pgbench`, which makes the same statements alone, in the same run.
//! Needs PostgreSQL, and Linux, where the tests start one of their own.
//!
//! Clients, servers and database share this machine: the figures are what it does with all of
//! them, while `pgbench` has it for the database alone, and names that come in groups. So
//! changes are measured twice: each sent alone, and [eight](measure) at once, where what the
//! kernel does for a message is shared, too. Of finds in groups as large as the servers'
//! `pgbench` makes more than any server can; finding one by one, in a session for each client,
//! is what clients get without servers.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[cfg(target_os = "linux")]
#[path = "../../tests/classroom/mod.rs"]
mod classroom;
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod lesson;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod people;
#[cfg(target_os = "linux")]
mod pgbench;
#[cfg(target_os = "linux")]
mod usage;

fn main() {
    #[cfg(target_os = "linux")]
    all();
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn all() {
    // A thousand clients are as many descriptors.
    let _ = tcp_classroom::raise_descriptor_limit();
    // In the temporary folder, which is to be on a disk: a commit takes as long as it does there.
    let Some(postgres) = classroom::postgres::Postgres::start() else { return };
    // `cargo bench --bench rooms -- 10 2` measures one row alone.
    let numbers: Vec<usize> = std::env::args().filter_map(|number| number.parse().ok()).collect();
    measure::head();
    if let [rooms, servers] = numbers[..] {
        return measure::row(&postgres, rooms, servers).await;
    }
    for rooms in [1, 10, 1_000] {
        for servers in [1, 2, 3] {
            measure::row(&postgres, rooms, servers).await;
        }
    }
    lesson::inputs(&postgres).await;
    people::delays(&postgres).await;
}
