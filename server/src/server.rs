//! The server as a whole: bound first, then served, then stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroU32;
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
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::book::Book;
use crate::classroom::presence::{ClientKind, Presence};
use crate::http::{self, Connection, HostNames};
use crate::join::{BoundAddresses, JoinAddresses};
use crate::terminal::console::Console;
use crate::transport::accept::{Admission, PerAddress, Permit, Refusal, accept_loop};
use crate::transport::conversation::{ConversationOptions, Transport, converse};
use crate::transport::linger::{IsWatching, Lingering, linger};
use crate::transport::listen::{self, Listeners};
use crate::transport::rate_limit::{Rate, RateLimits};
use crate::transport::tcp::Tcp;
use crate::transport::websocket::Heartbeat;
use crate::transport::wrong_port::{Opening, await_http};

/// How long conversations may take to end when the server stops. What is in
/// flight is answered in milliseconds; this is for clients that do not read.
/// A second less than the three that the whole program may take to end.
const STOPPING: Duration = Duration::from_secs(2);

/// The send buffer of an accepted socket in bytes (the kernel doubles it, for its
/// own bookkeeping). Left alone it grows to megabytes for a client that does not
/// read, and stays when the connection is closed. With the doubling it holds nearly
/// the longest batch of replies (135 KB), so that an ordinary one never waits.
const SEND_BUFFER: usize = 64 * 1024;

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
    /// The name or IP address that students are shown in place of the likeliest
    /// address found.
    pub advertise: Option<String>,
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
    /// How many messages a second are answered.
    pub rates: RateLimits,
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
            rates: RateLimits {
                per_connection: Some(Self::RATE),
                per_address: Some(Self::RATE_PER_ADDRESS),
                loopback: false,
            },
        }
    }
}

impl Limits {
    /// A class of 60 behind one address: each a WebSocket, the six connections
    /// a browser opens to load a page, and three Python clients.
    pub const PER_ADDRESS: usize = 600;

    /// A program that sends a message, waits for the reply and goes on, without a
    /// sleep, makes some 200 a second over Wi-Fi; the lesson's longest exercise
    /// sends a few hundred at once.
    pub const RATE: Rate = Rate { per_second: NonZeroU32::new(200).unwrap(), burst: 400 };

    /// Twenty such programs behind one router. Some 2 % of what one core answers.
    pub const RATE_PER_ADDRESS: Rate =
        Rate { per_second: NonZeroU32::new(4_000).unwrap(), burst: 4_000 };
}

/// What every conversation shares.
#[derive(Debug)]
pub(crate) struct Classroom {
    pub(crate) book: Book,
    pub(crate) presence: Presence,
    pub(crate) join: JoinAddresses,
    options: ConversationOptions,
    console: Console,
    pub(crate) stop: CancellationToken,
    pub(crate) conversations: TaskTracker,
    /// Where raw TCP clients connect.
    pub(crate) tcp: SocketAddr,
    /// Where browsers connect. Shared, because each raw TCP connection has it.
    http: Arc<SocketAddr>,
    pub(crate) hosts: HostNames,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) patience: Duration,
}

impl Classroom {
    /// Holds one conversation from `Welcome!` to the end, with the lesson's
    /// lines on the console. `permit` is that of its connection.
    pub(crate) async fn converse(
        &self,
        kind: ClientKind,
        transport: impl Transport,
        peer: SocketAddr,
        permit: &Permit,
    ) {
        let _entered = self.presence.enter(kind);
        let _on_console = OnConsole::new(&self.console, peer);
        let limiter = permit.rate_limiter();
        match converse(transport, &self.book, self.options, limiter, &self.stop).await {
            Ok(()) => tracing::debug!(%peer, "conversation ended"),
            Err(error) => tracing::debug!(%peer, "conversation broke off: {error}"),
        }
    }
}

/// A conversation's two lines on the console: the second is printed when this is
/// dropped, whatever ended the conversation, a panic included.
struct OnConsole<'c> {
    console: &'c Console,
    peer: SocketAddr,
}

impl<'c> OnConsole<'c> {
    fn new(console: &'c Console, peer: SocketAddr) -> Self {
        console.accepted(peer);
        OnConsole { console, peer }
    }
}

