//! What the red pen says about a line, before it is sent and after.
//!
//! The shared parser finds the mistakes; this room only chooses the sentence.
//! It never keeps a student from sending a wrong message.

use protocol::command::{
    Change, Command, FULL_WIDTH_SEPARATOR, Field, Stage, Verb, is_space, parts, trim,
};
use protocol::decoder::MAX_MESSAGE;
use protocol::escape::{Escaped, named, numbered};
use protocol::{Mistake, Reason, corrected};

use crate::core::i18n::{Note, Slot, Word};

/// How an error reply begins.
const ERROR: &str = "Error: ";

/// The longest piece of a student's line that an example repeats, in
/// characters: what fits one line of a phone.
const SHOWN: usize = 32;

/// The phone of the lesson, for examples.
const PHONE: &str = "13800138000";

/// What the hint below the input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The sentence.
    pub note: Note,
    /// Whether it is the red pen's.
    pub is_mistake: bool,
    /// The line with the slip put right, where one tap can do that.
    pub mended: Option<String>,
}

impl Advice {
    /// Says what to do next; nothing is wrong.
    pub fn calm(note: Note) -> Self {
        Advice { note, is_mistake: false, mended: None }
    }

    fn mistake(note: Note) -> Self {
        Advice { note, is_mistake: true, mended: None }
    }

    /// Looks at a line that is being written.
    pub fn on(text: &str) -> Self {
        if text.is_empty() {
            return Advice::calm(Note::new(Word::Empty));
        }
        if let Some(note) = too_long(text) {
            return Advice::mistake(note);
        }
        match Command::parse(text, Stage::Contacts) {
            Ok(Command::Say(_)) => on_small_talk(text),
            Ok(command) => Advice::calm(ready(&command)),
            Err(mistake) if mistake.is_unfinished(text) => Advice::calm(next(text, &mistake)),
            Err(mistake) => {
                let mended = mend(text, &mistake);
                Advice { note: explain(&mistake), is_mistake: true, mended }
            }
        }
    }
}

/// Explains an error reply by what was sent; `None` for any other reply.
pub fn correct(sent: &str, reply: &str) -> Option<Note> {
    if !reply.starts_with(ERROR) {
        return None;
    }
    if let Some(note) = too_long(sent) {
        return Some(note);
    }
    match Command::parse(sent, Stage::Contacts) {
        Err(mistake) => Some(explain(&mistake)),
        // Somebody may be called `Error: 1`.
        Ok(Command::Change(Change::Add { name, .. })) if reply == format!("{name} added!") => None,
        Ok(Command::Change(_)) => Some(Note::new(Word::Refused)),
        // The phone that was found, or the echo.
        Ok(_) => None,
    }
}

/// The line put right, where it can be done without asking: as a command, or
/// with every full-width `；` replaced in one that is not finished.
fn mend(text: &str, mistake: &Mistake<'_>) -> Option<String> {
    corrected(text).or_else(|| match mistake.reason {
        Reason::FullWidthSeparator { .. } => Some(with_separators(text)),
        _ => None,
    })
}

/// The line with every full-width `；` replaced.
pub fn with_separators(text: &str) -> String {
    text.replace(FULL_WIDTH_SEPARATOR, ";")
}

fn too_long(text: &str) -> Option<Note> {
    (text.len() > MAX_MESSAGE).then(|| {
        Note::new(Word::TooLong)
            .with(Slot::Bytes, text.len().to_string())
            .with(Slot::Limit, MAX_MESSAGE.to_string())
    })
}

fn on_small_talk(text: &str) -> Advice {
    let word = trim(text);
    if let Some(verb) = Verb::ALL.into_iter().find(|v| v.word().starts_with(word))
        && !word.is_empty()
    {
        return Advice::calm(Note::new(Word::NextVerb).with(Slot::Verb, verb.word()));
    }
    Advice::calm(Note::new(Word::Say).with(Slot::Text, shown(text)))
}

/// An example made of the student's own line, or the lesson's where that is
/// too long to repeat.
fn example(line: &str, verb: Verb) -> String {
    if line.chars().nth(SHOWN).is_some() {
        return verb.example().to_string();
    }
    Escaped(line).text()
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", Escaped(&text[..end])),
        None => Escaped(text).text(),
    }
}

fn ready(command: &Command<'_>) -> Note {
    match *command {
        Command::Find { name } => Note::new(Word::ReadyFind).with(Slot::Name, shown(name)),
        Command::Change(Change::Remove { name }) => {
            Note::new(Word::ReadyRemove).with(Slot::Name, shown(name))
        }
        Command::Change(Change::Add { name, phone }) => {
            Note::new(Word::ReadyAdd).with(Slot::Name, shown(name)).with(Slot::Phone, shown(phone))
        }
        Command::Exit | Command::Say(_) => Note::new(Word::ReadyExit),
    }
}

