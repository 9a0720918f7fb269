//! One row of the table: so many rooms on so many servers, and `pgbench` in the same state.

use std::time::{Duration, Instant};

use crate::classroom::binary::{FREE_PORTS, Program, command};
use crate::classroom::events::EventClient;
use crate::classroom::postgres::Postgres;
use crate::classroom::{get, must};
use crate::clients::{Client, Lines, Load, at, load};
use crate::pgbench::Shape;
use crate::usage::{Usage, megabytes};
use tcp_classroom::Rooms;

/// Clients in all rooms together, and one at least in each room.
const CLIENTS: usize = 200;

/// Sessions of clients without servers. To start one for each of the clients takes the
/// database longer than the measurement; so many keep it as busy.
const SESSIONS: usize = 50;

/// How long each load is measured: some ten thousand replies, and all within four minutes.
const ADDING: Duration = Duration::from_secs(3);
const FINDING: Duration = Duration::from_secs(2);

/// Before that: connections are made and statements prepared.
const WARM_UP: Duration = Duration::from_millis(500);

/// Changes whose way to another server is measured.
const FOLLOWED: usize = 100;

/// Time between two of them: more than that in which a page is told of changes together.
const REST: Duration = Duration::from_millis(150);

/// More contacts than a room gets.
const QUOTA: usize = 1_000_000;

/// Lines that a client sends before it reads the replies, where it does not wait for each.
/// A server takes a quarter as much of a change that comes with seven others: the rest is
/// the kernel's work for its packets, which `pgbench` has none of.
const AT_ONCE: usize = 8;

/// Something that was measured: its name, how it went and for how long.
struct Measured {
    what: &'static str,
    load: Load,
    lasts: Duration,
    /// Requests in a transaction; infinite for finds, whose groups the servers do not count.
    group: f64,
    used: Usage,
}

/// A database with rooms.
pub struct Database {
    pub name: String,
    pub codes: Vec<String>,
    url: String,
}

impl Database {
    pub async fn with_rooms(postgres: &Postgres, rooms: usize) -> Self {
        let url = postgres.database().await;
        let registry = Rooms::connect(&url).await.unwrap();
        let mut codes = Vec::new();
        for number in 0..rooms {
            codes.push(registry.create(&format!("class {number}"), QUOTA).await.unwrap().code);
        }
        let name = url.rsplit('/').next().unwrap().to_owned();
        Database { name, codes, url }
    }

    /// A server of it, that reaches it at `url`, or as everybody does.
    pub fn server(&self, url: Option<&str>) -> Program {
        let mut server = command();
        server.args(FREE_PORTS).env("TCP_CLASSROOM_DATABASE", url.unwrap_or(&self.url));
        Program::run(server)
    }

    /// Clients that have joined, in turn over rooms and servers.
    pub async fn clients(&self, servers: &[Program], count: usize) -> Vec<Client> {
        let joining = (0..count).map(|number| {
            let (turn, room) = (number / self.codes.len(), number % self.codes.len());
            let server = servers[(turn + room) % servers.len()].tcp;
            let code = self.codes[room].clone();
            tokio::spawn(async move { Client::join(server, &code, number).await })
        });
        let mut clients = Vec::new();
        for joined in joining.collect::<Vec<_>>() {
            clients.push(joined.await.unwrap());
        }
        clients
    }
}

/// The heads of the columns of [`row`].
pub fn head() {
    println!(
        "rooms servers                   | a second  p50 ms  p99 ms  group | pgbench   ratio | \
         us server  us db  bytes  log"
    );
}

