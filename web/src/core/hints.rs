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
    is_glued(text).then_some(TextKey::TwoLines)
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
mod tests {
    use super::*;
    use crate::core::i18n::files::assert_translated;

    #[test]
    fn the_hint_says_what_comes_next_and_what_is_wrong() {
        let long_name = format!("add;{};1", "张".repeat(65));
        let long_phone = format!("add;a;{}", "1".repeat(33));
        let long_line = format!("say {}", "x".repeat(1021));
        for (text, word, is_mistake) in [
            ("", TextKey::Empty, false),
            ("a", TextKey::NextVerb, false),
            (" rem", TextKey::NextVerb, false),
            ("hello", TextKey::Say, false),
            ("你好；世界", TextKey::Say, false),
            ("exit now", TextKey::Say, false),
            ("   ", TextKey::Say, false),
            ("add", TextKey::NextSeparatorName, false),
            ("find ", TextKey::NextSeparatorName, false),
            ("add;", TextKey::NextName, false),
            ("find;", TextKey::NextName, false),
            ("add;lisi", TextKey::NextSeparatorPhone, false),
            ("add;lisi;", TextKey::NextPhone, false),
            ("add;lisi;1", TextKey::ReadyAdd, false),
            ("find;lisi", TextKey::ReadyFind, false),
            ("remove;lisi", TextKey::ReadyRemove, false),
            ("exit", TextKey::ReadyExit, false),
            ("find lisi", TextKey::SpaceForSeparator, true),
            ("add；张三；1", TextKey::FullWidth, true),
            ("find；", TextKey::FullWidth, true),
            ("add,lisi,1", TextKey::WrongSeparator, true),
            ("find：lisi", TextKey::WrongSeparator, true),
            ("find　lisi", TextKey::SpaceForSeparator, true),
            ("find\tlisi", TextKey::WrongSeparator, true),
            ("finding things", TextKey::Say, false),
            ("ａｄｄ；lisi；1", TextKey::WideVerb, true),
            ("ｅｘｉｔ", TextKey::WideVerb, true),
            ("exit。", TextKey::TooManyExit, true),
            ("exit\u{2060}", TextKey::InvisibleAtVerb, true),
            ("add\u{200b};lisi;1", TextKey::InvisibleAtVerb, true),
            ("add;li\u{200b}si;1", TextKey::InvisibleName, true),
            ("h\0i\0", TextKey::Utf16, true),
            ("ad;x;1", TextKey::UnknownVerb, true),
            ("Exit", TextKey::LowerCase, true),
            ("s.send('add;a;1'.encode('utf-8'))", TextKey::Python, true),
            ("import socket", TextKey::Python, true),
            ("print(s.recv(1024))", TextKey::Python, true),
            ("'add;a;1'", TextKey::Quotes, true),
            ("b\"exit\"", TextKey::Quotes, true),
            ("“find;a”", TextKey::Quotes, true),
            ("O'Neil", TextKey::Say, false),
            ("'", TextKey::Say, false),
            ("add;a;1find;a", TextKey::TwoLines, true),
            ("add;a;1;", TextKey::LastSeparator, true),
            ("find;a;", TextKey::LastSeparator, true),
            ("add;13800138000;zhangsan", TextKey::Swapped, true),
            ("add;138;张三", TextKey::Swapped, true),
            ("add;138;119", TextKey::ReadyAdd, false),
            ("add;a;b", TextKey::ReadyAdd, false),
            ("Add;x;1", TextKey::LowerCase, true),
            (";x", TextKey::NoVerb, true),
            ("add;a;1;2", TextKey::TooManyAdd, true),
            ("find;a;1", TextKey::TooManyOne, true),
            ("exit;", TextKey::LastSeparator, true),
            ("exit;now", TextKey::TooManyExit, true),
            ("add;;1", TextKey::EmptyName, true),
            (&long_name, TextKey::LongName, true),
            (&long_phone, TextKey::LongPhone, true),
            ("find;a\tb", TextKey::InvisibleName, true),
            ("add;a;\u{202e}1", TextKey::InvisiblePhone, true),
            (&long_line, TextKey::TooLong, true),
        ] {
            let hint = Hint::on(text);
            assert_eq!((hint.text.key, hint.is_mistake), (word, is_mistake), "{text:?}");
            assert_translated(&hint.text);
        }
    }

