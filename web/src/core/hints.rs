//! Hints: what is wrong with a line, and what comes next in it; and the explanation
//! of an error reply.
//!
//! The shared parser finds the mistakes; this module only chooses the text. A wrong
//! message can be sent all the same.

use protocol::command::{
    Change, Command, FULL_WIDTH_SEPARATOR, Field, Stage, Verb, is_space, parts, trim,
};
use protocol::decoder::MAX_MESSAGE;
use protocol::escape::{named, numbered};
use protocol::{Mistake, Reason, corrected, slice};

use crate::core::i18n::{Placeholder, Text, TextKey};
use crate::core::lesson::{is_glued, is_swapped};
use crate::core::message::LINE_END;
use crate::core::message::visible;

/// How an error reply begins.
const ERROR: &str = "Error: ";

/// The longest piece of a student's line that an example repeats, in
/// characters: what fits one line of a phone.
const SHOWN: usize = 32;

/// The phone of the lesson, for examples.
const PHONE: &str = "13800138000";

/// What the hint below the input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// What it says.
    pub text: Text,
    /// Whether it is about a mistake, and not about the next part to write.
    pub is_mistake: bool,
    /// The corrected line, where the mistake can be fixed with one tap.
    pub fix: Option<String>,
}

impl Hint {
    /// Says what to do next; nothing is wrong.
    pub fn info(text: Text) -> Self {
        Hint { text, is_mistake: false, fix: None }
    }

    fn mistake(text: Text) -> Self {
        Hint { text, is_mistake: true, fix: None }
    }

    /// Looks at a line that is being written to a server at that stage.
    pub fn at(stage: Stage, text: &str) -> Self {
        match Command::parse(text, stage) {
            Ok(Command::Say(_)) if stage == Stage::Echo && !text.is_empty() => {
                Hint::info(Text::new(TextKey::SayEcho).with(Placeholder::Text, shown(text)))
            }
            _ => Hint::on(text),
        }
    }

    /// Looks at a line that is being written.
    pub fn on(text: &str) -> Self {
        if text.is_empty() {
            return Hint::info(Text::new(TextKey::Empty));
        }
        if let Some(text) = too_long(text) {
            return Hint::mistake(text);
        }
        if let Some(key) = copied(text) {
            // Of a program only what it sends is a message: an address is none.
            let is_message = key == TextKey::Quotes || has(text.as_bytes(), b".send");
            let fix = quoted(text).filter(|_| is_message);
            return Hint { text: Text::new(key), is_mistake: true, fix };
        }
        match Command::parse(text, Stage::Contacts) {
            Ok(Command::Say(_)) => on_small_talk(text),
            Ok(Command::Change(Change::Add { name, phone })) if is_swapped(name, phone) => {
                let right = format!("add;{phone};{name}");
                let text = Text::new(TextKey::Swapped).with(Placeholder::Example, shown(&right));
                Hint { text, is_mistake: true, fix: Some(right) }
            }
            Ok(_) if trim(text).ends_with(FULL_WIDTH_SEPARATOR) => {
                Hint::mistake(Text::new(TextKey::LastSeparator))
            }
            Ok(command) => Hint::info(ready(&command)),
            Err(mistake) if mistake.is_unfinished(text) => Hint::info(next(text, &mistake)),
            Err(mistake) => {
                let fix = fixed(text, &mistake);
                let is_end = fix.as_deref() == trim(text).strip_suffix(';') && fix.is_some();
                let text =
                    if is_end { Text::new(TextKey::LastSeparator) } else { explain(&mistake) };
                Hint { text, is_mistake: true, fix }
            }
        }
    }
}

/// Explains an error reply by what was sent; `None` for any other reply.
pub fn explain_reply(sent: &str, reply: &str) -> Option<Text> {
    if !reply.starts_with(ERROR) {
        return None;
    }
    if let Some(text) = too_long(sent) {
        return Some(text);
    }
    if let Some(key) = copied(sent) {
        return Some(Text::new(key));
    }
    match Command::parse(sent, Stage::Contacts) {
        Err(mistake) => Some(explain(&mistake)),
        // A contact may have the name `Error: 1`.
        Ok(Command::Change(Change::Add { name, .. })) if reply == format!("{name} added!") => None,
        Ok(Command::Change(_)) => Some(Text::new(TextKey::Refused)),
        // The phone that was found, or the echo.
        Ok(_) => None,
    }
}

/// What was copied along with the line: a program around it, quotes, or another
/// line.
fn copied(text: &str) -> Option<TextKey> {
    let line = trim(text);
    let bare = line.strip_prefix('b').unwrap_or(line);
    let is_quote = |c| QUOTES.contains(&c);
    if bare.starts_with(is_quote) && bare.ends_with(is_quote) && bare.chars().nth(2).is_some() {
        return Some(TextKey::Quotes);
    }
    if is_code(line.as_bytes()) {
        return Some(TextKey::Python);
    }
    (has(line.as_bytes(), LINE_END.as_bytes()) || is_glued(text)).then_some(TextKey::TwoLines)
}