/// Measures and prints a row's lines.
pub async fn row(postgres: &Postgres, rooms: usize, count: usize) {
    let database = Database::with_rooms(postgres, rooms).await;
    let servers: Vec<_> = (0..count).map(|_| database.server(None)).collect();
    let clients = database.clients(&servers, CLIENTS.max(rooms)).await;
    let warm = load(clients, WARM_UP, None, |c, n| format!("add;c{c}w{n};{n}\n")).await;
    let mut clients = warm.clients;

    let mut measured = Vec::new();
    let kinds: [(&str, Duration, Lines); 3] = [
        ("adds", ADDING, |c, n| format!("add;c{c}n{n};{n}\n")),
        ("adds, 8 at once", ADDING, |c, n| {
            let eight = n * AT_ONCE..(n + 1) * AT_ONCE;
            eight.map(|n| format!("add;c{c}e{n};{n}\n")).collect()
        }),
        ("finds", FINDING, |c, n| format!("find;c{c}n{}\n", n % 20)),
    ];
    for (what, lasts, lines) in kinds {
        let (before, groups_before) =
            (Usage::now(postgres, &servers).await, groups(&servers).await);
        let mut load = load(clients, lasts, None, lines).await;
        clients = std::mem::take(&mut load.clients);
        let used = Usage::now(postgres, &servers).await.since(before);
        let group = load.replies as f64 / (groups(&servers).await - groups_before);
        measured.push(Measured { what, load, lasts, group, used });
    }
    let memory = megabytes(&servers) / count as f64;
    drop(clients);
    let feed = match count {
        1 => Vec::new(),
        _ => follow(&servers, &database.codes[0]).await,
    };
    // They would read what pgbench writes.
    drop(servers);

    for measured in measured {
        let Measured { lasts, group, .. } = measured;
        let shape = Shape { rooms, servers: count, group: group.round() as usize, lasts };
        let pgbench = match group.is_finite() {
            true => shape.adds(postgres, &database.name).await,
            // What clients would get without servers: a session each, and a find at a time.
            false => {
                let alone = Shape { group: 1, ..shape };
                alone.finds_in(SESSIONS, postgres, &database.name).await
            }
        };
        println!("{rooms:5} {count:7}   {}", measured.beside(pgbench));
    }
    // Half of a lane's clients wait while the others are answered.
    let group = CLIENTS.max(rooms) / (2.min(rooms) * count) / 2;
    let shape = Shape { rooms, servers: count, group, lasts: FINDING };
    let finds = shape.finds(postgres, &database.name).await;
    let (p50, p99) = (at(&feed, 0.5), at(&feed, 0.99));
    println!(
        "{:17}{memory:.1} MB a server; feed: p50 {p50:.1} ms, p99 {p99:.1} ms; \
         pgbench in groups of {group} finds {finds:.0} a second",
        ""
    );
}

impl Measured {
    /// The columns of a line, with the yardstick's number a second.
    fn beside(&self, pgbench: f64) -> String {
        let Measured { what, load, lasts, group, used } = self;
        let rate = load.replies as f64 / lasts.as_secs_f64();
        let each = |sum: f64| sum / load.replies as f64;
        format!(
            "{what:15} | {rate:8.0} {:7.1} {:7.1} {group:6.1} | {pgbench:7.0} {:7.2} | \
             {:9.0} {:6.0} {:6.0} {:4.0}",
            load.at(0.5),
            load.at(0.99),
            rate / pgbench,
            each(used.servers * 1e6),
            each(used.database * 1e6),
            each(load.bytes as f64),
            each(used.log),
        )
    }
}

/// Groups of changes that were stored so far.
async fn groups(servers: &[Program]) -> f64 {
    let mut sum = 0.0;
    for server in servers {
        let metrics = get(server.http, "/metrics", "").await.text();
        let line =
            metrics.lines().find_map(|l| l.strip_prefix("tcp_classroom_commit_seconds_count "));
        sum += line.unwrap().parse::<f64>().unwrap();
    }
    sum
}

/// How long a change that was confirmed on the first server takes to a page on the last.
async fn follow(servers: &[Program], code: &str) -> Vec<Duration> {
    let (first, last) = (&servers[0], servers.last().unwrap());
    let path = format!("/r/{code}{}", api::EVENTS);
    let mut events = EventClient::open_path(last.http, &path).await;
    events.snapshot().await;
    let mut client = Client::join(first.tcp, code, 0).await;
    let mut delays = Vec::new();
    for n in 0..FOLLOWED {
        tokio::time::sleep(REST).await;
        client.ask(&format!("add;followed;{n}\n")).await;
        let confirmed = Instant::now();
        let phone = n.to_string();
        let comes = async {
            while !events
                .changes()
                .await
                .changes
                .iter()
                .any(|entry| entry.phone.as_ref() == Some(&phone))
            {}
        };
        must("the change", comes).await;
        delays.push(confirmed.elapsed());
    }
    delays.sort_unstable();
    delays
}
