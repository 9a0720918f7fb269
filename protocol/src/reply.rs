//! The server's side of the conversation.
//!
//! [`Reply`] is one answer; [`Replies`] collects the answers to a batch of
//! messages so that they can leave in a single write. Neither sends anything.

use std::fmt;

use crate::command::Verb;
use crate::decoder::Ending;
use crate::mistake::Mistake;

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
    /// `Error: ...`: the book takes no more names.
    Full {
        /// How many it holds.
        limit: usize,
    },
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
    /// Writes the reply without a line end. Plain string writes, since nearly
    /// all a server does is this.
    fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Reply::Added { name } => {
                out.write_str(name)?;
                out.write_str(" added!")
            }
            Reply::Removed { name } => {
                out.write_str(name)?;
                out.write_str(" removed!")
            }
            Reply::Phone(phone) => out.write_str(phone),
            Reply::NotFound => out.write_str("Not Found!"),
            Reply::Received(text) => {
                out.write_str("Received ")?;
                out.write_str(text)?;
                out.write_str(";")
            }
            Reply::Mistake(mistake) => {
                out.write_str("Error: ")?;
                mistake.reason.write_to(out)
            }
            Reply::Full { limit } => {
                out.write_str("Error: the book is full (")?;
                out.write_str(&limit.to_string())?;
                out.write_str(" names), remove one first, like ")?;
                out.write_str(Verb::Remove.example())
            }
            Reply::NotStored { why } => {
                out.write_str("Error: nothing was changed, ")?;
                out.write_str(why)?;
                out.write_str(", try again later; reading goes on, like ")?;
                out.write_str(Verb::Find.example())
            }
            Reply::NotConfirmed => {
                out.write_str(
                    "Error: not confirmed, the server failed while storing this, so it may or may \
                     not be there later; tell your teacher; reading goes on, like ",
                )?;
                out.write_str(Verb::Find.example())
            }
            Reply::ReadOnly => {
                out.write_str(
                    "Error: nothing was changed, the server stores no more changes until your \
                     teacher restarts it; reading goes on, like ",
                )?;
                out.write_str(Verb::Find.example())
            }
        }
    }
}

impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
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
        reply.write_to(&mut self.text).expect("writing to a String cannot fail");
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
            // Not an index: it would bring five kilobytes of text about slicing
            // strings into the page.
            let reply = self.text.get(start..end).unwrap_or_default();
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
