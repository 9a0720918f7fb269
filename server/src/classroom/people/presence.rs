//! Presence: the counts of connected clients of a class.

use std::sync::atomic::{AtomicU64, Ordering};

/// What kind of client holds a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// A browser with the page, over the WebSocket.
    Page,
    /// A Python program or `nc`, over raw TCP.
    RawTcp,
}

/// How many conversations of each kind are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) pages: u64,
    pub(crate) clients: u64,
}

/// The counts as conversations change them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pages: AtomicU64,
    clients: AtomicU64,
}

impl Counts {
    pub(super) fn now(&self) -> Present {
        Present {
            pages: self.pages.load(Ordering::Relaxed),
            clients: self.clients.load(Ordering::Relaxed),
        }
    }

    pub(super) fn add(&self, kind: ClientKind) {
        self.of(kind).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, kind: ClientKind) {
        self.of(kind).fetch_sub(1, Ordering::Relaxed);
    }

    fn of(&self, kind: ClientKind) -> &AtomicU64 {
        match kind {
            ClientKind::Page => &self.pages,
            ClientKind::RawTcp => &self.clients,
        }
    }
}
