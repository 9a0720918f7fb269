//! One HTTP connection, from its first bytes to its end.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use futures_util::future::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use crate::context::ServerContext;
use crate::http::forwarded::client_behind;
use crate::transport::admission::Permit;
use crate::transport::linger::{IsEventStream, Lingering};
use crate::transport::refusal::Refusal;
use crate::transport::wrong_port::{Opening, await_http};

/// Bytes of a request's headers that are taken, and of an answer that wait for
/// a slow browser: what browsers send in cookies of other programs on this
/// machine fits. hyper's own 400 KB times 10,000 would be the server's memory.
const BUFFER: usize = 64 * 1024;

/// The connection a request came on, as the handlers see it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// To be set by the answer that is a stream of events.
    pub(crate) event_stream: IsEventStream,
    /// Keeps the connection's place until a WebSocket made from the connection is
    /// closed, too.
    pub(crate) permit: Arc<Permit>,
}

impl Connection {
    /// The connection as a request on it sees it: where it comes by a trusted proxy, the
    /// peer is the proxy's client, which has a place of its own.
    ///
    /// # Errors
    ///
    /// That client has too many.
    fn of_request(&self, headers: &HeaderMap, proxies: &[IpAddr]) -> Result<Self, Refusal> {
        let Some(client) = client_behind(self.peer.ip(), headers, proxies) else {
            return Ok(self.clone());
        };
        let permit = Arc::new(self.permit.admit_behind(client)?);
        Ok(Connection { peer: SocketAddr::new(client, self.peer.port()), permit, ..self.clone() })
    }
}

/// Serves the requests of a connection until the client or the server ends it. A
/// client that sends no HTTP is told where the lesson's port is.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    routes: TowerToHyperService<Router>,
    server: Arc<ServerContext>,
) {
    let limits = server.limits;
    let opening = tokio::select! {
        opening = await_http(stream, server.tcp, limits.header_timeout) => opening,
        () = server.stop.cancelled() => return,
    };
    let Opening { stream, first, waited } = match opening {
        Ok(Some(opening)) => opening,
        Ok(None) => return,
        Err(error) => return tracing::debug!("http connection broke off: {error}"),
    };
    let event_stream = IsEventStream::default();
    let connection =
        Connection { peer, event_stream: Arc::clone(&event_stream), permit: Arc::new(permit) };
    let proxies = Arc::clone(&server.proxies);
    let service = service_fn(move |mut request: Request<Incoming>| {
        match connection.of_request(request.headers(), &proxies) {
            Ok(connection) => {
                request.extensions_mut().insert(connection);
                Either::Left(routes.call(request))
            }
            Err(refusal) => {
                let answer = (StatusCode::SERVICE_UNAVAILABLE, refusal.reason()).into_response();
                Either::Right(ready(Ok(answer)))
            }
        }
    });
    let stream = Lingering::new(stream, first, limits.write_timeout, event_stream);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // All of the time that the headers may take counts from the beginning.
        .header_read_timeout(limits.header_timeout.saturating_sub(waited))
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = server.stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!("http connection broke off: {error}");
    }
}
