//! Attendance: somebody's part in one open conversation.

use std::sync::Arc;

use api::Sticky;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::{ClientKind, People, PersonId, Visitor};
use crate::transport::conversation::Observer;

/// Guard of an open conversation; dropping it ends the count of it, whatever ended
/// the conversation, a panic included.
#[derive(Debug)]
pub(crate) struct Attendance<'p> {
    people: &'p People,
    kind: ClientKind,
    /// What is noted of the one who holds it.
    record: Arc<Record>,
    /// Its number among the person's conversations, and what ends it: the server, or
    /// the teacher. None beyond the bound of the roll.
    own: Option<(u64, CancellationToken)>,
    server_stop: &'p CancellationToken,
}

impl<'p> Attendance<'p> {
    pub(super) fn new(
        people: &'p People,
        visitor: Visitor<'_>,
        server_stop: &'p CancellationToken,
        now: Instant,
    ) -> Self {
        let entered = people.roll().enter(visitor, server_stop, now);
        let (record, own) = match entered {
            Some((record, number, stop)) => (record, Some((number, stop))),
            None => (Arc::clone(&people.others), None),
        };
        people.present.send_modify(|present| *present.count(visitor.kind) += 1);
        people.changed();
        Attendance { people, kind: visitor.kind, record, own, server_stop }
    }

    /// Who holds the conversation; none beyond the bound of the roll.
    pub(crate) fn person(&self) -> Option<PersonId> {
        self.own.as_ref().map(|_| self.record.id)
    }
}

impl Observer for Attendance<'_> {
    fn stop(&self) -> &CancellationToken {
        self.own.as_ref().map_or(self.server_stop, |(_, stop)| stop)
    }

    fn is_removed(&self) -> bool {
        self.stop().is_cancelled() && !self.server_stop.is_cancelled()
    }

    fn sticky(&self) -> Sticky {
        self.record.sticky()
    }
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        if let Some((number, _)) = &self.own {
            self.people.roll().leave(self.record.id, *number, Instant::now());
        }
        self.people.present.send_modify(|present| *present.count(self.kind) -= 1);
        self.people.changed();
    }
}
