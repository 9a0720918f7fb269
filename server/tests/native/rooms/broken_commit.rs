//! Commits whose answer is lost: each change is made once all the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::Client;

use super::{OneRoom, QUOTA, say};
use crate::classroom::TestServer;
use crate::classroom::postgres::Postgres;
use tcp_classroom::Rooms;

/// Stands between a server and the database, and breaks connections at commits.
struct Breaker {
    port: u16,
    /// How many of the next commits lose their answer.
    armed: Arc<AtomicU32>,
    /// How many have lost it.
    broken: Arc<AtomicU32>,
}

/// What a commit looks like on its way to the database: a simple query.
const COMMIT: &[u8] = b"commit\0";

impl Breaker {
    /// `delivers`: whether the database gets the commits that are broken.
    /// `other_history`: what else happens to the database before the connection breaks.
    async fn before(socket: PathBuf, delivers: bool, other_history: Option<Client>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (armed, broken) = <(Arc<AtomicU32>, Arc<AtomicU32>)>::default();
        let other_history = other_history.map(Arc::new);
        let breaker = Breaker { port, armed: Arc::clone(&armed), broken: Arc::clone(&broken) };
        tokio::spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                let Ok(database) = UnixStream::connect(&socket).await else { continue };
                let (armed, broken) = (Arc::clone(&armed), Arc::clone(&broken));
                let history = other_history.clone();
                tokio::spawn(pass_on(server, database, (armed, broken), delivers, history));
            }
        });
        breaker
    }

    fn url(&self, url: &str) -> String {
        let database = url.rsplit('/').next().unwrap();
        format!("postgres://classroom@127.0.0.1:{}/{database}", self.port)
    }
}

async fn pass_on(
    mut server: TcpStream,
    mut database: UnixStream,
    (armed, broken): (Arc<AtomicU32>, Arc<AtomicU32>),
    delivers: bool,
    other_history: Option<Arc<Client>>,
) {
    let (mut to, mut from) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = server.read(&mut to) => {
                let Ok(length @ 1..) = read else { return };
                let breaks = to[..length].windows(COMMIT.len()).any(|part| part == COMMIT)
                    && armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                        .is_ok();
                if breaks && !delivers {
                    drop(database);
                    if let Some(client) = other_history {
                        let raise = "update tcp_classroom.lanes set mark = mark + 1";
                        client.execute(raise, &[]).await.unwrap();
                    }
                    broken.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if database.write_all(&to[..length]).await.is_err() {
                    return;
                }
                if breaks {
                    // Its answer shows that it is made.
                    let mut answer = Vec::new();
                    while !answer.windows(7).any(|part| part == b"COMMIT\0") {
                        let Ok(length @ 1..) = database.read(&mut from).await else { return };
                        answer.extend_from_slice(&from[..length]);
                    }
                    broken.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            read = database.read(&mut from) => {
                let Ok(length @ 1..) = read else { return };
                if server.write_all(&from[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Makes changes whose commits break now and then, and returns how often the room's
/// number was raised and how many changes were confirmed.
async fn changes_through_a_breaker(delivers: bool, meddles: bool) -> Option<(i64, i64)> {
    const CHANGES: u32 = 60;
    let postgres = Postgres::shared()?;
    let OneRoom { url, room, .. } = OneRoom::on(postgres).await;
    let database = url.rsplit('/').next().unwrap();
    let other_history = if meddles { Some(postgres.connect(database).await) } else { None };
    let breaker = Breaker::before(postgres.socket(), delivers, other_history).await;
    let rooms = Rooms::connect(&breaker.url(&url)).await.unwrap();
    let server = TestServer::with_book(rooms.book(&room.code).await.unwrap(), |_| {}).await;
    let mut client = server.tcp().await;
    let mut confirmed = 0;
    for number in 0..CHANGES {
        breaker.armed.store(u32::from(number % 3 == 0), Ordering::SeqCst);
        // What was there before decides the reply: made twice, it would be `Not Found!`.
        let (line, reply) = match number % 2 {
            0 => (format!("add;a;{number}"), "a added!"),
            _ => ("remove;a".to_owned(), "a removed!"),
        };
        assert_eq!(say(&mut client, &line).await, reply, "{number}");
        confirmed += 1;
    }
    assert_eq!(breaker.broken.load(Ordering::SeqCst), CHANGES / 3);
    let client = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let row = client.query_one("select seq from tcp_classroom.rooms", &[]).await.unwrap();
    Some((row.get(0), confirmed))
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_confirmed_and_not_made_again() {
    if let Some((made, confirmed)) = changes_through_a_breaker(true, false).await {
        assert_eq!(made, confirmed);
    }
}

#[tokio::test]
async fn a_commit_that_is_lost_on_its_way_is_made_by_the_next_attempt() {
    if let Some((made, confirmed)) = changes_through_a_breaker(false, false).await {
        assert_eq!(made, confirmed);
    }
}

#[tokio::test]
async fn a_lane_that_another_history_has_brought_as_far_is_not_taken_for_a_commit() {
    if let Some((made, confirmed)) = changes_through_a_breaker(false, true).await {
        assert_eq!(made, confirmed);
    }
}

#[tokio::test]
async fn sessions_that_are_killed_in_the_middle_of_load_lose_nothing_and_make_nothing_twice() {
    const WRITERS: usize = 12;
    const EACH: usize = 150;
    let Some(postgres) = Postgres::shared() else { return };
    let one = OneRoom::on(postgres).await;
    let other = one.rooms.create("Class 3c", QUOTA).await.unwrap();
    let other = TestServer::with_book(one.rooms.book(&other.code).await.unwrap(), |_| {}).await;
    let server = one.server().await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let of = if writer % 2 == 0 { &server } else { &other };
        let mut client = of.tcp().await;
        writers.push(tokio::spawn(async move {
            for number in 0..EACH {
                let name = format!("w{writer}n{number}");
                let reply = say(&mut client, &format!("add;{name};1")).await;
                assert_eq!(reply, format!("{name} added!"));
            }
        }));
    }
    let database = one.url.rsplit('/').next().unwrap().to_owned();
    let client = postgres.connect(&database).await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                where datname = $1 and pid <> pg_backend_pid()";
    let mut killed = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        killed += client.query_one(kill, &[&database]).await.unwrap().get::<_, i64>(0);
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    println!("{killed} sessions killed");
    let sql = "select sum(seq)::bigint, sum(contacts)::bigint, \
               (select count(*) from tcp_classroom.contacts) from tcp_classroom.rooms";
    let row = client.query_one(sql, &[]).await.unwrap();
    let sums: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    assert_eq!(sums, [(WRITERS * EACH) as i64; 3]);
}
