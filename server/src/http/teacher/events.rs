//! What the teacher sees, as server-sent events: `GET /api/teacher`.
//!
//! Three kinds of event, each complete at once and then what has changed: the switches
//! with figures of the class, the journal, the people. Changes that come faster than
//! [`PACE`] are told together.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::JoinAddress;
use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use protocol::Stage;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::classroom::Classroom;
use crate::classroom::lead::Switches;
use crate::classroom::people;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::json::to_json;
use crate::http::page;
use crate::transport::admission::Permit;

/// Least time between two events of a kind: a switch is shown without a wait that a
/// teacher would notice, and a busy class costs a watcher four events a second.
const PACE: Duration = Duration::from_millis(250);

/// How often figures are looked at that nothing tells of.
const FIGURES: Duration = Duration::from_secs(1);

/// Answers with the stream of events. It ends when the server stops.
pub(super) async fn watch(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // Before the first byte of the answer, so that it holds for all of it.
    connection.event_stream.store(true, Ordering::Relaxed);
    let keep_alive = KeepAlive::new().interval(server.limits.ping_every);
    let watcher = Watcher {
        switches: classroom.lead().watch(),
        journal: classroom.lead().journal().watch(),
        people: classroom.people().watch(),
        classroom,
        server,
        lead: None,
        entry: None,
        not_before: Instant::now(),
        _permit: connection.permit,
    };
    Sse::new(stream::unfold(watcher, Watcher::next)).keep_alive(keep_alive)
}

struct Watcher {
    classroom: Arc<Classroom>,
    server: Arc<ServerContext>,
    switches: watch::Receiver<Switches>,
    journal: watch::Receiver<u64>,
    people: people::Watcher,
    /// What was told last.
    lead: Option<(Switches, Figures)>,
    /// The number of the last entry that was told.
    entry: Option<u64>,
    not_before: Instant,
    /// Keeps the place of a client behind a trusted proxy.
    _permit: Arc<Permit>,
}

/// What is told beside the switches.
#[derive(Debug, PartialEq)]
struct Figures {
    contacts: u64,
    rate: u64,
    addresses: Arc<[JoinAddress]>,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let stop = self.server.stop.clone();
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            event = self.event() => event,
        };
        Some((Ok(event), self))
    }

    /// Waits for something that was not told yet. Safe to cancel.
    async fn event(&mut self) -> Event {
        loop {
            if let Some(event) = self.untold().await {
                return event;
            }
            sleep_until(self.not_before).await;
            self.not_before = Instant::now() + PACE;
            tokio::select! {
                // Their senders live as long as the class.
                _ = self.switches.changed() => {}
                _ = self.journal.changed() => {}
                news = self.people.changed() => return event(api::PEOPLE_EVENT, &news),
                () = sleep_until(Instant::now() + FIGURES) => {}
            }
        }
    }

    async fn untold(&mut self) -> Option<Event> {
        let figures = self.figures().await;
        let switches = self.switches.borrow_and_update().clone();
        let lead = (switches, figures);
        if self.lead.as_ref() != Some(&lead) {
            let event = event(api::TEACHER_EVENT, &told(&lead.0, &lead.1, Instant::now()));
            self.lead = Some(lead);
            return Some(event);
        }
        let last = *self.journal.borrow_and_update();
        if self.entry != Some(last) {
            let entries = self.classroom.lead().journal().since(self.entry.unwrap_or(0));
            self.entry = Some(last);
            return Some(event(api::JOURNAL_EVENT, &entries));
        }
        None
    }

    async fn figures(&self) -> Figures {
        Figures {
            contacts: self.classroom.book().len() as u64,
            rate: self.classroom.people().rate(),
            addresses: self.server.join.current().await,
        }
    }
}

/// The switches and figures as the teacher's page reads them. What ends by itself it
/// counts down with its own clock.
fn told(switches: &Switches, figures: &Figures, now: Instant) -> api::Lead {
    let left = |until: Instant| {
        let left = until.saturating_duration_since(now).as_millis().div_ceil(1000);
        u32::try_from(left).unwrap_or(u32::MAX)
    };
    let blocked = switches.blocked.iter();
    api::Lead {
        echoes: switches.stage == Stage::Echo,
        pause: u64::try_from(switches.pause.as_millis()).unwrap_or(u64::MAX),
        held: switches.held_until.map(left),
        frozen: switches.frozen,
        closed: switches.closed,
        servers: switches.servers,
        shows_lines: switches.shows_lines,
        shows: switches.shows.map(|id| id.0),
        sticky: switches.sticky,
        announcement: switches.announcement.clone(),
        undo: switches.undo,
        blocked: blocked.map(|(address, until)| (address.to_string(), left(*until))).collect(),
        contacts: figures.contacts,
        rate: figures.rate,
        addresses: figures.addresses.to_vec(),
        program: page::program("teacher"),
    }
}

fn event(name: &str, message: &impl Serialize) -> Event {
    Event::default().event(name).data(to_json(message))
}
