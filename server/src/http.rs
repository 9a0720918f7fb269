//! The HTTP side: the page, the WebSocket's door, and who may come through.
//!
//! Answers only to names that are this machine's (`Host`), and opens the
//! WebSocket and the book only to pages of its own (`Origin`), so that a web
//! page from elsewhere in a student's browser cannot reach the class's book.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, HeaderName,
    HeaderValue, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use memory_serve::CacheControl;

use crate::accept::Permit;
use crate::server::Classroom;
use crate::{directory, events, websocket};

/// The page runs our own scripts, styles and WebAssembly and loads nothing
/// from anywhere else; no page may frame it.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Keeps pages of other origins from embedding an answer, as a script for one.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The connection a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// Held, not read: it keeps the connection's place until a WebSocket made
    /// from the connection is closed, too.
    pub(crate) _permit: Arc<Permit>,
}

/// All routes.
pub(crate) fn router(classroom: Arc<Classroom>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/ws", get(open_websocket))
        .merge(book(&classroom))
        .merge(PAGE.clone().layer(middleware::from_fn(pack_better)))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&classroom), check_host))
        .layer(middleware::map_response(add_security_headers))
        .with_state(classroom)
}

/// The class's book, for reading. It is as it is now, so nobody may keep it.
fn book(classroom: &Arc<Classroom>) -> Router<Arc<Classroom>> {
    Router::new()
        .route(api::EVENTS, get(events::watch))
        .route(api::CONTACTS, get(directory::contacts))
        .route(api::CLASSROOM, get(directory::classroom))
        .route_layer(middleware::from_fn_with_state(Arc::clone(classroom), check_origin))
        .layer(middleware::map_response(forbid_keeping))
}

/// The embedded page: compressed once, shared by all servers of this process.
static PAGE: LazyLock<Router<Arc<Classroom>>> = LazyLock::new(|| {
    memory_serve::load!()
        .enable_brotli(true)
        // What a phone asks for: browsers offer brotli only over https.
        .enable_gzip(true)
        .html_cache_control(CacheControl::NoCache)
        // Trunk puts a hash of the content into every other file's name.
        .cache_control(CacheControl::Long)
        .into_router()
});

/// Each file of the page by its path, as gzip: what `memory_serve` makes of it
/// when the server starts, but packed with more patience when it was built.
const GZIPPED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/gzipped.rs"));

/// Sends the smaller gzip wherever gzip is what `memory_serve` decided to send.
async fn pack_better(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let packed = GZIPPED.iter().find(|(route, _)| *route == path).map(|(_, packed)| *packed);
    let mut response = next.run(request).await;
    if let Some(packed) = packed
        && response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip")
    {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
        *response.body_mut() = Body::from(packed);
    }
    response
}

async fn not_found(request: Request) -> (StatusCode, &'static str) {
    if request.uri().path() == "/" {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "This server was built without its page. Build both with: cargo xtask build\n\
             这个服务器编译时没有带上网页。请用 cargo xtask build 重新编译。\n",
        );
    }
    (
        StatusCode::NOT_FOUND,
        "There is nothing at this address. The page is at /\n这个地址没有内容，网页在 /\n",
    )
}

async fn open_websocket(
    State(classroom): State<Arc<Classroom>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    if !classroom.hosts.is_allowed_origin(request.headers()) {
        tracing::warn!(peer = %connection.peer, "refused a WebSocket to a page of another origin");
        return (
            StatusCode::FORBIDDEN,
            "Only this server's own page may open its WebSocket; \
             allow another one with --allow-origin\n",
        )
            .into_response();
    }
    let (response, upgraded) = match websocket::accept(request) {
        Ok(accepted) => accepted,
        Err(error) => {
            return (
                StatusCode::BAD_REQUEST,
                format!("This address is for a WebSocket, and this is none: {error}\n"),
            )
                .into_response();
        }
    };
    let conversations = classroom.conversations.clone();
    conversations.spawn(async move {
        // It fails when the browser is gone before it has the answer.
        if let Ok(upgraded) = upgraded.await {
            let browser = websocket::Browser::new(upgraded, classroom.heartbeat);
            classroom.converse(browser, connection.peer).await;
        }
        drop(connection);
    });
    response
}

async fn check_host(
    State(classroom): State<Arc<Classroom>>,
    request: Request,
    next: Next,
) -> Response {
    if classroom.hosts.is_own_host(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "This server does not go by the name in the address bar. Open it by its IP address, \
         or start it with --host-name NAME\n\
         这个服务器不用地址栏里的名字。请用 IP 地址打开，或者启动时加上 --host-name 名字\n",
    )
        .into_response()
}

