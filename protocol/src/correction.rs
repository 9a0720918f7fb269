//! A message that is nearly a command → the command it was meant to be.
//!
//! To a beginner `Received add zhangsan 138;` looks like success. So a message
//! that begins with a verb and goes on with any mark in the separator's place is
//! a mistake and not small talk, and the reply shows the student's own line put
//! right. Nothing is ever executed in place of what was sent.

use std::ops::Range;

use crate::command::{
    Change, Command, FULL_WIDTH_SEPARATOR, SEPARATOR, Stage, Verb, is_space, span, trim,
};
use crate::escape::{invisibles, is_invisible};
use crate::mistake::{Mistake, Reason};

/// The phone of the lesson, for a line that has none yet.
const PHONE: &str = "13800138000";

/// How a verb is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As it must be.
    Exact,
    /// With capital letters.
    Capital,
    /// With full-width letters of a Chinese input method, `ａｄｄ`.
    Wide,
}

/// The verb at the beginning of a message and what separates it from the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head<'a> {
    verb: Verb,
    spelling: Spelling,
    /// Where the verb stands, with the invisible characters beside it.
    word: Range<usize>,
    /// The first of those.
    invisible: Option<char>,
    /// What stands in the separator's place: the first mark that is no space, or
    /// else the first space. Absent where nothing follows.
    mark: Option<(usize, char)>,
    /// What follows.
    rest: &'a str,
}

impl<'a> Head<'a> {
    /// Reads a message's beginning. `None` where it is no verb, or one that goes
    /// on as a word does: `finding`, `add1`.
    fn of(text: &'a str) -> Option<Self> {
        let (mut letters, mut count) = ([0; LONGEST_VERB], 0);
        let (mut spelling, mut invisible) = (Spelling::Exact, None);
        let (mut word, mut behind) = (None, text.len());
        for (at, c) in text.char_indices() {
            let is_first = count == 0;
            if is_first && is_space(c) {
                continue;
            }
            if let Some((letter, is_wide)) = letter(c) {
                *letters.get_mut(count)? = letter;
                count += 1;
                if is_wide {
                    spelling = Spelling::Wide;
                }
            } else if is_invisible(c) && (is_first || c != '\t') {
                invisible.get_or_insert(c);
            } else {
                behind = at;
                break;
            }
            word.get_or_insert(at);
        }
        let letters = &letters[..count];
        let verb = Verb::meant_by(str::from_utf8(letters).ok()?)?;
        if spelling == Spelling::Exact && letters != verb.word().as_bytes() {
            spelling = Spelling::Capital;
        }
        let (mark, rest) = junction(text, behind)?;
        let word = word.unwrap_or(behind)..behind;
        Some(Head { verb, spelling, word, invisible, mark, rest })
    }

    /// Whether nothing but marks follows.
    fn is_alone(&self) -> bool {
        !self.rest.contains(char::is_alphanumeric)
    }
}

/// The letters of `remove`.
const LONGEST_VERB: usize = 6;

/// A Latin letter as ASCII has it, and whether it was a full-width one.
fn letter(c: char) -> Option<(u8, bool)> {
    /// From `A` to `Ａ`.
    const OFFSET: u32 = 0xFEE0;
    let is_wide = matches!(c, 'ａ'..='ｚ' | 'Ａ'..='Ｚ');
    let code = u32::from(c) - if is_wide { OFFSET } else { 0 };
    let letter = u8::try_from(code).ok().filter(u8::is_ascii_alphabetic)?;
    Some((letter, is_wide))
}

/// A place in a text and the character there.
type Mark = (usize, char);

/// What stands between a verb that ends at `from` and what follows it. `None` if
/// the verb goes on as a word does.
fn junction(text: &str, from: usize) -> Option<(Option<Mark>, &str)> {
    let behind = &text[from..];
    if behind.chars().next().is_some_and(|c| !is_mark(c)) {
        return None;
    }
    let place = |part: &str| {
        let at = span(text, part).start;
        part.chars().next().map(|c| (at, c))
    };
    let marks = behind.trim_start_matches(is_space);
    let rest = marks.trim_start_matches(|c| is_mark(c) && !is_space(c));
    // Behind a space a mark may begin a name or a phone, as in `find +86`.
    let belongs = marks.len() == behind.len()
        || marks.starts_with(separates)
        || rest.is_empty()
        || rest.starts_with(is_space);
    Some(match marks.len() > rest.len() && belongs {
        true => (place(marks), trim(rest)),
        false => (place(behind), trim(marks)),
    })
}

