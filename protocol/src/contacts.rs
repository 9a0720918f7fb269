//! The contact book in memory: a hash map from name to phone.
//!
//! It executes commands, but neither stores anything on a disk nor locks; its
//! owner does.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::book::Book;
use crate::command::Change;
use crate::reply::Reply;

/// Names and phones, one phone a name.
#[derive(Debug)]
pub struct Contacts {
    phones: HashMap<Box<str>, Box<str>, RandomState>,
    limit: usize,
    frozen: bool,
}

impl Contacts {
    /// The most contacts a book holds unless told otherwise: those of a large
    /// school, 50 classes of 40 students with five contacts each. It is not what
    /// a machine can hold: one student's loop without a pause sends 300,000 in a
    /// second, and a class must still be able to read its book after that.
    pub const DEFAULT_LIMIT: usize = 10_000;

    /// An empty book that takes at most `limit` contacts.
    pub fn with_limit(limit: usize) -> Self {
        Contacts { phones: HashMap::default(), limit, frozen: false }
    }

    /// The phone of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.phones.get(name).map(|phone| &**phone)
    }

    /// Stores a phone, over an earlier one if there is one, whatever the limit.
    pub fn insert(&mut self, name: &str, phone: &str) {
        match self.phones.get_mut(name) {
            Some(stored) => *stored = phone.into(),
            None => drop(self.phones.insert(name.into(), phone.into())),
        }
    }

    /// Forgets a name. Returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.phones.remove(name).is_some()
    }

    /// Forgets all names, and gives their memory back.
    pub fn clear(&mut self) {
        self.phones = HashMap::default();
    }

    /// Whether it refuses every change of a client.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Refuses every change of a client from now on, or no longer. Its owner can
    /// change it all the same.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Decides what becomes of a client's change when the book holds `count` names, as
    /// [`Change::decide`] does unless it is frozen.
    pub fn decide<'a>(
        &self,
        change: &Change<'a>,
        count: usize,
        is_known: impl Fn() -> bool,
    ) -> Reply<'a> {
        if self.frozen { Reply::Frozen } else { change.decide(count, self.limit, is_known) }
    }

    /// All names and phones, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.phones.iter().map(|(name, phone)| (&**name, &**phone))
    }

    /// How many names the book holds.
    pub fn len(&self) -> usize {
        self.phones.len()
    }

    /// Whether the book holds no name.
    pub fn is_empty(&self) -> bool {
        self.phones.is_empty()
    }
}

impl Book for Contacts {
    fn find(&self, name: &str) -> Reply<'_> {
        self.get(name).map_or(Reply::NotFound, Reply::Phone)
    }

    fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a> {
        let (Change::Add { name, .. } | Change::Remove { name }) = *change;
        let reply = self.decide(change, self.len(), || self.get(name).is_some());
        match (&reply, change) {
            (Reply::Added { .. }, Change::Add { phone, .. }) => self.insert(name, phone),
            (Reply::Removed { .. }, _) => drop(self.phones.remove(name)),
            _ => {}
        }
        reply
    }
}

impl Default for Contacts {
    fn default() -> Self {
        Contacts::with_limit(Contacts::DEFAULT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_book_takes_no_new_name_but_still_changes_the_ones_it_has() {
        let mut contacts = Contacts::with_limit(1);
        let add = |name, phone| Change::Add { name, phone };
        assert_eq!(contacts.apply(&add("a", "1")), Reply::Added { name: "a" });
        assert_eq!(contacts.apply(&add("b", "2")), Reply::Full { limit: 1 });
        assert_eq!(contacts.apply(&add("a", "3")), Reply::Added { name: "a" });
        assert_eq!(contacts.find("a"), Reply::Phone("3"));
        assert_eq!(contacts.find("b"), Reply::NotFound);
        assert_eq!(contacts.len(), 1);
    }

    #[test]
    fn a_frozen_book_takes_no_change_of_a_client_and_still_answers() {
        let mut contacts = Contacts::default();
        let add = |phone| Change::Add { name: "a", phone };
        assert_eq!(contacts.apply(&add("1")), Reply::Added { name: "a" });
        contacts.set_frozen(true);
        assert_eq!(contacts.apply(&add("2")), Reply::Frozen);
        assert_eq!(contacts.apply(&Change::Remove { name: "a" }), Reply::Frozen);
        assert_eq!(contacts.find("a"), Reply::Phone("1"));
        contacts.set_frozen(false);
        assert_eq!(contacts.apply(&add("3")), Reply::Added { name: "a" });
    }
}
