//! What the tests share: a server on free ports, and clients that await.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod binary;
pub mod browser;
pub mod devtools;
#[cfg(target_os = "linux")]
pub mod disk;
pub mod engine;
pub mod events;
pub mod homework;
pub mod input;
pub mod intruder;
pub mod needs;
pub mod old_page;
pub mod person;
pub mod port;
#[cfg(target_os = "linux")]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod postgres_pair;
pub mod python;
pub mod relay;
pub mod static_host;
pub mod student;
pub mod teacher;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use protocol::{ForeignProtocol, Stage};
use tcp_classroom::terminal::console::Console;
use tcp_classroom::{Book, Config, HostNames, Limits, RoomLimits, RoomPort, Rooms, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;
use transcripts::{Action, Transcript};

/// No answer takes this long; a test that waits longer has failed.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits, in a test without a runtime, until a condition holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Awaits something that must happen.
#[track_caller]
pub fn must<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let what = what.to_owned();
    async move {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain: {what}"),
        }
    }
}

/// A server in this process; stopped when dropped.
pub struct TestServer {
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    /// The teacher's token.
    pub token: String,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl TestServer {
    /// A server as it is by default.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with some settings changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        /// More contacts than the page holds at once, which some tests want.
        const MOST: usize = 100_000;
        Self::with_book(Book::in_memory(MOST), change).await
    }

    /// A server with a book of its own.
    pub async fn with_book(book: Book, change: impl FnOnce(&mut Config)) -> Self {
        Self::serving(change, |server, stop| server.serve(book, Console::silent(), stop)).await
    }

    /// A server of the classes in a database.
    pub async fn with_rooms(rooms: Rooms) -> Self {
        Self::with_ports(rooms, Vec::new()).await
    }

    /// A server of the classes in a database, some of which have a port of their own.
    pub async fn with_ports(rooms: Rooms, ports: Vec<RoomPort>) -> Self {
        Self::serving(|_| {}, |server, stop| server.serve_rooms(rooms, ports, stop)).await
    }

    /// The same with some settings changed.
    pub async fn with_ports_and(
        rooms: Rooms,
        ports: Vec<RoomPort>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::serving(change, |server, stop| server.serve_rooms(rooms, ports, stop)).await
    }

    /// A server of the classes in a database with some settings changed.
    pub async fn with_rooms_and(rooms: Rooms, change: impl FnOnce(&mut Config)) -> Self {
        Self::serving(change, |server, stop| server.serve_rooms(rooms, Vec::new(), stop)).await
    }

