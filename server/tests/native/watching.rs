//! The class's book on view: its changes as they happen, its contacts in order,
//! and where the server is.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::classroom::events::{Event, EventClient};
use crate::classroom::{HttpResponse, TcpClient, TestServer, get, must};
use api::{Changes, Classroom, Entry, Page, Snapshot};
use tcp_classroom::{Book, PerAddress};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

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

#[tokio::test]
async fn pages_hold_all_contacts_in_order_each_once() {
    for (server, _folder) in both_kinds().await {
        assert_eq!(
            page(&server, "").await,
            Page { seq: 0, count: 0, contacts: vec![], next: None }
        );
        let mut names: Vec<String> = (0..1200).map(|number| format!("n{number}")).collect();
        names.extend(["张三", "a", "~", "O'Neil & Söhne+%=?#", "\"\\", "𝄞"].map(ToOwned::to_owned));
        make(&server, &adds(names.iter().cloned())).await;
        names.sort();

        let first = page(&server, "").await;
        assert_eq!((first.count, first.contacts.len()), (1206, 500));
        for limit in [1, 7, 603, 1000] {
            let mut listed = Vec::new();
            let mut after = Some(names[0].clone());
            while let Some(name) = after {
                let page = page(&server, &format!("?limit={limit}&after={}", encoded(&name))).await;
                assert!(page.contacts.len() <= limit);
                listed.extend(page.contacts.into_iter().map(|entry| entry.name));
                // A few of the smallest pages are enough.
                after = page.next.filter(|_| listed.len() < 1200.min(limit * 100));
            }
            assert_eq!(listed, names[1..=listed.len()], "{limit}");
            assert!(listed.len() == 1205 || limit < 603);
        }
        // The last page does not promise another one.
        let last = page(&server, &format!("?limit=1&after={}", encoded(&names[1204]))).await;
        assert_eq!((last.contacts[0].name.as_str(), last.next), ("𝄞", None));
        // A name need not be there to be a place.
        let behind = page(&server, "?limit=1&after=n1199x").await;
        assert_eq!(behind.contacts[0].name, "n12");
    }
}

