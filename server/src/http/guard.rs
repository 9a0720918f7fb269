//! Access checks: requests must be for this server by their `Host`, and the WebSocket
//! and the book are only for pages of its own by their `Origin`. So a web page from
//! elsewhere in a student's browser cannot reach the class's book.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::ServerContext;
use crate::host_names::{HostCheck, single_value};
use crate::http::connection::Connection;
use crate::language::localized;

/// Refuses requests for another server: a foreign name that resolves to this
/// machine is how a page from elsewhere would get in (DNS rebinding).
pub(crate) async fn check_host(
    State(server): State<Arc<ServerContext>>,
    request: Request,
    next: Next,
) -> Response {
    match server.hosts.check(request.uri(), request.headers()) {
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

/// What only this server's own pages may use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protected {
    /// To read the book and how the class stands.
    Book,
    /// To hold a conversation.
    WebSocket,
    /// To lead the class.
    Teacher,
}

impl Protected {
    fn refusal(self, how_to_allow: &str) -> String {
        match self {
            Protected::Book => format!(
                "Only this server's own page may read its book. {how_to_allow}\n\
                 只有这个服务器自己的网页可以读取通讯录。\n"
            ),
            Protected::Teacher => format!(
                "Only this server's own page may lead its class. {how_to_allow}\n\
                 只有这个服务器自己的网页可以管理课堂。\n"
            ),
            Protected::WebSocket => format!(
                "Only this server's own page may open its WebSocket. {how_to_allow}\n\
                 只有这个服务器自己的网页可以打开它的 WebSocket。\n"
            ),
        }
    }
}

/// Refuses pages of other origins. No header lets such a page read an answer, and
/// a browser says when it is one that asks.
pub(crate) async fn check_origin(
    State((server, protected)): State<(Arc<ServerContext>, Protected)>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    if server.hosts.is_allowed_origin(request.headers()) {
        return next.run(request).await;
    }
    let how_to_allow = report_origin(&connection, request.headers());
    (StatusCode::FORBIDDEN, protected.refusal(&how_to_allow)).into_response()
}

/// Tells the teacher which page was refused and how to let it in. Returns how, in
/// English, for the answer.
fn report_origin(connection: &Connection, headers: &HeaderMap) -> String {
    let peer = connection.peer;
    match single_value(headers, ORIGIN).filter(|origin| can_be_allowed(origin)) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
