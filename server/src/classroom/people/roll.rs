//! Roll: who is in the class, by number and by key; bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::record::Record;
use super::{PersonId, Visitor};

/// Most people who are remembered, those who left included: twenty classes of fifty.
/// Those who left make room; newcomers beyond it are counted and not listed.
pub(super) const MOST: usize = 1_000;

/// How long a page that left is remembered: it comes back after a break.
const PAGE_KEPT: Duration = Duration::from_secs(60 * 60);

/// How long a raw TCP client that left is remembered, and a page without a key: each run
/// of a Python program is another one.
const CLIENT_KEPT: Duration = Duration::from_secs(2 * 60);

/// Everybody, by number and by key.
#[derive(Debug, Default)]
pub(super) struct Roll {
    people: HashMap<PersonId, Entry>,
    by_key: HashMap<Box<str>, PersonId>,
    /// The number given last.
    last: u64,
    /// The number of the conversation entered last.
    last_conversation: u64,
    /// Messages and mistakes of those who are forgotten.
    forgotten: (u64, u64),
}

/// A conversation that was entered.
pub(super) struct Entered {
    pub(super) record: Arc<Record>,
    /// Its number among all conversations.
    pub(super) number: u64,
    /// What ends it: the server, or the teacher.
    pub(super) stop: CancellationToken,
}

/// Numbers of one tag: more than come to a class between two starts of a server. With 32
/// bits of a tag a number has 52, which a page's numbers hold.
pub(super) const OF_ONE_TAG: u64 = 1 << 20;

impl Roll {
    /// Gives numbers that no other server gives, which has another tag.
    pub(super) fn count_from(&mut self, tag: u32) {
        self.last = u64::from(tag) * OF_ONE_TAG;
    }

    /// How many are in it.
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn entry(&self, id: PersonId) -> Option<&Entry> {
        self.people.get(&id)
    }

    pub(super) fn entry_mut(&mut self, id: PersonId) -> Option<&mut Entry> {
        self.people.get_mut(&id)
    }

    /// The one with this key.
    pub(super) fn with_key(&self, key: &str) -> Option<&Entry> {
        self.by_key.get(key).and_then(|id| self.people.get(id))
    }

    /// The one with this key.
    pub(super) fn with_key_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.by_key.get(key).and_then(|id| self.people.get_mut(id))
    }

    /// The page with this key; a new one if there is none. `None` if the roll is full.
    pub(super) fn page(&mut self, key: &str, address: IpAddr, now: Instant) -> Option<&mut Entry> {
        let id = match self.by_key.get(key) {
            Some(id) => *id,
            None => self.add(Visitor::page(address, Some(key)), now)?,
        };
        self.people.get_mut(&id)
    }

    /// Enters a conversation of a visitor. `None` if the roll is full.
    pub(super) fn enter(
        &mut self,
        visitor: Visitor<'_>,
        stop: &CancellationToken,
        now: Instant,
    ) -> Option<Entered> {
        let known = visitor.key.and_then(|key| self.by_key.get(key).copied());
        let id = match known {
            Some(id) => id,
            None => self.add(visitor, now)?,
        };
        self.last_conversation += 1;
        let number = self.last_conversation;
        let entry = self.people.get_mut(&id).expect("it was found or added");
        let stop = stop.child_token();
        entry.enter(number, stop.clone(), visitor.address, now);
        Some(Entered { record: Arc::clone(&entry.record), number, stop })
    }

    /// Everybody, in the order in which they came.
    pub(super) fn all(&self) -> Vec<&Entry> {
        let mut all: Vec<_> = self.people.values().collect();
        all.sort_by_key(|entry| entry.record.id);
        all
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.people.values_mut()
    }

    pub(super) fn disconnect_address(&self, address: IpAddr) {
        let there = self.people.values().filter(|entry| entry.address == address);
        there.for_each(|entry| {
            entry.disconnect();
        });
    }

    /// Messages and mistakes of everybody who is or was in the roll.
    pub(super) fn totals(&self) -> (u64, u64) {
        let counts = self.people.values().map(|entry| entry.record.counts());
        counts.fold(self.forgotten, |sum, own| (sum.0 + own.0, sum.1 + own.1))
    }

    /// Forgets those who left long ago. Returns whether there were any.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let is_over = |entry: &&Entry| {
            let kept = if entry.key.is_some() { PAGE_KEPT } else { CLIENT_KEPT };
            entry.gone_for(now).is_some_and(|gone| gone >= kept)
        };
        let over: Vec<_> =
            self.people.values().filter(is_over).map(|entry| entry.record.id).collect();
        over.iter().for_each(|id| self.remove(*id));
        !over.is_empty()
    }

    /// Forgets those who left, and what is known of the others.
    pub(super) fn forget_all(&mut self, now: Instant) {
        let gone = self.people.values().filter(|entry| !entry.is_here());
        let gone: Vec<_> = gone.map(|entry| entry.record.id).collect();
        gone.into_iter().for_each(|id| self.remove(id));
        for entry in self.people.values_mut() {
            let (messages, mistakes) = entry.forget(now);
            self.forgotten.0 += messages;
            self.forgotten.1 += mistakes;
        }
    }

    fn add(&mut self, visitor: Visitor<'_>, now: Instant) -> Option<PersonId> {
        if self.people.len() >= MOST && !self.make_room(now) {
            return None;
        }
        self.last += 1;
        let id = PersonId(self.last);
        let entry = Entry::new(id, visitor, now);
        if let Some(key) = &entry.key {
            self.by_key.insert(key.clone(), id);
        }
        self.people.insert(id, entry);
        Some(id)
    }

    /// Forgets the one who left longest ago. Returns whether there was any.
    fn make_room(&mut self, now: Instant) -> bool {
        let gone = self.people.values().filter_map(|entry| Some((entry.gone_for(now)?, entry)));
        let longest = gone.max_by_key(|(gone, _)| *gone).map(|(_, entry)| entry.record.id);
        longest.inspect(|id| self.remove(*id)).is_some()
    }

    fn remove(&mut self, id: PersonId) {
        let Some(entry) = self.people.remove(&id) else { return };
        let (messages, mistakes) = entry.record.counts();
        self.forgotten.0 += messages;
        self.forgotten.1 += mistakes;
        if let Some(key) = &entry.key {
            self.by_key.remove(key);
        }
    }
}
