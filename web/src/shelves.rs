//! What outlives a reload.
//!
//! A browser may refuse to store anything, in a private window or by a
//! school's policy; then the page forgets, and works.

use web_sys::{Storage, Window};

use crate::model::Shelf;

/// The browser's storage.
pub struct Shelves {
    for_the_tab: Option<Storage>,
    for_good: Option<Storage>,
}

impl Shelves {
    /// The storage of this page's origin, as far as it may be used.
    pub fn of(window: &Window) -> Self {
        Shelves {
            for_the_tab: window.session_storage().ok().flatten(),
            for_good: window.local_storage().ok().flatten(),
        }
    }

    /// What was kept there.
    pub fn get(&self, shelf: Shelf) -> Option<String> {
        let (storage, name) = self.at(shelf);
        storage?.get_item(name).ok().flatten()
    }

    /// Keeps a text, in place of the one before.
    pub fn keep(&self, shelf: Shelf, text: &str) {
        let (storage, name) = self.at(shelf);
        if let Some(storage) = storage {
            // A full storage costs the memory of one line, not the lesson.
            let _ = storage.set_item(name, text);
        }
    }

    fn at(&self, shelf: Shelf) -> (Option<&Storage>, &'static str) {
        let (tab, good) = (self.for_the_tab.as_ref(), self.for_good.as_ref());
        match shelf {
            Shelf::Draft => (tab, "draft"),
            Shelf::History => (tab, "history"),
            Shelf::Panel => (tab, "panel"),
            Shelf::Language => (good, "language"),
            Shelf::Theme => (good, "theme"),
            Shelf::Progress => (good, "progress"),
        }
    }
}