/// No header lets a page of another origin read an answer, and a browser says
/// when it is such a page that asks.
async fn check_origin(
    State(classroom): State<Arc<Classroom>>,
    request: Request,
    next: Next,
) -> Response {
    if classroom.hosts.is_allowed_origin(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "Only this server's own page may read its book.\n只有这个服务器自己的网页可以读取通讯录。\n",
    )
        .into_response()
}

async fn forbid_keeping(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The names this server goes by, and the pages that may talk to it.
#[derive(Clone, Debug)]
pub struct HostNames {
    names: BTreeSet<String>,
    origins: BTreeSet<String>,
}

impl HostNames {
    /// `localhost`, this machine's own name and its `.local` form, and `names`;
    /// IP addresses always count as own. `origins` are pages of other servers
    /// that may open the WebSocket, as `http://HOST[:PORT]`.
    pub fn new(names: &[String], origins: &[String]) -> Self {
        let machine = gethostname::gethostname().to_string_lossy().to_lowercase();
        let local = format!("{}.local", machine.trim_end_matches(".local"));
        let own = ["localhost".to_owned(), machine, local];
        HostNames {
            names: own.into_iter().chain(names.iter().map(|name| normal_name(name))).collect(),
            origins: origins.iter().map(|origin| normal_origin(origin)).collect(),
        }
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        only(headers, HOST).is_some_and(|host| self.is_own_authority(host))
    }

    fn is_own_authority(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        address.unwrap_or(host).parse::<IpAddr>().is_ok() || self.names.contains(&normal_name(host))
    }

    /// A browser names the page's origin; it must be exactly this server's, or
    /// one allowed. A script names none. `null` (a file, a sandbox) is nobody.
    fn is_allowed_origin(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(ORIGIN) {
            return true;
        }
        let Some(origin) = only(headers, ORIGIN) else { return false };
        let own = only(headers, HOST).map(|host| normal_origin(&format!("http://{host}")));
        let origin = origin.to_ascii_lowercase();
        Some(&origin) == own.as_ref() || self.origins.contains(&origin)
    }
}

/// A header's value if it stands there once and is text.
fn only(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// `HOST` of `HOST[:PORT]`; nothing if it is neither.
fn host_of(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    let port_fits =
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (port_fits && !host.is_empty()).then_some(host)
}

fn normal_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// As browsers write it: lower case, no final `/`, no default port.
fn normal_origin(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    match origin.strip_prefix("http://") {
        Some(authority) => format!("http://{}", authority.strip_suffix(":80").unwrap_or(authority)),
        None => origin.strip_suffix(":443").unwrap_or(&origin).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_addresses_and_own_names_are_own_hosts() {
        let hosts = HostNames::new(&["classroom.test".into()], &[]);
        for own in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.168.1.23:8080",
            "[::1]:8080",
            "localhost",
            "localhost:8080",
            "LOCALHOST.",
            "classroom.test:8080",
            "Classroom.Test",
        ] {
            assert!(hosts.is_own_host(&headers(&[("host", own)])), "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":8080",
            "127.0.0.1:port",
            "127.0.0.1:99999",
            "[::1",
            "user@127.0.0.1",
            "localhost:8080:1",
        ] {
            assert!(!hosts.is_own_host(&headers(&[("host", foreign)])), "{foreign}");
        }
        assert!(!hosts.is_own_host(&headers(&[])));
        assert!(!hosts.is_own_host(&headers(&[("host", "localhost"), ("host", "localhost")])));
    }

    #[test]
    fn this_machine_s_own_name_is_an_own_host() {
        let machine = gethostname::gethostname().to_string_lossy().into_owned();
        let hosts = HostNames::new(&[], &[]);
        assert!(hosts.is_own_authority(&format!("{machine}:8080")));
        assert!(
            hosts.is_own_authority(&format!("{}.local:8080", machine.trim_end_matches(".local")))
        );
    }

    #[test]
    fn a_page_must_be_of_exactly_this_origin_or_an_allowed_one() {
        let hosts = HostNames::new(&[], &["https://school.example/".into()]);
        let allowed = |origin: &str| {
            hosts.is_allowed_origin(&headers(&[("host", "127.0.0.1:8080"), ("origin", origin)]))
        };
        assert!(allowed("http://127.0.0.1:8080"));
        assert!(allowed("https://school.example"));
        for foreign in [
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:8081",
            "https://127.0.0.1:8080",
            "http://localhost:8080",
            "http://evil.example",
            "http://127.0.0.1:8080.evil.example",
            "https://school.example.evil.example",
            "http://school.example",
            "file://",
        ] {
            assert!(!allowed(foreign), "{foreign:?}");
        }
        assert!(hosts.is_allowed_origin(&headers(&[("host", "127.0.0.1:8080")])), "a script");
        let on_port_80 = headers(&[("host", "127.0.0.1:80"), ("origin", "http://127.0.0.1")]);
        assert!(hosts.is_allowed_origin(&on_port_80));
    }
}
