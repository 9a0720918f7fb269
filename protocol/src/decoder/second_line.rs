//! The lesson's own notation of `remove`, which puts the name on a second line.

use crate::command::{Command, Stage};
use crate::mistake::{Mistake, Reason};
use crate::slip::verb_of;
use crate::text::{SEPARATOR, trim};
use crate::verb::Verb;

/// Whether a line is `remove` and nothing else.
pub(super) fn is_bare_remove(line: &[u8]) -> bool {
    let word = Verb::Remove.word().as_bytes();
    let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if graphic(line.first()) && graphic(line.last()) {
        // Nothing to trim: nearly every line is told apart here.
        return line == word;
    }
    str::from_utf8(line).is_ok_and(|text| trim(text).as_bytes() == word)
}

/// Whether a line is a name: neither a command nor what was meant as one. With
/// a wide semicolon in it, it is one if `remove;` takes it.
pub(super) fn is_name(line: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(line) else { return false };
    !trim(text).is_empty()
        && match Command::parse(text, Stage::Contacts) {
            Ok(command) => matches!(command, Command::Say(_)),
            Err(Mistake { reason: Reason::FullWidthSeparator { .. }, .. }) => {
                !text.contains(SEPARATOR) && verb_of(text).is_none()
            }
            Err(_) => false,
        }
}