/// What an unfinished message needs next.
fn next(text: &str, mistake: &Mistake<'_>) -> Note {
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
        (0 | 1, _) => (Word::NextSeparatorName, verb.example().to_string()),
        (2, true) => (Word::NextName, verb.example().to_string()),
        (2, false) => (Word::NextSeparatorPhone, format!("{line};{PHONE}")),
        _ => (Word::NextPhone, format!("{line}{PHONE}")),
    };
    Note::new(word).with(Slot::Example, example(&line, verb))
}

fn explain(mistake: &Mistake<'_>) -> Note {
    let with_example = |word: Word, verb: Verb| Note::new(word).with(Slot::Example, verb.example());
    match mistake.reason {
        // A browser sends nothing but UTF-8, and no telnet.
        Reason::NotUtf8 | Reason::Telnet => Note::new(Word::Refused),
        Reason::Utf16 => Note::new(Word::Utf16),
        // Only the decoder finds this one; `too_long` tells it.
        Reason::TooLong => Note::new(Word::Refused),
        Reason::FullWidthSeparator { .. } => Note::new(Word::FullWidth),
        Reason::WrongSeparator { verb, mark, line } => {
            // A space has a name in each language, and no picture that a student
            // knows.
            let note = match mark {
                mark if is_space(mark) => Note::new(Word::SpaceForSeparator),
                '\t' => Note::new(Word::WrongSeparator).with(Slot::Character, "Tab"),
                mark => Note::new(Word::WrongSeparator).with(Slot::Character, named(mark)),
            };
            note.with(Slot::Verb, verb.word()).with(Slot::Example, right(line, verb))
        }
        Reason::WideVerb { verb, line } => Note::new(Word::WideVerb)
            .with(Slot::Verb, verb.word())
            .with(Slot::Example, right(line, verb)),
        Reason::InvisibleAtVerb { verb, character, line } => Note::new(Word::InvisibleAtVerb)
            .with(Slot::Verb, verb.word())
            .with(Slot::Character, numbered(character))
            .with(Slot::Example, right(line, verb)),
        Reason::UnknownVerb { word } => unknown_verb(word),
        Reason::TooFew { verb: Verb::Add } => with_example(Word::TooFewAdd, Verb::Add),
        Reason::TooFew { verb } => {
            with_example(Word::TooFewOne, verb).with(Slot::Verb, verb.word())
        }
        Reason::TooMany { verb: Verb::Add } => with_example(Word::TooManyAdd, Verb::Add),
        Reason::TooMany { verb: Verb::Exit } => Note::new(Word::TooManyExit),
        Reason::TooMany { verb } => {
            with_example(Word::TooManyOne, verb).with(Slot::Verb, verb.word())
        }
        Reason::Empty { verb, field: Field::Name } => with_example(Word::EmptyName, verb),
        Reason::Empty { verb, field: Field::Phone } => with_example(Word::EmptyPhone, verb),
        Reason::FieldTooLong { field, chars, .. } => {
            let word = match field {
                Field::Name => Word::LongName,
                Field::Phone => Word::LongPhone,
            };
            Note::new(word)
                .with(Slot::Chars, chars.to_string())
                .with(Slot::Limit, field.max_chars().to_string())
        }
        Reason::InvisibleCharacter { field, character, .. } => {
            let word = match field {
                Field::Name => Word::InvisibleName,
                Field::Phone => Word::InvisiblePhone,
            };
            Note::new(word).with(Slot::Character, numbered(character))
        }
    }
}

/// The student's own line put right, or the lesson's example where there is none
/// or it is too long to repeat.
fn right(line: &str, verb: Verb) -> String {
    corrected(line).map_or_else(|| verb.example().to_string(), |right| example(&right, verb))
}

