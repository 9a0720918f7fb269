//! Masking: what of a message a projector may show. Names become `*`, phones keep three
//! digits at the beginning and four at the end, and what is wrong stays visible.

use protocol::command::{FULL_WIDTH_SEPARATOR, SEPARATOR, is_space};
use protocol::escape::{Escaped, invisibles};
use protocol::{Command, Mistake, Reason, Stage, Verb};

/// The most characters of an example: half a line of a projector.
const EXAMPLE: usize = 48;

/// Digits of the shortest phone that keeps some of them.
const PHONE: usize = 7;

/// What beginners write in a command's place. Any other word that is not nearly a
/// command is masked: it may be anything.
const GUESSES: [&str; 14] = [
    "delete", "del", "get", "insert", "search", "quit", "update", "new", "set", "list", "show",
    "help", "edit", "change",
];

/// A mistaken message as an example: the command, the marks and what shows nothing
/// remain, everything else is masked.
pub(super) fn example(text: &str) -> String {
    let mark = match Command::parse(text, Stage::Contacts) {
        Err(Mistake { reason: Reason::WrongSeparator { mark, .. }, .. }) => Some(mark),
        _ => None,
    };
    let is_kept =
        |c: char| matches!(c, SEPARATOR | FULL_WIDTH_SEPARATOR) || is_space(c) || Some(c) == mark;
    let mut shown = String::new();
    let mut run = String::new();
    let is_verb = is_nearly_verb(&head(text, is_kept));
    let (mut has_head, mut in_head) = (false, true);
    let mut unseen = invisibles(text).map(|(at, _)| at).peekable();
    for (at, c) in text.char_indices() {
        let is_unseen = unseen.next_if_eq(&at).is_some();
        if !is_unseen && !is_kept(c) {
            run.push(c);
            continue;
        }
        shown += &masked(&run, in_head && is_verb);
        has_head |= !run.is_empty();
        in_head &= is_unseen || !has_head;
        run.clear();
        shown += &Escaped(c.encode_utf8(&mut [0; 4])).text();
    }
    shown += &masked(&run, in_head && is_verb);
    match shown.char_indices().nth(EXAMPLE) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// What stands in the command's place, without what shows nothing.
fn head(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut unseen = invisibles(text).map(|(at, _)| at).peekable();
    let seen = text.char_indices().filter(|(at, _)| unseen.next_if_eq(at).is_none());
    let seen = seen.map(|(_, c)| c).skip_while(|&c| is_space(c));
    seen.take_while(|&c| !is_kept(c)).collect()
}

/// A word or phone between two marks.
fn masked(run: &str, is_verb: bool) -> String {
    let digits: Vec<char> = run.chars().filter(char::is_ascii_digit).collect();
    if run.is_empty() || is_verb {
        run.to_owned()
    } else if digits.len() >= PHONE && run.chars().all(|c| c.is_ascii_digit() || "+-()".contains(c))
    {
        masked_phone(&digits)
    } else {
        "*".to_owned()
    }
}

fn masked_phone(digits: &[char]) -> String {
    let begin: String = digits[..3].iter().collect();
    let end: String = digits[digits.len() - 4..].iter().collect();
    format!("{begin}****{end}")
}

/// Whether a word is a command, however it is written, one letter away from one, or a
/// plausible guess.
fn is_nearly_verb(word: &str) -> bool {
    let narrow = |c: char| match c {
        'ａ'..='ｚ' | 'Ａ'..='Ｚ' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    };
    let plain: String = word.chars().map(narrow).collect::<String>().to_ascii_lowercase();
    let is_near = |verb: Verb| differs_by_a_letter(plain.as_bytes(), verb.word().as_bytes());
    GUESSES.contains(&plain.as_str()) || Verb::ALL.into_iter().any(is_near)
}

/// Whether two words are the same but for one letter that is missing, too much or
/// another one, or two that have changed places.
fn differs_by_a_letter(one: &[u8], other: &[u8]) -> bool {
    let before = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[before..], &other[before..]);
    let behind = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&one[..one.len() - behind], &other[..other.len() - behind]) {
        ([] | [_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// A line with its phone numbers masked: every run of digits of a phone's length, with
/// single spaces and hyphens in it or not.
pub(super) fn without_phones(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c| digit(c).is_some()) {
        shown += &rest[..start];
        rest = &rest[start..];
        let (length, digits) = run_of_digits(rest);
        match digits.len() >= PHONE {
            true => shown += &masked_phone(&digits),
            false => shown += &rest[..length],
        }
        rest = &rest[length..];
    }
    shown + rest
}

/// The digits that a text begins with, and their length in bytes.
fn run_of_digits(text: &str) -> (usize, Vec<char>) {
    let (mut length, mut digits, mut mark) = (0, Vec::new(), false);
    for (at, c) in text.char_indices() {
        match digit(c) {
            Some(digit) => {
                digits.push(digit);
                (length, mark) = (at + c.len_utf8(), false);
            }
            None if !mark && matches!(c, ' ' | '-') => mark = true,
            None => break,
        }
    }
    (length, digits)
}

/// A digit as ASCII has it, be it a wide one of a Chinese input method.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_u32(u32::from(c) - 0xFEE0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_shows_what_is_wrong_and_nobody() {
        for (text, shown) in [
            ("add；李梅；13800138000", "add；*；138****8000"),
            ("add;lisi；139", "add;*；*"),
            ("add zhangsan 13800138000", "add * 138****8000"),
            ("add，张三，+86-13800138000", "add，*，861****8000"),
            ("ADD;sunli;15800001357", "ADD;*;158****1357"),
            ("ａｄｄ；张三；1", "ａｄｄ；*；*"),
            ("ad;x;1", "ad;*;*"),
            ("fnid;x", "fnid;*"),
            ("delete;x", "delete;*"),
            ("sb;x;1", "*;*;*"),
            ("你是猪;x;1", "*;*;*"),
            ("ass;x", "*;*"),
            ("\u{200b}add;x;1", "<U+200B>add;*;*"),
            ("ad\u{200b}d;x;1", "ad<U+200B>d;*;*"),
            ("add;张\u{200b}三;1", "add;*<U+200B>*;*"),
            ("find", "find"),
            (" find a", " find *"),
            (" sb a", " * *"),
            ("sb add;a;1", "* *;*;*"),
            ("\u{200b}", "<U+200B>"),
            ("add;;", "add;;"),
            ("", ""),
        ] {
            assert_eq!(example(text), shown, "{text}");
        }
        assert_eq!(example(&"a;".repeat(500)).chars().count(), EXAMPLE + 1);
    }

    #[test]
    fn a_phone_in_a_line_is_masked_however_it_is_written() {
        for (text, shown) in [
            ("add;zhangsan;13800138000", "add;zhangsan;138****8000"),
            ("find 138 0013 8000 please", "find 138****8000 please"),
            ("138-0013-8000", "138****8000"),
            ("１３８００１３８０００", "138****8000"),
            ("room 503, seat 12", "room 503, seat 12"),
            ("张三 12345", "张三 12345"),
            ("1234567", "123****4567"),
        ] {
            assert_eq!(without_phones(text), shown);
        }
    }
}
