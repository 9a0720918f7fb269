//! The server's side of the conversation.
//!
//! [`Reply`] is one answer; [`Replies`] collects the answers to a batch of
//! messages so that they can leave in a single write. Neither sends anything.

use std::fmt::{self, Write as _};

use crate::decoder::Ending;
use crate::mistake::Mistake;
use crate::slice::slice;
use crate::verb::Verb;

/// What the server says first, before any message: 8 bytes, no line end.
pub const WELCOME: &str = "Welcome!";

/// The answer to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `NAME added!`
    Added {
        /// The name as stored.
        name: &'a str,
    },
    /// `NAME removed!`
    Removed {
        /// The name that is gone.
        name: &'a str,
    },
    /// The phone that was looked for.
    Phone(&'a str),
    /// `Not Found!`
    NotFound,
    /// `Received TEXT;`, the echo.
    Received(&'a str),
    /// `Error: ...`: the message cannot be understood.
    Mistake(Mistake<'a>),
    /// Any reply, as its text.
    Written(&'a str),
    /// `Error: ...`: the book takes no more names.
    Full {
        /// How many it holds.
        limit: usize,
    },
    /// `Error: ...`: the teacher has the book take no changes for now.
    Frozen,
    /// `Error: ...`: the change could not be stored, and was not made.
    NotStored {
        /// Why, as a clause: `the disk is full`.
        why: &'a str,
    },
    /// `Error: ...`: storing the change failed at a point where it may or may
    /// not be on the disk.
    NotConfirmed,
    /// `Error: ...`: the change was not made, and no other will be until the
    /// server is started again.
    ReadOnly,
}

impl Reply<'_> {
    /// Appends the reply without a line end. String by string and without the
    /// formatting machinery, for nearly all that a server does is this.
    pub(crate) fn write_to(&self, out: &mut String) {
        match self {
            Reply::Added { name } => {
                out.push_str(name);
                out.push_str(" added!");
            }
            Reply::Removed { name } => {
                out.push_str(name);
                out.push_str(" removed!");
            }
            Reply::Phone(text) | Reply::Written(text) => out.push_str(text),
            Reply::NotFound => out.push_str("Not Found!"),
            Reply::Received(text) => {
                out.push_str("Received ");
                out.push_str(text);
                out.push(';');
            }
            Reply::Mistake(_)
            | Reply::Full { .. }
            | Reply::Frozen
            | Reply::NotStored { .. }
            | Reply::NotConfirmed
            | Reply::ReadOnly => {
                write!(out, "{self}").expect("writing to a String cannot fail");
            }
        }
    }
}

impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Added { name } => write!(f, "{name} added!"),
            Reply::Removed { name } => write!(f, "{name} removed!"),
            Reply::Phone(text) | Reply::Written(text) => f.write_str(text),
            Reply::NotFound => f.write_str("Not Found!"),
            Reply::Received(text) => write!(f, "Received {text};"),
            Reply::Mistake(mistake) => write!(f, "Error: {}", mistake.reason),
            Reply::Full { limit } => write!(
                f,
                "Error: the book is full ({limit} names), remove one first, like {}",
                Verb::Remove.example()
            ),
            Reply::Frozen => write!(
                f,
                "Error: nothing was changed, your teacher has frozen the book for now; reading \
                 goes on, like {}",
                Verb::Find.example()
            ),
            Reply::NotStored { why } => write!(
                f,
                "Error: nothing was changed, {why}, try again later; reading goes on, like {}",
                Verb::Find.example()
            ),
            Reply::NotConfirmed => write!(
                f,
                "Error: not confirmed, the server failed while storing this, so it may or may not \
                 be there later; tell your teacher; reading goes on, like {}",
                Verb::Find.example()
            ),
            Reply::ReadOnly => write!(
                f,
                "Error: nothing was changed, the server stores no more changes until your teacher \
                 restarts it; reading goes on, like {}",
                Verb::Find.example()
            ),
        }
    }
}

/// Replies on their way out, in order.
///
/// Raw TCP sends them as one run of bytes ([`as_bytes`](Self::as_bytes), line
/// ends included), a WebSocket as one message each ([`iter`](Self::iter), line
/// ends left out).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    text: String,
    /// Where each reply ends in `text`, its line end not counted.
    ends: Vec<(usize, Ending)>,
}

impl Replies {
    /// Adds a reply that ends as its message ended.
    pub fn push(&mut self, reply: &Reply<'_>, ending: Ending) {
        reply.write_to(&mut self.text);
        self.end(ending);
    }

    /// Adds [`WELCOME`].
    pub fn push_welcome(&mut self) {
        self.text.push_str(WELCOME);
        self.end(Ending::Packet);
    }

    fn end(&mut self, ending: Ending) {
        self.ends.push((self.text.len(), ending));
        if ending == Ending::Line {
            self.text.push('\n');
        }
    }

    /// All replies as the bytes of a stream.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Each reply by itself, without a line end.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, ending)| {
            let reply = slice(&self.text, start..end);
            start = end + usize::from(ending == Ending::Line);
            reply
        })
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many replies wait.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Forgets the replies after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        if let Some(&(end, ending)) = count.checked_sub(1).and_then(|last| self.ends.get(last)) {
            self.text.truncate(end + usize::from(ending == Ending::Line));
        } else if count == 0 {
            self.text.clear();
        }
        self.ends.truncate(count);
    }

    /// Forgets the replies but keeps a little room for the next ones.
    pub fn clear(&mut self) {
        /// Bytes, and replies, a connection may keep room for between two
        /// batches: some twenty ordinary replies, so that a chatting client
        /// allocates nothing and 10,000 idle ones hold little.
        const KEPT: usize = 512;
        const KEPT_ENDS: usize = 32;
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.ends.clear();
        self.ends.shrink_to(KEPT_ENDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_gets_line_ends_and_a_websocket_gets_single_replies() {
        let mut replies = Replies::default();
        replies.push_welcome();
        replies.push(&Reply::Phone("1"), Ending::Line);
        replies.push(&Reply::NotFound, Ending::Packet);
        assert_eq!(replies.as_bytes(), b"Welcome!1\nNot Found!");
        assert_eq!(replies.iter().collect::<Vec<_>>(), ["Welcome!", "1", "Not Found!"]);
        replies.truncate(5);
        assert_eq!(replies.len(), 3);
        replies.truncate(2);
        assert_eq!(replies.as_bytes(), b"Welcome!1\n");
        replies.truncate(0);
        assert!(replies.is_empty());
        replies.push(&Reply::NotFound, Ending::Line);
        replies.clear();
        assert!(replies.is_empty());
        assert_eq!(replies.as_bytes(), b"");
    }
}
