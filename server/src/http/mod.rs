//! The HTTP side: the page, the WebSocket's door, and who may come through.
//!
//! Answers only to names that are this machine's (`Host`), and opens the
//! WebSocket and the book only to pages of its own (`Origin`), so that a web
//! page from elsewhere in a student's browser cannot reach the class's book.

mod board;
mod contacts;
mod events;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, Entry, HOST, HeaderName,
    HeaderValue, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use memory_serve::CacheControl;

use crate::classroom::presence::ClientKind;
use crate::language::localized;
use crate::server::Classroom;
use crate::transport::accept::Permit;
use crate::transport::linger::IsWatching;
use crate::transport::websocket;

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
    /// To be set by the answer that is a stream of events.
    pub(crate) watching: IsWatching,
    /// Keeps the connection's place until a WebSocket made from the connection is
    /// closed, too.
    pub(crate) permit: Arc<Permit>,
}

/// All routes.
pub(crate) fn router(classroom: Arc<Classroom>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/ws", get(open_websocket))
        .merge(book(&classroom))
        .merge(PAGE.clone().layer(middleware::from_fn(negotiate_encoding)))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&classroom), check_host))
        .layer(middleware::map_response(add_security_headers))
        .with_state(classroom)
}

/// The class's book, for reading. It is as it is now, so nobody may keep it.
fn book(classroom: &Arc<Classroom>) -> Router<Arc<Classroom>> {
    Router::new()
        .route(api::EVENTS, get(events::watch))
        .route(api::BOARD, get(board::watch))
        .route(api::CONTACTS, get(contacts::contacts))
        .route(api::CLASSROOM, get(contacts::classroom))
        .route_layer(middleware::from_fn_with_state(Arc::clone(classroom), check_origin))
        .layer(middleware::map_response(forbid_keeping))
}

/// The addresses of the pages beside the first one and their files in `dist`. At
/// `/board`, and not `/board.html`, since people type it.
const PAGES: [(&str, &str); 1] = [("/board", "/board.html")];

/// The embedded pages: brotli from the build, gzip made once at the first request;
/// shared by all servers of this process.
static PAGE: LazyLock<Router<Arc<Classroom>>> = LazyLock::new(|| {
    let mut files = memory_serve::load!()
        .enable_brotli(true)
        // What a phone asks for: browsers offer brotli only over https.
        .enable_gzip(true)
        // A page may also be `board/index.html`.
        .index_on_subdirectories(true)
        .html_cache_control(CacheControl::NoCache)
        // Trunk puts a hash of the content into every other file's name.
        .cache_control(CacheControl::Long);
    let known = files.manifest();
    for (address, file) in PAGES {
        // A server may be built without its pages.
        if known.get(file).is_some() {
            files = files.add_alias(address, file);
        }
    }
    files.into_router()
});

/// Corrects two things about how `memory_serve` negotiates encodings.
async fn negotiate_encoding(mut request: Request, next: Next) -> Response {
    lower_case(request.headers_mut(), ACCEPT_ENCODING);
    let mut response = next.run(request).await;
    weaken(response.headers_mut());
    response
}

/// Names of encodings are in any case (RFC 9110, section 8.4.1), and
/// `memory_serve` knows the lower one only.
fn lower_case(headers: &mut HeaderMap, name: HeaderName) {
    let Entry::Occupied(mut values) = headers.entry(name) else { return };
    for value in values.iter_mut() {
        let lower = value.as_bytes().to_ascii_lowercase();
        *value = HeaderValue::from_bytes(&lower).expect("it was a value before");
    }
}

/// Makes the ETag a weak one: `memory_serve` gives one to a file whatever its
/// encoding, and a strong one promises the same bytes (RFC 9110, section 8.8.1).
/// What is cached is asked about by the weak comparison all the same.
fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    if let Some(strong) = strong.filter(|etag| etag.starts_with('"')) {
        let weak = HeaderValue::try_from(format!("W/{strong}")).expect("it was a value before");
        headers.insert(ETAG, weak);
    }
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
        let how_to_allow = report_origin(&connection, request.headers());
        return (
            StatusCode::FORBIDDEN,
            format!(
                "Only this server's own page may open its WebSocket. {how_to_allow}\n\
                 只有这个服务器自己的网页可以打开它的 WebSocket。\n"
            ),
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
            classroom
                .converse(ClientKind::Page, browser, connection.peer, &connection.permit)
                .await;
        }
        drop(connection);
    });
    response
}

/// Tells the teacher which page was refused and how to let it in. Returns how, in
/// English, for the answer.
fn report_origin(connection: &Connection, headers: &HeaderMap) -> String {
    let peer = connection.peer;
    match only(headers, ORIGIN).filter(|origin| can_be_allowed(origin)) {
        Some(origin) => {
            tracing::warn!(
                "{}",
                localized!(
                    "拒绝了来自 {peer} 的网页 {origin}；如果这是你的网页，启动时请加上 \
                     --allow-origin {origin}",
                    "refused the page {origin} of {peer}; if it is yours, start with \
                     --allow-origin {origin}"
                )
            );
            format!("If the page {origin} is yours, start the server with --allow-origin {origin}")
        }
        None => {
            tracing::warn!(
                "{}",
                localized!(
                    "拒绝了来自 {peer} 的网页：它没有可以允许的来源（例如本地文件）",
                    "refused a page of {peer}: it has no origin that could be allowed (a file, \
                     for example)"
                )
            );
            "This page has no origin that could be allowed; open it over http.".to_owned()
        }
    }
}

