//! The network of a program that runs in a page: `POST /api/program`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::classroom::Classroom;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::examples::host;
use crate::http::json::{json_response, to_json};
use crate::http::this_computer::Readers;
use crate::playground::checked::Checked;
use crate::playground::{Asker, Neighbour, Reach};
use crate::relay::code::is_key;
use crate::transport::refusal::Refusal;

/// Bytes of a request: 64 KB to be sent, and its line.
pub(super) const LONGEST_REQUEST: usize = 66 * 1024;

const UNKNOWN: &str = "There is no such program here.\n";

/// Answers a request of a program. `open KEY` begins a session of the page with this key,
/// which may have none, and has the session's secret for an answer; all others need it.
pub(super) async fn program(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    readers: Readers,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let playground = classroom.playground();
    let end = body.iter().position(|&byte| byte == b'\n').unwrap_or(body.len());
    let (line, rest) = (&body[..end], body.get(end + 1..).unwrap_or_default());
    let Ok(line) = str::from_utf8(line) else {
        return (StatusCode::BAD_REQUEST, UNKNOWN).into_response();
    };
    let secret = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = secret.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if let Err(refusal @ Refusal::Blocked) = classroom.lead().let_in(connection.peer.ip()) {
        // Its program and its server end now, as its conversations did.
        if let Some(session) = playground.session(secret) {
            playground.close(&session);
        }
        return (StatusCode::FORBIDDEN, format!("{}\n", refusal.reason())).into_response();
    }
    let (kind, key) = line.split_once(' ').unwrap_or((line, ""));
    if kind == "open" {
        let key = if is_key(key) { key } else { "" };
        let Ok(session) = playground.open(connection.peer.ip().to_canonical(), key) else {
            return (StatusCode::SERVICE_UNAVAILABLE, "Too many programs run here.\n")
                .into_response();
        };
        let secret = session.secret().to_owned();
        let (classroom, stop) = (Arc::clone(&classroom), server.stop.clone());
        server.tasks.clone().spawn(async move {
            tokio::select! {
                () = session.gone(|key| classroom.people().is_here(key)) => {}
                () = stop.cancelled() => {}
            }
            classroom.playground().close(&session);
        });
        return secret.into_response();
    }
    // A page that is being closed can send no header.
    if let Some(secret) = line.strip_prefix("leave ") {
        if let Some(session) = playground.session(secret) {
            playground.close(&session);
        }
        return StatusCode::NO_CONTENT.into_response();
    }
    let Some(session) = playground.session(secret) else {
        return (StatusCode::UNAUTHORIZED, UNKNOWN).into_response();
    };
    let names_a_host = ["bind ", "listen ", "connect "].iter().any(|kind| line.starts_with(kind));
    let mut hosts = Vec::new();
    if names_a_host {
        // The first is what neighbours are told.
        hosts.extend(readers.tcp_host(&server).await);
        hosts.push(host(&uri, &headers).to_owned());
        hosts.extend(server.join.current().await.iter().map(|address| address.host.clone()));
    }
    let reach = Reach {
        lesson: server.lesson,
        port: server.tcp.port(),
        hosts,
        is_on_network: server.is_on_network(),
        ports: server.limits.student_ports,
    };
    let answer = tokio::select! {
        answer = session.answer(line, rest, &reach) => answer,
        () = server.stop.cancelled() => {
            return (StatusCode::SERVICE_UNAVAILABLE, "The server stops.\n").into_response();
        }
    };
    let whole = [answer.status.to_string().as_bytes(), b"\n", &answer.bytes].concat();
    ([(CONTENT_TYPE, "application/octet-stream")], whole).into_response()
}

/// What a page has checked by itself.
#[derive(Debug, Deserialize)]
pub(super) struct CheckedQuery {
    key: String,
    checks: String,
}

/// Notes for the teacher what a page has checked by itself. That is the page's word: it
/// counts as done, and is marked. A page that is not of the class has none.
pub(super) async fn checked(
    State(classroom): State<Arc<Classroom>>,
    query: Result<Query<CheckedQuery>, QueryRejection>,
) -> Response {
    let query = query.ok().filter(|query| is_key(&query.key));
    let query = query.and_then(|Query(query)| Some((query.key, Checked::read(&query.checks)?)));
    let Some((key, checked)) = query else {
        return (StatusCode::BAD_REQUEST, UNKNOWN).into_response();
    };
    if !classroom.people().knows(&key) {
        return (StatusCode::NOT_FOUND, "There is no page with this key.\n").into_response();
    }
    let is_here = |key: &str| classroom.people().has_here(key);
    match classroom.playground().check(&key, checked, is_here) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Too many programs run here.\n").into_response()
        }
    }
}

/// The page that asks for the servers of the class.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    key: String,
}

/// Answers with the servers of others that this page may talk to. Of theirs it is told a
/// name and an address, never a key.
pub(super) async fn servers(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    readers: Readers,
    uri: Uri,
    headers: HeaderMap,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let Some(Query(PageQuery { key })) = query.ok().filter(|query| is_key(&query.key)) else {
        return (StatusCode::BAD_REQUEST, UNKNOWN).into_response();
    };
    let asker = Asker { key: &key, is_on_network: server.is_on_network() };
    let named = readers.tcp_host(&server).await;
    let host_for_all = named.unwrap_or_else(|| host(&uri, &headers).to_owned());
    let told = |neighbour: Neighbour| {
        let host = if neighbour.is_for_all { &*host_for_all } else { "127.0.0.1" };
        let name = classroom.people().name_of(&neighbour.key).unwrap_or_default();
        api::ClassServer { name, address: format!("{host}:{}", neighbour.port) }
    };
    let playground = classroom.playground();
    let mut servers: Vec<_> = playground.neighbours(asker).into_iter().map(told).collect();
    servers.sort_by(|one, other| {
        (one.name.is_empty(), &one.name).cmp(&(other.name.is_empty(), &other.name))
    });
    let (network, open) = (asker.is_on_network, playground.has_neighbours(asker));
    json_response(to_json(&api::Servers { network, open, servers }))
}
