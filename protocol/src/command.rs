//! Parser for the commands of the lesson: a message → a command or a mistake.
//!
//! Parsing borrows from the message and allocates nothing. It does not execute
//! anything: [`Contacts`](crate::Contacts) does.

use crate::encoding::looks_like_utf16;
use crate::escape::{invisibles, is_invisible};
use crate::mistake::{Mistake, Reason};
use crate::slip::{slip, verb_of};
use crate::text::split_once;

pub use crate::text::{FULL_WIDTH_SEPARATOR, SEPARATOR, is_space, parts, span, trim};
pub use crate::verb::{Field, Verb};

/// How much of the lesson the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// The lesson's first server: everything but `exit` is echoed.
    Echo,
    /// The contact book, the lesson's second server and its homework.
    #[default]
    Contacts,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `exit`: close the conversation without another reply.
    Exit,
    /// Any text that is no command; it is echoed as it stands, spaces included.
    Say(&'a str),
    /// `find;NAME`: read one phone.
    Find {
        /// Whose phone, trimmed.
        name: &'a str,
    },
    /// A command that changes the book.
    Change(Change<'a>),
}

/// A change to the book, with its fields checked and trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// `add;NAME;PHONE`: store the phone, over an earlier one if there is one.
    Add {
        /// 1 to 64 characters ([`Field::Name`]).
        name: &'a str,
        /// 1 to 32 characters ([`Field::Phone`]).
        phone: &'a str,
    },
    /// `remove;NAME`: forget the name.
    Remove {
        /// 1 to 64 characters ([`Field::Name`]).
        name: &'a str,
    },
}

impl Change<'_> {
    /// The command that asks for it.
    pub fn verb(&self) -> Verb {
        match self {
            Change::Add { .. } => Verb::Add,
            Change::Remove { .. } => Verb::Remove,
        }
    }
}

impl<'a> Command<'a> {
    /// Parses one message as the given stage does.
    ///
    /// # Errors
    ///
    /// Returns the first [`Mistake`] in the message and where it stands. The
    /// connection stays open; the client is told and tries again.
    pub fn parse(text: &'a str, stage: Stage) -> Result<Self, Mistake<'a>> {
        if trim(text) == Verb::Exit.word() {
            return Ok(Command::Exit);
        }
        match stage {
            Stage::Echo => parse_echo(text),
            Stage::Contacts => parse_contacts(text),
        }
    }
}

/// The lesson's first server echoes everything. But an `exit` that only looks
/// like one would leave its sender waiting.
fn parse_echo(text: &str) -> Result<Command<'_>, Mistake<'_>> {
    let is_exit = |mistake: &Mistake<'_>| {
        matches!(mistake.reason, Reason::InvisibleAtVerb { verb: Verb::Exit, .. })
    };
    if may_be_slip(text)
        && let Some(mistake) = utf16(text).or_else(|| slip(text).filter(is_exit))
    {
        return Err(mistake);
    }
    Ok(Command::Say(text))
}

fn parse_contacts(text: &str) -> Result<Command<'_>, Mistake<'_>> {
    let Some((word, rest)) = split_once(text) else {
        return parse_unseparated(text);
    };
    let word = trim(word);
    let Some(verb) = Verb::named(word) else {
        return Err(unknown_verb(text, word));
    };
    let check = |field: Field, value| check(text, verb, field, value);
    Ok(match verb {
        Verb::Exit => {
            let [] = fields(text, verb, rest)?;
            Command::Exit
        }
        Verb::Find => {
            let [name] = fields(text, verb, rest)?;
            Command::Find { name: check(Field::Name, name)? }
        }
        Verb::Remove => {
            let [name] = fields(text, verb, rest)?;
            Command::Change(Change::Remove { name: check(Field::Name, name)? })
        }
        Verb::Add => {
            let [name, phone] = fields(text, verb, rest)?;
            let (name, phone) = (check(Field::Name, name)?, check(Field::Phone, phone)?);
            Command::Change(Change::Add { name, phone })
        }
    })
}

