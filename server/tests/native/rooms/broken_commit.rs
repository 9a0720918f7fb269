//! Commits whose answer is lost: each change is made once all the same.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::{OneRoom, QUOTA, say};
use crate::classroom::postgres::Postgres;
use crate::classroom::{TestServer, must};
use tcp_classroom::Rooms;

/// Stands between a server and the database, and breaks connections at commits.
#[derive(Clone)]
struct Breaker {
    /// Where the database listens.
    socket: PathBuf,
    /// Whether the database gets the commits that are broken.
    delivers: bool,
    /// How many of the next commits lose their answer.
    armed: Arc<AtomicU32>,
    /// How many have lost it.
    broken: Arc<AtomicU32>,
    /// Which history of the database is met. A change breaks all connections.
    met: Arc<watch::Sender<Met>>,
}

/// A history of the database. The other one is a database of its own, named with an `e`
/// where the first is named with a `d`.
#[derive(Clone, Copy, PartialEq)]
enum Met {
    First,
    Other,
    Neither,
}

/// What a commit looks like on its way to the database: a simple query.
const COMMIT: &[u8] = b"commit\0";

impl Breaker {
    /// Returns the address at which it stands for the database.
    async fn before(postgres: &Postgres, url: &str, delivers: bool) -> (Self, String) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let met = Arc::new(watch::Sender::new(Met::First));
        let (armed, broken) = Default::default();
        let breaker = Breaker { socket: postgres.socket(), delivers, armed, broken, met };
        let passing = breaker.clone();
        tokio::spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                let passing = passing.clone();
                tokio::spawn(async move {
                    let mut met = passing.met.subscribe();
                    let now = *met.borrow_and_update();
                    tokio::select! {
                        () = passing.pass_on(server, now) => {}
                        _ = met.changed() => {}
                    }
                });
            }
        });
        let database = url.rsplit('/').next().unwrap();
        // Not asked for encryption, what comes first is the start-up message.
        let options = "sslmode=disable";
        (breaker, format!("postgres://classroom@127.0.0.1:{port}/{database}?{options}"))
    }

    async fn pass_on(&self, mut server: TcpStream, met: Met) {
        let Ok(mut database) = UnixStream::connect(&self.socket).await else { return };
        let (mut to, mut from) = (vec![0; 65_536], vec![0; 65_536]);
        let mut is_first = true;
        loop {
            tokio::select! {
                read = server.read(&mut to) => {
                    let Ok(length @ 1..) = read else { return };
                    let sent = &mut to[..length];
                    if std::mem::take(&mut is_first) {
                        match met {
                            Met::First => {}
                            Met::Other => name_the_other(sent),
                            Met::Neither => return,
                        }
                    }
                    let breaks = sent.windows(COMMIT.len()).any(|part| part == COMMIT)
                        && self.armed.fetch_update(
                            Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1),
                        ).is_ok();
                    if breaks && !self.delivers {
                        self.broken.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    if database.write_all(sent).await.is_err() {
                        return;
                    }
                    if breaks {
                        // Its answer shows that it is made.
                        let mut answer = Vec::new();
                        while !answer.windows(7).any(|part| part == b"COMMIT\0") {
                            let Ok(length @ 1..) = database.read(&mut from).await else { return };
                            answer.extend_from_slice(&from[..length]);
                        }
                        self.broken.fetch_add(1, Ordering::SeqCst);
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
}

/// Makes a start-up message ask for the other history.
fn name_the_other(message: &mut [u8]) {
    const NAME: &[u8] = b"database\0d";
    let at = message.windows(NAME.len()).position(|part| part == NAME).unwrap();
    message[at + NAME.len() - 1] = b'e';
}

/// Makes changes whose commits break now and then, and returns how often the room's
/// number was raised and how many changes were confirmed.
async fn changes_through_a_breaker(delivers: bool) -> Option<(i64, i64)> {
    const CHANGES: u32 = 60;
    let postgres = Postgres::shared()?;
    let OneRoom { url, room, .. } = OneRoom::on(postgres).await;
    let (breaker, broken_url) = Breaker::before(postgres, &url, delivers).await;
    let rooms = Rooms::connect(&broken_url).await.unwrap();
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
    if let Some((made, confirmed)) = changes_through_a_breaker(true).await {
        assert_eq!(made, confirmed);
    }
}

#[tokio::test]
async fn a_commit_that_is_lost_on_its_way_is_made_by_the_next_attempt() {
    if let Some((made, confirmed)) = changes_through_a_breaker(false).await {
        assert_eq!(made, confirmed);
    }
}

#[tokio::test]
async fn after_a_failover_another_group_s_commit_is_not_taken_for_that_of_a_group() {
    let Some(postgres) = Postgres::shared() else { return };
    for delivers in [true, false] {
        let OneRoom { url, room, rooms } = OneRoom::on(postgres).await;
        drop(rooms);
        let (breaker, broken_url) = Breaker::before(postgres, &url, delivers).await;
        let rooms = Rooms::connect(&broken_url).await.unwrap();
        let server = TestServer::with_book(rooms.book(&room.code).await.unwrap(), |_| {}).await;
        let mut client = server.tcp().await;
        assert_eq!(say(&mut client, "add;a;1").await, "a added!");
        // The second history begins with all that the first has.
        breaker.met.send_replace(Met::Neither);
        let first = url.rsplit('/').next().unwrap();
        let other = first.replace('d', "e");
        let copying = async {
            let client = postgres.connect("postgres").await;
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
            let copy = format!("create database {other} template {first}");
            loop {
                client.query(kill, &[&first]).await.unwrap();
                if client.batch_execute(&copy).await.is_ok() {
                    return;
                }
            }
        };
        must("the database is copied", copying).await;

        // The new primary makes a group; the next one's first attempt meets the old one.
        breaker.met.send_replace(Met::Other);
        assert_eq!(say(&mut client, "add;b;2").await, "b added!");
        breaker.armed.store(1, Ordering::SeqCst);
        breaker.met.send_replace(Met::First);
        let failing_over = async {
            while breaker.broken.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            breaker.met.send_replace(Met::Other);
        };
        let (told, ()) = tokio::join!(say(&mut client, "add;c;3"), failing_over);
        assert_eq!(told, "c added!");
        for (name, phone) in [("a", "1"), ("b", "2"), ("c", "3")] {
            assert_eq!(say(&mut client, &format!("find;{name}")).await, phone, "{name}");
        }
        let rows = postgres.connect(&other).await;
        let row = rows.query_one("select seq from tcp_classroom.rooms", &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 3);
    }
}

#[tokio::test]
async fn sessions_that_are_killed_in_the_middle_of_load_lose_nothing_and_make_nothing_twice() {
    const WRITERS: usize = 12;
    const EACH: usize = 150;
    /// Replies between two kills.
    const BETWEEN: usize = 60;
    let Some(postgres) = Postgres::shared() else { return };
    let one = OneRoom::on(postgres).await;
    let other = one.rooms.create("Class 3c", QUOTA).await.unwrap();
    let other = TestServer::with_book(one.rooms.book(&other.code).await.unwrap(), |_| {}).await;
    let server = one.server().await;
    let mut writers = Vec::new();
    let (answered, mut replies) = unbounded_channel();
    for writer in 0..WRITERS {
        let answered = answered.clone();
        let of = if writer % 2 == 0 { &server } else { &other };
        let mut client = of.tcp().await;
        writers.push(tokio::spawn(async move {
            let mut confirmed = Vec::new();
            for number in 0..EACH {
                let name = format!("w{writer}n{number}");
                let reply = say(&mut client, &format!("add;{name};1")).await;
                answered.send(()).unwrap();
                if reply == format!("{name} added!") {
                    confirmed.push(name);
                } else {
                    // A machine that is busy enough: five seconds were not enough.
                    assert!(reply.starts_with("Error: not confirmed"), "{reply}");
                }
            }
            confirmed
        }));
    }
    let database = one.url.rsplit('/').next().unwrap().to_owned();
    let client = postgres.connect(&database).await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                where datname = $1 and pid <> pg_backend_pid()";
    let mut killed = 0;
    drop(answered);
    // It is closed once all writers are done.
    let mut goes_on = true;
    while goes_on {
        killed += client.query_one(kill, &[&database]).await.unwrap().get::<_, i64>(0);
        for _ in 0..BETWEEN {
            goes_on = replies.recv().await.is_some();
        }
    }
    let mut confirmed = Vec::new();
    for writer in writers {
        confirmed.extend(writer.await.unwrap());
    }
    println!("{killed} sessions killed, {} confirmed", confirmed.len());
    assert!(confirmed.len() > WRITERS * EACH / 2);
    let stored = client.query("select name from tcp_classroom.contacts", &[]).await.unwrap();
    let stored: HashSet<&str> = stored.iter().map(|row| row.get(0)).collect();
    assert!(confirmed.iter().all(|name| stored.contains(&**name)));
    let sql = "select sum(seq)::bigint, sum(contacts)::bigint, \
               (select count(*) from tcp_classroom.contacts) from tcp_classroom.rooms";
    let row = client.query_one(sql, &[]).await.unwrap();
    let sums: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    assert_eq!(sums, [stored.len() as i64; 3], "none was made twice");
}
