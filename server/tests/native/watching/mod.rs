//! The class's book on view: its changes as they happen, its contacts in order,
//! and where the server is.

mod limits;
mod lists;

use std::collections::BTreeMap;

use crate::classroom::events::{Event, EventClient};
use crate::classroom::{HttpResponse, TestServer, get, must};
use api::{Changes, Entry, Page, Snapshot};
use tcp_classroom::Book;
use tokio::io::AsyncReadExt;

/// A server of each kind, and what must live as long as its book.
async fn both_kinds() -> [(TestServer, Option<tempfile::TempDir>); 2] {
    let folder = tempfile::tempdir().unwrap();
    let book = Book::open(&folder.path().join("contacts.db"), 1_000_000).unwrap();
    [(TestServer::start().await, None), (TestServer::with_book(book, |_| {}).await, Some(folder))]
}

/// Sends lines, and is told that each was carried out.
async fn make(server: &TestServer, lines: &[String]) {
    let mut client = server.tcp().await;
    let (mut reading, mut writing) = client.stream.split();
    let sent = lines.concat();
    let read = async {
        let mut answers = 0;
        let mut chunk = vec![0; 64 * 1024];
        while answers < lines.len() {
            let read = must("an answer", reading.read(&mut chunk)).await.unwrap();
            assert_ne!(read, 0);
            answers += chunk[..read].iter().filter(|&&byte| byte == b'\n').count();
        }
    };
    let write = tokio::io::AsyncWriteExt::write_all(&mut writing, sent.as_bytes());
    let (written, ()) = tokio::join!(write, read);
    written.unwrap();
}

fn adds(names: impl Iterator<Item = String>) -> Vec<String> {
    names.map(|name| format!("add;{name};1\n")).collect()
}

fn entry(name: &str, phone: Option<&str>) -> Entry {
    Entry { name: name.to_owned(), phone: phone.map(ToOwned::to_owned) }
}

#[track_caller]
fn read<T: serde::de::DeserializeOwned>(response: &HttpResponse) -> T {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("access-control-allow-origin"), None);
    serde_json::from_str(&response.text()).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}

async fn page(server: &TestServer, query: &str) -> Page {
    read(&get(server.http, &format!("/api/contacts{query}"), "").await)
}

/// As a part of a query.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A client that keeps up as the page does; see the `api` crate.
#[derive(Default)]
struct Follower {
    /// By name: what is known and since which change.
    known: BTreeMap<String, (u64, Option<String>)>,
    seq: u64,
    count: u64,
    snapshots: usize,
}

impl Follower {
    /// Takes an event, and reads all pages after a snapshot.
    async fn take(&mut self, server: &TestServer, event: Event) {
        match event {
            Event::Snapshot(Snapshot { seq, count }) => {
                self.known.clear();
                (self.seq, self.count) = (seq, count);
                self.snapshots += 1;
                let mut after = Some(String::new());
                while let Some(name) = after {
                    let query = format!("?limit=1000&after={}", encoded(&name));
                    let page = page(server, &query).await;
                    assert!(page.seq >= seq, "read before the event was sent");
                    page.contacts.into_iter().for_each(|entry| self.learn(page.seq, entry));
                    after = page.next;
                }
            }
            Event::Changes(Changes { seq, count, changes }) => {
                assert_eq!(seq, self.seq + changes.len() as u64, "without a gap");
                for (number, entry) in (self.seq + 1..).zip(changes) {
                    self.learn(number, entry);
                }
                (self.seq, self.count) = (seq, count);
            }
            Event::Comment => {}
        }
    }

    fn learn(&mut self, seq: u64, Entry { name, phone }: Entry) {
        let known = self.known.entry(name).or_default();
        if known.0 <= seq {
            *known = (seq, phone);
        }
    }

    /// Whether all events up to the one about `name` have come. A page may know
    /// it before.
    fn has_come_to(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|&(seq, _)| seq <= self.seq)
    }

    fn contacts(&self) -> Vec<Entry> {
        let there = self.known.iter().filter(|(_, (_, phone))| phone.is_some());
        there.map(|(name, (_, phone))| entry(name, phone.as_deref())).collect()
    }
}

