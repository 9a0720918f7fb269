//! From HTTP to a conversation: `GET /ws`.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::classroom::Classroom;
use crate::classroom::presence::ClientKind;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::transport::websocket::{self, Browser};

/// Makes the connection a WebSocket and holds a conversation on it, in a task of its
/// own that outlives the request.
pub(crate) async fn open_websocket(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
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
            let Connection { peer, permit, .. } = &connection;
            let browser = Browser::new(upgraded, server.limits.heartbeat());
            let limiter = permit.rate_limiter();
            classroom.converse(ClientKind::Page, browser, *peer, limiter, &server.stop).await;
        }
        // Its place is free only now.
        drop(connection);
    });
    response
}
