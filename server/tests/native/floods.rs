//! A client that sends faster than the rate limits allow is slowed down, gets no
//! error, and costs the others nothing.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::classroom::binary::{Program, read};
use crate::classroom::{TestServer, must};
use futures_util::SinkExt as _;
use tcp_classroom::{Config, Rate, RateLimits};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const PER_SECOND: u32 = 100;
const BURST: u32 = 50;

/// What a flood of this many messages takes at least: what is beyond the burst is waited
/// for, but for the last batch, of 16 messages at most.
const FLOOD: u32 = 150;
const TAKES: Duration = Duration::from_millis(840);

/// Limits small enough that a test reaches them.
fn limit(config: &mut Config) {
    let per_second = NonZeroU32::new(PER_SECOND).unwrap();
    config.limits.rates = RateLimits {
        per_connection: Some(Rate { per_second, burst: BURST }),
        per_address: None,
        loopback: true,
    };
}

#[tokio::test]
async fn a_flood_on_tcp_is_answered_late_in_order_and_without_an_error() {
    let server = TestServer::with(limit).await;
    let mut client = server.tcp().await;
    let start = Instant::now();
    let lines: String = (0..FLOOD).map(|number| format!("n{number}\n")).collect();
    client.send(lines.as_bytes()).await;
    // The others are served at once meanwhile.
    let mut other = server.tcp().await;
    for _ in 0..10 {
        let asked = Instant::now();
        other.send(b"find;a\n").await;
        other.expect(b"Not Found!\n").await;
        assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    for number in 0..FLOOD {
        assert_eq!(client.line().await, format!("Received n{number};\n"));
    }
    assert!(start.elapsed() >= TAKES, "{:?}", start.elapsed());
    client.send(b"exit\n").await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_flood_on_a_websocket_is_slowed_down_in_whatever_frames_it_comes() {
    let server = TestServer::with(limit).await;
    // One message a frame, and fifty lines a frame.
    for (lines, messages) in [(1, FLOOD), (50, FLOOD / 50)] {
        let mut client = server.websocket().await;
        let start = Instant::now();
        for _ in 0..messages {
            client.socket.feed(Message::text("find;a\n".repeat(lines))).await.unwrap();
        }
        must("it takes them", client.socket.flush()).await.unwrap();
        for _ in 0..FLOOD {
            client.expect("Not Found!").await;
        }
        assert!(start.elapsed() >= TAKES, "{lines}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn what_a_flooding_client_sends_is_not_read_before_its_time() {
    let server = TestServer::with(limit).await;
    let client = server.tcp().await;
    let lines = b"find;a\n".repeat(10_000);
    let mut sent = 0;
    // Until its own socket takes no more for a while.
    while let Ok(ready) = timeout(Duration::from_millis(500), client.stream.writable()).await {
        ready.unwrap();
        sent += client.stream.try_write(&lines).unwrap_or_default();
    }
    // Both sockets' buffers.
    assert!(sent < 16 * 1024 * 1024, "{sent}");
    // A line without end is no message, and slowed down as well.
    let client = server.tcp().await;
    let megabyte = vec![b'a'; 1024 * 1024];
    let mut sent = 0;
    while let Ok(ready) = timeout(Duration::from_millis(500), client.stream.writable()).await {
        ready.unwrap();
        sent += client.stream.try_write(&megabyte).unwrap_or_default();
        assert!(sent < 64 * 1024 * 1024, "{sent}");
    }
    server.serves_others().await;
}

#[tokio::test]
async fn connections_of_one_address_share_its_limit() {
    let server = TestServer::with(|config| {
        limit(config);
        let per_connection = config.limits.rates.per_connection.take();
        config.limits.rates.per_address = per_connection;
    })
    .await;
    let mut clients = server.tcp_clients(3).await;
    let start = Instant::now();
    for client in &mut clients {
        client.send(&b"find;a\n".repeat(FLOOD as usize / 3)).await;
    }
    for client in &mut clients {
        for _ in 0..FLOOD / 3 {
            client.expect(b"Not Found!\n").await;
        }
        // When its debt is paid it is served again.
        client.send(b"find;a\n").await;
        client.expect(b"Not Found!\n").await;
    }
    assert!(start.elapsed() >= TAKES, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_a_flood() {
    let server = TestServer::with(|config| {
        limit(config);
        let rate = config.limits.rates.per_connection.as_mut().unwrap();
        *rate = Rate { per_second: NonZeroU32::MIN, burst: 1 };
    })
    .await;
    let mut client = server.tcp().await;
    client.send(&b"find;a\n".repeat(100)).await;
    client.expect(b"Not Found!\n").await;
    let start = Instant::now();
    server.begin_stop();
    // What had been read is answered.
    assert_eq!(client.rest().await, "Not Found!\n".repeat(99));
    assert!(start.elapsed() < Duration::from_secs(10));
    server.stop().await;
}

#[tokio::test]
async fn by_default_this_computer_is_not_limited() {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    client.send(&b"find;a\n".repeat(1_000)).await;
    client.send(b"exit\n").await;
    let start = Instant::now();
    assert_eq!(client.rest().await.len(), 1_000 * "Not Found!\n".len());
    // The default limit would take three seconds beyond its burst.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[cfg(unix)]
#[test]
fn a_flood_is_said_once_with_the_address_it_comes_from() {
    let mut program = Program::start(&["--max-rate", "1000", "--max-burst", "10"]);
    for mut client in program.welcome_all(2) {
        client.write_all(&b"find;a\n".repeat(500)).unwrap();
        assert_eq!(read(&mut client, 500 * 11), "Not Found!\n".repeat(500));
    }
    let said = program.diagnostic();
    assert!(said.contains("127.0.0.1 sends too many messages"), "{said}");
    assert!(said.contains("--max-rate"), "{said}");
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(program.exit().code(), Some(0));
    let rest = program.remaining_diagnostics();
    assert!(rest.starts_with("Stopped.") && rest.lines().count() == 1, "{rest}");
}
