//! Undo: what the teacher took out of the book, to be put back, on whichever server of the
//! class it was done.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use crate::book::revision::Removed;

/// Revisions that can be taken back, the last one first. Each holds what it took out:
/// of resets as many contacts as the book takes, in all a few MB at the default.
pub(crate) const REMEMBERED: usize = 8;

/// What can be undone. Locked for the length of a revision, so that the book and this
/// change in the same order.
#[derive(Debug, Default)]
pub(crate) struct Undo(Mutex<Revisions>);

/// The revisions of the book in this lesson.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    /// Those that can be undone, oldest first.
    undoable: Vec<Undoable>,
    /// Those that were undone here last, each with the entry of the journal that says so:
    /// what other servers of the class are told.
    undone: VecDeque<(u64, Done)>,
}

/// A revision that can be undone.
#[derive(Clone, Debug)]
pub(crate) struct Undoable {
    /// The number of its entry in this server's journal.
    pub(crate) entry: u64,
    /// Where it was made.
    pub(crate) done: Done,
    /// What it took out.
    pub(crate) removed: Removed,
}

/// The identity of something that was done, which is the same on all servers of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// The tag of the server on which it was done.
    pub(crate) server: u32,
    /// The number of its entry in that server's journal.
    pub(crate) entry: u64,
}

impl Undo {
    /// Waits until no revision is being made, and keeps others from being made.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, Revisions> {
        self.0.lock().await
    }
}

impl Revisions {
    /// Adds a revision that can be undone, and the oldest one goes.
    pub(crate) fn push(&mut self, undoable: Undoable) {
        if self.undoable.len() == REMEMBERED {
            self.undoable.remove(0);
        }
        self.undoable.push(undoable);
    }

    /// The last one.
    pub(crate) fn last(&self) -> Option<&Undoable> {
        self.undoable.last()
    }

    /// The entry of the journal that can be undone.
    pub(crate) fn entry(&self) -> Option<u64> {
        self.last().map(|undoable| undoable.entry)
    }

    /// Forgets a revision that was undone.
    pub(crate) fn take(&mut self, done: Done) {
        self.undoable.retain(|undoable| undoable.done != done);
    }

    /// Notes which revision an entry of the journal says to be undone.
    pub(crate) fn note_undone(&mut self, entry: u64, done: Done) {
        if self.undone.len() == REMEMBERED {
            self.undone.pop_front();
        }
        self.undone.push_back((entry, done));
    }

    /// What the revision with this entry in the journal took out, if it can be undone.
    pub(crate) fn removed_by(&self, entry: u64) -> Option<&Removed> {
        let undoable = self.undoable.iter().find(|undoable| undoable.entry == entry);
        undoable.map(|undoable| &undoable.removed)
    }

    /// Which revision an entry of the journal says to be undone.
    pub(crate) fn undone_by(&self, entry: u64) -> Option<Done> {
        self.undone.iter().find(|(by, _)| *by == entry).map(|(_, done)| *done)
    }

    /// Forgets all: the lesson is over.
    pub(crate) fn clear(&mut self) {
        *self = Revisions::default();
    }
}
