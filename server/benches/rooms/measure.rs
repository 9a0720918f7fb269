//! One row of the table: so many rooms on so many servers, and `pgbench` in the same state.

use std::time::{Duration, Instant};

use crate::classroom::binary::{FREE_PORTS, Program, command};
use crate::classroom::events::EventClient;
use crate::classroom::postgres::Postgres;
use crate::classroom::{get, must};
use crate::clients::{Client, at, load};
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
const QUOTA: usize = 100_000;

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
        "                              adds                         |                         finds                        | \
         feed, ms     |         an add              |   a find    | a server\n\
         rooms servers |  a second  p50 ms  p99 ms  group  pgbench   ratio |  a second  p99 ms  pgbench   ratio  one by one   ratio | \
         p50      p99 | us server  us db  bytes log | server   db |    MB"
    );
}

/// Measures and prints a row.
pub async fn row(postgres: &Postgres, rooms: usize, count: usize) {
    let database = Database::with_rooms(postgres, rooms).await;
    let servers: Vec<_> = (0..count).map(|_| database.server(None)).collect();
    let clients = database.clients(&servers, CLIENTS.max(rooms)).await;
    let warm = load(clients, WARM_UP, None, |c, n| format!("add;c{c}w{n};{n}\n")).await;

    let (groups_before, before) = (groups(&servers).await, Usage::now(postgres, &servers).await);
    let adds = load(warm.clients, ADDING, None, |c, n| format!("add;c{c}n{n};{n}\n")).await;
    let by_adds = Usage::now(postgres, &servers).await.since(before);
    let group = adds.times.len() as f64 / (groups(&servers).await - groups_before).max(1.0);
    let before = Usage::now(postgres, &servers).await;
    let finds = load(adds.clients, FINDING, None, |c, n| format!("find;c{c}n{}\n", n % 20)).await;
    let by_finds = Usage::now(postgres, &servers).await.since(before);
    let memory = megabytes(&servers) / count as f64;
    drop(finds.clients);
    let feed = match count {
        1 => Vec::new(),
        _ => follow(&servers, &database.codes[0]).await,
    };
    // They would read what pgbench writes.
    drop(servers);
    let lasts = ADDING;
    let shape = Shape { rooms, servers: count, group: group.round().max(1.0) as usize, lasts };
    let pg_adds = shape.adds(postgres, &database.name).await;
    // The servers do not count groups of finds. Assumed: half of a lane's clients wait.
    let waiting = CLIENTS.max(rooms) / (2.min(rooms) * count) / 2;
    let shape = Shape { group: waiting, lasts: FINDING, ..shape };
    let pg_finds = shape.finds(postgres, &database.name).await;
    // What clients would get without servers: a session each, and a find at a time.
    let alone = Shape { group: 1, ..shape };
    let pg_alone = alone.finds_in(SESSIONS, postgres, &database.name).await;

    let add_rate = adds.times.len() as f64 / ADDING.as_secs_f64();
    let find_rate = finds.times.len() as f64 / FINDING.as_secs_f64();
    let an_add = |sum: f64| sum / adds.times.len() as f64;
    let a_find = |sum: f64| sum * 1e6 / finds.times.len() as f64;
    println!(
        "{rooms:5} {count:7} | {add_rate:9.0} {:7.1} {:7.1} {group:6.1} {pg_adds:8.0} {:7.2} | \
         {find_rate:9.0} {:7.1} {pg_finds:8.0} {:7.2} {pg_alone:11.0} {:7.2} | {:5.1} {:8.1} | {:9.0} {:6.0} {:5.0} {:3.0} | \
         {:6.0} {:4.0} | {memory:5.1}",
        at(&adds.times, 0.5),
        at(&adds.times, 0.99),
        add_rate / pg_adds,
        at(&finds.times, 0.99),
        find_rate / pg_finds,
        find_rate / pg_alone,
        at(&feed, 0.5),
        at(&feed, 0.99),
        an_add(by_adds.servers * 1e6),
        an_add(by_adds.database * 1e6),
        an_add(adds.bytes as f64),
        an_add(by_adds.log),
        a_find(by_finds.servers),
        a_find(by_finds.database),
    );
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
