//! The shared contacts: a map behind a read-write lock, with the feed of its
//! changes and an index of its names in order.

use std::collections::BTreeSet;
use std::ops::{Bound, Deref};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use api::{Changes, Entry, Page, Snapshot};
use protocol::command::Change;
use protocol::{Book, Contacts, Decoder, Next, Replies, Reply, answer};
use tokio::sync::Notify;

use crate::book::feed::{Feed, Position};

/// Most changes told at once: 12 KB as contacts mostly are, 200 KB at the
/// longest, and copied in microseconds while the book is locked for changes.
const AT_ONCE: usize = 256;

/// The contacts behind their lock. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct SharedContacts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    contacts: RwLock<ObservableContacts>,
    /// Notifies the tasks that wait for the next change.
    changed: Notify,
}

/// Observable contacts: the map together with the feed of its changes, so that
/// neither can change without the other. Reads as [`Contacts`].
#[derive(Debug)]
pub(crate) struct ObservableContacts {
    contacts: Contacts,
    feed: Feed,
    index: Index,
}

/// Index of the names in order, built when a page of them is asked for: a server
/// whose lists are never looked at pays neither memory (some 60 bytes a contact)
/// nor time for it.
#[derive(Debug, Default)]
struct Index(OnceLock<BTreeSet<Box<str>>>);

impl Index {
    fn of(&self, contacts: &Contacts) -> &BTreeSet<Box<str>> {
        self.0.get_or_init(|| contacts.iter().map(|(name, _)| name.into()).collect())
    }

    fn insert(&mut self, name: &str) {
        if let Some(names) = self.0.get_mut()
            && !names.contains(name)
        {
            names.insert(name.into());
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(names) = self.0.get_mut() {
            names.remove(name);
        }
    }

    fn clear(&mut self) {
        if let Some(names) = self.0.get_mut() {
            names.clear();
        }
    }
}

/// Event of the feed: what a watcher is told next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FeedEvent {
    /// Where the book stands; what the watcher knows is void.
    Snapshot(Snapshot),
    /// What has changed since.
    Changes(Changes),
}

impl Shared {
    fn write(&self) -> RwLockWriteGuard<'_, ObservableContacts> {
        self.contacts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedContacts {
    pub(crate) fn new(contacts: Contacts) -> Self {
        let contacts = RwLock::new(ObservableContacts {
            contacts,
            feed: Feed::new(),
            index: Index::default(),
        });
        SharedContacts(Arc::new(Shared { contacts, changed: Notify::new() }))
    }

    // A panic elsewhere cannot leave the map half changed: each change is a
    // single call on it.

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, ObservableContacts> {
        self.0.contacts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the contacts under the write lock, so that no reader sees a part of
    /// it, and notifies the watchers.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut ObservableContacts) -> T) -> T {
        let mut contacts = self.0.write();
        let before = contacts.feed.position();
        let outcome = change(&mut contacts);
        let changed = contacts.feed.position() != before;
        drop(contacts);
        if changed {
            // Some 20 ns while no task waits.
            self.0.changed.notify_waiters();
        }
        outcome
    }

    /// Answers as [`protocol::answer`] does, under the read lock up to the first
    /// change and under the write lock from there on.
    pub(crate) fn answer(&self, decoder: &mut Decoder, replies: &mut Replies, most: usize) -> Next {
        let mut lock = UpgradingLock { shared: &self.0, read: Some(self.read()), write: None };
        let next = answer(decoder, &mut lock, replies, most);
        if lock.write.take().is_some() {
            self.0.changed.notify_waiters();
        }
        next
    }

    /// Waits until there is something that a watcher who has come as far as
    /// `seen` does not know, and returns it with how far that brings it.
    pub(crate) async fn watch(&self, seen: Option<Position>) -> (Position, FeedEvent) {
        loop {
            // Before looking, so that no change slips through in between.
            let changed = self.0.changed.notified();
            if let Some(news) = self.read().news(seen) {
                return news;
            }
            changed.await;
        }
    }

    /// Waits until the book has changed behind `seen`.
    pub(crate) async fn changed_since(&self, seen: Position) {
        loop {
            let changed = self.0.changed.notified();
            if self.read().feed.position() != seen {
                return;
            }
            changed.await;
        }
    }
}

impl ObservableContacts {
    /// Where the book stands.
    pub(crate) fn position(&self) -> Position {
        self.feed.position()
    }

