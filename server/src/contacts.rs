//! The contacts in memory, as conversations read them and the writer changes
//! them.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use protocol::Contacts;

/// The map. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct SharedContacts(Arc<RwLock<Contacts>>);

impl SharedContacts {
    pub(crate) fn new(contacts: Contacts) -> Self {
        SharedContacts(Arc::new(RwLock::new(contacts)))
    }

    // A panic elsewhere cannot leave the map half changed: each change is a
    // single call on it.

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Contacts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Contacts> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