/// Whether a character is punctuation or a space, by Unicode's blocks of them:
/// what somebody may type in the separator's place.
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation()
        || is_space(c)
        || matches!(c,
            '\t' | '¦' | '·' | GREEK_QUESTION_MARK
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' // General Punctuation
            | '\u{2190}'..='\u{21FF}' | '\u{2500}'..='\u{257F}' // Arrows, Box Drawing
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301F}' // CJK Punctuation
            | '\u{FE10}'..='\u{FE19}' | '\u{FE30}'..='\u{FE6B}' // vertical and small forms
            | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' // full-width forms
            | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}')
}

/// Looks exactly like a semicolon.
const GREEK_QUESTION_MARK: char = '\u{37E}';

/// Whether a mark separates and hardly ever stands in a name or a phone.
fn separates(c: char) -> bool {
    matches!(
        c,
        SEPARATOR
            | FULL_WIDTH_SEPARATOR
            | GREEK_QUESTION_MARK
            | '﹔'
            | '\t'
            | ','
            | '，'
            | '、'
            | ':'
            | '：'
            | '|'
            | '｜'
            | '/'
            | '／'
            | '\\'
            | '='
            | '＝'
            | '。'
    )
}

/// What is wrong with a message that is no command but begins with a verb, if
/// the verb shows that it was meant as one.
#[cold]
pub(crate) fn slip(text: &str) -> Option<Mistake<'_>> {
    let head = Head::of(text)?;
    let Head { verb, ref word, .. } = head;
    // `exit now` is no goodbye, and is not meant as one.
    if verb == Verb::Exit && !head.is_alone() {
        return None;
    }
    if let Some(character) = head.invisible {
        let reason = Reason::InvisibleAtVerb { verb, character, line: text };
        return Some(Mistake { reason, at: word.clone() });
    }
    if head.spelling == Spelling::Wide {
        return Some(Mistake { reason: Reason::WideVerb { verb, line: text }, at: word.clone() });
    }
    let (at, mark) = head.mark?;
    if verb == Verb::Exit {
        let is_exact = head.spelling == Spelling::Exact;
        let mistake = Mistake { reason: Reason::TooMany { verb }, at: at..text.len() };
        return is_exact.then_some(mistake);
    }
    let reason = match mark {
        // Something else is wrong.
        SEPARATOR => return None,
        FULL_WIDTH_SEPARATOR => Reason::FullWidthSeparator { verb, line: text },
        mark => Reason::WrongSeparator { verb, mark, line: text },
    };
    Some(Mistake { reason, at: at..at + mark.len_utf8() })
}

/// The verb a message begins with, however it is written, for the example that
/// fits it.
pub(crate) fn verb_of(text: &str) -> Option<Verb> {
    Head::of(text).map(|head| head.verb)
}

/// A message that cannot be understood, put right: the verb in its own letters,
/// `;` between the parts, nothing invisible in it. `None` where no command comes
/// of that.
///
/// At most as long as the longest command: a verb, a name and a phone.
pub fn corrected(text: &str) -> Option<String> {
    let mut visible = String::new();
    let mut from = 0;
    for (at, c) in invisibles(text).filter(|&(_, c)| c != '\t') {
        visible.push_str(&text[from..at]);
        from = at + c.len_utf8();
    }
    visible.push_str(&text[from..]);
    let visible = visible.trim();

    let head = Head::of(visible)?;
    if head.verb == Verb::Exit {
        return head.is_alone().then(|| Verb::Exit.word().to_string());
    }
    let (_, mark) = head.mark?;
    let rest = without_end(head.rest, mark);
    let fields = match head.verb {
        Verb::Add => splits(rest, mark),
        _ => vec![rest.to_string(), rest.replace(FULL_WIDTH_SEPARATOR, ";")],
    };
    let mut lines = fields.iter().map(|fields| format!("{};{fields}", head.verb.word()));
    lines.find_map(|line| match Command::parse(&line, Stage::Contacts).ok()? {
        Command::Find { name } => Some(format!("find;{name}")),
        Command::Change(Change::Remove { name }) => Some(format!("remove;{name}")),
        Command::Change(Change::Add { name, phone }) => Some(format!("add;{name};{phone}")),
        Command::Exit | Command::Say(_) => None,
    })
}

/// Without a mark at the end that only closes what was written.
fn without_end(rest: &str, mark: char) -> &str {
    let closing = match mark {
        '(' => ')',
        '（' => '）',
        mark => mark,
    };
    let ends = |c: char| {
        c == closing || is_space(c) || matches!(c, SEPARATOR | FULL_WIDTH_SEPARATOR | '。' | '，')
    };
    rest.trim_end_matches(ends)
}