    /// Where the book stands. The latest changes from here on are remembered for
    /// [`latest_names`](Self::latest_names).
    pub(crate) fn follow(&self) -> Position {
        self.feed.follow();
        self.feed.position()
    }

    /// As [`Feed::latest_names`].
    pub(crate) fn latest_names(
        &self,
        since: Position,
        most: usize,
    ) -> impl Iterator<Item = (&str, bool)> {
        self.feed.latest_names(since, most)
    }

    /// Stores a phone, over an earlier one if there is one, whatever the limit.
    pub(crate) fn insert(&mut self, name: &str, phone: &str) {
        self.contacts.insert(name, phone);
        self.index.insert(name);
        self.feed.record(name, Some(phone));
    }

    /// Forgets a name, if it is there.
    pub(crate) fn remove(&mut self, name: &str) {
        if self.contacts.remove(name) {
            self.index.remove(name);
            self.feed.record(name, None);
        }
    }

    /// Forgets all contacts at once. Watchers get a new snapshot.
    pub(crate) fn clear(&mut self) {
        self.feed.skip(self.contacts.len());
        self.contacts.clear();
        self.index.clear();
    }

    /// Puts other contacts in place of all. Watchers get a new snapshot.
    pub(crate) fn replace<'c>(&mut self, contacts: impl Iterator<Item = (&'c str, &'c str)>) {
        self.clear();
        contacts.for_each(|(name, phone)| self.contacts.insert(name, phone));
        self.index = Index::default();
        // Counted as changes, so that no watcher takes it for the book it knows.
        self.feed.skip(self.contacts.len() + 1);
    }

    /// Refuses the changes of clients from now on, or no longer.
    pub(crate) fn set_frozen(&mut self, frozen: bool) {
        self.contacts.set_frozen(frozen);
    }

    fn news(&self, seen: Option<Position>) -> Option<(Position, FeedEvent)> {
        let ObservableContacts { contacts, feed, .. } = self;
        feed.watch();
        let (now, count) = (feed.position(), contacts.len() as u64);
        let Some((seen, missed)) = seen.and_then(|seen| Some((seen, feed.since(seen)?))) else {
            return Some((now, FeedEvent::Snapshot(Snapshot { seq: now.seq, count })));
        };
        let changes: Vec<Entry> = missed.take(AT_ONCE).collect();
        let told = seen.after(changes.len());
        let news = FeedEvent::Changes(Changes { seq: told.seq, count, changes });
        (told != seen).then_some((told, news))
    }

    /// Whether a page costs no more than its contacts; the first one ever builds
    /// the index of the names.
    pub(crate) fn has_index(&self) -> bool {
        self.index.0.get().is_some()
    }

    /// The first `limit` contacts behind `after`, in order of their names.
    pub(crate) fn page(&self, after: &str, limit: usize) -> Page {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let mut names = self.index.of(&self.contacts).range::<str, _>(behind);
        let contacts: Vec<Entry> = names
            .by_ref()
            .take(limit)
            .map(|name| Entry {
                name: name.to_string(),
                phone: self.contacts.get(name).map(ToOwned::to_owned),
            })
            .collect();
        let goes_on = names.next().is_some();
        let next = contacts.last().filter(|_| goes_on).map(|last| last.name.clone());
        Page { seq: self.feed.position().seq, count: self.contacts.len() as u64, contacts, next }
    }
}

/// A read lock that becomes a write lock with the first change. In between
/// others may change the contacts: each message is answered for itself.
struct UpgradingLock<'c> {
    shared: &'c Shared,
    read: Option<RwLockReadGuard<'c, ObservableContacts>>,
    write: Option<RwLockWriteGuard<'c, ObservableContacts>>,
}

