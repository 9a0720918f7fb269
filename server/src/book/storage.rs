//! Storage: where the changes of a book are made to last, as the book knows it.
//!
//! Three implementations: [memory](InMemory), the [writer](super::writer::Writer) of a
//! file, and a [room](super::room::Room) of a database. Each is called by its
//! type and never through `dyn`: a call allocates no boxed future for each message.

use std::sync::Arc;
use std::time::Duration;

use protocol::decoder::Ending;
use protocol::{Batch, Decoder, Next, Replies, Reply, Request, read};

use super::contacts::SharedContacts;
use super::revision::{NotRevised, Removed, Revision};

/// What makes the changes of a book, in order. `contacts` is always the book's own map.
pub(crate) trait Storage {
    /// Answers up to `most` messages that a decoder has ready. Every change among them
    /// is safe when this returns, or its reply says that it is not. A storage that other
    /// servers share keeps with each contact its `author`, an opaque text.
    async fn answer(
        &self,
        contacts: &SharedContacts,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        author: Option<&Arc<str>>,
    ) -> Next;

    /// Makes a revision, which is durable when this returns. Returns the contacts that
    /// it took out or put back.
    ///
    /// # Errors
    ///
    /// Nothing is revised, or the error says that it may be.
    async fn revise(
        &self,
        contacts: &SharedContacts,
        revision: Revision,
    ) -> Result<Removed, NotRevised>;

    /// How many groups of changes were stored, and how long that took together; none
    /// where nothing is stored.
    fn commits(&self) -> Option<(u64, Duration)>;
}

/// No storage: changes are made in the map, and gone with it.
#[derive(Debug)]
pub(crate) struct InMemory;

impl Storage for InMemory {
    async fn answer(
        &self,
        contacts: &SharedContacts,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        _: Option<&Arc<str>>,
    ) -> Next {
        contacts.answer(decoder, replies, most)
    }

    async fn revise(
        &self,
        contacts: &SharedContacts,
        revision: Revision,
    ) -> Result<Removed, NotRevised> {
        if let Revision::Clear { keep: Some(_) } = revision {
            return Err(NotRevised::NoFile);
        }
        contacts.change(|contacts| {
            let concerned = revision.contacts(contacts)?;
            revision.apply(&concerned, contacts);
            Ok(concerned)
        })
    }

    fn commits(&self) -> Option<(u64, Duration)> {
        None
    }
}

/// A batch that was not answered, and the replies to what came before it.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) Replies);

/// Takes up to `most` messages that a decoder has ready. Those that `at_once` answers
/// are answered, into `replies`; from the first other one on all are put into the
/// returned batch, for they must see what was changed before them.
pub(crate) fn take_batch(
    decoder: &mut Decoder,
    replies: &mut Replies,
    most: usize,
    mut at_once: impl FnMut(&Request<'_>, Ending, &mut Replies) -> bool,
) -> (Batch, Next) {
    let mut batch = Batch::default();
    let next = read(decoder, most, |request, ending| {
        if !batch.is_empty() || !at_once(&request, ending, replies) {
            batch.push(&request, ending);
        }
    });
    (batch, next)
}

/// Takes over what became of a batch: its replies behind the earlier ones, or an error
/// and the end of the conversation where its changes may be stored or not.
pub(crate) fn deliver(answered: Result<Replies, Lost>, replies: &mut Replies, next: Next) -> Next {
    match answered {
        Ok(answered) => {
            *replies = answered;
            next
        }
        Err(Lost(earlier)) => {
            *replies = earlier;
            replies.push(&Reply::NotConfirmed, Ending::Line);
            Next::Close
        }
    }
}
