//! Roll: who is in the class, by number and by key; bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use api::Student;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::{ClientKind, PersonId, Visitor};

/// Most people who are remembered, those who left included: twenty classes of fifty.
/// Those who left make room; newcomers beyond it are counted and not listed.
pub(super) const MOST: usize = 1_000;

/// Everybody, by number and by key.
#[derive(Debug, Default)]
pub(super) struct Roll {
    people: HashMap<PersonId, Entry>,
    by_key: HashMap<Box<str>, PersonId>,
    /// The number given last.
    last: u64,
    /// The number of the conversation entered last.
    last_conversation: u64,
}

/// Somebody in the roll.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    /// The key of a page, if it has one.
    key: Option<Box<str>>,
    /// The address this one last came from.
    pub(super) address: IpAddr,
    /// What the page says of itself.
    pub(super) student: Student,
    /// Open conversations by their numbers, with what ends each.
    conversations: Vec<(u64, CancellationToken)>,
    /// When the last conversation ended; meaningful while there is none.
    left: Instant,
}

impl Entry {
    /// The name, else the seat, else the address.
    pub(super) fn label(&self) -> String {
        let Student { name, seat, .. } = &self.student;
        let given = [name, seat].into_iter().find(|text| !text.is_empty());
        given.cloned().unwrap_or_else(|| self.address.to_string())
    }

    pub(super) fn lower_hand(&mut self) -> bool {
        std::mem::take(&mut self.student.hand)
    }

    pub(super) fn is_here(&self) -> bool {
        !self.conversations.is_empty()
    }
}

impl Roll {
    pub(super) fn entry(&self, id: PersonId) -> Option<&Entry> {
        self.people.get(&id)
    }

    pub(super) fn entry_mut(&mut self, id: PersonId) -> Option<&mut Entry> {
        self.people.get_mut(&id)
    }

    /// Enters a conversation of a visitor. `None` if the roll is full.
    pub(super) fn enter(
        &mut self,
        visitor: Visitor<'_>,
        stop: &CancellationToken,
        now: Instant,
    ) -> Option<(Arc<Record>, u64, CancellationToken)> {
        let id = self.find_or_add(visitor, now)?;
        self.last_conversation += 1;
        let number = self.last_conversation;
        let entry = self.people.get_mut(&id).expect("it was found or added");
        entry.address = visitor.address;
        let stop = stop.child_token();
        entry.conversations.push((number, stop.clone()));
        Some((Arc::clone(&entry.record), number, stop))
    }

    /// Ends a conversation that was entered.
    pub(super) fn leave(&mut self, id: PersonId, number: u64, now: Instant) {
        let Some(entry) = self.people.get_mut(&id) else { return };
        entry.conversations.retain(|(own, _)| *own != number);
        entry.left = now;
    }

    pub(super) fn disconnect(&mut self, id: PersonId) -> bool {
        let Some(entry) = self.people.get(&id) else { return false };
        entry.conversations.iter().for_each(|(_, stop)| stop.cancel());
        !entry.conversations.is_empty()
    }

    pub(super) fn forget_all(&mut self, _now: Instant) {
        self.people.retain(|_, entry| entry.is_here());
        let people = &self.people;
        self.by_key.retain(|_, id| people.contains_key(id));
        for entry in self.people.values_mut() {
            entry.student = Student::default();
        }
    }

    fn find_or_add(&mut self, visitor: Visitor<'_>, now: Instant) -> Option<PersonId> {
        let known = visitor.key.and_then(|key| self.by_key.get(key));
        if let Some(id) = known {
            return Some(*id);
        }
        if self.people.len() >= MOST && !self.make_room() {
            return None;
        }
        self.last += 1;
        let id = PersonId(self.last);
        let key: Option<Box<str>> = visitor.key.map(Into::into);
        if let Some(key) = &key {
            self.by_key.insert(key.clone(), id);
        }
        let entry = Entry {
            record: Arc::new(Record::new(id, visitor.kind == ClientKind::RawTcp)),
            key,
            address: visitor.address,
            student: Student::default(),
            conversations: Vec::new(),
            left: now,
        };
        self.people.insert(id, entry);
        Some(id)
    }

    /// Forgets the one who left longest ago. Returns whether there was any.
    fn make_room(&mut self) -> bool {
        let gone = self.people.iter().filter(|(_, entry)| !entry.is_here());
        let Some(id) = gone.min_by_key(|(_, entry)| entry.left).map(|(id, _)| *id) else {
            return false;
        };
        self.remove(id);
        true
    }

    fn remove(&mut self, id: PersonId) {
        if let Some(key) = self.people.remove(&id).and_then(|entry| entry.key) {
            self.by_key.remove(&key);
        }
    }
}