    #[test]
    fn every_line_of_a_program_in_the_lesson_is_told_from_a_message() {
        for page in
            [include_str!("../../../static/en.html"), include_str!("../../../static/zh.html")]
        {
            let programs: Vec<_> = page.split("<pre><code>").skip(1).collect();
            assert!(programs.len() >= 8, "{}", programs.len());
            for program in programs {
                let (program, _) = program.split_once("</code></pre>").expect("it ends");
                // As it is copied: without markup.
                let mut pieces = program.split('<');
                let mut code = pieces.next().unwrap_or_default().to_owned();
                pieces.for_each(|piece| code += piece.split_once('>').expect("a tag").1);
                for line in code.lines() {
                    let told = copied(line);
                    assert_eq!(told, Some(TextKey::Python), "{line}");
                }
            }
        }
        for message in [
            "message1",
            "hello (world)",
            "你好：世界",
            "1+1=2",
            "break it",
            "find:",
            "it's me",
            "client.py;add;lisi;12345",
            "add;Tom(home);+86 (010) 1",
            "add;O'Brien;a = b",
            "nc",
            "find;x[1]:",
            "b",
            "remove;li #2",
        ] {
            assert_eq!(copied(message), None, "{message}");
        }
    }

    #[test]
    fn a_server_at_the_echo_stage_says_back_whatever_is_written() {
        for text in ["add;a;1", "add；a；1", "hello", "Add;x"] {
            assert_eq!(Hint::at(Stage::Echo, text).text.key, TextKey::SayEcho, "{text}");
            assert_translated(&Hint::at(Stage::Echo, text).text);
        }
        assert_eq!(Hint::at(Stage::Echo, "exit").text.key, TextKey::ReadyExit);
        assert_eq!(Hint::at(Stage::Echo, "").text.key, TextKey::Empty);
        assert_eq!(Hint::at(Stage::Contacts, "add;a;1").text.key, TextKey::ReadyAdd);
    }

    #[test]
    fn the_stage_of_a_server_is_read_off_its_replies() {
        for (sent, reply, stage) in [
            ("add;a;1", "Received add;a;1;", Some(Stage::Echo)),
            ("find", "Received find;", Some(Stage::Echo)),
            ("add;a;1", "a added!", Some(Stage::Contacts)),
            ("find;a", "Not Found!", Some(Stage::Contacts)),
            ("Add;a", "Error: ...", Some(Stage::Contacts)),
            ("hello", "Received hello;", None),
        ] {
            assert_eq!(stage_of(sent, reply), stage, "{sent} {reply}");
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
            let note = Hint::on(text).text;
            assert_eq!(
                note.values.last(),
                Some(&(Placeholder::Example, expected.to_string())),
                "{text}"
            );
        }
    }

    #[test]
    fn one_tap_puts_right_what_is_only_misspelt() {
        for (text, fixed) in [
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
            ("Exit", Some("exit")),
            ("s.send('add;a;1'.encode('utf-8'))", Some("add;a;1")),
            ("b'exit'", Some("exit")),
            ("“find;张三”", Some("find;张三")),
            ("import socket", None),
            ("s.send('message1'.encode('utf-8'))", Some("message1")),
            ("s.bind(('127.0.0.1', 9999))", None),
            ("';'.join(['add', 'lisi', '12345'])", None),
            ("add;张三;138；", None),
            ("find;张三；", None),
            ("add;a;1;", Some("add;a;1")),
            ("add;138;张三", Some("add;张三;138")),
            ("你好；世界", None),
            ("ad;x;1", None),
            ("find;a;b", None),
            ("find?", None),
        ] {
            assert_eq!(Hint::on(text).fix.as_deref(), fixed, "{text}");
        }
    }

    #[test]
    fn an_error_reply_is_explained_by_what_was_sent() {
        for (sent, reply, word) in [
            ("find", "Error: find needs one name", Some(TextKey::TooFewOne)),
            ("add;a", "Error: ...", Some(TextKey::TooFewAdd)),
            ("add;a;", "Error: ...", Some(TextKey::EmptyPhone)),
            ("add；a；1", "Error: ...", Some(TextKey::FullWidth)),
            ("add;a;1", "Error: the book is full", Some(TextKey::Refused)),
            ("add;Error: a;1", "Error: a added!", None),
            ("find;a", "Error: 1", None),
            ("add;a;1find;a", "Error: ...", Some(TextKey::TwoLines)),
            ("s.send('add;a;1')", "Error: ...", Some(TextKey::Python)),
            ("find;a", "Not Found!", None),
            ("hello", "Received hello;", None),
        ] {
            let note = explain_reply(sent, reply);
            assert_eq!(note.as_ref().map(|note| note.key), word, "{sent} {reply}");
            note.iter().for_each(assert_translated);
        }
    }
}
