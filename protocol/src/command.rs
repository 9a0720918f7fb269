//! A message, understood: the commands of the lesson and how they are written.
//!
//! Parsing borrows from the message and allocates nothing. It does not execute
//! anything: [`Contacts`](crate::Contacts) does.

use std::ops::Range;

use crate::correction::{slip, verb_of};
use crate::encoding::looks_like_utf16;
use crate::escape::{invisibles, is_deceptive, is_invisible};
use crate::mistake::{Mistake, Reason};

/// Separates the parts of a command. The lesson joins with it and splits at it.
pub const SEPARATOR: char = ';';

/// The semicolon a Chinese input method types: the commonest slip in this
/// classroom, and three bytes (EF BC 9B) where the right one is a single 3B.
pub const FULL_WIDTH_SEPARATOR: char = '；';

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

impl<'a> Command<'a> {
    /// Understands one message as the given stage does.
    ///
    /// # Errors
    ///
    /// Returns the first [`Mistake`] in the message and where it stands. The
    /// connection stays open; the client is told and tries again.
    pub fn parse(text: &'a str, stage: Stage) -> Result<Self, Mistake<'a>> {
        if trim(text) == Verb::Exit.word() {
            return Ok(Command::Exit);
        }
        if stage == Stage::Echo {
            return parse_echo(text);
        }

        let mut parts = parts(text);
        let word = parts.next().unwrap_or_default();
        let mut fields = [""; MOST_FIELDS];
        let mut given = 0;
        // One more is enough to know that there are too many.
        for part in parts.take(MOST_FIELDS + 1) {
            if let Some(field) = fields.get_mut(given) {
                *field = part;
            }
            given += 1;
        }
        if given == 0 {
            return parse_unseparated(text);
        }

        let Some(verb) = Verb::named(word) else {
            return Err(unknown_verb(text, word));
        };
        let expected = verb.fields().len();
        if given < expected {
            let end = text.len()..text.len();
            return Err(or_full_width(text, Mistake { reason: Reason::TooFew { verb }, at: end }));
        }
        if given > expected {
            let extra = self::parts(text).nth(expected + 1).unwrap_or_default();
            let from = span(text, extra).start;
            return Err(Mistake { reason: Reason::TooMany { verb }, at: from..text.len() });
        }

        let checked = |kind: Field, value: &'a str| {
            kind.check(value)
                .map_err(|fault| Mistake::at(text, value, fault.into_reason(verb, kind)))
        };
        let [name, phone] = fields;
        Ok(match verb {
            Verb::Exit => Command::Exit,
            Verb::Find => Command::Find { name: checked(Field::Name, name)? },
            Verb::Remove => Command::Change(Change::Remove { name: checked(Field::Name, name)? }),
            Verb::Add => Command::Change(Change::Add {
                name: checked(Field::Name, name)?,
                phone: checked(Field::Phone, phone)?,
            }),
        })
    }
}

/// The most fields any verb takes: `add`'s name and phone.
const MOST_FIELDS: usize = 2;

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
        Some((head, _)) if is_word(trim(head)) => Err(full_width(text)),
        _ => Ok(Command::Say(text)),
    }
}

/// The lesson's first server echoes everything. But an `exit` that only looks
/// like one would leave its sender waiting.
fn parse_echo(text: &str) -> Result<Command<'_>, Mistake<'_>> {
    let is_slip = |mistake: &Mistake<'_>| {
        matches!(mistake.reason, Reason::InvisibleAtVerb { verb: Verb::Exit, .. })
    };
    match may_be_slip(text).then(|| utf16(text).or_else(|| slip(text).filter(is_slip))).flatten() {
        Some(mistake) => Err(mistake),
        None => Ok(Command::Say(text)),
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
    // `find` and not `contains`, whose search for more than one byte would
    // weigh several kilobytes on every phone.
    if text.find(FULL_WIDTH_SEPARATOR).is_some() { full_width(text) } else { mistake }
}

fn full_width(text: &str) -> Mistake<'_> {
    let start = text.find(FULL_WIDTH_SEPARATOR).unwrap_or(text.len());
    let end = (start + FULL_WIDTH_SEPARATOR.len_utf8()).min(text.len());
    let verb = verb_of(text).unwrap_or(Verb::Add);
    Mistake { reason: Reason::FullWidthSeparator { verb, line: text }, at: start..end }
}

/// The parts of a message between its separators, trimmed: the verb, then the
/// fields. There is always at least one.
pub fn parts(text: &str) -> Parts<'_> {
    Parts { rest: Some(text) }
}