fn unknown_verb(word: &str) -> Note {
    if word.is_empty() {
        return Note::new(Word::NoVerb).with(Slot::Example, Verb::Add.example());
    }
    if let Some(verb) = Verb::meant_by(word) {
        return Note::new(Word::LowerCase).with(Slot::Text, word).with(Slot::Verb, verb.word());
    }
    Note::new(Word::UnknownVerb)
        .with(Slot::Text, shown(word))
        .with(Slot::Example, Verb::Add.example())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::i18n::files::assert_translated;

    #[test]
    fn the_hint_says_what_comes_next_and_what_is_wrong() {
        let long_name = format!("add;{};1", "张".repeat(65));
        let long_phone = format!("add;a;{}", "1".repeat(33));
        let long_line = format!("say {}", "x".repeat(1021));
        for (text, word, is_mistake) in [
            ("", Word::Empty, false),
            ("a", Word::NextVerb, false),
            (" rem", Word::NextVerb, false),
            ("hello", Word::Say, false),
            ("你好；世界", Word::Say, false),
            ("exit now", Word::Say, false),
            ("   ", Word::Say, false),
            ("add", Word::NextSeparatorName, false),
            ("find ", Word::NextSeparatorName, false),
            ("add;", Word::NextName, false),
            ("find;", Word::NextName, false),
            ("add;lisi", Word::NextSeparatorPhone, false),
            ("add;lisi;", Word::NextPhone, false),
            ("add;lisi;1", Word::ReadyAdd, false),
            ("find;lisi", Word::ReadyFind, false),
            ("remove;lisi", Word::ReadyRemove, false),
            ("exit", Word::ReadyExit, false),
            ("find lisi", Word::SpaceForSeparator, true),
            ("add；张三；1", Word::FullWidth, true),
            ("find；", Word::FullWidth, true),
            ("add,lisi,1", Word::WrongSeparator, true),
            ("find：lisi", Word::WrongSeparator, true),
            ("find　lisi", Word::SpaceForSeparator, true),
            ("find\tlisi", Word::WrongSeparator, true),
            ("finding things", Word::Say, false),
            ("ａｄｄ；lisi；1", Word::WideVerb, true),
            ("ｅｘｉｔ", Word::WideVerb, true),
            ("exit。", Word::TooManyExit, true),
            ("exit\u{2060}", Word::InvisibleAtVerb, true),
            ("add\u{200b};lisi;1", Word::InvisibleAtVerb, true),
            ("add;li\u{200b}si;1", Word::InvisibleName, true),
            ("h\0i\0", Word::Utf16, true),
            ("ad;x;1", Word::UnknownVerb, true),
            ("Add;x;1", Word::LowerCase, true),
            (";x", Word::NoVerb, true),
            ("add;a;1;2", Word::TooManyAdd, true),
            ("find;a;1", Word::TooManyOne, true),
            ("exit;", Word::TooManyExit, true),
            ("add;;1", Word::EmptyName, true),
            (&long_name, Word::LongName, true),
            (&long_phone, Word::LongPhone, true),
            ("find;a\tb", Word::InvisibleName, true),
            ("add;a;\u{202e}1", Word::InvisiblePhone, true),
            (&long_line, Word::TooLong, true),
        ] {
            let advice = Advice::on(text);
            assert_eq!((advice.note.word, advice.is_mistake), (word, is_mistake), "{text:?}");
            assert_translated(&advice.note);
        }
    }

    #[test]
    fn examples_repeat_what_the_student_wrote_unless_it_is_long() {
        for (text, expected) in [
            ("find lisi", "find;lisi"),
            ("add li si 123", "add;li si;123"),
            ("add 张三", "add;张三;13800138000"),
            ("ａｄｄ，张三，1", "add;张三;1"),
            ("find\u{200b};张三", "find;张三"),
            ("add;李四", "add;李四;13800138000"),
            ("add;李四;", "add;李四;13800138000"),
            ("find a name that is much too long to repeat here", "find;zhangsan"),
        ] {
            let note = Advice::on(text).note;
            assert_eq!(note.slots.last(), Some(&(Slot::Example, expected.to_string())), "{text}");
        }
    }

    #[test]
    fn one_tap_puts_right_what_is_only_misspelt() {
        for (text, mended) in [
            ("add；张三；1", Some("add;张三;1")),
            ("add;张三；1", Some("add;张三;1")),
            ("find；", Some("find;")),
            ("add zhangsan 138", Some("add;zhangsan;138")),
            ("find：张三", Some("find;张三")),
            ("ａｄｄ；张三；1", Some("add;张三;1")),
            ("Add;张三;1", Some("add;张三;1")),
            ("exit\u{2060}", Some("exit")),
            ("exit。", Some("exit")),
            ("add;zhang\u{200b}san;1", Some("add;zhangsan;1")),
            ("你好；世界", None),
            ("ad;x;1", None),
            ("find;a;b", None),
            ("find?", None),
        ] {
            assert_eq!(Advice::on(text).mended.as_deref(), mended, "{text}");
        }
    }

    #[test]
    fn an_error_reply_is_explained_by_what_was_sent() {
        for (sent, reply, word) in [
            ("find", "Error: find needs one name", Some(Word::TooFewOne)),
            ("add;a", "Error: ...", Some(Word::TooFewAdd)),
            ("add;a;", "Error: ...", Some(Word::EmptyPhone)),
            ("add；a；1", "Error: ...", Some(Word::FullWidth)),
            ("add;a;1", "Error: the book is full", Some(Word::Refused)),
            ("add;Error: a;1", "Error: a added!", None),
            ("find;a", "Error: 1", None),
            ("find;a", "Not Found!", None),
            ("hello", "Received hello;", None),
        ] {
            let note = correct(sent, reply);
            assert_eq!(note.as_ref().map(|note| note.word), word, "{sent} {reply}");
            note.iter().for_each(assert_translated);
        }
    }
}
