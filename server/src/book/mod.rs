//! The class's contact book: one for all conversations.
//!
//! It is a map in memory, which lists and watchers read, and a [storage] that answers
//! conversations and makes their changes last: none (`--memory`), the
//! [writer](crate::book::writer) of a file, or a [room] of a database.
//! Conversations cannot tell them apart.

mod commits;
pub(crate) mod contacts;
mod draft;
pub(crate) mod feed;
pub(crate) mod revision;
pub(crate) mod room;
mod storage;
pub(crate) mod store;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Contacts, Decoder, Next, Replies};

use self::contacts::SharedContacts;
use self::revision::{NotRevised, Removed, Revision};
use self::room::Room;
use self::storage::{InMemory, Storage as _};
use self::store::Store;
use self::writer::Writer;

/// The shared book. Dropping it closes its file.
#[derive(Debug)]
pub struct Book {
    contacts: SharedContacts,
    storage: Kind,
}

/// Which storage a book has.
#[derive(Debug)]
enum Kind {
    Memory(InMemory),
    File(Writer),
    /// Boxed: a classroom on a laptop is no larger for it.
    Room(Box<Room>),
}

/// Calls a method of whichever storage the book has.
macro_rules! with_storage {
    ($book:expr, $storage:ident => $call:expr) => {
        match &$book.storage {
            Kind::Memory($storage) => $call,
            Kind::File($storage) => $call,
            Kind::Room($storage) => $call,
        }
    };
}

impl Book {
    /// An empty book that takes at most `limit` contacts and is gone when the
    /// server stops.
    pub fn in_memory(limit: usize) -> Self {
        let contacts = SharedContacts::new(Contacts::with_limit(limit));
        Book { contacts, storage: Kind::Memory(InMemory) }
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
        Ok(Book { contacts, storage: Kind::File(writer) })
    }

    /// The book of a room in a database.
    pub(crate) fn in_room(room: Room) -> Self {
        Book { contacts: room.contacts(), storage: Kind::Room(Box::new(room)) }
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
        with_storage!(self, storage => storage.commits())
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
        with_storage!(self, storage => storage.revise(&self.contacts, revision).await)
    }

    /// The room, where the book is in a database.
    pub(crate) fn room(&self) -> Option<&Room> {
        match &self.storage {
            Kind::Room(room) => Some(room),
            Kind::Memory(_) | Kind::File(_) => None,
        }
    }

    /// Answers up to `most` messages that a decoder has ready. Every change among
    /// them is safe when this returns, or its reply says that it is not. In a room each
    /// contact keeps its `author`.
    pub(crate) async fn answer(
        &self,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        author: Option<&Arc<str>>,
    ) -> Next {
        let contacts = &self.contacts;
        with_storage!(self, storage => {
            storage.answer(contacts, decoder, replies, most, author).await
        })
    }
}
