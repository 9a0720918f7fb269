//! The class's contact book: one for all conversations.
//!
//! Finds are answered from a map in memory. Changes are made either there
//! (`--memory`) or by the [writer](crate::book::writer), which stores them on disk
//! first: *decide, append, apply, reply*. Conversations cannot tell the two
//! apart.

mod commits;
pub(crate) mod contacts;
pub(crate) mod feed;
pub(crate) mod revision;
pub(crate) mod store;
mod writer;

use std::path::Path;
use std::time::Duration;

use protocol::decoder::Ending;
use protocol::{Batch, Book as _, Contacts, Decoder, Next, Replies, Reply, Request, read};

use self::contacts::SharedContacts;
use self::revision::{NotRevised, Removed, Revision};
use self::store::Store;
use self::writer::{Lost, Writer};

/// The shared book. Dropping it closes its file.
#[derive(Debug)]
pub struct Book {
    contacts: SharedContacts,
    /// Absent where changes need not outlive the server.
    writer: Option<Writer>,
}

impl Book {
    /// An empty book that takes at most `limit` contacts and is gone when the
    /// server stops.
    pub fn in_memory(limit: usize) -> Self {
        Book { contacts: SharedContacts::new(Contacts::with_limit(limit)), writer: None }
    }

    /// The book in a file; a new file if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be used; the message says why and what to do. Its
    /// contacts are as they were.
    pub fn open(path: &Path, limit: usize) -> anyhow::Result<Self> {
        let mut contacts = Contacts::with_limit(limit);
        let store = Store::open(path)?;
        store.load(&mut contacts)?;
        let contacts = SharedContacts::new(contacts);
        let writer = Writer::start(store.begin()?, contacts.clone())?;
        Ok(Book { contacts, writer: Some(writer) })
    }

    /// How many contacts it holds.
    pub fn len(&self) -> usize {
        self.contacts.read().len()
    }

    /// Tells how many contacts it holds, also when it has been closed.
    pub fn counter(&self) -> impl Fn() -> usize + use<> {
        let contacts = self.contacts.clone();
        move || contacts.read().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contacts, to watch or list them. They are changed in this module only.
    pub(crate) fn contacts(&self) -> &SharedContacts {
        &self.contacts
    }

    /// How many groups of changes were stored, and how long that took together; none
    /// where nothing is stored.
    pub(crate) fn commits(&self) -> Option<(u64, Duration)> {
        self.writer.as_ref().map(|writer| writer.commits().sums())
    }

    /// Refuses the changes of clients from the next message on, or no longer.
    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.contacts.change(|contacts| contacts.set_frozen(frozen));
    }

    /// Makes a revision, which is durable when this returns. Returns the contacts that it
    /// took out or put back.
    ///
    /// # Errors
    ///
    /// Nothing is revised, or the error says that it may be.
    pub(crate) async fn revise(&self, revision: Revision) -> Result<Removed, NotRevised> {
        if let Some(writer) = &self.writer {
            return writer.revise(revision).await;
        }
        if let Revision::Clear { keep: Some(_) } = revision {
            return Err(NotRevised::NoFile);
        }
        self.contacts.change(|contacts| {
            let concerned = revision.contacts(contacts)?;
            revision.apply(&concerned, contacts);
            Ok(concerned)
        })
    }

    /// Answers up to `most` messages that a decoder has ready. Every change among
    /// them is safe when this returns, or its reply says that it is not.
    pub(crate) async fn answer(
        &self,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
    ) -> Next {
        let Some(writer) = &self.writer else {
            return self.contacts.answer(decoder, replies, most);
        };
        // From the first change on the messages go to the writer together, finds
        // included: they must see what was added before them.
        let mut batch = Batch::default();
        let next = {
            let contacts = self.contacts.read();
            read(decoder, most, |request, ending| match request {
                Request::Find { name } if batch.is_empty() => {
                    replies.push(&contacts.find(name), ending);
                }
                Request::Answered(reply) if batch.is_empty() => replies.push(&reply, ending),
                request => batch.push(&request, ending),
            })
        };
        if batch.is_empty() {
            return next;
        }
        match writer.submit(batch, std::mem::take(replies)).await {
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
}
