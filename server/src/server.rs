//! The server as a whole: bound first, then served, then stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::Stage;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Admission, PerAddress, Refusal, accept_loop};
use crate::book::Book;
use crate::console::Console;
use crate::conversation::{Manner, Transport, converse};
use crate::http::{self, Connection, HostNames};
use crate::linger::{Lingering, linger};
use crate::listen::{self, Listeners};
use crate::tcp::Tcp;
use crate::websocket::Heartbeat;

/// How long conversations may take to end when the server stops. What is in
/// flight is answered in milliseconds; this is for clients that do not read.
const STOPPING: Duration = Duration::from_secs(3);

/// Bytes of a request's headers that are taken, and of an answer that wait for
/// a slow browser: what browsers send in cookies of other programs on this
/// machine fits. hyper's own 400 KB times 10,000 would be the server's memory.
const HTTP_BUFFER: usize = 64 * 1024;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where raw TCP clients connect; port 0 takes any free one, and `[::]` is
    /// all addresses of both families.
    pub tcp: SocketAddr,
    /// Where browsers connect, likewise.
    pub http: SocketAddr,
    /// How much of the lesson is spoken.
    pub stage: Stage,
    /// Waited before each reply.
    pub pause: Duration,
    /// The names and origins that are let in.
    pub hosts: HostNames,
    /// How much and how long.
    pub limits: Limits,
}

/// What one client, or all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections in all, raw TCP and HTTP together.
    pub connections: usize,
    /// Open connections from one address.
    pub per_address: PerAddress,
    /// Time for a browser to send its request's headers, and for an idle one
    /// to send the next request.
    pub header_timeout: Duration,
    /// Quiet time after which a WebSocket is pinged, and again each time.
    pub ping_every: Duration,
    /// Quiet time after which a WebSocket counts as dead.
    pub dead_after: Duration,
    /// Time for a client to read at least something of what it was sent.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 10_240,
            per_address: PerAddress::Others(Self::PER_ADDRESS),
            header_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(20),
            dead_after: Duration::from_secs(60),
            patience: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// A class of 60 behind one address: each a WebSocket, the six connections
    /// a browser opens to load a page, and three Python clients.
    pub const PER_ADDRESS: usize = 600;
}

/// What every conversation shares.
#[derive(Debug)]
pub(crate) struct Classroom {
    pub(crate) book: Book,
    manner: Manner,
    console: Console,
    pub(crate) stop: CancellationToken,
    pub(crate) conversations: TaskTracker,
    /// Where raw TCP clients connect.
    pub(crate) tcp: SocketAddr,
    /// Whose turn it is to have a page of contacts read.
    pub(crate) listing: Arc<Semaphore>,
    pub(crate) hosts: HostNames,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) patience: Duration,
}

impl Classroom {
    /// Holds one conversation from `Welcome!` to the end, with the lesson's
    /// lines on the console.
    pub(crate) async fn converse(&self, transport: impl Transport, peer: SocketAddr) {
        self.console.accepted(peer);
        match converse(transport, &self.book, self.manner, &self.stop).await {
            Ok(()) => tracing::debug!(%peer, "conversation ended"),
            Err(error) => tracing::debug!(%peer, "conversation broke off: {error}"),
        }
        self.console.closed(peer);
    }
}

/// A server that is bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    tcp: Listeners,
    http: Listeners,
    config: Config,
}

impl Server {
    /// Binds both listeners.
    ///
    /// # Errors
    ///
    /// An address cannot be bound; the message names the port, what may hold it
    /// and the flag that chooses another.
    pub async fn bind(config: Config) -> anyhow::Result<Self> {
        let bind = |address, flag| {
            Listeners::bind(address).map_err(|error| listen::explain(error, address, flag))
        };
        let tcp = bind(config.tcp, "--tcp")?;
        let http = bind(config.http, "--http")?;
        Ok(Server { tcp, http, config })
    }

    /// Where raw TCP clients really connect.
    ///
    /// # Errors
    ///
    /// Never on a bound socket, short of a failure of the system.
    pub fn tcp_address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Where browsers really connect.
    ///
    /// # Errors
    ///
    /// As [`tcp_address`](Self::tcp_address).
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Serves until `stop` is cancelled, then finishes what is in flight.
    pub async fn serve(self, book: Book, console: Console, stop: CancellationToken) {
        let Config { tcp, stage, pause, hosts, limits, .. } = self.config;
        let admission = Arc::new(Admission::new(limits.connections, limits.per_address));
        let tasks = TaskTracker::new();
        let classroom = Arc::new(Classroom {
            book,
            manner: Manner { stage, pause },
            console,
            stop: stop.clone(),
            conversations: tasks.clone(),
            tcp: self.tcp.local_addr().unwrap_or(tcp),
            listing: Arc::new(Semaphore::new(1)),
            hosts,
            heartbeat: Heartbeat { ping_every: limits.ping_every, dead_after: limits.dead_after },
            patience: limits.patience,
        });
        let routes = TowerToHyperService::new(http::router(Arc::clone(&classroom)));
        classroom.console.waiting();

        let tcp = accept_loop(self.tcp, stop.clone(), {
            let (admission, classroom, tasks) =
                (Arc::clone(&admission), Arc::clone(&classroom), tasks.clone());
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let classroom = Arc::clone(&classroom);
                    tasks.spawn(async move {
                        classroom.converse(Tcp::new(stream, classroom.patience), peer).await;
                        drop(permit);
                    });
                }
                Err(refusal) => {
                    drop(tasks.spawn(refuse(stream, peer, refusal, error_line(refusal))))
                }
            }
        });

        let http = accept_loop(self.http, stop.clone(), {
            let (stop, tasks) = (stop.clone(), tasks.clone());
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let connection = Connection { peer, _permit: Arc::new(permit) };
                    let (routes, stop) = (routes.clone(), stop.clone());
                    let service = service_fn(move |mut request: Request<Incoming>| {
                        request.extensions_mut().insert(connection.clone());
                        routes.call(request)
                    });
                    tasks.spawn(serve_http(stream, service, limits, stop));
                }
                Err(refusal) => {
                    drop(tasks.spawn(refuse(stream, peer, refusal, error_response(refusal))))
                }
            }
        });

        tokio::join!(tcp, http);
        tasks.close();
        if timeout(STOPPING, tasks.wait()).await.is_err() {
            tracing::warn!("closed {} connections whose clients did not read", tasks.len());
        }
    }
}

async fn serve_http<S>(stream: TcpStream, service: S, limits: Limits, stop: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HTTP_BUFFER)
        .serve_connection(TokioIo::new(Lingering::new(stream, limits.patience)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!("http connection broke off: {error}");
    }
}

/// Tells a client that is not let in why.
async fn refuse(mut stream: TcpStream, peer: SocketAddr, refusal: Refusal, told: String) {
    tracing::warn!(%peer, "refused a connection: {}", refusal.reason());
    // A fresh socket takes a line at once; if not, the client is gone.
    if stream.write_all(told.as_bytes()).await.is_ok() {
        linger(stream).await;
    }
}

fn error_line(refusal: Refusal) -> String {
    format!("Error: {}\n", refusal.reason())
}

fn error_response(refusal: Refusal) -> String {
    let reason = refusal.reason();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n\
         content-type: text/plain\r\ncontent-length: {}\r\n\r\n{reason}\n",
        reason.len() + 1
    )
}

/// Raises the number of files this process may open to what the system grants,
/// and returns it: every connection is one.
///
/// # Errors
///
/// The system does not say; the usual limit then holds.
pub fn raise_descriptor_limit() -> anyhow::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX).context("cannot raise the limit on open files")
}
