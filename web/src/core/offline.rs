//! The page as its own server, where no other answers.
//!
//! Nothing is imitated: the decoder, the commands and the answers are the
//! server's own. Only the network is missing, and the book is one student's and
//! lives as long as the page.

use protocol::command::Change;
use protocol::{Book, Decoder, Next, Replies, Reply, Stage, WELCOME, answer};

/// The most names in it: as many as the page shows of a server's book.
pub const MOST: usize = 10_000;

/// Answers a conversation as the server answers one over a WebSocket.
#[derive(Debug)]
pub struct Handler {
    decoder: Decoder,
    book: LocalBook,
}

impl Handler {
    /// A handler with an empty book.
    pub fn new(stage: Stage) -> Self {
        Handler { decoder: Decoder::new(stage), book: LocalBook::default() }
    }

    /// The book.
    pub fn book(&self) -> &LocalBook {
        &self.book
    }

    /// Begins a new conversation about the same book, and says what the
    /// server says first.
    pub fn greet(&mut self) -> String {
        self.decoder = Decoder::new(self.decoder.stage());
        WELCOME.to_string()
    }

    /// The replies to one message, and whether the conversation is over.
    pub fn answer(&mut self, text: &str) -> (Vec<String>, bool) {
        self.decoder.push(text.as_bytes());
        self.decoder.close();
        let mut replies = Replies::default();
        let next = answer(&mut self.decoder, &mut self.book, &mut replies, usize::MAX);
        self.decoder.compact();
        (replies.iter().map(str::to_string).collect(), next == Next::Close)
    }
}

/// A book as it was written, line after line: the last one about a name counts.
///
/// One student writes a few dozen of them, each by hand. The contacts panel puts
/// them in [order](crate::core::book::list).
#[derive(Debug, Default)]
pub struct LocalBook {
    lines: Vec<(String, Option<String>)>,
    count: usize,
}

impl LocalBook {
    /// Every name and phone that was added, and every name that was removed.
    pub fn lines(&self) -> &[(String, Option<String>)] {
        &self.lines
    }

    fn phone(&self, name: &str) -> Option<&str> {
        let last = self.lines.iter().rev().find(|(known, _)| known == name);
        last.and_then(|(_, phone)| phone.as_deref())
    }
}

impl Book for LocalBook {
    fn find(&self, name: &str) -> Reply<'_> {
        self.phone(name).map_or(Reply::NotFound, Reply::Phone)
    }

    fn apply<'a>(&mut self, change: &Change<'a>) -> Reply<'a> {
        let (Change::Add { name, .. } | Change::Remove { name }) = *change;
        let is_known = self.phone(name).is_some();
        let reply = change.decide(self.count, MOST, || is_known);
        let phone = match (&reply, change) {
            (Reply::Added { .. }, Change::Add { phone, .. }) => Some((*phone).to_string()),
            (Reply::Removed { .. }, _) => None,
            _ => return reply,
        };
        self.count = self.count + usize::from(phone.is_some()) - usize::from(is_known);
        self.lines.push((name.to_string(), phone));
        reply
    }
}

#[cfg(test)]
mod tests {
    use transcripts::{Action, all};

    use super::*;

    #[test]
    fn it_answers_the_transcripts_byte_for_byte() {
        let mut played = 0;
        for transcript in all().into_iter().filter(|transcript| !transcript.stream_only) {
            let mut handler = Handler::new(transcript.stage);
            assert_eq!(handler.greet(), WELCOME);
            for turn in &transcript.turns {
                let Action::Send(bytes) = &turn.action else { continue };
                // A browser sends text.
                let Ok(text) = str::from_utf8(bytes) else { break };
                let answered = handler.answer(text);
                assert_eq!(answered, (turn.replies(), turn.closed), "{}", transcript.name);
            }
            played += 1;
        }
        assert!(played > 20, "{played}");
    }

    #[test]
    fn the_book_outlives_a_conversation_and_an_unfinished_line_does_not() {
        let mut handler = Handler::new(Stage::Contacts);
        handler.greet();
        assert_eq!(handler.answer("add;a;1\nexit\nfind;a"), (vec!["a added!".to_string()], true));
        handler.greet();
        assert_eq!(handler.answer("find;a"), (vec!["1".to_string()], false));
    }

    #[test]
    fn the_last_line_about_a_name_counts() {
        let mut book = LocalBook::default();
        let add = |name, phone| Change::Add { name, phone };
        let remove = |name| Change::Remove { name };
        for (change, reply, count) in [
            (add("b", "1"), Reply::Added { name: "b" }, 1),
            (remove("a"), Reply::NotFound, 1),
            (add("a", "1"), Reply::Added { name: "a" }, 2),
            (add("b", "2"), Reply::Added { name: "b" }, 2),
            (remove("a"), Reply::Removed { name: "a" }, 1),
        ] {
            assert_eq!(book.apply(&change), reply, "{change:?}");
            assert_eq!(book.count, count);
        }
        assert_eq!((book.find("b"), book.find("a")), (Reply::Phone("2"), Reply::NotFound));

        book.count = MOST;
        assert_eq!(book.apply(&add("c", "1")), Reply::Full { limit: MOST });
        assert_eq!(book.apply(&add("b", "3")), Reply::Added { name: "b" });
    }
}
