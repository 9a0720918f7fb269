//! Headers that every response gets, or every one of the API.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;

/// The page runs our own scripts, workers, styles and WebAssembly and loads nothing
/// from anywhere else; no page may frame it.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     connect-src 'self'; worker-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Keeps pages of other origins from embedding an answer, as a script for one.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Adds the headers that make a browser run and load nothing but the page's own.
pub(crate) async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // The entrance of a server of many classes has one of its own.
    if !is_subresource(headers) && !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Whether it is a style, a script or a program of a page. The page's policy governs
/// those; one of their own, which no browser reads, would be 1 KB of every visit.
fn is_subresource(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["text/css", "text/javascript", "application/javascript", "application/wasm"]
        .into_iter()
        .any(|known| kind.starts_with(known))
}

/// Forbids a browser and a proxy to keep a response: the book is as it is now.
pub(crate) async fn forbid_caching(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}