async fn all(server: &TestServer) -> Vec<Entry> {
    let mut follower = Follower::default();
    follower.take(server, Event::Snapshot(Snapshot { seq: 0, count: 0 })).await;
    follower.contacts()
}

#[tokio::test]
async fn a_watcher_is_told_where_the_book_stands_and_then_every_change() {
    for (server, _folder) in both_kinds().await {
        make(&server, &adds(["before".to_owned()].into_iter())).await;
        let mut watcher = EventClient::open(server.http).await;
        let Snapshot { seq, count } = watcher.snapshot().await;
        assert_eq!(count, 1);

        let mut tcp = server.tcp().await;
        let mut websocket = server.websocket().await;
        tcp.send("add;张三;13800138000".as_bytes()).await;
        let changes = vec![entry("张三", Some("13800138000"))];
        assert_eq!(watcher.changes().await, Changes { seq: seq + 1, count: 2, changes });
        websocket.send("add;张三;1").await;
        let changes = vec![entry("张三", Some("1"))];
        assert_eq!(watcher.changes().await, Changes { seq: seq + 2, count: 2, changes });
        websocket.expect("张三 added!").await;
        // What changes nothing is no change.
        for text in ["find;张三", "remove;lisi", "add;；", "hello"] {
            websocket.send(text).await;
            websocket.next().await;
        }
        websocket.send("remove;张三").await;
        let changes = vec![entry("张三", None)];
        assert_eq!(watcher.changes().await, Changes { seq: seq + 3, count: 1, changes });
    }
}

#[tokio::test]
async fn every_watcher_is_told_the_changes_of_many_writers_in_one_order() {
    /// Messages of each of the writers.
    const EACH: usize = 300;
    for (server, _folder) in both_kinds().await {
        let mut watchers =
            [EventClient::open(server.http).await, EventClient::open(server.http).await];
        let mut followers = [Follower::default(), Follower::default()];
        for (watcher, follower) in watchers.iter_mut().zip(&mut followers) {
            follower.take(&server, watcher.next().await.unwrap()).await;
        }
        let lines = |writer: usize| -> Vec<String> {
            let line = |number: usize| {
                // Names that all writers fight for, and some of their own.
                let name = match number % 3 {
                    0 => format!("common{}", number % 7),
                    _ => format!("of {writer} {}", number % 50),
                };
                match (number / 3) % 4 {
                    0 => format!("remove;{name}\n"),
                    _ => format!("add;{name};{writer}-{number}\n"),
                }
            };
            (0..EACH).map(line).collect()
        };
        let over_websocket = async {
            let mut client = server.websocket().await;
            for line in lines(9) {
                client.send(line.trim_end()).await;
                client.next().await;
            }
        };
        let (one, two, three) = (lines(1), lines(2), lines(3));
        let writing = async {
            tokio::join!(
                make(&server, &one),
                make(&server, &two),
                make(&server, &three),
                over_websocket
            );
            make(&server, &adds(["the last".to_owned()].into_iter())).await;
        };
        let watching = async {
            for (watcher, follower) in watchers.iter_mut().zip(&mut followers) {
                while !follower.has_come_to("the last") {
                    follower.take(&server, watcher.next().await.unwrap()).await;
                }
            }
        };
        tokio::join!(writing, watching);
        let [one, other] = &followers;
        assert_eq!((one.seq, one.snapshots), (other.seq, 1));
        assert!(one.known == other.known);
        assert!(one.contacts() == all(&server).await);
        assert_eq!(one.count, one.contacts().len() as u64);
        assert!(one.seq > EACH as u64 / 2);
    }
}

#[tokio::test]
async fn who_changed_last_is_told_last() {
    for (server, _folder) in both_kinds().await {
        let mut watcher = EventClient::open(server.http).await;
        let mut follower = Follower::default();
        follower.take(&server, watcher.next().await.unwrap()).await;
        // The second half once more, backwards; the file stores each name once.
        let numbers = (0..100).chain((50..100).rev());
        make(&server, &adds(numbers.map(|number| format!("{number:02}")))).await;
        make(&server, &adds(["the end".to_owned()].into_iter())).await;
        while !follower.has_come_to("the end") {
            follower.take(&server, watcher.next().await.unwrap()).await;
        }
        let mut told: Vec<_> =
            follower.known.into_iter().map(|(name, (seq, _))| (seq, name)).collect();
        told.sort();
        let expected = (0..50).chain((50..100).rev()).map(|number| format!("{number:02}"));
        assert!(told.into_iter().map(|(_, name)| name).eq(expected.chain(["the end".to_owned()])));
    }
}

