//! Record: what a conversation notes of the one who holds it, in every round.

use std::sync::atomic::{AtomicU8, Ordering};

use api::Sticky;

use super::PersonId;

/// What is noted of somebody while the conversations run, without a lock that others
/// share.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: PersonId,
    /// Whether it is a raw TCP client.
    pub(super) raw: bool,
    /// A [`Sticky`], by its place in [`STICKY`].
    sticky: AtomicU8,
}

const STICKY: [Sticky; 3] = [Sticky::Off, Sticky::Joined, Sticky::Split];

impl Record {
    pub(super) fn new(id: PersonId, raw: bool) -> Self {
        Record { id, raw, sticky: AtomicU8::new(0) }
    }

    /// The record of those who are not in the roll: only counted.
    pub(super) fn of_others() -> Self {
        Record::new(PersonId(0), false)
    }

    pub(super) fn sticky(&self) -> Sticky {
        STICKY[usize::from(self.sticky.load(Ordering::Relaxed))]
    }

    pub(super) fn set_sticky(&self, sticky: Sticky) {
        let at = STICKY.iter().position(|own| *own == sticky).expect("all of them are in it");
        self.sticky.store(at as u8, Ordering::Relaxed);
    }
}
