//! Storage: what outlives a reload.
//!
//! A browser may refuse to store anything, in a private window or by a
//! school's policy; then the page forgets, and works.

use web_sys::{Storage, Window};

/// What is stored, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKey {
    /// The line being written, as long as the tab lives.
    Draft,
    /// The lines written before, as long as the tab lives.
    History,
    /// The panel in front, as long as the tab lives.
    Panel,
    /// The language, for good.
    Language,
    /// The theme, for good.
    Theme,
    /// How far the student is in the lesson, for good.
    Progress,
    /// The student's name and number in the class, for good.
    Owner,
    /// The key of the student's homework, for good.
    Homework,
}

/// The browser's storage.
pub struct PageStorage {
    /// Kept as long as the tab lives.
    session: Option<Storage>,
    /// Kept for good.
    local: Option<Storage>,
}

impl PageStorage {
    /// The storage of this page's origin, as far as it may be used.
    pub fn of(window: &Window) -> Self {
        PageStorage {
            session: window.session_storage().ok().flatten(),
            local: window.local_storage().ok().flatten(),
        }
    }

    /// What was stored.
    pub fn get(&self, key: StorageKey) -> Option<String> {
        let (storage, name) = self.locate(key);
        storage?.get_item(name).ok().flatten()
    }

    /// Stores a text, in place of the one before.
    pub fn set(&self, key: StorageKey, text: &str) {
        let (storage, name) = self.locate(key);
        if let Some(storage) = storage {
            // A full storage costs the memory of one line, not the lesson.
            let _ = storage.set_item(name, text);
        }
    }

    fn locate(&self, key: StorageKey) -> (Option<&Storage>, &'static str) {
        let (session, local) = (self.session.as_ref(), self.local.as_ref());
        match key {
            StorageKey::Draft => (session, "draft"),
            StorageKey::History => (session, "history"),
            StorageKey::Panel => (session, "panel"),
            StorageKey::Language => (local, "language"),
            StorageKey::Theme => (local, "theme"),
            StorageKey::Progress => (local, "progress"),
            StorageKey::Owner => (local, "owner"),
            StorageKey::Homework => (local, "homework"),
        }
    }
}
