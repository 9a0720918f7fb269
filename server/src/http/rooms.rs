//! Many classes behind one address: each in a folder of its own, `/r/CODE/`. The pages
//! ask for everything relative to where they were opened, so that they need not know.

mod entrance;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use self::entrance::Said;
use super::guard::check_host;
use super::headers::{add_security_headers, forbid_caching};
use super::metrics::Metrics;
use crate::classroom::people::Present;
use crate::context::ServerContext;
use crate::transport::refusal::Refusal;

/// The folder of all rooms.
const ROOMS: &str = "/r/";

/// Where a page's conversation is, within a room.
const CONVERSATION: &str = "/ws";

/// What a code leads to.
pub(crate) enum Found {
    /// The routes of a class.
    Room(Router),
    /// The same of one that takes no further conversation.
    FullRoom(Router),
    Nothing,
    /// That cannot be told for now.
    Away,
}

/// The classes of a server.
pub(crate) trait Rooms: Send + Sync {
    /// Finds the class with a code.
    fn find<'r>(&'r self, code: &'r str) -> BoxFuture<'r, Found>;

    /// How much goes on in all of them.
    fn figures(&self) -> Figures;
}

/// How much goes on in all classes of a server together: no class is told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Classes that are open on this server.
    pub(crate) open: usize,
    pub(crate) present: Present,
    /// As [`Book::commits`](crate::book::Book).
    pub(crate) commits: (u64, Duration),
}

/// All routes.
pub(crate) fn router(rooms: Arc<dyn Rooms>, server: &Arc<ServerContext>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics).layer(map_response(forbid_caching)))
        .route("/", get(which_class).layer(map_response(forbid_caching)))
        .route(ROOMS, get(enter).layer(map_response(forbid_caching)))
        // No route with `{code}`: axum would pass that parameter on to the room's handlers.
        .fallback(pass_on)
        .with_state(rooms)
        .layer(Extension(Arc::clone(server)))
        .layer(from_fn_with_state(Arc::clone(server), check_host))
        .layer(map_response(add_security_headers))
}

/// Says whether a balancer is to send clients here: not to a server that stops.
async fn health(Extension(server): Extension<Arc<ServerContext>>) -> Response {
    match server.stopping.is_cancelled() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        false => "ok\n".into_response(),
    }
}

/// Asks for the code of a class.
async fn which_class(uri: Uri, headers: HeaderMap) -> Response {
    Said::WhichClass.response(&uri, &headers)
}

/// Goes to the class whose code was typed.
async fn enter(uri: Uri, headers: HeaderMap) -> Response {
    match uri.query().and_then(entrance::typed_code) {
        Some(code) => (StatusCode::SEE_OTHER, [(LOCATION, format!("{code}/"))]).into_response(),
        None => Said::WhichClass.response(&uri, &headers),
    }
}

/// Passes a request on to the room in its path.
async fn pass_on(State(rooms): State<Arc<dyn Rooms>>, mut request: Request) -> Response {
    let Some((code, inside)) = split(request.uri()) else {
        return say(Said::WhichClass, StatusCode::NOT_FOUND, &request);
    };
    let Some(inside) = inside else {
        // With a dot before it a code with a colon is no other site's address.
        return (StatusCode::PERMANENT_REDIRECT, [(LOCATION, format!("./{code}/"))])
            .into_response();
    };
    let routes = match rooms.find(&code).await {
        Found::FullRoom(_) if inside.path() == CONVERSATION => {
            let reason = Refusal::ClassFull.reason();
            return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], reason).into_response();
        }
        Found::Room(routes) | Found::FullRoom(routes) => routes,
        Found::Nothing => return say(Said::NoSuchClass, StatusCode::NOT_FOUND, &request),
        Found::Away => {
            let response = say(Said::Away, StatusCode::SERVICE_UNAVAILABLE, &request);
            return ([(RETRY_AFTER, "5")], response).into_response();
        }
    };
    *request.uri_mut() = inside;
    match TowerToHyperService::new(routes).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn say(said: Said, status: StatusCode, request: &Request) -> Response {
    (status, said.response(request.uri(), request.headers())).into_response()
}

/// Answers with the metrics of this server.
async fn metrics(State(rooms): State<Arc<dyn Rooms>>) -> Response {
    let Figures { open, present, commits } = rooms.figures();
    let mut metrics = Metrics::default();
    metrics.add("open_classes", "gauge", "Classes open on this server.", &[("", open as f64)]);
    metrics.connections(present);
    metrics.commits(commits);
    metrics.into_response()
}

/// The code in a path, and the address within its room; none of that where the path ends
/// with the code.
fn split(uri: &Uri) -> Option<(String, Option<Uri>)> {
    let rest = uri.path().strip_prefix(ROOMS)?;
    let code = rest.split('/').next().filter(|code| !code.is_empty())?;
    let address = uri.path_and_query()?.as_str();
    let inside = &address[ROOMS.len() + code.len()..];
    let inside = inside.starts_with('/').then(|| inside.parse().ok());
    Some((code.to_owned(), inside.flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_room_and_an_address_within_it() {
        let split = |uri: &str| {
            let (code, inside) = split(&uri.parse().unwrap())?;
            Some((code, inside.map(|inside| inside.to_string())))
        };
        let room = |inside: &str| Some(("k7m2".to_owned(), Some(inside.to_owned())));
        assert_eq!(split("/r/k7m2/"), room("/"));
        assert_eq!(split("/r/k7m2/?a=/b"), room("/?a=/b"));
        assert_eq!(split("/r/k7m2/api/events?x"), room("/api/events?x"));
        assert_eq!(split("http://a:1/r/k7m2/ws"), room("/ws"));
        for without in ["/r/k7m2", "/r/k7m2?a"] {
            assert_eq!(split(without), Some(("k7m2".to_owned(), None)), "{without}");
        }
        for no_room in ["/", "/r", "/r/", "/r//", "/x/k7m2/", "/api/events"] {
            assert_eq!(split(no_room), None, "{no_room}");
        }
    }
}