/// Whether `--allow-origin` takes it, and a terminal shows it as it is.
fn can_be_allowed(origin: &str) -> bool {
    /// Far longer than a name of the DNS, 253 bytes.
    const MOST: usize = 300;
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| {
        !authority.is_empty()
            && authority.len() <= MOST
            && authority.bytes().all(|byte| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
            })
    })
}

async fn check_host(
    State(classroom): State<Arc<Classroom>>,
    request: Request,
    next: Next,
) -> Response {
    match classroom.hosts.check(request.uri(), request.headers()) {
        HostCheck::Own => next.run(request).await,
        HostCheck::Contradiction => (
            StatusCode::BAD_REQUEST,
            "The request names two hosts: one in its address, another one in its Host header.\n\
             请求里写了两个不同的主机名。\n",
        )
            .into_response(),
        HostCheck::Foreign => (StatusCode::FORBIDDEN, FOREIGN_HOST).into_response(),
    }
}

const FOREIGN_HOST: &str = "\
This server does not go by the name it was called by. Open it by its IP address, or start it with \
--host-name NAME
Behind a proxy, have it pass on the name in the address bar, in nginx:
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
这个服务器不用这个名字。请用 IP 地址打开，或者启动时加上 --host-name 名字
如果前面有代理，请让它原样传递地址栏里的名字，nginx 的写法见上面两行。
";

/// No header lets a page of another origin read an answer, and a browser says
/// when it is such a page that asks.
async fn check_origin(
    State(classroom): State<Arc<Classroom>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    if classroom.hosts.is_allowed_origin(request.headers()) {
        return next.run(request).await;
    }
    let how_to_allow = report_origin(&connection, request.headers());
    (
        StatusCode::FORBIDDEN,
        format!(
            "Only this server's own page may read its book. {how_to_allow}\n\
             只有这个服务器自己的网页可以读取通讯录。\n"
        ),
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

    /// Whether a request is for this server. `X-Forwarded-Host` and its like do
    /// not count: any client can send them.
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> HostCheck {
        let Some(host) = only(headers, HOST).filter(|host| self.is_own_authority(host)) else {
            return HostCheck::Foreign;
        };
        // `GET http://HOST/ HTTP/1.1` names the host twice (RFC 9112, section 3.2.2).
        match uri.authority() {
            None => HostCheck::Own,
            Some(authority) if !self.is_own_authority(authority.as_str()) => HostCheck::Foreign,
            Some(authority) => {
                let normal = |authority: &str| normal_origin(&format!("http://{authority}"));
                match normal(authority.as_str()) == normal(host) {
                    true => HostCheck::Own,
                    false => HostCheck::Contradiction,
                }
            }
        }
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

/// Which server a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostCheck {
    /// This one.
    Own,
    /// Another one, or it does not say.
    Foreign,
    /// Two different names of this one.
    Contradiction,
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

    fn check(hosts: &HostNames, pairs: &[(&'static str, &str)]) -> HostCheck {
        hosts.check(&Uri::from_static("/"), &headers(pairs))
    }

    #[test]
    fn an_address_with_a_host_in_it_must_be_of_the_host_in_the_header() {
        use HostCheck::{Contradiction, Foreign, Own};
        let hosts = HostNames::new(&[], &[]);
        for (uri, host, expected) in [
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", Own),
            ("http://LOCALHOST:80/", "localhost", Own),
            ("http://evil.example/", "127.0.0.1:8080", Foreign),
            ("http://evil.example:8080/api/contacts", "localhost:8080", Foreign),
            ("http://127.0.0.1:8080/", "evil.example", Foreign),
            ("https://evil.example/", "localhost", Foreign),
            ("http://user@127.0.0.1/", "127.0.0.1", Foreign),
            // CONNECT
            ("evil.example:443", "localhost", Foreign),
            ("http://127.0.0.1:8081/", "127.0.0.1:8080", Contradiction),
            ("http://localhost/", "127.0.0.1", Contradiction),
        ] {
            let checked = hosts.check(&uri.parse().unwrap(), &headers(&[("host", host)]));
            assert_eq!(checked, expected, "{uri} {host}");
        }
    }

    #[test]
    fn only_what_the_option_takes_is_named_as_an_origin_to_allow() {
        for origin in ["https://school.example", "http://192.168.1.5:8081", "http://[::1]:80"] {
            assert!(can_be_allowed(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "file://",
            "http://",
            "http://*",
            "http://a/b",
            "http://a b",
            "http://a\u{1b}[2J",
        ] {
            assert!(!can_be_allowed(origin), "{origin:?}");
        }
        assert!(!can_be_allowed(&format!("http://{}", "a".repeat(301))));
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
            assert_eq!(check(&hosts, &[("host", own)]), HostCheck::Own, "{own}");
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
            assert_eq!(check(&hosts, &[("host", foreign)]), HostCheck::Foreign, "{foreign}");
        }
        assert_eq!(check(&hosts, &[]), HostCheck::Foreign);
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(check(&hosts, &twice), HostCheck::Foreign);
        // Anybody can send these.
        let forwarded = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
        assert_eq!(check(&hosts, &forwarded), HostCheck::Foreign);
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
