//! The embedded pages, and what is said where there is none.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, ETAG, Entry, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use memory_serve::CacheControl;

/// Answers with a page or a file of one, or says that there is none.
pub(crate) async fn file(request: Request) -> Response {
    match TowerToHyperService::new(EMBEDDED.routes.clone()).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The program of a page, as its file is called without the ending: the page's name
/// and a hash of the content, from trunk. None where the server was built without it.
pub(crate) fn program(page: &str) -> Option<String> {
    let is_of_page =
        |program: &&String| program.strip_prefix(page).is_some_and(|rest| rest.starts_with('-'));
    EMBEDDED.programs.iter().find(is_of_page).cloned()
}

/// The pages in this program.
struct Embedded {
    routes: Router,
    programs: Vec<String>,
}

/// The embedded files: brotli from the build, gzip made once at the first request, not
/// at the start, which it would take half of; shared by all servers of this process.
static EMBEDDED: LazyLock<Embedded> = LazyLock::new(|| {
    let files = memory_serve::load!()
        .enable_brotli(true)
        // What a phone asks for: browsers offer brotli only over https.
        .enable_gzip(true)
        // Each page but the first is a folder: `board/index.html` is at `/board`.
        .index_on_subdirectories(true)
        .html_cache_control(CacheControl::NoCache)
        // Trunk puts a hash of the content into every other file's name.
        .cache_control(CacheControl::Long);
    let manifest = files.manifest();
    let program = |(route, _): (&str, _)| {
        let file = route.rsplit('/').next()?;
        file.strip_suffix("_bg.wasm").map(str::to_owned)
    };
    let programs = manifest.iter().filter_map(program).collect();
    let routes = files.into_router().fallback(not_found);
    Embedded { routes: routes.layer(middleware::from_fn(negotiate_encoding)), programs }
});

/// Corrects two things about how `memory_serve` negotiates encodings, and leaves the ETag
/// of what is never asked for again away: of a visit's files that is 370 bytes.
async fn negotiate_encoding(mut request: Request, next: Next) -> Response {
    lower_case(request.headers_mut(), ACCEPT_ENCODING);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let caching = headers.get(CACHE_CONTROL).and_then(|caching| caching.to_str().ok());
    match caching.is_some_and(|caching| caching.contains("immutable")) {
        true => drop(headers.remove(ETAG)),
        false => weaken(headers),
    }
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

/// Answers where there is no such file.
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
