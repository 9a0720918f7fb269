//! The book as it will be once a group of batches is stored.

use std::collections::HashMap;

use protocol::{Batch, Change, Contacts, Replies, Reply, Request};

use crate::book::store::Update;

/// The contacts with the updates of a group over them. Borrows the texts of the
/// updates from the group's batches.
pub(crate) struct Draft<'c, 'g> {
    contacts: &'c Contacts,
    /// In order.
    updates: Vec<Update<'g>>,
    /// Which of the updates is a name's last one.
    latest: HashMap<&'g str, usize>,
    count: usize,
}

impl<'c, 'g> Draft<'c, 'g> {
    pub(crate) fn of(contacts: &'c Contacts) -> Self {
        Self::of_part(contacts, contacts.len())
    }

    /// A draft of a book with `count` contacts, of which `contacts` has those that the
    /// batches name.
    pub(crate) fn of_part(contacts: &'c Contacts, count: usize) -> Self {
        Draft { contacts, updates: Vec::new(), latest: HashMap::new(), count }
    }

    /// Answers a batch, in order, into `replies`.
    pub(crate) fn answer(&mut self, batch: &'g Batch, replies: &mut Replies) {
        for (request, ending) in batch.requests() {
            let reply = match request {
                Request::Find { name } => self.phone(name).map_or(Reply::NotFound, Reply::Phone),
                Request::Change(change) => self.apply(&change),
                Request::Answered(reply) => reply,
            };
            replies.push(&reply, ending);
        }
    }

    /// How many contacts the book will have.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many updates there are so far.
    pub(crate) fn update_count(&self) -> usize {
        self.updates.len()
    }

    pub(crate) fn into_updates(self) -> Vec<Update<'g>> {
        self.updates
    }

    fn phone(&self, name: &str) -> Option<&str> {
        match self.latest.get(name) {
            Some(&last) => self.updates[last].after,
            None => self.contacts.get(name),
        }
    }

    fn apply(&mut self, change: &Change<'g>) -> Reply<'g> {
        let (Change::Add { name, .. } | Change::Remove { name }) = *change;
        let before = self.phone(name).map(Box::from);
        let reply = self.contacts.decide(change, self.count, || before.is_some());
        let after = match (&reply, change) {
            (Reply::Added { .. }, Change::Add { phone, .. }) => Some(*phone),
            (Reply::Removed { .. }, _) => None,
            _ => return reply,
        };
        self.count = self.count + usize::from(after.is_some()) - usize::from(before.is_some());
        if let Some(superseded) = self.latest.insert(name, self.updates.len()) {
            self.updates[superseded].is_latest = false;
        }
        self.updates.push(Update { name, before, after, is_latest: true });
        reply
    }
}

#[cfg(test)]
mod tests {
    use protocol::decoder::Ending;

    use super::*;

    #[test]
    fn only_a_name_s_last_update_is_the_latest_and_a_full_book_takes_no_new_name() {
        let mut contacts = Contacts::with_limit(2);
        contacts.insert("a", "1");
        let mut batch = Batch::default();
        let add = |name, phone| Change::Add { name, phone };
        for change in [add("b", "2"), add("b", "3"), add("c", "4"), Change::Remove { name: "a" }] {
            batch.push(&Request::Change(change), Ending::Line);
        }
        batch.push(&Request::Find { name: "b" }, Ending::Line);
        let mut replies = Replies::default();
        let mut draft = Draft::of(&contacts);
        draft.answer(&batch, &mut replies);
        let replies: Vec<_> = replies.iter().collect();
        assert_eq!(replies[..2], ["b added!", "b added!"]);
        assert!(replies[2].starts_with("Error: the book is full (2 names)"), "{replies:?}");
        assert_eq!(replies[3..], ["a removed!", "3"]);
        let updates = draft.into_updates();
        let updates: Vec<_> = updates
            .iter()
            .map(|update| (update.name, update.before.as_deref(), update.after, update.is_latest))
            .collect();
        assert_eq!(
            updates,
            [
                ("b", None, Some("2"), false),
                ("b", Some("2"), Some("3"), true),
                ("a", Some("1"), None, true),
            ]
        );
    }
}
