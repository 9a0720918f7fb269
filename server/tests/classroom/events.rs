//! A client of `/api/events` and `/api/board`, as strict as a browser's is lenient.

use std::collections::VecDeque;
use std::net::SocketAddr;

use api::{Board, Changes, Homework, Snapshot};
use tokio::io::AsyncReadExt;

use super::{TcpClient, must};

/// A watcher of the book.
pub struct EventClient {
    pub stream: TcpClient,
    /// Bytes of the body that are no whole line yet.
    line: Vec<u8>,
    lines: VecDeque<String>,
    /// The id of the last event.
    pub last_id: String,
}

/// What a watcher is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Snapshot(Snapshot),
    Changes(Changes),
    /// A sign of life.
    Comment,
}

/// An event as it stands on the wire.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    name: Option<String>,
    data: Option<String>,
}

impl EventClient {
    /// Watches from now on.
    pub async fn open(http: SocketAddr) -> Self {
        Self::open_with(http, "").await
    }

    /// Goes on behind an event.
    pub async fn open_behind(http: SocketAddr, id: &str) -> Self {
        Self::open_with(http, &format!("Last-Event-ID: {id}\r\n")).await
    }

    async fn open_with(http: SocketAddr, headers: &str) -> Self {
        let stream = TcpClient::connect(http).await;
        Self::open_on(stream, http, headers).await
    }

    /// Watches the board instead of the book.
    pub async fn open_board(http: SocketAddr) -> Self {
        let stream = TcpClient::connect(http).await;
        Self::open_path_on(stream, http, api::BOARD, "").await
    }

    /// Follows another stream of the server.
    pub async fn open_path(http: SocketAddr, path: &str) -> Self {
        Self::open_path_on(TcpClient::connect(http).await, http, path, "").await
    }

    /// Follows another stream of the server, with headers that let it.
    pub async fn open_path_with(http: SocketAddr, path: &str, headers: &str) -> Self {
        Self::open_path_on(TcpClient::connect(http).await, http, path, headers).await
    }

    /// Asks on a connection that is there already.
    pub async fn open_on(stream: TcpClient, http: SocketAddr, headers: &str) -> Self {
        Self::open_path_on(stream, http, api::EVENTS, headers).await
    }

    async fn open_path_on(
        mut stream: TcpClient,
        http: SocketAddr,
        path: &str,
        headers: &str,
    ) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {http}\r\n{headers}\r\n");
        stream.send(request.as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(must("the headers", stream.stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        for expected in [
            "http/1.1 200",
            "content-type: text/event-stream",
            "transfer-encoding: chunked",
            "cache-control: no-store",
        ] {
            assert!(head.contains(expected), "{head}");
        }
        EventClient { stream, line: Vec::new(), lines: VecDeque::new(), last_id: String::new() }
    }

    /// The next event that is no sign of life; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.next_of_any_kind().await {
                Some(Event::Comment) => {}
                other => return other,
            }
        }
    }

    /// The next board; none when the stream has ended.
    pub async fn board(&mut self) -> Option<Board> {
        loop {
            let Fields { id, name, data } = self.next_fields().await?;
            let Some(data) = data else { continue };
            assert_eq!((id, name.as_deref()), (None, Some(api::BOARD_EVENT)));
            return Some(serde_json::from_str(&data).expect(&data));
        }
    }

    /// The next event of a homework; none when the stream has ended.
    pub async fn homework(&mut self) -> Option<Homework> {
        loop {
            let Fields { id, name, data } = self.next_fields().await?;
            let Some(data) = data else { continue };
            assert_eq!((id, name.as_deref()), (None, Some(api::HOMEWORK_EVENT)));
            return Some(serde_json::from_str(&data).expect(&data));
        }
    }

    /// The next event of any stream, its name and its data; none when the stream has
    /// ended.
    pub async fn named(&mut self) -> Option<(String, String)> {
        loop {
            let Fields { name, data, .. } = self.next_fields().await?;
            if let (Some(name), Some(data)) = (name, data) {
                return Some((name, data));
            }
        }
    }

    /// Whether a sign of life comes next.
    pub async fn is_alive(&mut self) -> bool {
        self.next_fields().await.is_some_and(|fields| fields.data.is_none())
    }

    /// The next event or sign of life; none when the stream has ended as it should.
    pub async fn next_of_any_kind(&mut self) -> Option<Event> {
        let Fields { id, name, data } = self.next_fields().await?;
        let Some(data) = data else { return Some(Event::Comment) };
        let event = match name.as_deref() {
            Some(api::SNAPSHOT) => Event::Snapshot(serde_json::from_str(&data).expect(&data)),
            Some(api::CHANGES) => Event::Changes(serde_json::from_str(&data).expect(&data)),
            other => panic!("{other:?}"),
        };
        let seq = match &event {
            Event::Snapshot(snapshot) => snapshot.seq,
            Event::Changes(changes) => changes.seq,
            Event::Comment => unreachable!("it has no data"),
        };
        self.last_id = id.expect("every event has an id");
        let (_, id_seq) = self.last_id.split_once('-').unwrap();
        assert_eq!(id_seq, seq.to_string());
        Some(event)
    }

    pub async fn snapshot(&mut self) -> Snapshot {
        match self.next().await {
            Some(Event::Snapshot(snapshot)) => snapshot,
            other => panic!("{other:?} instead of a snapshot"),
        }
    }

    pub async fn changes(&mut self) -> Changes {
        match self.next().await {
            Some(Event::Changes(changes)) => changes,
            other => panic!("{other:?} instead of changes"),
        }
    }

    /// The fields of the next event, or none of them of a sign of life.
    async fn next_fields(&mut self) -> Option<Fields> {
        let mut fields = Fields::default();
        loop {
            let line = self.next_line().await?;
            match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                None if line.is_empty() => return Some(fields),
                Some(("", "")) => {}
                Some(("id", value)) => fields.id = Some(value.to_owned()),
                Some(("event", value)) => fields.name = Some(value.to_owned()),
                Some(("data", value)) => fields.data = Some(value.to_owned()),
                _ => panic!("{line:?}"),
            }
        }
    }

    async fn next_line(&mut self) -> Option<String> {
        while self.lines.is_empty() {
            let size = self.stream.line().await;
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            let mut chunk = vec![0; size];
            let stream = &mut self.stream.stream;
            must("a chunk", stream.read_exact(&mut chunk)).await.unwrap();
            self.stream.expect(b"\r\n").await;
            if size == 0 {
                assert!(self.line.is_empty(), "ended inside a line");
                return None;
            }
            for byte in chunk {
                match byte {
                    b'\n' => {
                        let line = std::mem::take(&mut self.line);
                        self.lines.push_back(String::from_utf8(line).unwrap());
                    }
                    byte => self.line.push(byte),
                }
            }
        }
        self.lines.pop_front()
    }
}
