//! What was sent, what should have come and what came, with a caret under the first
//! difference.

use std::fmt::Write as _;

use protocol::escape::Escaped;
use protocol::homework::Finding;
use unicode_width::UnicodeWidthStr as _;

use crate::language::Language;

/// How many bytes are shown as numbers: a line of a terminal.
const MAX_BYTES: usize = 20;

/// How many characters of an answer are shown.
const MAX_SHOWN: usize = 200;

/// The indent of these lines.
const INDENT: &str = "    ";

/// The lines about a finding, each with its line end.
pub(super) fn lines(finding: &Finding, language: Language) -> String {
    let mut text = String::new();
    let mut row = |label: &str, value: &str| {
        let pad = " ".repeat(width(language).saturating_sub(label.width()));
        let _ = writeln!(text, "{INDENT}{label}{pad}  {}", value.trim_end());
    };
    if let Some(line) = &finding.line {
        let number = line.number;
        row(&language.pick("第 # 行", "line #").replace('#', &number.to_string()), &line.text);
    }
    let Some(actual) = &finding.actual else { return text };
    if let Some(sent) = finding.sent.as_ref().filter(|sent| !sent.is_empty()) {
        row(language.pick("发送", "sent"), &shown(sent));
    }
    if let Some(expected) = &finding.expected {
        row(language.pick("应该收到", "expected"), &shown(expected.as_bytes()));
    }
    if actual.is_empty() {
        row(language.pick("实际收到", "came"), language.pick("（什么也没有）", "(nothing)"));
        return text;
    }
    row(language.pick("实际收到", "came"), &shown(actual));
    if let Some(expected) = &finding.expected
        && let Some(column) = first_difference(expected, actual)
    {
        row("", &format!("{}^", " ".repeat(column)));
    }
    row(language.pick("字节", "bytes"), &hexadecimal(actual));
    text
}

/// The width of the labels.
fn width(language: Language) -> usize {
    match language {
        Language::Chinese => 9,
        Language::English => 8,
    }
}

/// Bytes as text, with what shows nothing or is no UTF-8 spelled out.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += &Escaped(chunk.valid()).text();
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The column of the first character that differs, as both are shown.
fn first_difference(expected: &str, actual: &[u8]) -> Option<usize> {
    let (expected, actual) = (shown(expected.as_bytes()), shown(actual));
    if expected == actual {
        return None;
    }
    let same = expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b);
    let same: String = same.map(|(a, _)| a).collect();
    Some(same.width())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown: Vec<_> = bytes.iter().take(MAX_BYTES).map(|byte| format!("{byte:02X}")).collect();
    let more = if bytes.len() > MAX_BYTES { " ..." } else { "" };
    shown.join(" ") + more
}

#[cfg(test)]
mod tests {
    use protocol::homework::Cause;

    use super::*;

    #[test]
    fn the_caret_stands_under_the_first_character_that_differs() {
        let finding = Finding {
            sent: Some("add;张三;1".into()),
            expected: Some("张三 added!".into()),
            actual: Some("张三 addde\x1b".into()),
            ..Finding::new(Cause::WrongWords)
        };
        assert_eq!(
            lines(&finding, Language::English),
            "    sent      add;张三;1\n    expected  张三 added!\n    came      张三 addde<U+001B>\n\
             \x20                     ^\n    bytes     E5 BC A0 E4 B8 89 20 61 64 64 64 65 1B\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_spelled_out_and_long_answers_are_cut() {
        assert_eq!(shown(b"a\xD5\xC5b"), "a\\xd5\\xc5b");
        assert_eq!(shown(&[b'x'; 300]).len(), MAX_SHOWN + 3);
        assert!(hexadecimal(&[1; 30]).ends_with("01 ..."));
    }
}
