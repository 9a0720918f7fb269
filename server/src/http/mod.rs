//! The HTTP side: the routes, and the order of the checks before them.

mod board;
pub(crate) mod connection;
mod contacts;
mod events;
mod examples;
mod forwarded;
mod guard;
mod headers;
mod homework;
mod interpreter;
mod json;
mod metrics;
mod page;
mod program;
pub(crate) mod rooms;
mod student;
mod teacher;
mod this_computer;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};

use self::guard::{Protected, check_host, check_origin};
use self::headers::{add_security_headers, forbid_caching};
use crate::classroom::Classroom;
use crate::context::ServerContext;

/// What handlers can ask for: the class, the server, or both.
#[derive(Clone, Debug)]
struct HttpState {
    classroom: Arc<Classroom>,
    server: Arc<ServerContext>,
}

impl FromRef<HttpState> for Arc<Classroom> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.classroom)
    }
}

impl FromRef<HttpState> for Arc<ServerContext> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.server)
    }
}

/// All routes.
pub(crate) fn router(classroom: Arc<Classroom>, server: Arc<ServerContext>) -> Router {
    let origin_checked = |routes: Router<HttpState>, protected| {
        let state = (Arc::clone(&server), protected);
        routes.route_layer(from_fn_with_state(state, check_origin))
    };
    let api = Router::new()
        .route(api::EVENTS, get(events::watch))
        .route(api::BOARD, get(board::watch))
        .route(api::CONTACTS, get(contacts::contacts))
        .route(api::CLASSROOM, get(contacts::classroom))
        .route(api::CLASS, get(student::watch))
        .route(api::STUDENT, post(student::report))
        .route(api::HOMEWORK, get(homework::watch))
        .route(api::HOMEWORK_CHECK, get(homework::check))
        .route(api::HOMEWORK_RUN, post(homework::run_again))
        .route(api::HOMEWORK_PAGE, post(program::checked))
        .route(api::PYTHON, get(interpreter::python))
        .route(api::SERVERS, get(program::servers))
        .route(
            api::PROGRAM,
            post(program::program).layer(DefaultBodyLimit::max(program::LONGEST_REQUEST)),
        );
    let state = HttpState { classroom, server: Arc::clone(&server) };
    let teacher = teacher::routes(&state);
    let websocket = Router::new().route("/ws", get(upgrade::open_websocket));
    let relay = Router::new().route(api::HOMEWORK_RELAY, get(homework::open_relay));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics::metrics).layer(map_response(forbid_caching)))
        .merge(examples::routes().layer(map_response(forbid_caching)))
        .merge(origin_checked(api, Protected::Book).layer(map_response(forbid_caching)))
        .merge(origin_checked(teacher, Protected::Teacher).layer(map_response(forbid_caching)))
        .merge(origin_checked(websocket, Protected::WebSocket))
        .merge(origin_checked(relay, Protected::WebSocket).layer(map_response(forbid_caching)))
        .route("/check.py", get(homework::script))
        .route("/python/{name}", get(interpreter::file))
        .fallback(page::file)
        .with_state(state)
        .layer(from_fn_with_state(server, check_host))
        .layer(map_response(add_security_headers))
}