/// The fields in `rest`, which is what follows the verb's separator in `text`.
fn fields<'a, const COUNT: usize>(
    text: &'a str,
    verb: Verb,
    rest: &'a str,
) -> Result<[&'a str; COUNT], Mistake<'a>> {
    let mut parts = parts(rest);
    let mut fields = [""; COUNT];
    for field in &mut fields {
        *field = parts.next().ok_or_else(|| {
            let at = text.len()..text.len();
            or_full_width(text, Mistake { reason: Reason::TooFew { verb }, at })
        })?;
    }
    match parts.next() {
        None => Ok(fields),
        Some(extra) => {
            let at = span(text, extra).start..text.len();
            Err(Mistake { reason: Reason::TooMany { verb }, at })
        }
    }
}

/// Checks a field's value, a slice of `text`.
fn check<'a>(
    text: &'a str,
    verb: Verb,
    field: Field,
    value: &'a str,
) -> Result<&'a str, Mistake<'a>> {
    if value.is_empty() {
        return Err(Mistake::at(text, value, Reason::Empty { verb, field }));
    }
    if let Some(character) = first_invisible(field, value) {
        let reason = Reason::InvisibleCharacter { verb, field, character };
        return Err(Mistake::at(text, value, reason));
    }
    // A string never has more characters than bytes, so the common short field
    // needs no counting.
    if value.len() > field.max_chars() {
        let chars = value.chars().count();
        if chars > field.max_chars() {
            return Err(Mistake::at(text, value, Reason::FieldTooLong { verb, field, chars }));
        }
    }
    Ok(value)
}

/// The first character that a field may not hold. What holds an emoji together
/// may stand in a name.
fn first_invisible(field: Field, value: &str) -> Option<char> {
    // Plain ASCII, the common case, is looked at byte by byte.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    match field {
        Field::Name => invisibles(value).next().map(|(_, c)| c),
        Field::Phone => value.chars().find(|&c| is_invisible(c)),
    }
}

/// A message without `;` is small talk, unless it is a verb that lacks its
/// fields, a command written with another mark, or no text at all.
fn parse_unseparated(text: &str) -> Result<Command<'_>, Mistake<'_>> {
    if may_be_slip(text)
        && let Some(mistake) = without_fields(text).or_else(|| utf16(text)).or_else(|| slip(text))
    {
        return Err(mistake);
    }
    // `ad；x；1` was meant as a command, `你好；世界` was not: what stands
    // before the first mark decides.
    match text.split_once(FULL_WIDTH_SEPARATOR) {
        Some((head, _)) if is_word(trim(head)) => Err(full_width(text, head.len())),
        _ => Ok(Command::Say(text)),
    }
}

/// Whether a text may begin with a verb in some spelling, or be UTF-16. Nearly
/// all small talk is told apart here, by two bytes of it.
fn may_be_slip(text: &str) -> bool {
    match text.as_bytes() {
        [first @ b'!'..=b'~', 1..=b'~', ..] => {
            matches!(first, b'a' | b'r' | b'f' | b'e' | b'A' | b'R' | b'F' | b'E')
        }
        _ => true,
    }
}

/// A verb alone.
fn without_fields(text: &str) -> Option<Mistake<'_>> {
    let word = trim(text);
    let at = span(text, word).end;
    Verb::named(word).map(|verb| Mistake { reason: Reason::TooFew { verb }, at: at..at })
}

fn utf16(text: &str) -> Option<Mistake<'_>> {
    looks_like_utf16(text.as_bytes()).then(|| Mistake::whole(Reason::Utf16))
}

/// What is wrong with a message that has separators, but no verb before them.
#[cold]
fn unknown_verb<'a>(text: &'a str, word: &'a str) -> Mistake<'a> {
    utf16(text).or_else(|| slip(text)).unwrap_or_else(|| {
        or_full_width(text, Mistake::at(text, word, Reason::UnknownVerb { word }))
    })
}

fn is_word(head: &str) -> bool {
    !head.is_empty() && head.chars().all(|c| c.is_ascii_alphabetic())
}

/// Where a full-width `；` stands in the message it is the likelier cause of a
/// missing field or an odd verb, so that is what the student is told.
fn or_full_width<'a>(text: &'a str, mistake: Mistake<'a>) -> Mistake<'a> {
    text.find(FULL_WIDTH_SEPARATOR).map_or(mistake, |start| full_width(text, start))
}

/// The mistake about the full-width `；` that stands at `start`.
fn full_width(text: &str, start: usize) -> Mistake<'_> {
    let verb = verb_of(text).unwrap_or(Verb::Add);
    Mistake {
        reason: Reason::FullWidthSeparator { verb, line: text },
        at: start..start + FULL_WIDTH_SEPARATOR.len_utf8(),
    }
}