    async fn serving<S>(
        change: impl FnOnce(&mut Config),
        serve: impl FnOnce(Server, CancellationToken) -> S,
    ) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config {
            tcp: any,
            http: any,
            stage: Stage::Contacts,
            pause: Duration::ZERO,
            hosts: HostNames::new(
                &["classroom.test".to_owned()],
                &["http://allowed.test".to_owned()],
            ),
            advertise: None,
            proxies: Vec::new(),
            proxy_protocol: false,
            is_behind_proxy: false,
            limits: Limits::default(),
            rooms: RoomLimits::default(),
            python: None,
        };
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let (tcp, http) = (server.tcp_address().unwrap(), server.http_address().unwrap());
        let token = server.teacher_token().as_str().to_owned();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(server, stop.clone()));
        TestServer { tcp, http, token, stop, serving }
    }

    /// A server that is another program, for the clients of this one.
    pub fn elsewhere(tcp: SocketAddr, http: SocketAddr) -> Self {
        let (token, stop) = Default::default();
        TestServer { tcp, http, token, stop, serving: tokio::spawn(async {}) }
    }

    /// Stops it and waits until it has finished.
    pub async fn stop(mut self) {
        self.stop.cancel();
        must("the server stops", &mut self.serving).await.unwrap();
    }

    /// Tells it to stop.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// A raw TCP client that has been welcomed.
    pub async fn tcp(&self) -> TcpClient {
        let mut client = TcpClient::connect(self.tcp).await;
        client.expect(b"Welcome!").await;
        client
    }

    /// As many raw TCP clients. All connect before the first welcome is awaited,
    /// which comes after 50 ms of silence.
    pub async fn tcp_clients(&self, count: usize) -> Vec<TcpClient> {
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(TcpClient::connect(self.tcp).await);
        }
        for client in &mut clients {
            client.expect(b"Welcome!").await;
        }
        clients
    }

    /// A WebSocket client that has been welcomed.
    pub async fn websocket(&self) -> WebSocketClient {
        let mut client = WebSocketClient::connect(self.http, &[]).await.unwrap();
        client.expect("Welcome!").await;
        client
    }

    /// Plays a conversation on raw TCP, from the welcome to the end.
    pub async fn plays_over_tcp(&self, transcript: &Transcript) {
        let mut client = self.tcp().await;
        for turn in &transcript.turns {
            match &turn.action {
                Action::Send(bytes) => client.send(bytes).await,
                // The server's own clock runs; its answer is awaited below.
                Action::Silence => {}
                Action::End => client.end().await,
            }
            client.expect(&turn.answer).await;
            if let Some(protocol) = turn.foreign {
                client.expect_foreign(protocol).await;
                return;
            }
        }
        if !transcript.turns.last().is_some_and(|turn| turn.closed) {
            client.end().await;
        }
        client.expect_end().await;
    }

    /// Another client of each kind is served as if nothing were the matter.
    pub async fn serves_others(&self) {
        let mut tcp = self.tcp().await;
        tcp.send(b"find;nobody\n").await;
        tcp.expect(b"Not Found!\n").await;
        let mut websocket = self.websocket().await;
        websocket.send("find;nobody").await;
        websocket.expect("Not Found!").await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A client on raw TCP.
pub struct TcpClient {
    pub stream: TcpStream,
}

impl TcpClient {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::of(must("connect", TcpStream::connect(address)).await.unwrap())
    }

    /// Connects from another address of this computer.
    pub async fn connect_from(own: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((own, 0).into()).unwrap();
        Self::of(must("connect", socket.connect(address)).await.unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        TcpClient { stream }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        must("the server takes what is sent", self.stream.write_all(bytes)).await.unwrap();
    }

    /// Reads exactly `expected`.
    pub async fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        let mut read = 0;
        while read < got.len() {
            let what = format!(
                "{:?} after {:?}",
                String::from_utf8_lossy(expected),
                String::from_utf8_lossy(&got[..read])
            );
            let more = must(&what, self.stream.read(&mut got[read..])).await.unwrap();
            assert_ne!(more, 0, "closed; {what}");
            read += more;
        }
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
    }

    /// Reads one line, its LF included.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let byte = must("a line", self.stream.read_u8()).await.unwrap();
            line.push(byte);
        }
        String::from_utf8(line).unwrap()
    }

    /// Ends this side, as `nc -N` does.
    pub async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads to the end; a reset is not an end.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.rest().await, "");
    }

    /// Reads to the end of a connection that speaks another protocol: a client
    /// of HTTP is told so in HTTP or not at all, one of TLS never. That bytes are
    /// left unread may reset it.
    pub async fn expect_foreign(&mut self, protocol: ForeignProtocol) {
        let mut rest = Vec::new();
        let _ = must("the server closes", self.stream.read_to_end(&mut rest)).await;
        let rest = String::from_utf8(rest).unwrap();
        let is_told = protocol == ForeignProtocol::Http && rest.starts_with("HTTP/1.1 400 ");
        assert!(rest.is_empty() || is_told, "{rest:?}");
    }

    /// Everything up to the end.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        must("the server closes", self.stream.read_to_end(&mut rest)).await.unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A client on a WebSocket.
pub struct WebSocketClient {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl WebSocketClient {
    /// Connects with additional headers.
    pub async fn connect(
        http: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        Self::connect_to(http, "ws", headers).await
    }

    /// Connects to another path than the lesson's.
    pub async fn connect_to(
        http: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let mut request = format!("ws://{http}/{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = must("connect", TcpStream::connect(http)).await.unwrap();
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) =
            must("the handshake", client_async_with_config(request, stream, None)).await?;
        Ok(WebSocketClient { socket })
    }

    pub async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        must("the server takes a message", self.socket.send(message)).await.unwrap();
    }

    /// The next message that is not a ping.
    pub async fn next(&mut self) -> Message {
        loop {
            match must("a message", self.socket.next()).await {
                Some(Ok(Message::Ping(_))) => {}
                Some(message) => return message.unwrap(),
                None => panic!("closed"),
            }
        }
    }

    pub async fn expect(&mut self, expected: &str) {
        match self.next().await {
            Message::Text(text) => assert_eq!(text.as_str(), expected),
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }

    /// The code the server closes with.
    pub async fn expect_close(&mut self) -> u16 {
        match self.next().await {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("{other:?} instead of a Close"),
        }
    }
}

/// One HTTP request, raw: what is sent is what stands here.
pub async fn http(address: SocketAddr, head: &str) -> HttpResponse {
    let mut client = TcpClient::connect(address).await;
    client.send(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
    let mut bytes = Vec::new();
    must("an HTTP response", client.stream.read_to_end(&mut bytes)).await.unwrap();
    response(&bytes)
}

/// An HTTP response, whole.
pub fn response(bytes: &[u8]) -> HttpResponse {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("headers end");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    HttpResponse {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: bytes[end + 4..].to_vec(),
        wire_length: bytes.len(),
    }
}

/// `GET path` with the server's own address as host.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> HttpResponse {
    http(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}{headers}")).await
}

#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Status line, headers and body, in bytes.
    pub wire_length: usize,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body, unpacked.
    pub fn text(&self) -> String {
        use std::io::Read as _;
        let mut text = String::new();
        match self.header("content-encoding") {
            Some("gzip") => {
                flate2::read::GzDecoder::new(&self.body[..]).read_to_string(&mut text).unwrap();
            }
            None => text = String::from_utf8(self.body.clone()).unwrap(),
            Some(other) => panic!("cannot unpack {other}"),
        }
        text
    }
}