/// The ways to read what follows `add` as a name and a phone, the likeliest
/// first: at the mark behind the verb, before digits, at any other separator, at
/// a space. None of them has a list for a phone.
fn splits(rest: &str, mark: char) -> Vec<String> {
    let at_mark = if is_space(mark) { None } else { rest.split_once(mark) };
    let at_separator = rest.split_once(separates);
    let at_space = rest.rsplit_once(is_space);
    let ways = [at_mark, before_digits(rest), at_separator, at_space];
    if ways == [None; 4] {
        return vec![format!("{rest};{PHONE}")];
    }
    let is_list = |phone: &str| phone.contains([SEPARATOR, FULL_WIDTH_SEPARATOR, ',', '，', '、']);
    ways.into_iter()
        .flatten()
        .filter(|(_, phone)| !is_list(phone))
        .map(|(name, phone)| {
            let name = name.trim_end_matches(|c| is_space(c) || separates(c));
            format!("{name};{}", trim(phone))
        })
        .collect()
}

/// At the first space before what looks like a phone: `li si 138 0013 8000`.
fn before_digits(rest: &str) -> Option<(&str, &str)> {
    let is_phone = |at: usize| {
        let phone = rest[at..].trim_start_matches(is_space);
        phone.trim_start_matches(['+', '(']).starts_with(|c: char| c.is_ascii_digit())
    };
    let (at, _) = rest.char_indices().find(|&(at, c)| is_space(c) && is_phone(at))?;
    rest.split_at_checked(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_students_own_line_is_put_right() {
        for (line, right) in [
            ("add zhangsan 138", "add;zhangsan;138"),
            ("add,zhangsan,138", "add;zhangsan;138"),
            ("add, zhangsan, 138", "add;zhangsan;138"),
            ("add，zhangsan，138", "add;zhangsan;138"),
            ("add、张三、138", "add;张三;138"),
            ("add：张三：138", "add;张三;138"),
            ("add:zhangsan=138", "add;zhangsan;138"),
            ("add\tzhangsan\t138", "add;zhangsan;138"),
            ("add|zhangsan|138", "add;zhangsan;138"),
            ("add/zhangsan/138", "add;zhangsan;138"),
            ("add\\zhangsan\\138", "add;zhangsan;138"),
            ("add.zhangsan.138", "add;zhangsan;138"),
            ("add-zhangsan-138-0013", "add;zhangsan;138-0013"),
            ("add - zhangsan - 138", "add;zhangsan;138"),
            ("add=zhangsan=138", "add;zhangsan;138"),
            ("add_zhangsan_138", "add;zhangsan;138"),
            ("add→zhangsan→138", "add;zhangsan;138"),
            ("add\u{37e}zhangsan\u{37e}138", "add;zhangsan;138"),
            ("add(zhangsan,138)", "add;zhangsan;138"),
            ("add zhangsan;138", "add;zhangsan;138"),
            ("add；zhangsan；138", "add;zhangsan;138"),
            ("add;zhangsan；138", "add;zhangsan;138"),
            ("add；zhangsan；138；", "add;zhangsan;138"),
            ("ａｄｄ；zhang；138", "add;zhang;138"),
            ("ａｄｄ;zhang;138", "add;zhang;138"),
            ("Ａdd zhang 138", "add;zhang;138"),
            ("Add zhang 138", "add;zhang;138"),
            ("ADD;zhang;138", "add;zhang;138"),
            ("add li si 138 0013 8000", "add;li si;138 0013 8000"),
            ("add li si +86 138", "add;li si;+86 138"),
            ("add li si 138/139", "add;li si;138/139"),
            ("add zhangsan,138", "add;zhangsan;138"),
            ("add zhangsan， 138", "add;zhangsan;138"),
            ("add 张三 电话", "add;张三;电话"),
            ("add 张三", "add;张三;13800138000"),
            ("add\u{200b};zhang\u{200b}san;1", "add;zhangsan;1"),
            ("\u{feff}add zhangsan 1", "add;zhangsan;1"),
            ("find：zhangsan", "find;zhangsan"),
            ("find Li Lei", "find;Li Lei"),
            ("find +86", "find;+86"),
            ("find\u{3000}张三", "find;张三"),
            ("find，张三。", "find;张三"),
            ("find(zhangsan)", "find;zhangsan"),
            ("ｆｉｎｄ　张三", "find;张三"),
            ("remove 张；三", "remove;张；三"),
            ("ｅｘｉｔ", "exit"),
            ("exit.", "exit"),
            ("exit()", "exit"),
            ("ex\u{2060}it", "exit"),
        ] {
            assert_eq!(corrected(line).as_deref(), Some(right), "{line}");
        }
    }

    #[test]
    fn what_makes_no_command_is_not_put_right() {
        let long = format!("find {}", "a".repeat(65));
        for line in [
            "",
            "add",
            "add;",
            "add,",
            "find?",
            "hello",
            "finding things",
            "addition 1 2",
            "exit now",
            "add；张；三；1",
            "find;a;b",
            "张三",
            "ad;x;1",
            &long,
        ] {
            assert_eq!(corrected(line), None, "{line}");
        }
    }
}
