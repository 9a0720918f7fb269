//! What every contact book answers, wherever it keeps its contacts.

use crate::command::Change;
use crate::reply::Reply;

/// A contact book, as far as a conversation knows it.
pub trait Book {
    /// Answers `find;NAME`.
    fn find(&self, name: &str) -> Reply<'_>;

    /// Makes a change if [`Change::decide`] says so, and answers it.
    fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a>;
}

impl<'a> Change<'a> {
    /// Decides what becomes of the change in a book that holds `count` names and
    /// takes `limit`. The reply is [`Reply::Added`] or [`Reply::Removed`] if the
    /// change is to be made. `is_known` says whether the book holds the name.
    ///
    /// The only change that is refused is a new name in a full book; an existing
    /// one can always be overwritten.
    pub fn decide(&self, count: usize, limit: usize, is_known: impl Fn() -> bool) -> Reply<'a> {
        match *self {
            Change::Add { .. } if count >= limit && !is_known() => Reply::Full { limit },
            Change::Add { name, .. } => Reply::Added { name },
            Change::Remove { name } if is_known() => Reply::Removed { name },
            Change::Remove { .. } => Reply::NotFound,
        }
    }
}
