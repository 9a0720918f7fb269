//! What happens when a client speaks the other port's protocol: HTTP or TLS on the
//! lesson's port, a Python client on the page's. What real browsers do there is in
//! `browser/wrong_port.rs`.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use crate::classroom::intruder::{LINES, assert_unchanged, with_zhangsan};
use crate::classroom::{TcpClient, TestServer, WebSocketClient, must};

/// A request whose body is lines of the lesson.
fn request(line: &str) -> String {
    let length = LINES.len();
    format!(
        "{line}\r\nhost: h\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{LINES}"
    )
}

/// Asserts that it is a whole response that names the page, and nothing else.
#[track_caller]
fn assert_names_the_page(server: &TestServer, response: &str, what: &str) {
    let (head, body) = response.split_once("\r\n\r\n").expect(what);
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{what}: {head}");
    for header in [
        "Content-Type: text/html; charset=utf-8",
        "Connection: close",
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'",
        &format!("Content-Length: {}\r\n", body.len()),
    ] {
        assert!(head.contains(header), "{what}: no {header} in {head}");
    }
    assert!(body.contains(&format!("<a href=\"http://{}/\">", server.http)), "{what}: {body}");
    assert!(body.contains("网页在") && body.contains("The page is at"), "{what}: {body}");
}

#[tokio::test]
async fn a_request_executes_nothing_wherever_it_is_cut() {
    let server = with_zhangsan().await;
    let request = request("POST / HTTP/1.1");
    let cut = |at: usize| {
        let (server, request) = (&server, &request);
        async move {
            let mut client = TcpClient::connect(server.tcp).await;
            client.send(&request.as_bytes()[..at]).await;
            tokio::task::yield_now().await;
            client.send(&request.as_bytes()[at..]).await;
            (at, client.rest().await)
        }
    };
    let all = (0..=request.len()).map(cut);
    for (at, response) in futures_util::future::join_all(all).await {
        // A pause of more than 50 ms by a busy machine brings the welcome first.
        let response = response.find("HTTP/1.1").map_or("", |start| &response[start..]);
        assert_names_the_page(&server, response, &format!("cut at {at}"));
    }
    assert_unchanged(&server, "a cut request").await;
}

#[tokio::test]
async fn a_request_whose_first_word_pauses_for_the_welcome_executes_nothing_either() {
    let server = with_zhangsan().await;
    for line in ["POST / HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http://h/ HTTP/1.1"] {
        // As far as it could still become a message of the lesson.
        for at in 0..=line.find(' ').unwrap() + 1 {
            let mut client = TcpClient::connect(server.tcp).await;
            client.send(&line.as_bytes()[..at]).await;
            client.expect(b"Welcome!").await;
            if !line[..at].is_empty() {
                client.expect(format!("Received {};", &line[..at]).as_bytes()).await;
            }
            client.send(&request(line).as_bytes()[at..]).await;
            assert_names_the_page(&server, &client.rest().await, &line[..at]);
        }
    }
    assert_unchanged(&server, "a pause").await;
}

#[tokio::test]
async fn every_kind_of_request_is_told_where_the_page_is_before_any_welcome() {
    let server = with_zhangsan().await;
    for line in [
        "GET / HTTP/1.1",
        "GET /add;mallory;666 HTTP/1.0",
        "HEAD / HTTP/1.1",
        "POST /?a HTTP/1.1",
        "PUT / HTTP/1.1",
        "DELETE /x HTTP/1.1",
        "OPTIONS / HTTP/1.1",
        "PATCH / HTTP/1.1",
        "TRACE / HTTP/1.1",
        "CONNECT h:443 HTTP/1.1",
        "PRI * HTTP/2.0",
        "POST http://127.0.0.1/ HTTP/1.1",
        "\r\nPOST / HTTP/1.1",
    ] {
        let mut client = TcpClient::connect(server.tcp).await;
        client.send(request(line).as_bytes()).await;
        assert_names_the_page(&server, &client.rest().await, line);
    }
    assert_unchanged(&server, "a request").await;
}

#[tokio::test]
async fn a_tls_hello_is_closed_without_a_word() {
    let server = with_zhangsan().await;
    for version in [0, 1, 3] {
        let mut client = TcpClient::connect(server.tcp).await;
        let hello = [&[0x16, 3, version, 0, 200, 1, 0, 0, 196][..], b"\n", LINES.as_bytes()];
        client.send(&hello.concat()).await;
        assert_eq!(client.rest().await, "");
    }
    assert_unchanged(&server, "a TLS hello").await;
}

#[tokio::test]
async fn what_only_looks_like_a_request_is_small_talk() {
    let server = TestServer::start().await;
    for text in ["GET", "POST it", "get / HTTP/1.1", "GETTING /"] {
        let mut client = TcpClient::connect(server.tcp).await;
        client.send(text.as_bytes()).await;
        client.expect(format!("Welcome!Received {text};").as_bytes()).await;
    }
}

