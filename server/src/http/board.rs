//! The board, for the projector, as server-sent events: `GET /api/board`.
//!
//! Each event is the whole board, so that a watcher that comes late or reads
//! slowly has missed nothing once it has read the last one. Changes that come
//! faster than [`PACE`] are told together.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::{Board, BoardClass};
use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use protocol::Stage;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::classroom::Classroom;
use crate::classroom::lead::Switches;
use crate::classroom::people::Present;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::json::to_json;
use crate::http::page;
use crate::http::student::held;
use crate::join::CURRENT;
use crate::transport::admission::Permit;

/// Least time between two events to one watcher: two a second are as fast as a
/// class can read numbers off a wall.
const PACE: Duration = Duration::from_millis(500);

/// Answers with the stream of boards. It ends when the server stops.
pub(crate) async fn watch(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // Before the first byte of the answer, so that it holds for all of it.
    connection.event_stream.store(true, Ordering::Relaxed);
    let keep_alive = KeepAlive::new().interval(server.limits.ping_every);
    let (version, switches) = (classroom.people().version(), classroom.lead().watch());
    let (sent, not_before, _permit) = (None, Instant::now(), connection.permit);
    let watcher = Watcher { classroom, server, version, switches, sent, not_before, _permit };
    Sse::new(stream::unfold(watcher, Watcher::next)).keep_alive(keep_alive)
}

/// The class on the board. What is not shown is not in it.
fn class(classroom: &Classroom, switches: &Switches) -> BoardClass {
    let now = Instant::now();
    let class = classroom.people().board(switches.shows, now);
    BoardClass {
        homework: classroom.homework_results(),
        echoes: switches.stage == Stage::Echo,
        held: held(switches, now),
        announcement: switches.announcement.clone(),
        lines: switches.shows_lines.then(|| class.lines.unwrap_or_default()),
        ..class
    }
}

struct Watcher {
    classroom: Arc<Classroom>,
    server: Arc<ServerContext>,
    version: watch::Receiver<u64>,
    switches: watch::Receiver<Switches>,
    /// The board of the last event.
    sent: Option<Board>,
    not_before: Instant,
    /// Keeps the place of a client behind a trusted proxy.
    _permit: Arc<Permit>,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let stop = self.server.stop.clone();
        let board = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            board = self.changed() => board,
        };
        let event = Event::default().event(api::BOARD_EVENT).data(to_json(&board));
        self.sent = Some(board);
        Some((Ok(event), self))
    }

    /// Waits for a board that differs from the last one sent.
    async fn changed(&mut self) -> Board {
        loop {
            sleep_until(self.not_before).await;
            self.not_before = Instant::now() + PACE;
            let contacts = self.classroom.book().contacts();
            // All that is waited for below is noted before the board is read, so
            // that no change slips through in between.
            let position = contacts.read().position();
            self.version.mark_unchanged();
            let switches = self.switches.borrow_and_update().clone();
            let Present { pages, clients } = self.classroom.people().present_everywhere();
            let board = Board {
                addresses: self.server.join.current().await.to_vec(),
                pages,
                clients,
                contacts: contacts.read().len() as u64,
                program: page::program("board"),
                class: class(&self.classroom, &switches),
            };
            if self.sent.as_ref() != Some(&board) {
                return board;
            }
            tokio::select! {
                () = contacts.changed_since(position) => {}
                // Both senders live as long as the class.
                _ = self.version.changed() => {}
                _ = self.switches.changed() => {}
                () = sleep_until(Instant::now() + CURRENT) => {}
            }
        }
    }
}
