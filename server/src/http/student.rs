//! A student's page: what it says of itself (`POST api/student`), and how the class
//! stands (`GET api/class`, server-sent events). Both name the page by its key.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::{ClassState, MAX_STUDENT, Student};
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use protocol::Stage;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::classroom::Classroom;
use crate::classroom::lead::Switches;
use crate::classroom::people::{OpenPage, PersonId, ReportError};
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::json::to_json;
use crate::relay::code::is_key;
use crate::transport::admission::Permit;

/// Least time between two events to one page: a switch is felt at once, and of a hand
/// that clicks faster the last state counts.
const PACE: Duration = Duration::from_millis(100);

const USAGE: &str = "\
This address is for the page.
这个地址是给网页用的。
";

const FULL: &str = "\
There are too many people here, try again later.
现在这里的人太多了，请过一会儿再试。
";

const TOO_OFTEN: &str = "\
Too many reports, wait a moment.
报告得太频繁了，请稍等。
";

/// The parameters of a page.
#[derive(Debug, Deserialize)]
pub(crate) struct PageQuery {
    key: String,
}

/// The page's key, if it has one.
fn key(query: Result<Query<PageQuery>, QueryRejection>) -> Option<String> {
    query.ok().map(|Query(query)| query.key).filter(|key| is_key(key))
}

fn refused() -> Response {
    (StatusCode::BAD_REQUEST, USAGE).into_response()
}

impl IntoResponse for ReportError {
    fn into_response(self) -> Response {
        match self {
            ReportError::TooOften => (StatusCode::TOO_MANY_REQUESTS, TOO_OFTEN).into_response(),
            ReportError::Full => (StatusCode::SERVICE_UNAVAILABLE, FULL).into_response(),
        }
    }
}

/// Takes what a page says of itself. Whether it says it too often is decided before any of
/// it is read.
pub(crate) async fn report(
    State(classroom): State<Arc<Classroom>>,
    Extension(connection): Extension<Connection>,
    query: Result<Query<PageQuery>, QueryRejection>,
    body: Body,
) -> Response {
    let Some(key) = key(query) else { return refused() };
    let (people, address) = (classroom.people(), connection.peer.ip());
    if let Err(error) = people.admit_report(&key, address) {
        return error.into_response();
    }
    let Ok(body) = to_bytes(body, MAX_STUDENT).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, USAGE).into_response();
    };
    let Ok(student) = serde_json::from_slice::<Student>(&body) else {
        return refused();
    };
    match people.report(&key, address, student) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

/// Answers with the stream of the class's state, which begins at once.
pub(crate) async fn watch(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let Some(key) = key(query) else { return refused() };
    let page = match classroom.people().open_page(&key, connection.peer.ip()) {
        Ok(page) => page,
        Err(error) => return error.into_response(),
    };
    // Before the first byte of the answer, so that it holds for all of it.
    connection.event_stream.store(true, Ordering::Relaxed);
    let keep_alive = KeepAlive::new().interval(server.limits.ping_every);
    let switches = classroom.lead().watch();
    let (told, not_before, _permit) = (None, Instant::now(), connection.permit);
    let watcher = Watcher { page, server, switches, told, not_before, _permit };
    Sse::new(stream::unfold(watcher, Watcher::next)).keep_alive(keep_alive).into_response()
}

struct Watcher {
    page: OpenPage,
    server: Arc<ServerContext>,
    switches: watch::Receiver<Switches>,
    /// What the last event was made of.
    told: Option<(Switches, bool)>,
    not_before: Instant,
    /// Keeps the place of a client behind a trusted proxy.
    _permit: Arc<Permit>,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let stop = self.server.stop.clone();
        let state = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            state = self.changed() => state,
        };
        let event = Event::default().event(api::CLASS_EVENT).data(to_json(&state));
        Some((Ok(event), self))
    }

    /// Waits until the class stands otherwise than this page knows.
    async fn changed(&mut self) -> ClassState {
        loop {
            sleep_until(self.not_before).await;
            let now = Instant::now();
            self.not_before = now + PACE;
            self.page.calls.mark_unchanged();
            let stands = (self.switches.borrow_and_update().clone(), self.page.hand());
            if self.told.as_ref() != Some(&stands) {
                let state = class_state(&stands.0, self.page.id, stands.1, now);
                self.told = Some(stands);
                return state;
            }
            tokio::select! {
                // Both senders live as long as the class.
                _ = self.switches.changed() => {}
                _ = self.page.calls.changed() => {}
            }
        }
    }
}

/// What holds for one page.
fn class_state(switches: &Switches, person: PersonId, hand: bool, now: Instant) -> ClassState {
    ClassState {
        echoes: switches.stage == Stage::Echo,
        pause: u64::try_from(switches.pause.as_millis()).unwrap_or(u64::MAX),
        held: held(switches, now),
        frozen: switches.frozen,
        announcement: switches.announcement.clone(),
        shown: switches.shows == Some(person),
        hand,
        lesson: switches.lesson,
    }
}

/// Seconds until "eyes on me" ends by itself, rounded up.
pub(super) fn held(switches: &Switches, now: Instant) -> Option<u32> {
    let left = switches.held_until?.saturating_duration_since(now);
    Some(u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
}
