//! From HTTP to a conversation: `GET /ws?page=KEY`, the key being the page's own,
//! `GET /ws?server=KEY` for one with the student's own server, or
//! `GET /ws?server=KEY&at=HOST:PORT` for one with a server of the class that runs in a
//! page.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::classroom::Classroom;
use crate::classroom::people::Visitor;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::playground::{Asker, Line, Target};
use crate::relay::bridge::{self, Talk};
use crate::relay::code::is_key;
use crate::transport::refusal::Refusal;
use crate::transport::websocket::{self, Browser};

/// Whom the conversation is with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Partner {
    /// The key of the page that wants a student's server; otherwise it is the classroom's.
    server: Option<String>,
    /// Where that is: the page's own server unless a port is named.
    at: String,
    /// The key of the page that asks.
    page: Option<String>,
}

/// Makes the connection a WebSocket and holds a conversation on it, in a task of its
/// own that outlives the request.
pub(crate) async fn open_websocket(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    partner: Result<Query<Partner>, QueryRejection>,
    request: Request,
) -> Response {
    let Partner { server: asks, at, page } = partner.map(|Query(query)| query).unwrap_or_default();
    let page = page.filter(|key| is_key(key));
    if asks.as_ref().is_some_and(|key| !is_key(key)) {
        return (StatusCode::NOT_FOUND, "There is no page with this key.\n").into_response();
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
    server.tasks.clone().spawn(async move {
        // It fails when the browser is gone before it has the answer.
        if let Ok(upgraded) = upgraded.await {
            if let Some(key) = asks {
                let found = find_server(&classroom, &server, &connection, &key, &at);
                let (talk, line) = found.map_or((None, None), |(talk, line)| (Some(talk), line));
                let bridged =
                    bridge::serve(upgraded, talk, server.limits.heartbeat(), &server.stop);
                match line {
                    Some(line) => drop(tokio::join!(bridged, line.hold())),
                    None => bridged.await,
                }
                return drop(connection);
            }
            let Connection { peer, permit, .. } = &connection;
            let browser = Browser::new(upgraded, server.limits.heartbeat());
            if let Err(refusal) = classroom.lead().let_in(peer.ip()) {
                browser.refuse(refusal).await;
                return drop(connection);
            }
            let limiter = permit.rate_limiter();
            let visitor = Visitor::page(peer.ip(), page.as_deref());
            classroom.converse(visitor, browser, *peer, limiter, &server.stop).await;
        }
        // Its place is free only now.
        drop(connection);
    });
    response
}

/// Where a bridge asks for its connection, with the connection's number there.
type Talks = (mpsc::Sender<Talk>, u32);

/// The server that a page wants to talk to: with a port, the one of this class that listens
/// there; without, the page's own. If the page has two, that is the one behind its
/// `check.py`, since its program in the page is reached by its port as well.
fn find_server(
    classroom: &Classroom,
    server: &ServerContext,
    connection: &Connection,
    key: &str,
    at: &str,
) -> Option<(Talks, Option<Line>)> {
    let port = at.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    if port.is_none()
        && let Some(student) = classroom.homework().student(key)
        && let Some(talk) = student.talk()
    {
        return Some(((talk, student.next_conn()), None));
    }
    if classroom.lead().let_in(connection.peer.ip()) == Err(Refusal::Blocked) {
        return None;
    }
    let asker = Asker { key, is_on_network: server.is_on_network() };
    let target = port.map_or(Target::Own, Target::Port);
    let (talk, line) = classroom.playground().line(target, asker)?;
    Some(((talk, 0), Some(line)))
}
