//! The class's contact book: one for all conversations.
//!
//! It lives in memory and is gone when the server stops.

use std::sync::{Mutex, PoisonError};

use protocol::{Contacts, Decoder, Next, Replies, answer};

/// The shared book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    contacts: Mutex<Contacts>,
}

impl Book {
    /// A book that takes at most `limit` contacts.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Book { contacts: Mutex::new(Contacts::with_limit(limit)) }
    }

    /// Answers up to `most` messages that a decoder has ready, as one batch
    /// that no other conversation comes between.
    pub(crate) fn answer(&self, decoder: &mut Decoder, replies: &mut Replies, most: usize) -> Next {
        // A panic elsewhere cannot leave the map half changed: each change is
        // a single call on it.
        let mut contacts = self.contacts.lock().unwrap_or_else(PoisonError::into_inner);
        answer(decoder, &mut contacts, replies, most)
    }
}
