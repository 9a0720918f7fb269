//! Access checks of the teacher's side: the token in a header, the cookie that stands
//! for it, or a browser on this very computer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Extension, Query, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::Wish;
use crate::classroom::Classroom;
use crate::classroom::lead::access::{Offer, Verdict};
use crate::context::ServerContext;
use crate::host_names::single_value;
use crate::http::connection::Connection;
use crate::http::this_computer::comes_from_this_computer;
use crate::language::localized;

/// The cookie's name. Cookies do not know ports, so it does: two servers on one computer
/// have a teacher each.
pub(super) fn cookie_name(server: &ServerContext) -> String {
    format!("teacher-{}", server.http.port())
}

/// Authentication: lets the teacher through and answers others with 401 or 429.
pub(super) async fn check(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    Query(wish): Query<Wish>,
    request: Request,
    next: Next,
) -> Response {
    let language = wish.language();
    match judge(&classroom, &server, connection.peer, &request) {
        Some(Verdict::Right) => next.run(request).await,
        Some(Verdict::Wrong) => {
            let text = localized!(
                in language;
                "令牌不对。请用服务器启动时显示的教师网址打开",
                "the token is wrong; open the teacher's address that the server showed at its start"
            );
            (StatusCode::UNAUTHORIZED, text).into_response()
        }
        Some(Verdict::TooMany(wait)) => {
            let seconds = wait.as_secs() + 1;
            let text = localized!(
                in language;
                "从这个地址试错的次数太多，请 {seconds} 秒以后再试",
                "too many wrong tokens from this address, try again in {seconds} seconds"
            );
            let headers = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, text).into_response()
        }
        None => {
            let text = localized!(
                in language;
                "这个页面只给老师用。请用服务器启动时显示的教师网址打开",
                "this page is for the teacher; open the teacher's address that the server showed \
                 at its start"
            );
            (StatusCode::UNAUTHORIZED, text).into_response()
        }
    }
}

/// What a request's claim to be the teacher's is worth; none if it has none.
fn judge(
    classroom: &Classroom,
    server: &ServerContext,
    peer: SocketAddr,
    request: &Request,
) -> Option<Verdict> {
    let headers = request.headers();
    let judged = |offer| {
        let access = classroom.lead().access()?;
        Some(access.judge(offer, peer.ip(), Instant::now()))
    };
    if let Some(token) = bearer(headers) {
        return judged(Offer::Token(token));
    }
    // Before the cookie, which may be one of yesterday's server.
    if server.led_from_here && comes_from_this_computer(peer.ip(), request.version(), headers) {
        return Some(Verdict::Right);
    }
    judged(Offer::Cookie(cookie(headers, &cookie_name(server))?))
}

/// The token in `Authorization: Bearer TOKEN`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single_value(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// The value of a cookie.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(own, _)| own.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        let headers =
            headers(&[("cookie", "a=1; teacher-8080=abc; teacher-80=x"), ("cookie", "b=2")]);
        assert_eq!(cookie(&headers, "teacher-8080"), Some("abc"));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "teacher"), None);
    }
}
