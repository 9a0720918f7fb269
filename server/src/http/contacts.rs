//! The contacts API: the book in order of names, a page at a time, `GET /api/contacts`;
//! and where raw TCP clients connect and which page there is, `GET /api/classroom`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::Stage;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::classroom::Classroom;
use crate::context::ServerContext;
use crate::http::json::{json_response, to_json};
use crate::http::page;
use crate::http::this_computer::Readers;
use crate::relay::code::is_key;

const USAGE: &str = "\
Ask like this: /api/contacts?after=NAME&limit=N, both are optional, N is 1 to 1000.
可以这样写：/api/contacts?after=名字&limit=N，两项都可以省略，N 是 1 到 1000 的整数。
";

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Parameters {
    after: String,
    limit: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        // The empty text sorts before every name.
        Parameters { after: String::new(), limit: api::PAGE }
    }
}

/// Answers with a page of contacts.
pub(crate) async fn contacts(
    State(classroom): State<Arc<Classroom>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let Ok(Query(Parameters { after, limit: limit @ 1..=api::MAX_PAGE })) = parameters else {
        return (StatusCode::BAD_REQUEST, USAGE).into_response();
    };
    let contacts = classroom.book().contacts();
    if contacts.read().has_index() {
        let page = contacts.read().page(&after, limit);
        return json_response(to_json(&page));
    }
    // The first page ever: the index of a book of a million takes most of a
    // second, too long for a thread that serves others.
    let contacts = contacts.clone();
    match spawn_blocking(move || to_json(&contacts.read().page(&after, limit))).await {
        Ok(page) => json_response(page),
        // A panic, which has been reported, or the end of the runtime.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The page that asks about its class: its key, and the number it has, 0 if none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AskingPage {
    page: String,
    number: u64,
}

/// Answers with what a page has to know of its class: the address raw TCP clients
/// connect to, the stage, a number of its own, and the page's program.
pub(crate) async fn classroom(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    readers: Readers,
    asking: Result<Query<AskingPage>, QueryRejection>,
) -> Response {
    let AskingPage { page: key, number } = asking.map(|Query(asking)| asking).unwrap_or_default();
    let key = is_key(&key).then_some(&*key);
    let number = classroom.page_number(key, number).await;
    json_response(to_json(&api::Classroom {
        page: readers.page(&server).await,
        tcp_host: readers.tcp_host(&server).await,
        tcp_port: server.tcp.port(),
        echoes: classroom.lead().stage() == Stage::Echo,
        number,
        program: page::program("student"),
    }))
}
