//! The server as a whole: bound first, then served, then stopped.

mod arrival;
pub(crate) mod rooms;
mod shared_acts;
mod shared_lead;
mod shared_people;
mod unused_rooms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::arrival::Arrival;
use crate::book::Book;
use crate::classroom::Classroom;
use crate::classroom::lead::access::{Access, Secret};
use crate::classroom::people::Visitor;
use crate::config::Config;
use crate::context::ServerContext;
use crate::http;
use crate::join::{BoundAddresses, JoinAddresses};
use crate::relay::pairing::ClientOf;
use crate::terminal::console::Console;
use crate::transport::accept::accept_loop;
use crate::transport::admission::Admission;
use crate::transport::bind_error;
use crate::transport::conversation::ConversationOptions;
use crate::transport::listen::Listeners;
use crate::transport::refusal::{refuse_http, refuse_raw_tcp};
use crate::transport::tcp::Tcp;

/// How long conversations may take to end when the server stops. What is in
/// flight is answered in milliseconds; this is for clients that do not read.
/// A second less than the three that the whole program may take to end.
const STOPPING: Duration = Duration::from_secs(2);

/// The send buffer of an accepted socket in bytes (the kernel doubles it, for its
/// own bookkeeping). Left alone it grows to megabytes for a client that does not
/// read, and stays when the connection is closed. With the doubling it holds nearly
/// the longest batch of replies (135 KB), so that an ordinary one never waits.
const SEND_BUFFER: usize = 64 * 1024;

/// A server that is bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    tcp: Listeners,
    http: Listeners,
    config: Config,
    /// By what the teacher is known, and what stands for it in a cookie.
    token: Secret,
    cookie: Secret,
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
            Listeners::bind(address).map_err(|error| bind_error::explain(error, address, flag))
        };
        let tcp = bind(config.tcp, "--tcp")?;
        let http = bind(config.http, "--http")?;
        let (token, cookie) = (Secret::random()?, Secret::random()?);
        Ok(Server { tcp, http, config, token, cookie })
    }

    /// The teacher's token, new with each server. To be shown to the teacher only.
    pub fn teacher_token(&self) -> &Secret {
        &self.token
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

    /// Serves one class until `stop` is cancelled, then finishes what is in flight.
    /// Clients that do not read are left to the end of the runtime.
    pub async fn serve(self, book: Book, console: Console, stop: CancellationToken) {
        let Config { stage, pause, .. } = self.config;
        let options = ConversationOptions { stage, pause, ..ConversationOptions::default() };
        let Server { tcp, http, config, token, cookie } = self;
        let classroom = Classroom::new(book, options, console).led_with(Access::new(token, cookie));
        let classroom = Arc::new(classroom);
        let server = Arc::new(context(config, &tcp, &http, true, stop.clone()));
        let led = Arc::clone(&classroom);
        let admission = Admission::new(&server.limits, &server.proxies)
            .on_crowded(move |address| led.lead().note_crowded(address));
        let admission = Arc::new(admission);
        tcp.limit_send_buffers(SEND_BUFFER);
        http.limit_send_buffers(SEND_BUFFER);
        let ended = CancellationToken::new();
        let console_task = classroom.open_on_console(ended.clone());
        let observing = classroom.observe(ended.clone());
        let led = Arc::clone(&classroom);
        let stopped = stop.clone();
        server.tasks.spawn(async move { led.lead().end_by_itself(&stopped).await });

        let raw_tcp = accept_loop(tcp, stop.clone(), {
            let (admission, classroom, server) =
                (Arc::clone(&admission), Arc::clone(&classroom), Arc::clone(&server));
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let (classroom, context) = (Arc::clone(&classroom), Arc::clone(&server));
                    let arrival = Arrival { stream, peer, permit };
                    drop(server.tasks.spawn(async move {
                        if let Some(arrival) = arrival.of_client(&context).await {
                            note_arrival(&classroom, &arrival.stream, arrival.peer);
                            serve_raw_tcp(arrival, classroom, context).await;
                        }
                    }))
                }
                Err(refusal) => drop(server.tasks.spawn(refuse_raw_tcp(stream, peer, refusal))),
            }
        });
        let http = accept_loop(http, stop, {
            let server = Arc::clone(&server);
            let routes = http::router(Arc::clone(&classroom), Arc::clone(&server));
            let routes = TowerToHyperService::new(routes);
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    note_arrival(&classroom, &stream, peer);
                    let (routes, context) = (routes.clone(), Arc::clone(&server));
                    let serving = http::connection::serve(stream, peer, permit, routes, context);
                    drop(server.tasks.spawn(serving))
                }
                Err(refusal) => drop(server.tasks.spawn(refuse_http(stream, peer, refusal))),
            }
        });
        tokio::join!(raw_tcp, http);

        finish(&server).await;
        // After the last conversation, so that its changes are printed, too.
        ended.cancel();
        let _ = observing.await;
        // A panic in it has been reported; the book is no less closed.
        let _ = console_task.await;
    }
}

/// Waits until the conversations have ended, which were told to.
async fn finish(server: &ServerContext) {
    server.tasks.close();
    if timeout(STOPPING, server.tasks.wait()).await.is_err() {
        tracing::warn!("closed {} connections whose clients did not read", server.tasks.len());
    }
}

/// What all connections share, with the addresses that are really bound.
fn context(
    config: Config,
    tcp: &Listeners,
    http: &Listeners,
    led_from_here: bool,
    stop: CancellationToken,
) -> ServerContext {
    let tcp = tcp.local_addr().unwrap_or(config.tcp);
    let http = http.local_addr().unwrap_or(config.http);
    let folder = String::new();
    let bound = BoundAddresses { tcp, http, advertised: config.advertise, folder };
    ServerContext {
        stopping: stop.clone(),
        stop,
        tasks: TaskTracker::new(),
        limits: config.limits,
        proxies: config.proxies.into(),
        proxy_protocol: config.proxy_protocol,
        is_behind_proxy: config.is_behind_proxy,
        hosts: config.hosts,
        tcp,
        lesson: tcp,
        http: Arc::new(http),
        python: config.python,
        led_from_here,
        join: Arc::new(JoinAddresses::new(bound)),
    }
}

/// Notes for the board whether the first of the other computers has come.
fn note_arrival(classroom: &Classroom, stream: &TcpStream, peer: SocketAddr) {
    classroom.people().reach(peer.ip(), || Some(stream.local_addr().ok()?.ip()));
}

/// One raw TCP connection. Its permit is given back at the end, whatever it is.
async fn serve_raw_tcp(arrival: Arrival, classroom: Arc<Classroom>, server: Arc<ServerContext>) {
    let Arrival { stream, peer, permit } = arrival;
    if let Err(refusal) = classroom.lead().let_in(peer.ip()) {
        return refuse_raw_tcp(stream, peer, refusal).await;
    }
    let local = || Some(stream.local_addr().ok()?.ip());
    let listener = classroom.listener(|| ClientOf::new(peer.ip(), local()));
    let transport =
        Tcp::new(stream, server.limits.write_timeout, Arc::clone(&server.http), listener);
    let limiter = permit.rate_limiter();
    classroom.converse(Visitor::raw_tcp(peer.ip()), transport, peer, limiter, &server.stop).await;
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
