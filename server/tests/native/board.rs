//! The board: how to join, and how many have.
use std::time::{Duration, Instant};

use crate::classroom::events::EventClient;
use crate::classroom::{TestServer, get, must};
use api::{Board, JoinAddress};
use tcp_classroom::PerAddress;

/// Pages, raw TCP clients and contacts.
fn counts(board: &Board) -> (u64, u64, u64) {
    (board.pages, board.clients, board.contacts)
}

/// Reads boards until one has these counts.
async fn await_counts(watcher: &mut EventClient, expected: (u64, u64, u64)) {
    must(&format!("a board with {expected:?}"), async {
        while counts(&watcher.board().await.unwrap()) != expected {}
    })
    .await;
}

/// What a phone reads off a QR code of four pixels a module.
fn scanned(rows: &[String]) -> String {
    const PIXELS: usize = 4;
    // The quiet zone, and the wall around it.
    const AROUND: usize = 8 * PIXELS;
    let side = rows.len() * PIXELS + 2 * AROUND;
    let is_dark = |x: usize, y: usize| {
        let module = |at: usize| at.checked_sub(AROUND).map(|at| at / PIXELS);
        let row = module(y).and_then(|row| rows.get(row));
        row.zip(module(x)).is_some_and(|(row, column)| row.as_bytes().get(column) == Some(&b'1'))
    };
    let shade = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, shade);
    image.detect_grids().first().expect("a QR code").decode().expect("it can be read").1
}

#[tokio::test]
async fn the_first_board_comes_at_once_and_says_how_to_join() {
    let server = TestServer::start().await;
    let board = EventClient::open_board(server.http).await.board().await.unwrap();
    assert_eq!(counts(&board), (0, 0, 0));
    let [address] = &board.addresses[..] else { panic!("{board:?}") };
    let JoinAddress { url, host, port, qr, .. } = address;
    assert_eq!(*url, format!("http://{}/", server.http));
    assert_eq!(format!("{host}:{port}"), server.tcp.to_string());
    assert_eq!(scanned(qr), *url);
}

#[tokio::test]
async fn on_all_addresses_of_the_machine_none_is_an_unspecified_one() {
    let server = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.http.set_ip([0, 0, 0, 0].into());
    })
    .await;
    let http = ([127, 0, 0, 1], server.http.port()).into();
    let board = EventClient::open_board(http).await.board().await.unwrap();
    assert!(!board.addresses.is_empty());
    for JoinAddress { url, host, port, qr, .. } in &board.addresses {
        assert!(!url.contains("0.0.0.0") && !host.contains("0.0.0.0"), "{board:?}");
        assert_eq!((*port, scanned(qr)), (server.tcp.port(), url.clone()));
    }
}

#[tokio::test]
async fn what_is_advertised_comes_first() {
    let server =
        TestServer::with(|config| config.advertise = Some("classroom.test".to_owned())).await;
    let board = EventClient::open_board(server.http).await.board().await.unwrap();
    let best = &board.addresses[0];
    assert_eq!(best.url, format!("http://classroom.test:{}/", server.http.port()));
    assert_eq!((best.host.as_str(), best.port), ("classroom.test", server.tcp.port()));
}

#[tokio::test]
async fn the_counts_follow_clients_that_come_and_go_and_the_book() {
    let server = TestServer::start().await;
    let mut watcher = EventClient::open_board(server.http).await;
    await_counts(&mut watcher, (0, 0, 0)).await;
    let mut tcp = server.tcp().await;
    await_counts(&mut watcher, (0, 1, 0)).await;
    let page = server.websocket().await;
    await_counts(&mut watcher, (1, 1, 0)).await;
    tcp.send("add;张三;1\n".as_bytes()).await;
    await_counts(&mut watcher, (1, 1, 1)).await;
    // A browser that is closed without a word, and a client that says exit.
    drop(page);
    await_counts(&mut watcher, (0, 1, 1)).await;
    tcp.send(b"remove;\xe5\xbc\xa0\xe4\xb8\x89\nexit\n").await;
    await_counts(&mut watcher, (0, 0, 0)).await;
    // Requests and watchers hold no conversation.
    get(server.http, "/healthz", "").await;
    let mut other = EventClient::open_board(server.http).await;
    assert_eq!(counts(&other.board().await.unwrap()), (0, 0, 0));
}

#[tokio::test]
async fn a_flood_of_changes_is_told_twice_a_second_and_the_last_state_always() {
    /// Contacts that are added, each with a round trip.
    const ADDED: u64 = 1_500;
    let server = TestServer::start().await;
    // Before the first board, from which on they are paced.
    let start = Instant::now();
    let mut watcher = EventClient::open_board(server.http).await;
    let mut tcp = server.tcp().await;
    let adding = async {
        for number in 0..ADDED {
            tcp.send(format!("add;{number};1\n").as_bytes()).await;
            tcp.line().await;
        }
    };
    let watching = async {
        let mut boards = 1;
        while counts(&watcher.board().await.unwrap()).2 != ADDED {
            boards += 1;
        }
        boards
    };
    let ((), boards) = tokio::join!(adding, watching);
    let most = start.elapsed().div_duration_f64(Duration::from_millis(500)) as u32 + 1;
    assert!(boards <= most, "{boards} boards, {most} at most");
}

#[tokio::test]
async fn other_hosts_and_origins_see_no_board() {
    let server = TestServer::start().await;
    let rebound = "GET /api/board HTTP/1.1\r\nHost: rebound.test";
    assert_eq!(crate::classroom::http(server.http, rebound).await.status, 403);
    for origin in ["http://evil.test", "null"] {
        let response = get(server.http, api::BOARD, &format!("\r\nOrigin: {origin}")).await;
        assert_eq!(response.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn a_board_takes_a_place_shows_signs_of_life_and_ends_when_the_server_stops() {
    let server = TestServer::with(|config| {
        config.limits.per_address = PerAddress::All(1);
        config.limits.ping_every = Duration::from_millis(50);
        config.limits.header_timeout = Duration::from_millis(200);
        config.limits.write_timeout = Duration::from_millis(200);
    })
    .await;
    let mut watcher = EventClient::open_board(server.http).await;
    assert_eq!(get(server.http, "/healthz", "").await.status, 503);
    watcher.board().await.unwrap();
    for _ in 0..10 {
        assert!(watcher.is_alive().await);
    }
    server.stop().await;
    // Ended as HTTP ends an answer, not broken off.
    assert_eq!(watcher.board().await, None);
}
