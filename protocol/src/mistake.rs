//! What is wrong with a message, where, and how to say it.
//!
//! A mistake never ends a conversation: it becomes one line of reply that
//! names the slip and shows a message that works. The page shows the same
//! [`Reason`] in the student's own language.

use std::fmt;
use std::ops::Range;

use crate::command::is_space;
use crate::command::{Field, Verb, span};
use crate::correction::corrected;
use crate::decoder::MAX_MESSAGE;
use crate::escape::{Escaped, code_point, is_invisible};

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
    /// The bytes are UTF-16 text, as PowerShell sends it unless told otherwise.
    Utf16,
    /// The bytes are commands of the telnet protocol and no message.
    Telnet,
    /// More than [`MAX_MESSAGE`] bytes; what was too much has been skipped.
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

/// The sentence of an `Error: ...` reply, without the prefix: one line, what is
/// wrong, and a message that works.
impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl Reason<'_> {
    /// Writes the sentence. Each ends with a message that works: the student's
    /// own, put right, where the mistake is one of spelling.
    pub(crate) fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match *self {
            Reason::NotUtf8 => write!(
                out,
                "this is not UTF-8 text, encode it before sending, like \
                 'find;zhangsan'.encode('utf-8')"
            ),
            Reason::Utf16 => write!(
                out,
                "this is UTF-16 and not UTF-8 text, in PowerShell first set \
                 $OutputEncoding = [System.Text.Encoding]::UTF8, then send it again, like {}",
                Verb::Find.example()
            ),
            Reason::Telnet => write!(
                out,
                "this is telnet negotiation and no message, in PuTTY choose the connection \
                 type Raw, then type a message, like {}",
                Verb::Find.example()
            ),
            Reason::TooLong => write!(
                out,
                "a message has at most {MAX_MESSAGE} bytes and this one has more, send a \
                 shorter one, like {}",
                Verb::Find.example()
            ),
            Reason::UnknownVerb { word: "" } => write!(
                out,
                "there is no command before the first ; write one, like {}",
                Verb::Add.example()
            ),
            Reason::UnknownVerb { word } => match Verb::meant_by(word) {
                Some(verb) => write!(
                    out,
                    "commands are lower case: {}, not {word}, like {}",
                    verb.word(),
                    verb.example()
                ),
                None => {
                    let cut = word.char_indices().nth(SHOWN_VERB);
                    let shown = cut.map_or(word, |(end, _)| &word[..end]);
                    write!(
                        out,
                        "there is no command {}{}, there are add, remove, find and exit, like {}",
                        Escaped(shown),
                        if shown.len() < word.len() { "..." } else { "" },
                        Verb::Add.example()
                    )
                }
            },
            Reason::FullWidthSeparator { verb, line } => write!(
                out,
                "the ； in it is the wide semicolon of a Chinese input method, type the English ; \
                 instead, like {}",
                right(line, verb)
            ),
            Reason::WrongSeparator { verb, mark, line } => write!(
                out,
                "behind {} stands {} and not the English ; that separates the parts, write it \
                 like {}",
                verb.word(),
                named(mark),
                right(line, verb)
            ),
            Reason::WideVerb { verb, line } => write!(
                out,
                "the letters of {} are the wide ones of a Chinese input method, type English \
                 letters and the English ; like {}",
                verb.word(),
                right(line, verb)
            ),
            Reason::InvisibleAtVerb { verb, character, line } => write!(
                out,
                "the invisible character {} stands at {}, leave it out, like {}",
                numbered(character),
                verb.word(),
                right(line, verb)
            ),
            Reason::TooFew { verb } => {
                write!(out, "{} needs {}, like {}", verb.word(), needs(verb), verb.example())
            }
            Reason::TooMany { verb } => {
                write!(out, "{} takes {}, like {}", verb.word(), needs(verb), verb.example())
            }
            Reason::Empty { verb, field } => write!(
                out,
                "the {} is empty, write it behind the ; like {}",
                field.word(),
                verb.example()
            ),
            Reason::FieldTooLong { verb, field, chars } => write!(
                out,
                "the {} has {chars} characters and may have {}, like {}",
                field.word(),
                field.max_chars(),
                verb.example()
            ),
            Reason::InvisibleCharacter { verb, field, character } => write!(
                out,
                "the {} has the invisible character {} in it, leave it out, like {}",
                field.word(),
                numbered(character),
                verb.example()
            ),
        }
    }
}

/// The student's own line put right, or the lesson's example.
fn right(line: &str, verb: Verb) -> String {
    corrected(line).unwrap_or_else(|| verb.example().to_owned())
}

/// A mark in a sentence: itself, and its number where it is easily taken for
/// another.
pub fn named(mark: char) -> String {
    match mark {
        '\t' => "a tab".to_owned(),
        mark if is_space(mark) => "a space".to_owned(),
        mark if mark.is_ascii_graphic() => mark.to_string(),
        mark if is_invisible(mark) => code_point(mark),
        mark => format!("{mark} ({})", code_point(mark)),
    }
}

/// An invisible character in a sentence: its number, and the name of the one
/// that has a key of its own.
pub fn numbered(character: char) -> String {
    match character {
        '\t' => format!("{} (tab)", code_point(character)),
        character => code_point(character),
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
