//! What a decoder's messages were, for those who watch a lesson: counted since they
//! last asked, and the text of the last one.

use std::ops::Range;

use crate::cause::Cause;
use crate::verb::Verb;

/// The messages that a decoder yielded to [`read`](crate::read) since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many messages, `exit` included.
    pub messages: u32,
    /// How many of them were mistakes.
    pub mistakes: u32,
    /// How many of those came behind the last command that was understood.
    pub mistakes_behind: u32,
    /// The commands that were understood.
    pub verbs: Verbs,
    /// What kind the last mistake was.
    pub cause: Option<Cause>,
    /// Where the first message begins in the decoder's buffer.
    pub(crate) from: usize,
    /// Where the last message stands in it; empty without a text.
    pub(crate) last: Range<usize>,
    /// Where the last mistake stands, likewise.
    pub(crate) mistake: Range<usize>,
}

impl Heard {
    /// Notes a message whose text stands at `at`. Where the last one stands is added when
    /// it is asked for: this runs for every message.
    pub(crate) fn note(&mut self, outcome: Outcome, at: &Range<usize>) {
        if self.messages == 0 {
            self.from = at.start;
        }
        self.messages += 1;
        match outcome {
            Outcome::Text => {}
            Outcome::Command(verb) => {
                self.verbs.insert(verb);
                self.mistakes_behind = 0;
            }
            Outcome::Mistake(cause) => {
                self.mistakes += 1;
                self.mistakes_behind += 1;
                self.cause = Some(cause);
                self.mistake = at.clone();
            }
        }
    }
}

/// What a message was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Text,
    Command(Verb),
    Mistake(Cause),
}

/// A set of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    /// Adds one.
    pub fn insert(&mut self, verb: Verb) {
        self.0 |= 1 << verb as u8;
    }

    /// Adds all of another set.
    pub fn insert_all(&mut self, others: Verbs) {
        self.0 |= others.0;
    }

    /// Whether one is in it.
    pub fn contains(self, verb: Verb) -> bool {
        self.0 & 1 << verb as u8 != 0
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contacts, Decoder, Next, Replies, Stage, answer};

    #[test]
    fn a_round_is_counted_and_its_last_texts_are_known_until_the_next_bytes() {
        let (mut decoder, mut book) = (Decoder::new(Stage::Contacts), Contacts::default());
        let mut replies = Replies::default();
        decoder.push("hello\nadd a 1\nadd;a;1\nfind；张三\nremove\nb\nfind;a\nadd;a\n".as_bytes());
        assert_eq!(answer(&mut decoder, &mut book, &mut replies, 2), Next::More);
        let heard = decoder.take_heard();
        let counts = |heard: &Heard| (heard.messages, heard.mistakes, heard.mistakes_behind);
        assert_eq!((counts(&heard), heard.verbs), ((2, 1, 1), Verbs::default()));
        assert_eq!(decoder.last_text(&heard), "add a 1");
        assert_eq!(decoder.all_bytes(&heard), b"hello\nadd a 1");
        assert_eq!(answer(&mut decoder, &mut book, &mut replies, 100), Next::Listen);
        let heard = decoder.take_heard();
        assert_eq!(counts(&heard), (5, 2, 1));
        assert!(heard.verbs.contains(Verb::Add) && heard.verbs.contains(Verb::Remove));
        assert!(heard.verbs.contains(Verb::Find) && !heard.verbs.contains(Verb::Exit));
        assert_eq!(heard.cause.map(Cause::word), Some("too-few-fields"));
        assert_eq!((decoder.last_text(&heard), decoder.mistake_text(&heard)), ("add;a", "add;a"));
        decoder.push(b"find;\xff\nexit\nfind;a\n");
        assert_eq!(answer(&mut decoder, &mut book, &mut replies, 100), Next::Close);
        let heard = decoder.take_heard();
        assert_eq!((counts(&heard), heard.cause), ((2, 1, 0), Some(Cause::NotUtf8)));
        assert_eq!((decoder.last_text(&heard), decoder.mistake_text(&heard)), ("exit", ""));
        assert_eq!(decoder.take_heard(), Heard::default());
    }
}