/// Whether this is a line of a program or of a terminal: by its first mark or word, by a
/// call, a subscript, an assignment or a comparison, by a file's name, or by how it ends.
/// Only what stands in front of the first `;` counts: a name and a phone may have any mark.
fn is_code(line: &[u8]) -> bool {
    let head = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let is_mark = |pair: &[u8]| match *pair {
        [before, b'(' | b'['] => before.is_ascii_alphanumeric(),
        _ => pair == b" =",
    };
    matches!(line, [b'\'' | b'"', _, ..])
        || matches!(head, [b'#' | b'$' | b'[' | b'>', ..] | [.., b'\\'] | b"break")
        || head.starts_with(b"import ")
        || head.starts_with(b"nc ")
        || head.ends_with(b":") && head.contains(&b' ')
        || head.windows(2).any(is_mark)
        || has(head, b".py ")
}

/// Not `str::contains`: its search, made for long texts, is 1 KB of every visit.
fn has(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|part| part == word)
}

/// Python's, and those that a word processor makes of them.
const QUOTES: [char; 6] = ['\'', '"', '“', '”', '‘', '’'];

/// What stands between the first quotes.
fn quoted(text: &str) -> Option<String> {
    let mut parts = text.split(QUOTES);
    parts.nth(1).filter(|part| !part.is_empty() && parts.next().is_some()).map(str::to_string)
}

/// The stage of a server that gives this reply; `None` where either gives it.
pub fn stage_of(sent: &str, reply: &str) -> Option<Stage> {
    let echo = reply.strip_prefix("Received ").and_then(|echo| echo.strip_suffix(';'));
    match Command::parse(sent, Stage::Contacts) {
        Ok(Command::Say(_) | Command::Exit) => None,
        _ if echo == Some(sent) => Some(Stage::Echo),
        _ => Some(Stage::Contacts),
    }
}

/// The corrected line, where it can be corrected without asking: as a command, or
/// with every full-width `；` replaced in one that is not finished.
fn fixed(text: &str, mistake: &Mistake<'_>) -> Option<String> {
    corrected(text).or_else(|| match mistake.reason {
        Reason::FullWidthSeparator { .. } => Some(with_separators(text)),
        _ => None,
    })
}

/// The line with every full-width `；` replaced.
pub fn with_separators(text: &str) -> String {
    text.replace(FULL_WIDTH_SEPARATOR, ";")
}

fn too_long(text: &str) -> Option<Text> {
    (text.len() > MAX_MESSAGE).then(|| {
        Text::new(TextKey::TooLong)
            .with(Placeholder::Bytes, text.len().to_string())
            .with(Placeholder::Limit, MAX_MESSAGE.to_string())
    })
}

fn on_small_talk(text: &str) -> Hint {
    let word = trim(text);
    if let Some(verb) = Verb::ALL.into_iter().find(|v| v.word().starts_with(word))
        && !word.is_empty()
    {
        return Hint::info(Text::new(TextKey::NextVerb).with(Placeholder::Verb, verb.word()));
    }
    if let Some(verb) = Verb::meant_by(word) {
        let fix = Some(verb.word().to_string());
        return Hint { text: unknown_verb(word), is_mistake: true, fix };
    }
    Hint::info(Text::new(TextKey::Say).with(Placeholder::Text, shown(text)))
}

/// An example made of the student's own line, or the lesson's where that is
/// too long to repeat.
fn example(line: &str, verb: Verb) -> String {
    if line.chars().nth(SHOWN).is_some() {
        return verb.example().to_string();
    }
    visible(line)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", visible(slice(text, ..end))),
        None => visible(text),
    }
}

fn ready(command: &Command<'_>) -> Text {
    match *command {
        Command::Find { name } => {
            Text::new(TextKey::ReadyFind).with(Placeholder::Name, shown(name))
        }
        Command::Change(Change::Remove { name }) => {
            Text::new(TextKey::ReadyRemove).with(Placeholder::Name, shown(name))
        }
        Command::Change(Change::Add { name, phone }) => Text::new(TextKey::ReadyAdd)
            .with(Placeholder::Name, shown(name))
            .with(Placeholder::Phone, shown(phone)),
        Command::Exit | Command::Say(_) => Text::new(TextKey::ReadyExit),
    }
}

