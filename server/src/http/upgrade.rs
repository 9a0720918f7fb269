//! From HTTP to a conversation: `GET /ws?page=KEY`, the key being the page's own, or
//! `GET /ws?server=KEY` for one with the student's own server.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::classroom::Classroom;
use crate::classroom::people::Visitor;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::relay::bridge;
use crate::relay::pairing::is_key;
use crate::transport::websocket::{self, Browser};

/// Whom the conversation is with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Partner {
    /// The key of the student whose own server it is; otherwise the classroom's.
    server: Option<String>,
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
    let Partner { server: own_server, page } =
        partner.map(|Query(query)| query).unwrap_or_default();
    let page = page.filter(|key| is_key(key));
    let student = match own_server {
        None => None,
        Some(key) => match classroom.homework().student(&key) {
            Some(student) => Some(student),
            None => {
                let text = "There is no homework page with this key.\n";
                return (StatusCode::NOT_FOUND, text).into_response();
            }
        },
    };
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
            if let Some(student) = student {
                bridge::serve(upgraded, &student, server.limits.heartbeat(), &server.stop).await;
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
