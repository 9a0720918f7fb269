//! The contact book in memory.
//!
//! A map from name to phone that executes commands. It neither stores anything
//! on a disk nor locks: whoever owns it does.

use std::collections::HashMap;

use crate::command::Change;
use crate::reply::Reply;

/// Names and phones, one phone a name.
#[derive(Debug)]
pub struct Contacts {
    phones: HashMap<Box<str>, Box<str>>,
    limit: usize,
}

impl Contacts {
    /// The most contacts a book holds unless told otherwise: about 200 MB when
    /// every name and phone is as long as most are, and ten times what the
    /// largest demonstration has needed.
    pub const DEFAULT_LIMIT: usize = 1_000_000;

    /// An empty book that takes at most `limit` contacts.
    pub fn with_limit(limit: usize) -> Self {
        Contacts { phones: HashMap::new(), limit }
    }

    /// Answers `find;NAME`.
    pub fn find(&self, name: &str) -> Reply<'_> {
        self.phones.get(name).map_or(Reply::NotFound, |phone| Reply::Phone(phone))
    }

    /// Makes a change and answers it.
    ///
    /// The only change that is refused is a new name in a full book
    /// ([`Reply::Full`]); an existing one can always be overwritten.
    pub fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a> {
        match *change {
            Change::Add { name, phone } => {
                if let Some(stored) = self.phones.get_mut(name) {
                    *stored = phone.into();
                } else if self.phones.len() < self.limit {
                    self.phones.insert(name.into(), phone.into());
                } else {
                    return Reply::Full { limit: self.limit };
                }
                Reply::Added { name }
            }
            Change::Remove { name } => match self.phones.remove(name) {
                Some(_) => Reply::Removed { name },
                None => Reply::NotFound,
            },
        }
    }

    /// How many names the book holds.
    pub fn len(&self) -> usize {
        self.phones.len()
    }

    /// Whether the book holds nobody.
    pub fn is_empty(&self) -> bool {
        self.phones.is_empty()
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
}
