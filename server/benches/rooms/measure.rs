//! Many classes in a database: adds and finds a second, how long they take, and how soon
//! another server has a change; beside `pgbench`, which makes the same statements alone.
//!
//! Clients, servers and database share this machine, and clients and servers a process: the
//! figures are what that takes together.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::classroom::events::EventClient;
use crate::classroom::postgres::{Postgres, programs};
use crate::classroom::{TcpClient, TestServer, get, must};
use tcp_classroom::Rooms;

/// Clients in all rooms together, each of which waits for the reply before it goes on.
const CLIENTS: usize = 200;

/// How long each load is measured.
const MEASURED: Duration = Duration::from_secs(5);

/// Changes whose way to another server is measured.
const FOLLOWED: usize = 100;

/// Time between two of them: more than that in which a page is told of changes together.
const REST: Duration = Duration::from_millis(150);

/// Lanes of changes of a server, as `book/room` has them.
const LANES: usize = 4;

/// More contacts than a room gets.
const QUOTA: usize = 100_000;

#[tokio::main]
pub async fn all() {
    let Some(postgres) = Postgres::start() else { return };
    println!(
        "rooms servers |  adds/s   p50 ms   p99 ms  a group |  pgbench  ratio |  finds/s   p99 ms | feed p50 ms   p99 ms"
    );
    for (rooms, servers) in [(1, 1), (10, 1), (100, 1), (1, 2), (10, 2), (100, 2)] {
        measure(&postgres, rooms, servers).await;
    }
}

async fn measure(postgres: &Postgres, rooms: usize, servers: usize) {
    let url = postgres.database().await;
    let registry = Rooms::connect(&url).await.unwrap();
    let mut created = Vec::new();
    for number in 0..rooms {
        created.push(registry.create(&format!("class {number}"), QUOTA).await.unwrap());
    }
    let mut running = Vec::new();
    for _ in 0..servers {
        running.push(TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await);
    }
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = running[number % servers].tcp().await;
        let room = &created[number / servers % rooms];
        client.send(format!("join;{}\n", room.code).as_bytes()).await;
        client.line().await;
        clients.push((number, client));
    }
    let groups_before = groups(&running).await;
    let (adds, clients) =
        load(clients, |client, n| format!("add;c{client}n{};{n}\n", n % 100)).await;
    let group = adds.len() as f64 / (groups(&running).await - groups_before).max(1.0);
    let (finds, clients) = load(clients, |client, n| format!("find;c{client}n{}\n", n % 100)).await;
    drop(clients);
    let feed = follow(&running, &created[0].code).await;
    let alone = pgbench(postgres, &url, rooms, servers, group.round().max(1.0) as usize).await;
    let a_second = |count: usize| count as f64 / MEASURED.as_secs_f64();
    println!(
        "{rooms:5} {servers:7} | {:7.0} {:8.1} {:8.1} {group:8.1} | {alone:8.0} {:6.2} | {:8.0} {:8.1} | \
         {:11.1} {:8.1}",
        a_second(adds.len()),
        at(&adds, 0.5),
        at(&adds, 0.99),
        a_second(adds.len()) / alone,
        a_second(finds.len()),
        at(&finds, 0.99),
        at(&feed, 0.5),
        at(&feed, 0.99),
    );
}

/// A part of sorted times, in milliseconds.
fn at(times: &[Duration], part: f64) -> f64 {
    times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1_000.0
}

/// Groups of changes that were stored so far.
async fn groups(servers: &[TestServer]) -> f64 {
    let mut sum = 0.0;
    for server in servers {
        let metrics = get(server.http, "/metrics", "").await.text();
        let line =
            metrics.lines().find_map(|l| l.strip_prefix("tcp_classroom_commit_seconds_count "));
        sum += line.unwrap().parse::<f64>().unwrap();
    }
    sum
}

