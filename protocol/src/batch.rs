//! Parsed messages that are still to be executed.
//!
//! A [`Request`] borrows from the decoder's buffer. A [`Batch`] owns the texts of
//! many, so that they can be handed to another thread; it makes two allocations,
//! however many messages are in it.

use crate::command::Change;
use crate::decoder::Ending;
use crate::reply::Reply;
use crate::slice::slice;

/// A parsed message, by what it needs to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Reads the book.
    Find {
        /// Whose phone.
        name: &'a str,
    },
    /// Changes the book.
    Change(Change<'a>),
    /// Needs no book: the reply is known.
    Answered(Reply<'a>),
}

/// Owned requests in the order in which they came.
#[derive(Debug, Default)]
pub struct Batch {
    /// The texts of all entries, one directly behind the other.
    text: String,
    entries: Vec<Entry>,
}

/// A request, whose text begins where that of the entry before it ends.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    ending: Ending,
    /// End of the name, or of the whole reply.
    name_end: usize,
    /// End of the phone, where there is one.
    end: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Find,
    Add,
    Remove,
    Answered,
}

impl Batch {
    /// Appends a request, and how its message ended.
    pub fn push(&mut self, request: &Request<'_>, ending: Ending) {
        let (kind, phone) = match request {
            Request::Find { name } => {
                self.text.push_str(name);
                (Kind::Find, "")
            }
            Request::Change(Change::Add { name, phone }) => {
                self.text.push_str(name);
                (Kind::Add, *phone)
            }
            Request::Change(Change::Remove { name }) => {
                self.text.push_str(name);
                (Kind::Remove, "")
            }
            Request::Answered(reply) => {
                reply.write_to(&mut self.text);
                (Kind::Answered, "")
            }
        };
        let name_end = self.text.len();
        self.text.push_str(phone);
        self.entries.push(Entry { kind, ending, name_end, end: self.text.len() });
    }

    /// The requests in order, each with its message's ending.
    pub fn requests(&self) -> impl Iterator<Item = (Request<'_>, Ending)> {
        let mut start = 0;
        self.entries.iter().map(move |&Entry { kind, ending, name_end, end }| {
            let (name, phone) =
                (slice(&self.text, start..name_end), slice(&self.text, name_end..end));
            start = end;
            let request = match kind {
                Kind::Find => Request::Find { name },
                Kind::Add => Request::Change(Change::Add { name, phone }),
                Kind::Remove => Request::Change(Change::Remove { name }),
                Kind::Answered => Request::Answered(Reply::Written(name)),
            };
            (request, ending)
        })
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistake::{Mistake, Reason};

    #[test]
    fn requests_come_back_as_they_were_pushed() {
        let mistake = Mistake::whole(Reason::TooLong);
        let sentence = Reply::Mistake(mistake.clone()).to_string();
        let (add, remove) =
            (Change::Add { name: "张三", phone: "1" }, Change::Remove { name: "b" });
        let pushed = [
            (Request::Find { name: "a" }, Ending::Packet),
            (Request::Change(add.clone()), Ending::Line),
            (Request::Answered(Reply::Received("")), Ending::Line),
            (Request::Answered(Reply::Mistake(mistake)), Ending::Packet),
            (Request::Change(remove.clone()), Ending::Packet),
        ];
        let mut batch = Batch::default();
        assert!(batch.is_empty());
        pushed.iter().for_each(|(request, ending)| batch.push(request, *ending));
        let expected = [
            (Request::Find { name: "a" }, Ending::Packet),
            (Request::Change(add), Ending::Line),
            (Request::Answered(Reply::Written("Received ;")), Ending::Line),
            (Request::Answered(Reply::Written(&sentence)), Ending::Packet),
            (Request::Change(remove), Ending::Packet),
        ];
        assert!(batch.requests().eq(expected));
    }
}