/// What an unfinished message needs next.
fn next(text: &str, mistake: &Mistake<'_>) -> Text {
    let (Reason::TooFew { verb } | Reason::Empty { verb, .. }) = mistake.reason else {
        return explain(mistake);
    };
    // The last part is the one being written: a `;` may follow it only once
    // there is something in it.
    let (mut begun, mut last) = (0, "");
    for part in parts(text) {
        (begun, last) = (begun + 1, part);
    }
    let line = trim(text);
    let (word, line) = match (begun, last.is_empty()) {
        (0 | 1, _) => (TextKey::NextSeparatorName, verb.example().to_string()),
        (2, true) => (TextKey::NextName, verb.example().to_string()),
        (2, false) => (TextKey::NextSeparatorPhone, format!("{line};{PHONE}")),
        _ => (TextKey::NextPhone, format!("{line}{PHONE}")),
    };
    Text::new(word).with(Placeholder::Example, example(&line, verb))
}

fn explain(mistake: &Mistake<'_>) -> Text {
    let with_example =
        |word: TextKey, verb: Verb| Text::new(word).with(Placeholder::Example, verb.example());
    match mistake.reason {
        // A browser sends nothing but UTF-8, and no telnet.
        Reason::NotUtf8 | Reason::Telnet => Text::new(TextKey::Refused),
        Reason::Utf16 => Text::new(TextKey::Utf16),
        // Only the decoder finds this one; `too_long` tells it.
        Reason::TooLong => Text::new(TextKey::Refused),
        Reason::FullWidthSeparator { .. } => Text::new(TextKey::FullWidth),
        Reason::WrongSeparator { verb, mark, line } => {
            // A space has a name in each language, and no picture that a student
            // knows.
            let note = match mark {
                mark if is_space(mark) => Text::new(TextKey::SpaceForSeparator),
                '\t' => Text::new(TextKey::WrongSeparator).with(Placeholder::Character, "Tab"),
                mark => {
                    Text::new(TextKey::WrongSeparator).with(Placeholder::Character, named(mark))
                }
            };
            note.with(Placeholder::Verb, verb.word()).with(Placeholder::Example, right(line, verb))
        }
        Reason::WideVerb { verb, line } => Text::new(TextKey::WideVerb)
            .with(Placeholder::Verb, verb.word())
            .with(Placeholder::Example, right(line, verb)),
        Reason::InvisibleAtVerb { verb, character, line } => Text::new(TextKey::InvisibleAtVerb)
            .with(Placeholder::Verb, verb.word())
            .with(Placeholder::Character, numbered(character))
            .with(Placeholder::Example, right(line, verb)),
        Reason::UnknownVerb { word } => unknown_verb(word),
        Reason::TooFew { verb: Verb::Add } => with_example(TextKey::TooFewAdd, Verb::Add),
        Reason::TooFew { verb } => {
            with_example(TextKey::TooFewOne, verb).with(Placeholder::Verb, verb.word())
        }
        Reason::TooMany { verb: Verb::Add } => with_example(TextKey::TooManyAdd, Verb::Add),
        Reason::TooMany { verb: Verb::Exit } => Text::new(TextKey::TooManyExit),
        Reason::TooMany { verb } => {
            with_example(TextKey::TooManyOne, verb).with(Placeholder::Verb, verb.word())
        }
        Reason::Empty { verb, field: Field::Name } => with_example(TextKey::EmptyName, verb),
        Reason::Empty { verb, field: Field::Phone } => with_example(TextKey::EmptyPhone, verb),
        Reason::FieldTooLong { field, chars, .. } => {
            let word = match field {
                Field::Name => TextKey::LongName,
                Field::Phone => TextKey::LongPhone,
            };
            Text::new(word)
                .with(Placeholder::Chars, chars.to_string())
                .with(Placeholder::Limit, field.max_chars().to_string())
        }
        Reason::InvisibleCharacter { field, character, .. } => {
            let word = match field {
                Field::Name => TextKey::InvisibleName,
                Field::Phone => TextKey::InvisiblePhone,
            };
            Text::new(word).with(Placeholder::Character, numbered(character))
        }
    }
}

/// The student's own line put right, or the lesson's example where there is none
/// or it is too long to repeat.
fn right(line: &str, verb: Verb) -> String {
    corrected(line).map_or_else(|| verb.example().to_string(), |right| example(&right, verb))
}

fn unknown_verb(word: &str) -> Text {
    if word.is_empty() {
        return Text::new(TextKey::NoVerb).with(Placeholder::Example, Verb::Add.example());
    }
    if let Some(verb) = Verb::meant_by(word) {
        return Text::new(TextKey::LowerCase)
            .with(Placeholder::Text, word)
            .with(Placeholder::Verb, verb.word());
    }
    Text::new(TextKey::UnknownVerb)
        .with(Placeholder::Text, shown(word))
        .with(Placeholder::Example, Verb::Add.example())
}

#[cfg(test)]
mod tests;
