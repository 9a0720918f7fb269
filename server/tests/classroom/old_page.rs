//! A cache between a browser and the server that has a page of an older version: the
//! server's own page with another name for its program, which is how pages tell
//! versions apart.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{HttpResponse, TestServer, get};

/// What a cache does with the old page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has it under the address at which it was opened, with all its files.
    Usual,
    /// Has it under that address, without the files, which the server no longer has.
    MarkupOnly,
    /// Takes addresses that differ in their query for one.
    IgnoresQuery,
}

/// The cache, on loopback; gone when dropped.
pub struct OldPage {
    pub address: SocketAddr,
    /// The program's name in the server's own page.
    pub new_program: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    /// What it answers by itself, by path.
    files: HashMap<String, Vec<u8>>,
    kind: Kind,
    /// What the old version's server says at [`api::CLASSROOM`].
    classroom: Vec<u8>,
    is_old_server: AtomicBool,
    /// The addresses of pages that were asked for.
    asked: Mutex<Vec<String>>,
}

impl OldPage {
    /// Has an old `student` or `board` page.
    pub async fn of(server: &TestServer, page: &str, kind: Kind) -> Self {
        let (path, folder) = if page == "student" { ("/", "") } else { ("/board", "/board") };
        let markup = get(server.http, path, "").await;
        let text = markup.text();
        let program =
            text.split(['"', '/', ' ', '>']).find_map(|part| part.strip_suffix("_bg.wasm"));
        let (new_program, old) = (program.unwrap().to_owned(), format!("{page}-0"));
        let mut files = HashMap::new();
        let older = text.replace(&new_program, &old).into_bytes();
        files.insert(path.to_owned(), response(markup.header("content-type"), &older));
        let endings = if kind == Kind::MarkupOnly { &[][..] } else { &[".js", "_bg.wasm"] };
        for ending in endings {
            let file = get(server.http, &format!("{folder}/{new_program}{ending}"), "").await;
            let HttpResponse { status, body, .. } = &file;
            assert_eq!(*status, 200);
            let response = response(file.header("content-type"), body);
            files.insert(format!("{folder}/{old}{ending}"), response);
        }
        let classroom = format!(r#"{{"tcp_host":null,"tcp_port":9999,"program":"{old}"}}"#);
        let shared = Arc::new(Shared {
            upstream: server.http,
            files,
            kind,
            classroom: response(Some("application/json"), classroom.as_bytes()),
            is_old_server: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((browser, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&shared).relay(browser));
                }
            }
        });
        OldPage { address, new_program, shared, accepting }
    }

    /// Whether the server is as old as the page, by what it says of itself.
    pub fn set_old_server(&self, is_old: bool) {
        self.shared.is_old_server.store(is_old, Ordering::SeqCst);
    }

    /// The addresses under which the page was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for OldPage {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn response(content_type: Option<&str>, body: &[u8]) -> Vec<u8> {
    let (kind, length) = (content_type.unwrap(), body.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

impl Shared {
    /// Answers the one request of a connection, itself or by the server.
    async fn relay(self: Arc<Self>, mut browser: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(browser.read_u8().await?);
        }
        let head = String::from_utf8(head).expect("a browser's head is text");
        let address = head.split(' ').nth(1).expect("an address");
        let path = address.split('?').next().expect("a path");
        if path == "/" || path == "/board" {
            self.asked.lock().unwrap().push(address.to_owned());
        }
        let is_old = self.is_old_server.load(Ordering::SeqCst);
        let known = if self.kind == Kind::IgnoresQuery { path } else { address };
        let cached = match self.files.get(known) {
            None if path == api::CLASSROOM && is_old => Some(&self.classroom),
            cached => cached,
        };
        if let Some(response) = cached {
            return browser.write_all(response).await;
        }
        // So that the next request is looked at, too.
        let head = head.replace("Connection: keep-alive\r\n", "Connection: close\r\n");
        let mut server = TcpStream::connect(self.upstream).await?;
        server.write_all(head.as_bytes()).await?;
        tokio::io::copy_bidirectional(&mut browser, &mut server).await?;
        Ok(())
    }
}
