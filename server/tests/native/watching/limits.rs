//! How long a watcher is kept, and what one may cost the others.

use std::time::Duration;

use super::{Follower, adds, both_kinds, entry, make};
use crate::classroom::events::{Event, EventClient};
use crate::classroom::{TcpClient, TestServer, get, must};
use tcp_classroom::PerAddress;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

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
