//! The homework's routes: what a page follows (`GET api/homework`), the bytes of one
//! check (`GET api/homework/check`), the beginning of another run
//! (`POST api/homework/run`), the relay of a `check.py`
//! (`GET api/homework/relay`), and `check.py` itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    UPGRADE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use hyper_util::rt::TokioIo;
use protocol::homework::words::Language;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::classroom::Classroom;
use crate::context::ServerContext;
use crate::host_names::single_value;
use crate::http::connection::Connection;
use crate::http::json::{json_response, to_json};
use crate::http::this_computer::Readers;
use crate::relay::bridge::Talk;
use crate::relay::code::is_key;
use crate::relay::pairing::{OpenPage, PageOf, PairingError};
use crate::relay::report::Progress;
use crate::relay::script::{check_py, page_address};
use crate::relay::session::Session;
use crate::transport::linger::Lingering;

/// The name of the relay's protocol in the `Upgrade` header.
const PROTOCOL: &str = "tcp-classroom-relay";

/// The header with what a `check.py` names when it connects again.
const TICKET: HeaderName = HeaderName::from_static("ticket");

/// Characters kept of the name that a page uses, as long as a name can be.
const NAME: usize = 64;

/// Least time between two events to one page: as fast as one can see ticks appear.
const PACE: Duration = Duration::from_millis(200);

const FULL: &str = "\
There are too many homework pages or relays here, try again later.
现在查作业的人太多了，请过一会儿再试。
";

const USAGE: &str = "\
The page asks like this: /api/homework?key=KEY&lang=zh
这个地址是给网页用的。
";

/// The parameters of a page.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    key: String,
    lang: String,
    /// The name that the page uses in examples.
    name: String,
    /// Of which check the bytes are wanted.
    check: String,
}

impl Default for PageQuery {
    fn default() -> Self {
        let [key, lang, name, check] = std::array::from_fn(|_| String::new());
        PageQuery { key, lang, name, check }
    }
}

impl PageQuery {
    fn language(&self) -> Language {
        if self.lang.starts_with("zh") { Language::Chinese } else { Language::English }
    }
}

/// Answers with the stream of a student's checks, first the code and what is known.
pub(crate) async fn watch(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let Some(Query(query)) = query.ok().filter(|query| is_key(&query.key)) else {
        return (StatusCode::BAD_REQUEST, USAGE).into_response();
    };
    let language = query.language();
    let name = query.name.chars().take(NAME).collect();
    let page = PageOf { address: connection.peer.ip().to_canonical(), name };
    let Ok(page) = classroom.homework().open(&query.key, page, language) else {
        return (StatusCode::SERVICE_UNAVAILABLE, FULL).into_response();
    };
    // A `check.py` may come to another server of the class.
    classroom.share_homework();
    // Before the first byte of the answer, so that it holds for all of it.
    connection.event_stream.store(true, Ordering::Relaxed);
    let mut progress = page.student.progress().subscribe();
    progress.mark_changed();
    let keep_alive = KeepAlive::new().interval(server.limits.ping_every);
    let watcher = Watcher { page, server, progress, language, not_before: Instant::now() };
    Sse::new(stream::unfold(watcher, Watcher::next)).keep_alive(keep_alive).into_response()
}

struct Watcher {
    page: OpenPage,
    server: Arc<ServerContext>,
    progress: watch::Receiver<Progress>,
    language: Language,
    not_before: Instant,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let stop = self.server.stop.clone();
        let changed = async {
            sleep_until(self.not_before).await;
            self.progress.changed().await
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            // Its sender lives as long as the page.
            _ = changed => {}
        }
        self.not_before = Instant::now() + PACE;
        let told = self.progress.borrow_and_update().told(self.page.student.code(), self.language);
        let event = Event::default().event(api::HOMEWORK_EVENT).data(to_json(&told));
        Some((Ok(event), self))
    }
}

/// Answers with what was sent and received for a check.
pub(crate) async fn check(
    State(classroom): State<Arc<Classroom>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let student =
        query.ok().and_then(|query| Some((classroom.homework().student(&query.key)?, query)));
    let Some((student, query)) = student else {
        return (StatusCode::NOT_FOUND, USAGE).into_response();
    };
    let rows = student.progress().borrow().details(&query.check, query.language());
    json_response(to_json(&api::CheckDetails { rows }))
}

