//! What stands between a browser and the server: a middlebox that can swallow
//! everything, a reverse proxy that serves the page under a folder, or a way from
//! another address.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A relay on loopback; gone when dropped.
pub struct Relay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    /// The folder the server is put under, as `/classroom`.
    folder: Option<&'static str>,
    /// The paths that were asked for, as the browser named them.
    asked: Mutex<Vec<String>>,
    /// Cancelled when the connections that have it carry nothing any more. New
    /// connections take the one that is here.
    swallow: Mutex<CancellationToken>,
}

impl Relay {
    /// Passes all bytes on, until it is told to swallow them.
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::with(upstream, None).await
    }

    /// Serves what is at `/` of the upstream under a folder, and nothing else, as
    /// a reverse proxy does that strips the folder.
    pub async fn under(folder: &'static str, upstream: SocketAddr) -> Self {
        Self::with(upstream, Some(folder)).await
    }

    async fn with(upstream: SocketAddr, folder: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, swallow) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { upstream, folder, asked, swallow });
        let accepting = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((browser, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&shared).relay(browser));
                }
            }
        });
        Relay { address, shared, accepting }
    }

    /// From now on nothing arrives any more on the connections there are, which
    /// stay open. New ones are passed on.
    pub fn swallow_open_connections(&self) {
        std::mem::take(&mut *self.shared.swallow.lock().unwrap()).cancel();
    }

    /// Nothing arrives any more, on new connections neither.
    pub fn swallow_everything(&self) {
        self.shared.swallow.lock().unwrap().cancel();
    }

    /// The paths that were asked for, as the browser named them.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    async fn relay(self: Arc<Self>, mut browser: TcpStream) {
        let swallow = self.swallow.lock().unwrap().clone();
        let Ok(mut server) = TcpStream::connect(self.upstream).await else { return };
        let (from_browser, mut to_browser) = browser.split();
        let (mut from_server, to_server) = server.split();
        let passing = async {
            let ask = self.pass_requests(from_browser, to_server);
            // One that closes a side is done on both: these are browsers.
            tokio::select! {
                _ = ask => {}
                _ = tokio::io::copy(&mut from_server, &mut to_browser) => {}
            }
        };
        if swallow.run_until_cancelled(passing).await.is_some() {
            return;
        }
        // Discarded: read, so that neither side is held up, and not passed on.
        let mut nowhere = [tokio::io::sink(), tokio::io::sink()];
        let [first, second] = &mut nowhere;
        let (mut from_browser, _) = browser.split();
        let (mut from_server, _) = server.split();
        let _ = tokio::join!(
            tokio::io::copy(&mut from_browser, first),
            tokio::io::copy(&mut from_server, second),
        );
    }

    /// Passes the browser's side on. Its requests have no bodies: each is a head,
    /// and what follows an upgrade is no request.
    async fn pass_requests(
        &self,
        mut browser: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(browser.read_u8().await?);
            }
            let head = String::from_utf8(head).expect("a browser's head is text");
            let (method, rest) = head.split_once(' ').expect("a method");
            let (path, rest) = rest.split_once(' ').expect("a path");
            self.asked.lock().unwrap().push(path.to_owned());
            let path = match self.folder {
                // What is outside the folder is another site.
                Some(folder) => path.strip_prefix(folder).unwrap_or("/no/such/folder"),
                None => path,
            };
            server.write_all(format!("{method} {path} {rest}").as_bytes()).await?;
            if head.to_ascii_lowercase().contains("\r\nupgrade: websocket\r\n") {
                tokio::io::copy(&mut browser, &mut server).await?;
                return Ok(());
            }
        }
    }
}

/// Another computer: the server sees what a browser sends to it come from an address of
/// its own. Gone when dropped.
pub struct Computer {
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Computer {
    /// Passes all bytes on to the server, from another address of this computer.
    pub async fn at(own: [u8; 4], server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((mut browser, _)) = listener.accept().await {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((own, 0).into()).unwrap();
                tokio::spawn(async move {
                    if let Ok(mut server) = socket.connect(server).await {
                        let _ = tokio::io::copy_bidirectional(&mut browser, &mut server).await;
                    }
                });
            }
        });
        Computer { address, accepting }
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