#[tokio::test]
async fn a_client_that_speaks_before_it_is_welcomed_is_welcomed_first_all_the_same() {
    let server = TestServer::with(|config| config.pause = Duration::from_millis(1)).await;
    for (sent, told) in [
        (&b"find;a"[..], "Welcome!Not Found!"),
        (b"find;a\nexit\n", "Welcome!Not Found!\n"),
        (b"exit", "Welcome!"),
        (b"\n", "Welcome!"),
        ("find;张".as_bytes(), "Welcome!Not Found!"),
        (b"", "Welcome!"),
    ] {
        let mut client = TcpClient::connect(server.tcp).await;
        client.send(sent).await;
        client.end().await;
        assert_eq!(client.rest().await, told, "{}", sent.escape_ascii());
    }
}

#[tokio::test]
async fn a_browser_far_from_the_server_is_told_the_address_it_came_to() {
    let server = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.http.set_ip([0, 0, 0, 0].into());
    })
    .await;
    // Any address of 127.0.0.0/8 is this machine, as one of its own on a network is.
    let here = format!("127.0.0.2:{}", server.tcp.port()).parse().unwrap();
    let mut client = TcpClient::connect(here).await;
    client.send(request("GET / HTTP/1.1").as_bytes()).await;
    let told = client.rest().await;
    assert!(told.contains(&format!("http://127.0.0.2:{}/", server.http.port())), "{told}");
}

/// What a Python client reads on the page's port, with the lesson's `recv(1024)`.
async fn read_once(client: &mut TcpClient) -> String {
    let mut bytes = [0; 1024];
    let read = must("an answer", client.stream.read(&mut bytes)).await.unwrap();
    client.expect_end().await;
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

#[track_caller]
fn assert_names_the_lesson(server: &TestServer, told: &str, status: &str) {
    let (head, body) = told.split_once("\r\n\r\n").expect(told);
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{told}");
    assert!(body.starts_with("Error: "), "{told}");
    let connect = format!("s.connect(('127.0.0.1', {}))", server.tcp.port());
    assert_eq!(body.matches(&connect).count(), 2, "in both languages: {told}");
}

#[tokio::test]
async fn a_lesson_client_that_waits_on_the_page_s_port_is_told_the_lesson_s() {
    let server = TestServer::start().await;
    let start = std::time::Instant::now();
    let mut silent = TcpClient::connect(server.http).await;
    let told = read_once(&mut silent).await;
    assert_names_the_lesson(&server, &told, "408");
    let took = start.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_lesson_line_on_the_page_s_port_is_told_the_lesson_s_at_once() {
    let server = TestServer::with(|config| {
        // So that only the line can be what is answered.
        config.limits.header_timeout = Duration::from_secs(3_600);
    })
    .await;
    for line in [
        "add;zhangsan;138",
        "find;张三\n",
        "hello\r\n",
        "exit",
        "GET\r\n",
        "get / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = TcpClient::connect(server.http).await;
        client.send(line.as_bytes()).await;
        assert_names_the_lesson(&server, &read_once(&mut client).await, "400");
    }
    let mut tls = TcpClient::connect(server.http).await;
    tls.send(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await;
    tls.expect_end().await;
    let mut gone = TcpClient::connect(server.http).await;
    gone.end().await;
    gone.expect_end().await;
    assert_unchanged_and_empty(&server).await;
}

async fn assert_unchanged_and_empty(server: &TestServer) {
    let mut client = server.tcp().await;
    client.send(b"find;zhangsan\n").await;
    client.expect(b"Not Found!\n").await;
}

#[tokio::test]
async fn a_request_in_pieces_on_the_page_s_port_is_served() {
    let server = TestServer::start().await;
    let request =
        format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.http);
    let cut = |at: usize| {
        let (server, request) = (&server, &request);
        async move {
            let mut client = TcpClient::connect(server.http).await;
            client.send(&request.as_bytes()[..at]).await;
            tokio::task::yield_now().await;
            client.send(&request.as_bytes()[at..]).await;
            client.rest().await
        }
    };
    for response in futures_util::future::join_all((0..request.len()).map(cut)).await {
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
    // And what comes with a handshake is not lost.
    let mut client = TcpClient::connect(server.http).await;
    let mut bytes = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.http
    )
    .into_bytes();
    bytes.extend(b"\x81\x84\0\0\0\0exit");
    client.send(&bytes).await;
    let mut told = Vec::new();
    must("the end", client.stream.read_to_end(&mut told)).await.unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("Welcome!") && told.contains("bye"), "{told}");
    drop(WebSocketClient::connect(server.http, &[]).await.unwrap());
}
