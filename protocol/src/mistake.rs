//! What is wrong with a message, where, and how to say it.
//!
//! A mistake never ends a conversation: it becomes one line of reply that
//! names the slip and shows a message that works. The page shows the same
//! [`Reason`] in the student's own language.

use std::fmt;
use std::ops::Range;

use crate::command::{Field, Verb, span};
use crate::decoder::MAX_MESSAGE;
use crate::escape::Escaped;

/// A reason and the bytes of the message it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake<'a> {
    /// What is wrong.
    pub reason: Reason<'a>,
    /// Where the red pen goes, in bytes of the message; empty where something
    /// is missing.
    pub at: Range<usize>,
}

/// What can be wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The bytes are not UTF-8 text. They are refused, never repaired.
    NotUtf8,
    /// More than [`MAX_MESSAGE`] bytes; what was too much has been skipped.
    TooLong,
    /// `ad;x;1`, `Add;x;1` or `;x`: no such command.
    UnknownVerb {
        /// What stood in the verb's place.
        word: &'a str,
    },
    /// The `；` of a Chinese input method in place of `;`.
    FullWidthSeparator,
    /// The verb came with fewer fields than it needs, or alone.
    TooFew {
        /// Whose fields are missing.
        verb: Verb,
    },
    /// The verb came with more fields than it takes.
    TooMany {
        /// Whose fields are too many.
        verb: Verb,
    },
    /// A field with nothing but spaces in it.
    Empty {
        /// The command it belongs to.
        verb: Verb,
        /// Which field.
        field: Field,
    },
    /// A field over its [limit](Field::max_chars).
    FieldTooLong {
        /// The command it belongs to.
        verb: Verb,
        /// Which field.
        field: Field,
        /// Its length in characters.
        chars: usize,
    },
    /// A character in a field that shows nothing but disturbs what is shown.
    ControlCharacter {
        /// The command it belongs to.
        verb: Verb,
        /// Which field.
        field: Field,
        /// The first such character.
        character: char,
    },
}

impl<'a> Mistake<'a> {
    /// A mistake about `part`, a slice of `text`.
    pub(crate) fn at(text: &str, part: &str, reason: Reason<'a>) -> Self {
        Mistake { reason, at: span(text, part) }
    }

    /// A mistake about the bytes as a whole, where there is no text to point at.
    pub(crate) fn whole(reason: Reason<'a>) -> Self {
        Mistake { reason, at: 0..0 }
    }

    /// Whether typing on may mend it: the message just is not finished yet.
    pub fn is_unfinished(&self, text: &str) -> bool {
        match self.reason {
            Reason::TooFew { .. } => true,
            Reason::Empty { .. } => self.at.end == text.len(),
            _ => false,
        }
    }
}

/// The sentence of an `Error: ...` reply, without the prefix: one line, what is
/// wrong, and a message that works.
impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl Reason<'_> {
    /// Writes the sentence, as plain pieces: what `write!` can do to numbers
    /// would weigh several kilobytes on every phone.
    pub(crate) fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let mut say = |pieces: &[&str]| pieces.iter().try_for_each(|piece| out.write_str(piece));
        match *self {
            Reason::NotUtf8 => say(&[
                "this is not UTF-8 text, encode it before sending, like 'find;zhangsan'.encode('utf-8')",
            ]),
            Reason::TooLong => say(&[
                "a message has at most ",
                &MAX_MESSAGE.to_string(),
                " bytes and this one has more, send a shorter one, like ",
                Verb::Find.example(),
            ]),
            Reason::UnknownVerb { word: "" } => say(&[
                "there is no command before the first ; write one, like ",
                Verb::Add.example(),
            ]),
            Reason::UnknownVerb { word } => match Verb::meant_by(word) {
                Some(verb) => say(&[
                    "commands are lower case: ",
                    verb.word(),
                    ", not ",
                    word,
                    ", like ",
                    verb.example(),
                ]),
                None => {
                    let cut = word.char_indices().nth(SHOWN_VERB);
                    // Not an index, as in [`crate::Replies::iter`].
                    let shown = cut.and_then(|(end, _)| word.get(..end)).unwrap_or(word);
                    say(&[
                        "there is no command ",
                        &Escaped(shown).text(),
                        if shown.len() < word.len() { "..." } else { "" },
                        ", there are add, remove, find and exit, like ",
                        Verb::Add.example(),
                    ])
                }
            },
            Reason::FullWidthSeparator => say(&[
                "the ； in it is the wide semicolon of a Chinese input method, type the English ; instead, like ",
                Verb::Add.example(),
            ]),
            Reason::TooFew { verb } => {
                say(&[verb.word(), " needs ", needs(verb), ", like ", verb.example()])
            }
            Reason::TooMany { verb } => {
                say(&[verb.word(), " takes ", needs(verb), ", like ", verb.example()])
            }
            Reason::Empty { verb, field } => say(&[
                "the ",
                field.word(),
                " is empty, write it behind the ; like ",
                verb.example(),
            ]),
            Reason::FieldTooLong { verb, field, chars } => say(&[
                "the ",
                field.word(),
                " has ",
                &chars.to_string(),
                " characters and may have ",
                &field.max_chars().to_string(),
                ", like ",
                verb.example(),
            ]),
            Reason::ControlCharacter { verb, field, character } => say(&[
                "the ",
                field.word(),
                " has the invisible character ",
                &Escaped(character.encode_utf8(&mut [0; 4])).text(),
                " in it, leave it out, like ",
                verb.example(),
            ]),
        }
    }
}

/// The longest piece of an unknown verb that a reply repeats, in characters:
/// enough to recognise a slip in a six-letter word, short enough for one line.
const SHOWN_VERB: usize = 16;

fn needs(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "a name and a phone",
        Verb::Remove | Verb::Find => "one name",
        Verb::Exit => "nothing behind it",
    }
}