impl Book for UpgradingLock<'_> {
    fn find(&self, name: &str) -> Reply<'_> {
        let contacts = self.write.as_deref().or(self.read.as_deref());
        contacts.expect("one of the locks is held").find(name)
    }

    fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a> {
        // First: the write lock waits for all read locks.
        self.read = None;
        self.write.get_or_insert_with(|| self.shared.write()).apply(change)
    }
}

impl Deref for ObservableContacts {
    type Target = Contacts;

    fn deref(&self) -> &Contacts {
        &self.contacts
    }
}

impl Book for ObservableContacts {
    fn find(&self, name: &str) -> Reply<'_> {
        self.contacts.find(name)
    }

    fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a> {
        let reply = self.contacts.apply(change);
        if let Reply::Added { .. } | Reply::Removed { .. } = reply {
            match *change {
                Change::Add { name, phone } => {
                    self.index.insert(name);
                    self.feed.record(name, Some(phone));
                }
                Change::Remove { name } => {
                    self.index.remove(name);
                    self.feed.record(name, None);
                }
            }
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_waiting_watcher_is_woken_by_a_change_and_by_nothing_else() {
        let contacts = SharedContacts::new(Contacts::default());
        let (start, news) = contacts.watch(None).now_or_never().unwrap();
        assert_eq!(news, FeedEvent::Snapshot(Snapshot { seq: 0, count: 0 }));
        let mut waiting = Box::pin(contacts.watch(Some(start)));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        contacts.change(|contacts| contacts.remove("nobody"));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        contacts.change(|contacts| contacts.insert("a", "1"));
        let entry = Entry { name: "a".to_owned(), phone: Some("1".to_owned()) };
        let changes = Changes { seq: 1, count: 1, changes: vec![entry] };
        assert_eq!(waiting.now_or_never().unwrap().1, FeedEvent::Changes(changes));
    }

    #[test]
    fn a_long_gap_is_told_in_parts() {
        let contacts = SharedContacts::new(Contacts::default());
        let (mut seen, _) = contacts.watch(None).now_or_never().unwrap();
        contacts.change(|contacts| {
            (0..2 * AT_ONCE + 1).for_each(|number| contacts.insert(&number.to_string(), "1"));
        });
        for part in [AT_ONCE, AT_ONCE, 1] {
            let (position, news) = contacts.watch(Some(seen)).now_or_never().unwrap();
            let FeedEvent::Changes(changes) = news else { panic!("{news:?}") };
            assert_eq!((changes.changes.len(), changes.count), (part, 2 * AT_ONCE as u64 + 1));
            assert_eq!((changes.seq, position), (position.seq, seen.after(part)));
            seen = position;
        }
        assert_eq!(contacts.watch(Some(seen)).now_or_never(), None);
    }

    #[test]
    fn pages_are_in_order_whatever_has_changed_since_the_first_of_them() {
        let contacts = SharedContacts::new(Contacts::default());
        let names = || -> Vec<String> {
            let page = contacts.read().page("", 1_000);
            page.contacts.into_iter().map(|entry| entry.name).collect()
        };
        contacts.change(|contacts| ["b", "d"].map(|name| contacts.insert(name, "1")));
        assert!(!contacts.read().has_index());
        assert_eq!(names(), ["b", "d"]);
        assert!(contacts.read().has_index());
        contacts.change(|contacts| {
            contacts.insert("c", "1");
            contacts.insert("b", "2");
            let _ = contacts.apply(&Change::Add { name: "a", phone: "1" });
            let _ = contacts.apply(&Change::Add { name: "d", phone: "3" });
        });
        assert_eq!(names(), ["a", "b", "c", "d"]);
        contacts.change(|contacts| {
            contacts.remove("c");
            contacts.remove("nobody");
            let _ = contacts.apply(&Change::Remove { name: "a" });
            let _ = contacts.apply(&Change::Remove { name: "nobody" });
        });
        assert_eq!(names(), ["b", "d"]);
    }
}
