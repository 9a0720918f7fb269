//! The characters of a message: what separates its parts, what counts as a space,
//! and how long it may be.

use std::ops::Range;

use crate::escape::is_deceptive;
use crate::slice::slice;

/// Separates the parts of a command. The lesson joins with it and splits at it.
pub const SEPARATOR: char = ';';

/// The semicolon a Chinese input method types: the commonest slip in this
/// classroom, and three bytes (EF BC 9B) where the right one is a single 3B.
pub const FULL_WIDTH_SEPARATOR: char = '；';

/// The longest message in bytes, its line end not counted: what the lesson's
/// `recv(1024)` takes at once.
pub const MAX_MESSAGE: usize = 1024;

/// The parts of a message between its separators, trimmed: the verb, then the
/// fields. There is always at least one.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((part, behind)) = split_once(text) else { return Some(trim(text)) };
        rest = Some(behind);
        Some(trim(part))
    })
}

/// What stands before and behind the first separator. The library's `split_once`
/// searches long texts faster, and these short ones a third slower.
pub(crate) fn split_once(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == SEPARATOR as u8)?;
    Some((slice(text, ..at), slice(text, at + 1..)))
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