/// Has all clients ask one thing after another. Returns how long each took, sorted, and the
/// clients.
async fn load(
    clients: Vec<(usize, TcpClient)>,
    line: fn(usize, usize) -> String,
) -> (Vec<Duration>, Vec<(usize, TcpClient)>) {
    let end = Instant::now() + MEASURED;
    let asking = clients.into_iter().map(|(number, mut client)| {
        tokio::spawn(async move {
            let mut times = Vec::new();
            for n in 0.. {
                let start = Instant::now();
                if start >= end {
                    break;
                }
                client.send(line(number, n).as_bytes()).await;
                let reply = client.line().await;
                assert!(!reply.starts_with("Error"), "{reply}");
                times.push(start.elapsed());
            }
            (times, number, client)
        })
    });
    let (mut all, mut back) = (Vec::new(), Vec::new());
    for asked in asking.collect::<Vec<_>>() {
        let (times, number, client) = asked.await.unwrap();
        all.extend(times);
        back.push((number, client));
    }
    all.sort_unstable();
    (all, back)
}

/// How long a change that was confirmed on the first server takes to a page on the last.
async fn follow(servers: &[TestServer], code: &str) -> Vec<Duration> {
    let (first, last) = (&servers[0], servers.last().unwrap());
    let path = format!("/r/{code}{}", api::EVENTS);
    let mut events = EventClient::open_path(last.http, &path).await;
    events.snapshot().await;
    let mut client = first.tcp().await;
    client.send(format!("join;{code}\n").as_bytes()).await;
    client.line().await;
    let mut delays = Vec::new();
    for n in 0..FOLLOWED {
        tokio::time::sleep(REST).await;
        client.send(format!("add;followed;{n}\n").as_bytes()).await;
        client.line().await;
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

/// The same statements without servers and clients, as often as the database takes them, in
/// transactions of `group` names. Returns how many names a second.
async fn pgbench(
    postgres: &Postgres,
    url: &str,
    rooms: usize,
    servers: usize,
    group: usize,
) -> f64 {
    let sessions = rooms.min(LANES) * servers;
    let database = url.rsplit('/').next().unwrap();
    let client = postgres.connect(database).await;
    let lanes = "insert into tcp_classroom.lanes select from generate_series(1, 64)";
    client.execute(lanes, &[]).await.unwrap();
    let script = format!(
        "\\set room 1 + (:client_id % {rooms})\n\\set lane 1 + :client_id\n\\set n random(1, 20000)\n\
         begin;\n\
         select mark from lanes where id = :lane for update;\n\
         select id, seq, contacts, removed, quota from rooms where id = :room \
         and archived is null order by id for update;\n\
         select c.name, c.phone from generate_series(1, {group}) i join contacts c \
         on c.room = :room and c.name = 'c' || (:n + i);\n\
         insert into contacts (room, name, phone, seq) \
         select :room, 'c' || (:n + i), '1', :n + i from generate_series(1, {group}) i \
         on conflict (room, name) do update set phone = excluded.phone, seq = excluded.seq;\n\
         update rooms set seq = seq + {group}, used = current_date where id = :room;\n\
         update lanes set mark = :n, used = now() where id = :lane;\n\
         commit;\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).unwrap();
    let programs = programs().unwrap();
    let mut command = Command::new(programs.join("pgbench"));
    command
        .args(["--no-vacuum", "--protocol", "prepared", "--username", "classroom"])
        .args(["--client", &sessions.to_string(), "--time", &MEASURED.as_secs().to_string()])
        .arg("--host")
        .arg(postgres.socket().parent().unwrap())
        .arg("--file")
        .arg(&file)
        .arg(database)
        .env("PGOPTIONS", "-c search_path=tcp_classroom");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = told.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split(' ').next()).and_then(|tps| tps.parse::<f64>().ok());
    let errors = String::from_utf8_lossy(&output.stderr);
    tps.unwrap_or_else(|| panic!("pgbench: {told}{errors}")) * group as f64
}
