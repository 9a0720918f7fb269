//! Presence: the counts of connected clients of a class.

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

impl Present {
    pub(super) fn count(&mut self, kind: ClientKind) -> &mut u64 {
        match kind {
            ClientKind::Page => &mut self.pages,
            ClientKind::RawTcp => &mut self.clients,
        }
    }
}