/// Has the checks begin anew, as saving the file does: where `check.py` was given a port
/// there is no file to save.
pub(crate) async fn run_again(
    State(classroom): State<Arc<Classroom>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let student = query.ok().and_then(|query| classroom.homework().student(&query.key));
    let Some(student) = student else {
        return (StatusCode::NOT_FOUND, USAGE).into_response();
    };
    let asked = match student.talk() {
        Some(talk) => talk.send(Talk::Check).await.is_ok(),
        None => false,
    };
    if asked { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT }.into_response()
}

/// The parameters of a `check.py`.
#[derive(Debug, Deserialize)]
pub(crate) struct RelayQuery {
    code: String,
    #[serde(default)]
    ticket: String,
}

/// Makes the connection of a `check.py` a relay, in a task of its own that outlives the
/// request.
pub(crate) async fn open_relay(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    query: Result<Query<RelayQuery>, QueryRejection>,
    request: Request,
) -> Response {
    let asks = single_value(request.headers(), UPGRADE).is_some_and(|value| value == PROTOCOL);
    let (Ok(Query(RelayQuery { code, ticket })), true) = (query, asks) else {
        let text = "This address is for check.py.\n这个地址是给 check.py 用的。\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let address = connection.peer.ip().to_canonical();
    let paired = match classroom.pair(&code, &ticket, address, Instant::now()) {
        Ok(paired) => paired,
        Err(error) => return refusal(error, !ticket.is_empty()),
    };
    let ticket = HeaderValue::from_str(&paired.student.ticket());
    let ticket = ticket.expect("a ticket is made of hexadecimal digits");
    let upgraded = hyper::upgrade::on(request);
    server.tasks.clone().spawn(async move {
        // It fails when the other side is gone before it has the answer.
        if let Ok(upgraded) = upgraded.await {
            let parts = upgraded.downcast::<TokioIo<Lingering>>();
            let parts = parts.expect("every connection of ours is of this kind");
            let limiter = connection.permit.rate_limiter();
            let (stream, heartbeat) = (parts.io.into_inner(), server.limits.heartbeat());
            let session = Session::new(paired);
            session.serve(stream, &parts.read_buf, heartbeat, limiter, &server.stop).await;
        }
        // Its place is free only now.
        drop(connection);
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static(PROTOCOL)),
        // A header and no line of the relay: Python's `http.client` may read beyond
        // the answer, and `check.py` would miss what stands there.
        (TICKET, ticket),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// Why there is no relay. A `check.py` that was paired before tries again after a status
/// of 500 and more: its page may come back, too.
fn refusal(error: PairingError, was_paired: bool) -> Response {
    let (status, text) = match error {
        PairingError::WrongCode => (
            StatusCode::NOT_FOUND,
            "没有这个配对码。打开课堂网页的最后一步“作业”，照那里的命令写。\n\
             There is no such code. Open the classroom's page at its last step, \"Homework\", and \
             use the command that it shows.\n",
        ),
        PairingError::TooManyTries => (
            StatusCode::TOO_MANY_REQUESTS,
            "配对码错得太多了，请等一分钟。\nToo many wrong codes, wait a minute.\n",
        ),
        PairingError::Full => (StatusCode::SERVICE_UNAVAILABLE, FULL),
    };
    let status = if was_paired { StatusCode::SERVICE_UNAVAILABLE } else { status };
    (status, text).into_response()
}

/// The parameters of the script.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScriptQuery {
    code: String,
    page: Option<String>,
}

/// Answers with `check.py`, the classroom's address and the student's code in it.
pub(crate) async fn script(
    State(server): State<Arc<ServerContext>>,
    readers: Readers,
    headers: HeaderMap,
    query: Result<Query<ScriptQuery>, QueryRejection>,
) -> Response {
    let ScriptQuery { code, page } = query.map(|Query(query)| query).unwrap_or_default();
    let host = single_value(&headers, HOST).unwrap_or_default();
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let mut address = page_address(page.as_deref(), host);
    if let Some(of_class) = readers.page(&server).await
        && address == page_address(None, host)
    {
        address = of_class;
    }
    let script = check_py(&address, &code);
    let headers = [
        (CONTENT_TYPE, "text/x-python; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"check.py\""),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, script).into_response()
}
