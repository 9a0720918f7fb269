//! The book's changes as server-sent events: `GET /api/events`.
//!
//! A watcher gets a snapshot, then changes. There is no queue for each watcher: it has
//! a position in the one feed of all, and once it has fallen too far behind it gets a
//! new snapshot. So a slow watcher costs no memory (backpressure).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until};

use crate::book::contacts::FeedEvent;
use crate::book::feed::Position;
use crate::classroom::Classroom;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::json::to_json;
use crate::transport::admission::Permit;

/// The id of the last event a browser got before its connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Least time between two events to one watcher. Ten changes of a list in
/// a second cannot be read, and a flood of them costs each watcher ten events.
const PACE: Duration = Duration::from_millis(100);

/// Answers with the stream of events. It ends when the server stops.
pub(crate) async fn watch(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // Before the first byte of the answer, so that it holds for all of it.
    connection.event_stream.store(true, Ordering::Relaxed);
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let keep_alive = KeepAlive::new().interval(server.limits.ping_every);
    let watcher = Watcher {
        classroom,
        server,
        // An id that this server did not make is ignored.
        seen: last.and_then(|id| id.parse().ok()),
        not_before: Instant::now(),
        _permit: connection.permit,
    };
    Sse::new(stream::unfold(watcher, Watcher::next)).keep_alive(keep_alive)
}

struct Watcher {
    classroom: Arc<Classroom>,
    server: Arc<ServerContext>,
    seen: Option<Position>,
    not_before: Instant,
    /// Keeps the place of a client behind a trusted proxy.
    _permit: Arc<Permit>,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let news = async {
            sleep_until(self.not_before).await;
            self.classroom.book().contacts().watch(self.seen).await
        };
        let (position, news) = tokio::select! {
            biased;
            () = self.server.stop.cancelled() => return None,
            news = news => news,
        };
        self.seen = Some(position);
        self.not_before = Instant::now() + PACE;
        let (name, data) = match &news {
            FeedEvent::Snapshot(snapshot) => (api::SNAPSHOT, to_json(snapshot)),
            FeedEvent::Changes(changes) => (api::CHANGES, to_json(changes)),
        };
        let event = Event::default().id(position.to_string()).event(name).data(data);
        Some((Ok(event), self))
    }
}
