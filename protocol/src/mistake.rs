//! What is wrong with a message, and where.
//!
//! A mistake never ends a conversation: it becomes one line of reply that
//! names the slip and shows a message that works ([`Reason`]'s `Display`). The
//! page shows the same [`Reason`] in the student's own language.

use std::ops::Range;

use crate::text::span;
use crate::verb::{Field, Verb};

/// A reason and the bytes of the message it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake<'a> {
    /// What is wrong.
    pub reason: Reason<'a>,
    /// The part to highlight, in bytes of the message; empty where something is
    /// missing.
    pub at: Range<usize>,
}

/// What can be wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The bytes are not UTF-8 text. They are refused, never repaired.
    NotUtf8,
    /// The bytes are UTF-16 text, as PowerShell sends it unless told otherwise.
    Utf16,
    /// The bytes are commands of the telnet protocol and no message.
    Telnet,
    /// More than [`MAX_MESSAGE`](crate::decoder::MAX_MESSAGE) bytes; what was too much has been skipped.
    TooLong,
    /// `ad;x;1`, `Add;x;1` or `;x`: no such command.
    UnknownVerb {
        /// What stood in the verb's place.
        word: &'a str,
    },
    /// The `；` of a Chinese input method in place of `;`.
    FullWidthSeparator {
        /// The command that was meant, for the example.
        verb: Verb,
        /// The message.
        line: &'a str,
    },
    /// `add zhangsan 138`, `find：zhangsan`: another mark in place of `;`.
    WrongSeparator {
        /// The command that was meant.
        verb: Verb,
        /// What stands behind the verb.
        mark: char,
        /// The message.
        line: &'a str,
    },
    /// `ａｄｄ`: a verb in the full-width letters of a Chinese input method.
    WideVerb {
        /// The command that was meant.
        verb: Verb,
        /// The message.
        line: &'a str,
    },
    /// A character that shows nothing, before, in or behind a verb.
    InvisibleAtVerb {
        /// The command that was meant.
        verb: Verb,
        /// The first such character.
        character: char,
        /// The message.
        line: &'a str,
    },
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
    /// A character in a field that [shows nothing](crate::escape::invisibles).
    InvisibleCharacter {
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
