//! People: everybody in a class as the server sees them: who is here, what each has
//! said, how far each is.
//!
//! A page is somebody by the key it names itself by, so that one that reconnects is
//! still the same; a raw TCP client, and a page without a key, is somebody for the
//! length of its conversation. It decides nothing: what is done about anybody is
//! [`lead`](super::lead)'s.

mod attendance;
mod presence;
mod record;
mod roll;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::Sticky;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::attendance::Attendance;
pub(crate) use self::presence::{ClientKind, Present};
use self::record::Record;
use self::roll::Roll;

/// Somebody's number in the class, given once: [`api::Person::id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PersonId(pub(crate) u64);

/// Who comes in to a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor<'k> {
    pub(crate) kind: ClientKind,
    pub(crate) address: IpAddr,
    /// The key that a page names itself by, if it does.
    pub(crate) key: Option<&'k str>,
}

/// Everybody in one class.
#[derive(Debug)]
pub(crate) struct People {
    roll: Mutex<Roll>,
    /// The counts of open conversations.
    present: watch::Sender<Present>,
    /// Grows with each change of what a teacher sees.
    version: watch::Sender<u64>,
    /// What the conversations beyond the bound of the roll are counted in.
    others: std::sync::Arc<Record>,
}

impl Default for People {
    fn default() -> Self {
        People {
            roll: Mutex::default(),
            present: watch::Sender::default(),
            version: watch::Sender::default(),
            others: std::sync::Arc::new(Record::of_others()),
        }
    }
}

impl People {
    /// Counts a conversation, and enters who holds it, for as long as the value
    /// returned lives. `stop` is the server's.
    pub(crate) fn enter<'p>(
        &'p self,
        visitor: Visitor<'_>,
        stop: &'p CancellationToken,
    ) -> Attendance<'p> {
        Attendance::new(self, visitor, stop, Instant::now())
    }

    /// The counts of open conversations, and word of each change of them.
    pub(crate) fn present(&self) -> watch::Receiver<Present> {
        self.present.subscribe()
    }

    /// Ends somebody's conversations. Returns whether there were any.
    pub(crate) fn disconnect(&self, id: PersonId) -> bool {
        self.roll().disconnect(id)
    }

    /// The address somebody last came from.
    pub(crate) fn address_of(&self, id: PersonId) -> Option<IpAddr> {
        self.roll().entry(id).map(|entry| entry.address)
    }

    /// What to call somebody: the name, else the seat, else the address.
    pub(crate) fn label_of(&self, id: PersonId) -> Option<String> {
        self.roll().entry(id).map(|entry| entry.label())
    }

    /// Lowers somebody's hand. Returns whether it was raised.
    pub(crate) fn lower_hand(&self, id: PersonId) -> bool {
        let lowered = self.roll().entry_mut(id).is_some_and(|entry| entry.lower_hand());
        if lowered {
            self.changed();
        }
        lowered
    }

    /// What happens to somebody's replies on purpose, from the next ones on. Returns
    /// whether there is such a person.
    pub(crate) fn set_sticky(&self, id: PersonId, sticky: Sticky) -> bool {
        let known = self.roll().entry(id).map(|entry| entry.record.set_sticky(sticky)).is_some();
        if known {
            self.changed();
        }
        known
    }

    /// Forgets all that is known of everybody: names, progress, what was said. Those
    /// who are connected stay, nameless, and count from zero.
    pub(crate) fn forget_all(&self) {
        self.roll().forget_all(Instant::now());
        self.changed();
    }

    /// Says that a teacher would see something new.
    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        // Each change under the lock is complete before anything could panic.
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