/// See [`parts`]. `str::split` is for separators of any kind, and a third slower.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        let at = text.bytes().position(|byte| byte == SEPARATOR as u8);
        // Checked: what else a wrong place would have it say, with its tables of
        // printable characters, weighs two kilobytes on every phone.
        let (part, behind) = text.split_at_checked(at.unwrap_or(text.len()))?;
        self.rest = behind.get(1..);
        Some(trim(part))
    }
}

/// Without the [spaces](is_space) around it.
pub fn trim(text: &str) -> &str {
    // Nearly every field begins and ends with a letter or a digit, and this is
    // done for each part of each message.
    if let (Some(first), Some(last)) = (text.as_bytes().first(), text.as_bytes().last())
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return text;
    }
    text.trim_matches(is_space)
}

/// Whether a character is a space, the wide U+3000 of Chinese typing included.
/// Tabs and the ends of lines and paragraphs are control characters, and
/// mistakes.
pub fn is_space(c: char) -> bool {
    c == ' ' || c.is_whitespace() && !is_deceptive(c)
}

/// Where `part`, a slice of `text`, stands in it, in bytes.
pub fn span(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `add;NAME;PHONE`
    Add,
    /// `remove;NAME`
    Remove,
    /// `find;NAME`
    Find,
    /// `exit`
    Exit,
}

impl Verb {
    /// All verbs, in the lesson's order.
    pub const ALL: [Verb; 4] = [Verb::Add, Verb::Remove, Verb::Find, Verb::Exit];

    /// The verb written exactly so. Verbs are lower case.
    pub fn named(word: &str) -> Option<Self> {
        // Each compared with a word that is known here takes an instruction or two.
        Some(match word {
            "add" => Verb::Add,
            "remove" => Verb::Remove,
            "find" => Verb::Find,
            "exit" => Verb::Exit,
            _ => return None,
        })
    }

    /// The verb written so but for capital letters.
    pub fn meant_by(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word().eq_ignore_ascii_case(word))
    }

    /// How the verb is written.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Add => "add",
            Verb::Remove => "remove",
            Verb::Find => "find",
            Verb::Exit => "exit",
        }
    }

    /// The fields that follow it.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Verb::Add => &[Field::Name, Field::Phone],
            Verb::Remove | Verb::Find => &[Field::Name],
            Verb::Exit => &[],
        }
    }

    /// A message with this verb that works, to show next to one that did not.
    pub fn example(self) -> &'static str {
        match self {
            Verb::Add => "add;zhangsan;13800138000",
            Verb::Remove => "remove;zhangsan",
            Verb::Find => "find;zhangsan",
            Verb::Exit => "exit",
        }
    }
}

/// What follows a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A person, the key of the book.
    Name,
    /// That person's phone. Any text: the lesson itself stores `12345`.
    Phone,
}

/// Why a single field cannot be taken, before it is known whose field it is.
enum Fault {
    Empty,
    TooLong { chars: usize },
    Invisible { character: char },
}

impl Fault {
    fn into_reason(self, verb: Verb, field: Field) -> Reason<'static> {
        match self {
            Fault::Empty => Reason::Empty { verb, field },
            Fault::TooLong { chars } => Reason::FieldTooLong { verb, field, chars },
            Fault::Invisible { character } => Reason::InvisibleCharacter { verb, field, character },
        }
    }
}

impl Field {
    /// The longest value in characters (Unicode scalar values), set by the
    /// protocol: 64 for a name, 32 for a phone.
    pub const fn max_chars(self) -> usize {
        match self {
            Field::Name => 64,
            Field::Phone => 32,
        }
    }

    /// The field's name in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Phone => "phone",
        }
    }

    /// The first character that it may not hold. What holds an emoji together may
    /// stand in a name.
    fn first_invisible(self, value: &str) -> Option<char> {
        // Plain ASCII, the common case, is looked at byte by byte.
        if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        let first = value.chars().find(|&c| is_invisible(c))?;
        match self {
            Field::Name => invisibles(value).next().map(|(_, c)| c),
            Field::Phone => Some(first),
        }
    }

    fn check(self, value: &str) -> Result<&str, Fault> {
        if value.is_empty() {
            return Err(Fault::Empty);
        }
        if let Some(character) = self.first_invisible(value) {
            return Err(Fault::Invisible { character });
        }
        // A string never has more characters than bytes, so the common short
        // field needs no counting.
        if value.len() > self.max_chars() {
            // The library counts faster, with a kilobyte of program.
            let chars = value.char_indices().fold(0, |count, _| count + 1);
            if chars > self.max_chars() {
                return Err(Fault::TooLong { chars });
            }
        }
        Ok(value)
    }
}