#[tokio::test]
async fn a_book_that_changes_while_it_is_read_still_lists_who_stays_exactly_once() {
    for (server, _folder) in both_kinds().await {
        make(&server, &adds((0..2000).map(|number| format!("{number:04} stays")))).await;
        let changing = async {
            for round in 0..10 {
                let come = (0..500).map(|number| format!("add;{:04} comes;{round}\n", number * 4));
                let go = (0..500).map(|number| format!("remove;{:04} comes\n", number * 4));
                make(&server, &come.chain(go).collect::<Vec<_>>()).await;
            }
        };
        let reading = async {
            for _ in 0..5 {
                let (mut listed, mut seq) = (Vec::new(), 0);
                let mut after = Some(String::new());
                while let Some(name) = after {
                    let page = page(&server, &format!("?limit=100&after={}", encoded(&name))).await;
                    assert!(page.seq >= seq);
                    seq = page.seq;
                    listed.extend(page.contacts.into_iter().map(|entry| entry.name));
                    after = page.next;
                }
                assert!(listed.is_sorted_by(|one, next| one < next));
                listed.retain(|name| name.ends_with("stays"));
                assert!(
                    listed.into_iter().eq((0..2000).map(|number| format!("{number:04} stays")))
                );
            }
        };
        tokio::join!(changing, reading);
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_gets_a_clear_answer() {
    let server = TestServer::start().await;
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=-1",
        "?limit=",
        "?limit=many",
        "?limit=1.5",
        "?limit=99999999999999999999999",
        "?limt=5",
        "?limit=5&limit=6",
        "?after=a&after=b",
        "?afterwards",
    ] {
        let response = get(server.http, &format!("/api/contacts{query}"), "").await;
        assert_eq!(response.status, 400, "{query}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let text = response.text();
        assert!(text.contains("Ask like this") && text.contains("可以这样写"), "{query}: {text}");
    }
    let post = format!("POST /api/contacts HTTP/1.1\r\nHost: {}\r\nContent-Length: 0", server.http);
    assert_eq!(crate::classroom::http(server.http, &post).await.status, 405);
}

#[tokio::test]
async fn the_page_learns_where_raw_tcp_clients_connect() {
    let server = TestServer::start().await;
    let told: Classroom = read(&get(server.http, "/api/classroom", "").await);
    assert_eq!(told.tcp_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(told.tcp_port, server.tcp.port());
    assert_eq!((told.echoes, told.number), (false, 1));
    let told: Classroom = read(&get(server.http, "/api/classroom", "").await);
    assert_eq!(told.number, 2, "each page has another one");

    let everywhere = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.stage = protocol::Stage::Echo;
    })
    .await;
    let told: Classroom = read(&get(everywhere.http, "/api/classroom", "").await);
    assert_eq!((told.tcp_host, told.tcp_port), (None, everywhere.tcp.port()));
    assert!(told.echoes);
}

#[tokio::test]
async fn other_hosts_and_origins_read_nothing() {
    let server = TestServer::start().await;
    for path in ["/api/events", "/api/contacts", "/api/classroom"] {
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: rebound.test");
        assert_eq!(crate::classroom::http(server.http, &rebound).await.status, 403, "{path}");
        for origin in ["http://evil.test", "null"] {
            let response = get(server.http, path, &format!("\r\nOrigin: {origin}")).await;
            assert_eq!(response.status, 403, "{path}");
            assert!(response.text().contains("通讯录"), "{path}");
        }
    }
    let own = format!("\r\nOrigin: http://{}", server.http);
    let response = get(server.http, "/api/contacts", &own).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[tokio::test]
async fn a_watcher_takes_a_place_like_everybody_else() {
    let server = TestServer::with(|config| config.limits.per_address = PerAddress::All(2)).await;
    let mut first = EventClient::open(server.http).await;
    let _second = EventClient::open(server.http).await;
    assert_eq!(get(server.http, "/healthz", "").await.status, 503);
    // And gives it back.
    first.snapshot().await;
    drop(first);
    must("the place is given back", async {
        while get(server.http, "/healthz", "").await.status != 200 {}
    })
    .await;
}

#[tokio::test]
async fn a_quiet_stream_shows_signs_of_life_and_outlives_the_timeout_of_idle_browsers() {
    let server = TestServer::with(|config| {
        config.limits.header_timeout = Duration::from_millis(200);
        config.limits.write_timeout = Duration::from_millis(200);
        config.limits.ping_every = Duration::from_millis(50);
    })
    .await;
    let mut watcher = EventClient::open(server.http).await;
    watcher.snapshot().await;
    // Twice as long as an idle connection is kept.
    for _ in 0..2 {
        TcpClient::connect(server.http).await.rest().await;
    }
    assert_eq!(watcher.next_of_any_kind().await, Some(Event::Comment));
    make(&server, &adds(["a".to_owned()].into_iter())).await;
    assert_eq!(watcher.changes().await.changes, [entry("a", Some("1"))]);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    for (server, _folder) in both_kinds().await {
        let mut watchers = Vec::new();
        for _ in 0..50 {
            watchers.push(EventClient::open(server.http).await);
        }
        for watcher in &mut watchers {
            watcher.snapshot().await;
        }
        // Some have news under way.
        make(&server, &adds(["a".to_owned()].into_iter())).await;
        server.stop().await;
        for mut watcher in watchers {
            // Ended as HTTP ends an answer, not broken off.
            must("it ends", async { while watcher.next().await.is_some() {} }).await;
        }
    }
}

/// A watcher with a receive buffer of so many bytes.
async fn with_receive_buffer(server: &TestServer, bytes: u32) -> EventClient {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(bytes).unwrap();
    let stream = must("connect", socket.connect(server.http)).await.unwrap();
    EventClient::open_on(TcpClient { stream }, server.http, "").await
}

#[tokio::test]
async fn a_watcher_that_never_reads_is_cut_off_and_costs_the_others_nothing() {
    let server = TestServer::with(|config| {
        config.limits.connections = 3;
        config.limits.write_timeout = Duration::from_millis(200);
    })
    .await;
    // Both sides' buffers are to be full soon.
    let _deaf = with_receive_buffer(&server, 4096).await;
    let mut watcher = EventClient::open(server.http).await;
    let mut follower = Follower::default();
    follower.take(&server, watcher.next().await.unwrap()).await;

    // The longest changes there are, until there is a place for a third.
    let phone = "电".repeat(32);
    let mut writer = server.tcp().await;
    must("it is cut off", async {
        for round in 0_u64.. {
            let name = |number: usize| format!("{round:04}{number:04}{}", "名".repeat(56));
            let lines: String = (0..256)
                .map(|number| format!("add;{};{phone}\nremove;{0}\n", name(number)))
                .collect();
            writer.send(lines.as_bytes()).await;
            for _ in 0..512 {
                assert!(writer.line().await.ends_with("!\n"));
            }
            // It reads all along, and so is told everything.
            match watcher.next().await.unwrap() {
                Event::Changes(changes) => follower.seq = changes.seq,
                Event::Snapshot(snapshot) => follower.seq = snapshot.seq,
                Event::Comment => unreachable!("they are skipped"),
            }
            let mut third = TcpClient::connect(server.tcp).await;
            let mut told = [0; 8];
            must("an answer", third.stream.read_exact(&mut told)).await.unwrap();
            if told == *b"Welcome!" {
                break;
            }
        }
    })
    .await;
    assert!(follower.seq > 0);
}

/// Few changes, all of which the kernel takes for it: no write ever fails.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_watcher_of_a_quiet_book_that_never_reads_is_cut_off_as_well() {
    let server = TestServer::with(|config| {
        config.limits.connections = 2;
        config.limits.write_timeout = Duration::from_secs(1);
    })
    .await;
    let _deaf = with_receive_buffer(&server, 2048).await;
    let mut writer = server.tcp().await;
    // Some 8 KB, more than the client's own buffer takes.
    for number in 0..40 {
        writer.send(format!("add;{number} {};1\n", "名".repeat(60)).as_bytes()).await;
        writer.line().await;
    }
    must("its place is given back", async {
        loop {
            let mut third = TcpClient::connect(server.tcp).await;
            let mut told = [0; 8];
            must("an answer", third.stream.read_exact(&mut told)).await.unwrap();
            if told == *b"Welcome!" {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn lists_that_hundreds_ask_for_again_and_again_leave_everybody_served() {
    let server = TestServer::with_book(Book::in_memory(1_000_000), |_| {}).await;
    make(&server, &adds((0..20_000).map(|number| format!("{number:05}")))).await;
    let request = format!("GET /api/contacts?limit=1000 HTTP/1.1\r\nHost: {}\r\n\r\n", server.http);
    let mut clients = Vec::new();
    for _ in 0..550 {
        let mut client = TcpClient::connect(server.http).await;
        client.send(request.as_bytes()).await;
        clients.push(client);
    }
    // Behind all of them.
    let listed = page(&server, "?limit=1&after=19998").await;
    assert_eq!(listed.contacts, [entry("19999", Some("1"))]);
    server.serves_others().await;
}
