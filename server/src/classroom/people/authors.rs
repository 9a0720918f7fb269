//! Authors: who stored each contact. Where several servers share the book, the book has
//! them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::PersonId;

/// Contacts of which the author is remembered: some 3 MB at the longest names.
const REMEMBERED: usize = 10_000;

/// Who stored each contact, as far as that is certain.
#[derive(Debug, Default)]
pub(super) struct Authors {
    by_name: Mutex<HashMap<Box<str>, Author>>,
    /// Whether somebody has stored contacts that were not noted, so that none of the
    /// names is certain any more.
    unsure: AtomicBool,
}

/// Who stored a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Author {
    pub(super) id: PersonId,
    pub(super) address: IpAddr,
    pub(super) raw: bool,
}

impl Author {
    /// As it is stored with a contact.
    pub(super) fn to_text(self) -> Arc<str> {
        serde_json::to_string(&self).expect("numbers and an address have a JSON form").into()
    }

    /// What was stored; none where another version of the program stored something else.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Authors {
    /// Notes what an author changed, by the replies that were given.
    pub(super) fn note<'r>(&self, author: Author, replies: impl Iterator<Item = &'r str>) {
        // Taken at the first change: a round whose changes all failed needs none.
        let mut by_name = None;
        for reply in replies {
            if let Some(name) = reply.strip_suffix(" added!") {
                let by_name = by_name.get_or_insert_with(|| self.lock());
                if let Some(before) = by_name.get_mut(name) {
                    *before = author;
                } else if by_name.len() < REMEMBERED {
                    by_name.insert(name.into(), author);
                }
            } else if let Some(name) = reply.strip_suffix(" removed!") {
                by_name.get_or_insert_with(|| self.lock()).remove(name);
            }
        }
    }

    /// Says that contacts were stored by somebody, too many to be noted.
    pub(super) fn miss(&self) {
        if !self.unsure.load(Ordering::Relaxed) {
            self.unsure.store(true, Ordering::Release);
        }
    }

    /// Who stored a contact, if that is certain.
    pub(super) fn of(&self, name: &str) -> Option<Author> {
        self.lock().get(name).copied()
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Author>> {
        // Nothing under the lock can panic.
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if self.unsure.swap(false, Ordering::Acquire) {
            by_name.clear();
        }
        by_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(n: u64) -> Author {
        Author { id: PersonId(n), address: [127, 0, 0, 1].into(), raw: false }
    }

    fn note(authors: &Authors, author: Author, replies: &[&str]) {
        authors.note(author, replies.iter().copied());
    }

    #[test]
    fn the_last_one_who_stored_a_contact_is_its_author() {
        let authors = Authors::default();
        note(&authors, author(1), &["a added!", "b added!"]);
        note(&authors, author(2), &["b added!"]);
        assert_eq!(
            ["a", "b", "c"].map(|name| authors.of(name).map(|a| a.id.0)),
            [Some(1), Some(2), None]
        );
        note(&authors, author(3), &["a removed!"]);
        assert_eq!(authors.of("a"), None);
        // After a flood a contact may have been overwritten by somebody else: no author is named.
        authors.miss();
        assert_eq!(authors.of("b"), None);
        note(&authors, author(1), &["b added!"]);
        assert_eq!(authors.of("b"), Some(author(1)));
    }

    #[test]
    fn authors_are_remembered_of_a_bounded_number_of_contacts() {
        let authors = Authors::default();
        for n in 0..REMEMBERED + 10 {
            note(&authors, author(1), &[&format!("{n} added!")]);
        }
        assert_eq!(authors.lock().len(), REMEMBERED);
        assert_eq!(authors.of(&(REMEMBERED + 1).to_string()), None);
        authors.forget();
        assert_eq!(authors.of("1"), None);
    }
}
