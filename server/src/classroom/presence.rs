//! Presence: the counts of connected clients of a class.

use tokio::sync::watch;

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
    fn count(&mut self, kind: ClientKind) -> &mut u64 {
        match kind {
            ClientKind::Page => &mut self.pages,
            ClientKind::RawTcp => &mut self.clients,
        }
    }
}

/// The open conversations of one class.
#[derive(Debug, Default)]
pub(crate) struct Presence(watch::Sender<Present>);

impl Presence {
    /// Counts a conversation for as long as the value returned lives.
    pub(crate) fn enter(&self, kind: ClientKind) -> Entered<'_> {
        self.0.send_modify(|present| *present.count(kind) += 1);
        Entered { presence: self, kind }
    }

    /// The counts, and word of each change of them.
    pub(crate) fn watch(&self) -> watch::Receiver<Present> {
        self.0.subscribe()
    }
}

/// Guard of a counted conversation; dropping it ends the count, whatever ended the
/// conversation, a panic included.
#[derive(Debug)]
pub(crate) struct Entered<'p> {
    presence: &'p Presence,
    kind: ClientKind,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.presence.0.send_modify(|present| *present.count(self.kind) -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_while_its_conversations_are_open() {
        let presence = Presence::default();
        let mut watch = presence.watch();
        let counts = |pages, clients| Present { pages, clients };
        assert_eq!(*watch.borrow_and_update(), counts(0, 0));
        let page = presence.enter(ClientKind::Page);
        let client = presence.enter(ClientKind::RawTcp);
        let other = presence.enter(ClientKind::RawTcp);
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), counts(1, 2));
        drop((page, client));
        assert_eq!(*watch.borrow_and_update(), counts(0, 1));
        drop(other);
        assert_eq!(*presence.watch().borrow(), counts(0, 0), "a late watcher sees it, too");
    }
}
