//! What must happen when clients misbehave: a clear error or a clean cut, and
//! the other clients notice nothing.

use std::time::Duration;

use crate::classroom::{TcpClient, TestServer, WebSocketClient, get, must};
use protocol::decoder::MAX_MESSAGE;
use tcp_classroom::{Limits, PerAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn hundreds_of_silent_clients_hold_up_nobody() {
    let server = TestServer::start().await;
    let mut silent = server.tcp_clients(200).await;
    let mut silent_websockets = Vec::new();
    for _ in 0..200 {
        silent_websockets.push(server.websocket().await);
    }
    server.serves_others().await;
    // And they are still served themselves.
    let last = silent.last_mut().unwrap();
    last.send(b"find;a").await;
    last.expect(b"Not Found!").await;
}

#[tokio::test]
async fn an_address_may_not_take_every_place() {
    let server = TestServer::with(|config| config.limits.per_address = PerAddress::All(3)).await;
    let first = server.tcp().await;
    let _second = server.websocket().await;
    let _third = server.tcp().await;

    let mut refused = TcpClient::connect(server.tcp).await;
    let told = refused.rest().await;
    assert!(told.starts_with("Error: your computer has too many open connections"), "{told}");
    let refused = get(server.http, "/healthz", "").await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("too many open connections"), "{refused:?}");

    // A place is free again as soon as the server has seen the client leave.
    drop(first);
    must("the place is given back", async {
        loop {
            let mut client = TcpClient::connect(server.tcp).await;
            let mut told = [0; 8];
            if client.stream.read_exact(&mut told).await.is_ok() && told == *b"Welcome!" {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_server_takes_only_so_many_connections_in_all() {
    let server = TestServer::with(|config| config.limits.connections = 2).await;
    let _clients = (server.tcp().await, server.tcp().await);
    let mut refused = TcpClient::connect(server.tcp).await;
    assert!(refused.rest().await.starts_with("Error: this server has too many connections"));
}

#[tokio::test]
async fn unfinished_and_absent_http_headers_are_dropped() {
    let server =
        TestServer::with(|config| config.limits.header_timeout = Duration::from_millis(500)).await;
    let mut silent = TcpClient::connect(server.http).await;
    let mut slow = TcpClient::connect(server.http).await;
    slow.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await;
    let mut idle = TcpClient::connect(server.http).await;
    idle.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    assert!(silent.rest().await.starts_with("HTTP/1.1 408 "));
    // Whether it says 408 first or not, it is gone.
    let _ = slow.rest().await;
    assert!(idle.rest().await.starts_with("HTTP/1.1 200 OK"));
    server.serves_others().await;
}

#[tokio::test]
async fn an_endless_line_gets_one_error_and_the_next_message_is_served() {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    // From here on replies end with LF, even to what is taken as it stands: after the last
    // megabyte there may be more than 50 ms of silence.
    client.send(b"find;a\n").await;
    assert_eq!(client.line().await, "Not Found!\n");
    let megabyte = vec![b'a'; 1024 * 1024];
    for _ in 0..100 {
        client.send(&megabyte).await;
    }
    server.serves_others().await;
    client.send(b"\nfind;a\n").await;
    assert!(client.line().await.starts_with("Error: a message has at most 1024 bytes"));
    assert_eq!(client.line().await, "Not Found!\n");
}

#[tokio::test]
async fn a_long_websocket_message_gets_one_error_and_the_next_one_is_served() {
    let server = TestServer::start().await;
    let mut client = server.websocket().await;
    for length in [MAX_MESSAGE + 1, 60 * 1024] {
        client.send(&"a".repeat(length)).await;
        let Message::Text(error) = client.next().await else { panic!("no text") };
        assert!(error.starts_with("Error: a message has at most 1024 bytes"), "{error}");
    }
    client.send("find;a").await;
    client.expect("Not Found!").await;
}

#[tokio::test]
async fn a_websocket_message_over_64_kib_closes_with_1009_and_stores_nothing() {
    let server = TestServer::start().await;
    for length in [64 * 1024 + 1, 8 * 1024 * 1024] {
        let mut client = server.websocket().await;
        let mut message = "add;big;1\n".to_owned();
        message += &"a".repeat(length - message.len());
        // The server may close before it has all been sent.
        let _ = futures_util::SinkExt::send(&mut client.socket, Message::text(message)).await;
        assert_eq!(client.expect_close().await, 1009, "{length}");
        server.serves_others().await;
    }
    let mut client = server.tcp().await;
    client.send(b"find;big").await;
    client.expect(b"Not Found!").await;
}

/// A client frame: first byte, payload, and whether it is masked as it must be.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|&length| length < 126);
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match length {
        Some(length) => bytes.push(mask_bit | length),
        None => {
            bytes.push(mask_bit | 126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    if masked {
        // A mask of zeros leaves the payload as it is.
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn violations_of_rfc_6455_are_closed_with_the_code_it_names() {
    const TEXT: u8 = 0x81;
    const CLOSE: u8 = 0x88;
    let server = TestServer::start().await;
    let cases: &[(&str, Vec<u8>, u16)] = &[
        ("a reserved bit", frame(0xC1, b"add;v;1", true), 1002),
        ("all reserved bits", frame(0xF1, b"add;v;1", true), 1002),
        ("a frame without a mask", frame(TEXT, b"add;v;1", false), 1002),
        ("an unknown opcode", frame(0x83, b"add;v;1", true), 1002),
        ("an unknown control opcode", frame(0x8B, b"", true), 1002),
        ("a continuation of nothing", frame(0x80, b"add;v;1", true), 1002),
        (
            "a text inside a fragmented text",
            [frame(0x01, b"add;v", true), frame(TEXT, b";1", true)].concat(),
            1002,
        ),
        ("a fragmented ping", frame(0x09, b"", true), 1002),
        ("a ping of 126 bytes", frame(0x89, &[b'a'; 126], true), 1002),
        ("text that is not UTF-8", frame(TEXT, b"add;\xff;1", true), 1007),
        ("text cut inside a character", frame(TEXT, b"add;\xe5\xbc", true), 1007),
        ("a close of one byte", frame(CLOSE, b"\x03", true), 1002),
        ("the close code 1005", frame(CLOSE, &1005u16.to_be_bytes(), true), 1002),
        ("the close code 999", frame(CLOSE, &999u16.to_be_bytes(), true), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut client = TcpClient::connect(server.http).await;
        client
            .send(
                b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(must("the handshake", client.stream.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{what}");
        client.expect(b"\x81\x08Welcome!").await;
        client.send(bytes).await;
        let mut answer = [0; 4];
        let read = must(what, client.stream.read_exact(&mut answer)).await;
        assert!(read.is_ok(), "{what}: {read:?}");
        assert_eq!(answer[0], CLOSE, "{what}: {answer:?}");
        assert_eq!(u16::from_be_bytes([answer[2], answer[3]]), *code, "{what}");
    }
    server.serves_others().await;
    let mut client = server.tcp().await;
    client.send(b"find;v").await;
    client.expect(b"Not Found!").await;
}

#[tokio::test]
async fn a_half_closed_client_still_gets_its_answers() {
    let server = TestServer::with(|config| config.pause = Duration::from_millis(1)).await;
    let mut client = server.tcp().await;
    client.send(b"add;a;1\nfind;a\nexit\n").await;
    client.end().await;
    assert_eq!(client.rest().await, "a added!\n1\n");
}

#[tokio::test]
async fn replies_arrive_though_more_was_sent_after_exit() {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    let mut bytes = b"find;a\nexit\n".to_vec();
    bytes.extend(b"find;b\n".repeat(10_000));
    client.send(&bytes).await;
    assert_eq!(client.rest().await, "Not Found!\n");
}

#[tokio::test]
async fn a_reset_ends_only_its_own_conversation() {
    let server = TestServer::start().await;
    for _ in 0..20 {
        let mut client = server.tcp().await;
        client.send(b"add;a;1\nfind").await;
        socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let websocket = server.websocket().await;
        if let tokio_tungstenite::MaybeTlsStream::Plain(stream) = websocket.socket.get_ref() {
            socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(websocket);
    }
    server.serves_others().await;
}

/// Limits under which a client that does not read is soon given up.
fn impatient(limits: &mut Limits) {
    limits.write_timeout = Duration::from_millis(200);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off_and_its_backlog_stays_bounded() {
    let server = TestServer::with(|config| impatient(&mut config.limits)).await;
    let mut client = server.tcp().await;
    let lines = b"find;a\n".repeat(10_000);
    // Once both sockets' buffers are full the server stops reading, too: what
    // it takes before it cuts is bounded.
    let mut sent = 0_usize;
    must("it is cut off", async {
        while client.stream.write_all(&lines).await.is_ok() {
            sent += lines.len();
        }
    })
    .await;
    assert!(sent < 64 * 1024 * 1024, "{sent}");
    server.serves_others().await;
}

#[tokio::test]
async fn a_browser_that_never_reads_is_cut_off() {
    let server = TestServer::with(|config| impatient(&mut config.limits)).await;
    let mut client = server.websocket().await;
    let lines = Message::text("find;a\n".repeat(9_000));
    must("it is cut off", async {
        use futures_util::SinkExt as _;
        while client.socket.send(lines.clone()).await.is_ok() {}
    })
    .await;
    server.serves_others().await;
}

#[tokio::test]
async fn a_browser_that_answers_no_ping_is_given_up_and_one_that_does_is_not() {
    let server = TestServer::with(|config| {
        config.limits.ping_every = Duration::from_millis(50);
        config.limits.dead_after = Duration::from_secs(2);
    })
    .await;
    let mut alive = server.websocket().await;
    // Answering pings takes reading; this one reads the bytes and answers not.
    let dead = server.websocket().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(mut dead) = dead.socket.into_inner() else {
        panic!("no TLS here")
    };
    let mut frames = Vec::new();
    let read_to_end = must("it is given up", dead.read_to_end(&mut frames));
    tokio::select! {
        biased;
        message = alive.next() => panic!("{message:?}"),
        // A reset: the server does not know whether the browser is there at all.
        read = read_to_end => {
            assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert!(frames.starts_with(b"\x89\0"), "a ping first: {frames:?}");
    alive.send("find;a").await;
    alive.expect("Not Found!").await;
}

#[tokio::test]
async fn only_this_server_s_own_page_and_scripts_may_open_the_websocket() {
    let server = TestServer::start().await;
    let own = format!("http://{}", server.http);
    for origin in [own.as_str(), "http://allowed.test"] {
        let client = WebSocketClient::connect(server.http, &[("origin", origin)]).await;
        client.expect(origin).expect("Welcome!").await;
    }
    for origin in ["http://evil.test", "null", "", "http://127.0.0.1", "http://localhost"] {
        match WebSocketClient::connect(server.http, &[("origin", origin)]).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 403, "{origin:?}");
            }
            Err(error) => panic!("{origin:?}: {error}"),
            Ok(_) => panic!("{origin:?} was let in"),
        }
    }
}

#[test]
fn a_refused_origin_is_said_with_the_option_that_would_allow_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (path, origin) in [("/ws", "https://school.example"), ("/api/contacts", "http://h:81")]
        {
            // One each: warnings of a kind are printed once a second.
            let program = crate::classroom::binary::Program::start(&[]);
            let headers = format!("\r\nOrigin: {origin}");
            let response = get(program.http, path, &headers).await;
            assert_eq!(response.status, 403, "{path}");
            let option = format!("--allow-origin {origin}");
            assert!(response.text().contains(&option), "{}", response.text());
            let said = program.diagnostic();
            assert!(said.contains(&option), "{said}");
        }
        // What cannot be allowed is not offered, and not shown raw.
        for origin in ["null", "file://", "http://a\tb", "http://a/--allow-origin"] {
            let program = crate::classroom::binary::Program::start(&[]);
            let response = get(program.http, "/ws", &format!("\r\nOrigin: {origin}")).await;
            assert_eq!(response.status, 403, "{origin}");
            let said = program.diagnostic();
            assert!(!said.contains("--allow-origin"), "{said}");
        }
    });
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_everywhere() {
    let server = TestServer::start().await;
    for path in ["/", "/healthz", "/ws", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: rebound.test:{}", server.http.port());
        let response = crate::classroom::http(server.http, &request).await;
        assert_eq!(response.status, 403, "{path}");
        assert!(response.text().contains("--host-name"), "{path}");
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: classroom.test:{}", server.http.port());
    assert_eq!(crate::classroom::http(server.http, &request).await.status, 200);
    let none =
        crate::classroom::http(server.http, "GET /healthz HTTP/1.1\r\nX-No-Host: at all").await;
    assert_eq!(none.status, 403);
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_however_it_names_it() {
    let server = TestServer::start().await;
    let port = server.http.port();
    let own = format!("127.0.0.1:{port}");
    for (line, host, status) in [
        (format!("GET http://{own}/healthz HTTP/1.1"), own.clone(), 200),
        ("GET http://evil.test/healthz HTTP/1.1".to_owned(), own.clone(), 403),
        ("GET http://evil.test/api/contacts HTTP/1.1".to_owned(), own.clone(), 403),
        (format!("GET http://evil.test:{port}/ws HTTP/1.1"), own.clone(), 403),
        (format!("GET http://{own}/healthz HTTP/1.1"), "evil.test".to_owned(), 403),
        (format!("GET http://localhost:{port}/healthz HTTP/1.1"), own.clone(), 400),
        (format!("CONNECT evil.test:{port} HTTP/1.1"), own.clone(), 403),
    ] {
        let response =
            crate::classroom::http(server.http, &format!("{line}\r\nHost: {host}")).await;
        assert_eq!(response.status, status, "{line} {host}");
    }
}

#[tokio::test]
async fn a_proxy_that_passes_on_another_name_is_told_how_to_pass_on_the_right_one() {
    let server = TestServer::start().await;
    // As nginx sends it by default, and as old ones do.
    for head in [
        "GET / HTTP/1.1\r\nHost: tcp_classroom_upstream",
        "GET / HTTP/1.0\r\nX-Forwarded-Host: classroom.test",
        "GET / HTTP/1.0",
    ] {
        let response = crate::classroom::http(server.http, head).await;
        assert_eq!(response.status, 403, "{head}");
        let text = response.text();
        for told in ["proxy_set_header Host $http_host;", "--host-name", "代理"] {
            assert!(text.contains(told), "{head}: {text}");
        }
    }
}

#[tokio::test]
async fn what_is_in_flight_is_finished_when_the_server_stops() {
    // A pause this long shows that stopping does not wait for it.
    let server = TestServer::with(|config| config.pause = Duration::from_secs(3600)).await;
    let mut tcp = server.tcp().await;
    let mut websocket = server.websocket().await;
    tcp.send(b"add;a;1\nadd;b;2\n").await;
    websocket.send("find;nobody").await;
    // Both are in the server's hands once a later connection is welcomed.
    let _later = (server.tcp().await, server.websocket().await);
    server.begin_stop();
    assert_eq!(tcp.rest().await, "a added!\nb added!\n");
    websocket.expect("Not Found!").await;
    assert_eq!(websocket.expect_close().await, 1001);
    server.stop().await;
}

#[tokio::test]
async fn a_full_book_says_so_and_goes_on() {
    let server = TestServer::with_book(tcp_classroom::Book::in_memory(1), |_| {}).await;
    let mut client = server.tcp().await;
    client.send(b"add;a;1\nadd;b;2\nadd;a;3\nfind;a\n").await;
    client
        .expect(
            b"a added!\nError: the book is full (1 names), remove one first, like \
              remove;zhangsan\na added!\n3\n",
        )
        .await;
}
