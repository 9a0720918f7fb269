//! Undo: what the teacher took out of the book, to be put back.

use tokio::sync::{Mutex, MutexGuard};

use crate::book::revision::Removed;

/// Revisions that can be taken back, the last one first. Each holds what it took out:
/// of resets as many contacts as the book takes, in all a few MB at the default.
const REMEMBERED: usize = 8;

/// What can be undone, oldest first. Locked for the length of a revision, so that the
/// book and this change in the same order.
#[derive(Debug, Default)]
pub(crate) struct Undo(Mutex<Vec<Undoable>>);

/// A revision that can be undone.
#[derive(Debug)]
pub(crate) struct Undoable {
    /// The number of its entry in the journal.
    pub(crate) entry: u64,
    /// What it took out.
    pub(crate) removed: Removed,
}

impl Undo {
    /// Waits until no revision is being made, and keeps others from being made.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, Vec<Undoable>> {
        self.0.lock().await
    }
}

impl Undoable {
    /// Adds itself to the others, and the oldest one goes.
    pub(crate) fn push_to(self, others: &mut Vec<Undoable>) {
        if others.len() == REMEMBERED {
            others.remove(0);
        }
        others.push(self);
    }
}