#[tokio::test]
async fn who_reconnects_is_told_exactly_what_was_missed() {
    for (server, _folder) in both_kinds().await {
        let mut watcher = EventClient::open(server.http).await;
        let start = watcher.snapshot().await.seq;
        let id = watcher.last_id.clone();
        drop(watcher);

        make(&server, &adds((0..500).map(|number| format!("missed {number:03}")))).await;
        let mut watcher = EventClient::open_behind(server.http, &id).await;
        let mut missed = Vec::new();
        while missed.len() < 500 {
            let Changes { seq, changes, .. } = watcher.changes().await;
            assert_eq!(seq, start + (missed.len() + changes.len()) as u64);
            missed.extend(changes.into_iter().map(|entry| entry.name));
        }
        assert!(missed.into_iter().eq((0..500).map(|number| format!("missed {number:03}"))));

        // Who has missed nothing is told nothing until something happens.
        let mut watcher = EventClient::open_behind(server.http, &watcher.last_id).await;
        make(&server, &adds(["next".to_owned()].into_iter())).await;
        assert_eq!(watcher.changes().await.changes, [entry("next", Some("1"))]);
    }
}

#[tokio::test]
async fn who_has_missed_too_much_or_comes_from_elsewhere_begins_anew() {
    for (server, _folder) in both_kinds().await {
        let mut watcher = EventClient::open(server.http).await;
        let start = watcher.snapshot().await;
        let id = watcher.last_id.clone();
        // More than the server remembers.
        make(&server, &adds((0..4097).map(|number| format!("missed {number}")))).await;
        let now = Snapshot { seq: start.seq + 4097, count: start.count + 4097 };
        let (epoch, _) = id.split_once('-').unwrap();
        let other = format!("{:016x}-{}", !u64::from_str_radix(epoch, 16).unwrap(), now.seq);
        let future = format!("{epoch}-{}", now.seq + 1);
        for id in [&id, &other, &future, "nonsense", "", "0-0"] {
            let mut watcher = EventClient::open_behind(server.http, id).await;
            assert_eq!(watcher.snapshot().await, now, "{id:?}");
        }
    }
}

#[tokio::test]
async fn a_restarted_server_s_watchers_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Book::open(&folder.path().join("contacts.db"), 1_000_000).unwrap();
    let server = TestServer::with_book(open(), |_| {}).await;
    make(&server, &adds(["stays".to_owned()].into_iter())).await;
    let mut watcher = EventClient::open(server.http).await;
    watcher.snapshot().await;
    let id = watcher.last_id.clone();
    server.stop().await;
    let server = TestServer::with_book(open(), |_| {}).await;
    let mut watcher = EventClient::open_behind(server.http, &id).await;
    assert_eq!(watcher.snapshot().await.count, 1);
}

#[tokio::test]
async fn whatever_a_flood_does_to_a_watcher_it_ends_up_with_the_book() {
    for (server, _folder) in both_kinds().await {
        let mut watcher = EventClient::open(server.http).await;
        let mut follower = Follower::default();
        let flood = async {
            for round in 0..3 {
                // On most machines faster than a watcher is told.
                let change = |number: usize| match (number + round) % 3 {
                    0 => format!("remove;{}\n", number % 2500),
                    _ => format!("add;{};{number}\n", number % 2500),
                };
                make(&server, &(0..8_000).map(change).collect::<Vec<_>>()).await;
            }
            make(&server, &adds(["the last".to_owned()].into_iter())).await;
        };
        let watching = async {
            while !follower.has_come_to("the last") {
                follower.take(&server, watcher.next().await.unwrap()).await;
            }
        };
        tokio::join!(flood, watching);
        println!("it began anew {} times", follower.snapshots - 1);
        // Too many to be shown.
        assert!(follower.contacts() == all(&server).await);
        assert_eq!(follower.count, follower.contacts().len() as u64);
    }
}