impl Drop for OnConsole<'_> {
    fn drop(&mut self) {
        self.console.closed(self.peer);
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

    /// Serves until `stop` is cancelled, then finishes what is in flight. Clients
    /// that do not read are left to the end of the runtime.
    pub async fn serve(self, book: Book, console: Console, stop: CancellationToken) {
        let Config { tcp, http, stage, pause, hosts, advertise, limits } = self.config;
        let admission =
            Arc::new(Admission::new(limits.connections, limits.per_address, limits.rates));
        let tasks = TaskTracker::new();
        let tcp = self.tcp.local_addr().unwrap_or(tcp);
        let http = self.http.local_addr().unwrap_or(http);
        let bound = BoundAddresses { tcp, http, advertised: advertise };
        let classroom = Arc::new(Classroom {
            book,
            presence: Presence::default(),
            join: JoinAddresses::new(bound),
            options: ConversationOptions { stage, pause },
            console,
            stop: stop.clone(),
            conversations: tasks.clone(),
            tcp,
            http: Arc::new(http),
            hosts,
            heartbeat: Heartbeat { ping_every: limits.ping_every, dead_after: limits.dead_after },
            patience: limits.patience,
        });
        let routes = TowerToHyperService::new(http::router(Arc::clone(&classroom)));
        self.tcp.limit_send_buffers(SEND_BUFFER);
        self.http.limit_send_buffers(SEND_BUFFER);
        classroom.console.waiting();
        let ended = CancellationToken::new();
        let follow = (stage == Stage::Contacts).then(|| {
            let contacts = classroom.book.contacts().clone();
            tokio::spawn(classroom.console.follow(contacts, ended.clone()))
        });

        let tcp = accept_loop(self.tcp, stop.clone(), {
            let (admission, classroom, tasks) =
                (Arc::clone(&admission), Arc::clone(&classroom), tasks.clone());
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let tcp = Tcp::new(stream, classroom.patience, Arc::clone(&classroom.http));
                    tasks.spawn(serve_tcp(Arc::clone(&classroom), tcp, peer, permit));
                }
                Err(refusal) => {
                    drop(tasks.spawn(refuse(stream, peer, refusal, error_line(refusal))))
                }
            }
        });

        let http = accept_loop(self.http, stop.clone(), {
            let (classroom, tasks) = (Arc::clone(&classroom), tasks.clone());
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let watching = IsWatching::default();
                    let connection = Connection {
                        peer,
                        watching: Arc::clone(&watching),
                        permit: Arc::new(permit),
                    };
                    let (routes, classroom) = (routes.clone(), Arc::clone(&classroom));
                    let service = service_fn(move |mut request: Request<Incoming>| {
                        request.extensions_mut().insert(connection.clone());
                        routes.call(request)
                    });
                    tasks.spawn(serve_http(stream, service, watching, limits, classroom));
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
        // Behind the last conversation, so that its changes are shown, too.
        ended.cancel();
        if let Some(follow) = follow {
            // A panic in it has been reported; the book is no less closed.
            let _ = follow.await;
        }
    }
}

/// One raw TCP connection. `permit` is given back at the end, whatever it is.
async fn serve_tcp(
    classroom: Arc<Classroom>,
    transport: impl Transport,
    peer: SocketAddr,
    permit: Permit,
) {
    classroom.converse(ClientKind::RawTcp, transport, peer, &permit).await;
}

async fn serve_http<S>(
    stream: TcpStream,
    service: S,
    watching: IsWatching,
    limits: Limits,
    classroom: Arc<Classroom>,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let opening = tokio::select! {
        opening = await_http(stream, classroom.tcp, limits.header_timeout) => opening,
        () = classroom.stop.cancelled() => return,
    };
    let Opening { stream, first, waited } = match opening {
        Ok(Some(opening)) => opening,
        Ok(None) => return,
        Err(error) => return tracing::debug!("http connection broke off: {error}"),
    };
    let stream = Lingering::new(stream, first, limits.patience, watching);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // All of the time that the headers may take counts from the beginning.
        .header_read_timeout(limits.header_timeout.saturating_sub(waited))
        .max_buf_size(HTTP_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = classroom.stop.cancelled() => {
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

#[cfg(test)]
mod tests {
    use std::io;

    use protocol::{Decoder, Replies};

    use super::*;
    use crate::transport::conversation::{CloseReason, Received};

    /// A client whose message makes the server panic.
    struct Panicking;

    impl Transport for Panicking {
        const IS_LESSON: bool = true;

        fn decoder(stage: Stage) -> Decoder {
            Decoder::new(stage)
        }

        async fn receive(&mut self, _: &mut Decoder) -> io::Result<Received> {
            panic!("on purpose")
        }

        async fn send(&mut self, _: &Replies) -> io::Result<()> {
            Ok(())
        }

        async fn close(self, _: CloseReason) {}
    }

    /// Lines that were printed to a console.
    #[derive(Clone, Debug, Default)]
    struct Printed(Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut *self.0.lock().unwrap(), bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_conversation_ends_it_alone_and_its_place_is_given_back() {
        let printed = Printed::default();
        let console = Console::new(printed.clone());
        let tasks = TaskTracker::new();
        let limits = Limits::default();
        let admission = Arc::new(Admission::new(1, PerAddress::All(1), limits.rates));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let classroom = Arc::new(Classroom {
            book: Book::in_memory(10),
            presence: Presence::default(),
            join: JoinAddresses::new(BoundAddresses {
                tcp: nowhere,
                http: nowhere,
                advertised: None,
            }),
            options: ConversationOptions::default(),
            console: console.clone(),
            stop: CancellationToken::new(),
            conversations: tasks.clone(),
            tcp: nowhere,
            http: Arc::new(nowhere),
            hosts: HostNames::new(&[], &[]),
            heartbeat: Heartbeat { ping_every: limits.ping_every, dead_after: limits.dead_after },
            patience: limits.patience,
        });
        for _ in 0..3 {
            let permit = admission.admit(nowhere.ip()).unwrap();
            let conversation = serve_tcp(Arc::clone(&classroom), Panicking, nowhere, permit);
            assert!(tasks.spawn(conversation).await.unwrap_err().is_panic());
        }
        tasks.close();
        tasks.wait().await;
        // The book and the console are as usable as before.
        let (mut decoder, mut replies) = (Decoder::new(Stage::Contacts), Replies::default());
        decoder.push(b"add;a;1\n");
        let next = classroom.book.answer(&mut decoder, &mut replies, 1).await;
        assert_eq!((next, replies.as_bytes()), (protocol::Next::More, &b"a added!\n"[..]));
        drop(classroom);
        console.flush(Duration::from_secs(30));
        let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
        assert_eq!(printed.matches("Accept new connection").count(), 3, "{printed}");
        assert_eq!(printed.matches("closed.").count(), 3, "{printed}");
    }
}
