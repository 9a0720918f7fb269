//! A message as the bytes it is: what stands where, and what surrounds it.
//!
//! [`sent`] and [`received`] cut a text into [`Part`]s, [`cells`] cuts a part
//! into characters with their bytes, and [`Frame`] says what a WebSocket puts
//! before them. Nothing here is drawn, and no byte is shown that the page
//! cannot know: the masking key stays [hidden](Field::bytes).

mod frame;

use std::ops::Range;

use protocol::command::SEPARATOR;
use protocol::escape::is_deceptive;

use crate::core::highlight::{self, highlights, without_errors};

pub use self::frame::{Field, FieldName, Frame};

/// What a stretch of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is highlighted: the verb, a field, or a mistake.
    Highlighted(highlight::Kind),
    /// A `;` between two parts of a command.
    Separator,
    /// What a server said.
    Answer,
    /// A LF, and the CR before it if there is one.
    LineEnd,
    /// Anything else: small talk, and the spaces around a field.
    Plain,
}

/// A stretch of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// Its bytes, never none.
    pub at: Range<usize>,
}

/// The parts of a line that a student wrote, or is writing. Together they are
/// all of it. While an input method composes, nothing is called wrong.
pub fn sent(text: &str, composing: bool) -> Vec<Part> {
    let mut parts = Parts::default();
    for line in text.split_inclusive('\n') {
        let content = without_line_end(line);
        let mut marked = highlights(content);
        if composing {
            marked = without_errors(marked);
        }
        let start = parts.end;
        for highlight in marked {
            parts.between(text, start + highlight.at.start);
            parts.push(Kind::Highlighted(highlight.kind), start + highlight.at.end);
        }
        parts.between(text, start + content.len());
        parts.push(Kind::LineEnd, start + line.len());
    }
    parts.parts
}

/// The parts of what a server said: the answers, and their line ends on raw
/// TCP. A `;` in an answer separates nothing.
pub fn received(text: &str) -> Vec<Part> {
    let mut parts = Parts::default();
    for line in text.split_inclusive('\n') {
        let start = parts.end;
        parts.push(Kind::Answer, start + without_line_end(line).len());
        parts.push(Kind::LineEnd, start + line.len());
    }
    parts.parts
}

/// The same message as a line on raw TCP, where nothing but its line end says
/// where it stops.
pub fn as_line(text: &str) -> String {
    let mut line = text.to_string();
    if !line.ends_with('\n') {
        line.push('\n');
    }
    line
}

fn without_line_end(line: &str) -> &str {
    match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    }
}

/// Parts in the making, none of them empty.
#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    end: usize,
}

impl Parts {
    fn push(&mut self, kind: Kind, end: usize) {
        if self.end < end {
            self.parts.push(Part { kind, at: self.end..end });
            self.end = end;
        }
    }

    /// What is not highlighted, up to `end`.
    fn between(&mut self, text: &str, end: usize) {
        let from = self.end;
        for (at, byte) in text.bytes().enumerate().take(end).skip(from) {
            if byte == SEPARATOR as u8 {
                self.push(Kind::Plain, at);
                self.push(Kind::Separator, at + 1);
            }
        }
        self.push(Kind::Plain, end);
    }
}

/// The characters of a part, in order.
pub fn cells(text: &str, kind: Kind) -> impl Iterator<Item = Cell> {
    text.chars().map(move |character| Cell { character, kind })
}

/// One character, which stands above its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The character itself.
    pub character: char,
    /// What it is a piece of.
    pub kind: Kind,
}

/// What a character stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The four lines of the English exercise book: one or two bytes.
    Letter,
    /// A 田字格 square: a Han character, an emoji, anything of three or four
    /// bytes.
    Wide,
    /// Solid: it separates.
    Separator,
    /// A dot in the middle, since a space shows nothing.
    Space,
    /// Its name, since it has no look of its own.
    Control,
}

impl Cell {
    /// What it stands on.
    pub fn shape(self) -> Shape {
        match self.character {
            _ if self.kind == Kind::Separator => Shape::Separator,
            c if is_invisible(c) => Shape::Control,
            c if c.is_whitespace() => Shape::Space,
            c if c.len_utf8() > 2 => Shape::Wide,
            _ => Shape::Letter,
        }
    }

    /// How it is shown: itself, `·` for a space, the name of what has no look.
    pub fn shown(self) -> String {
        let mut shown = String::new();
        match self.shape() {
            Shape::Space => shown.push('·'),
            Shape::Control => escape(self.character, &mut shown),
            _ => {
                if is_combining(self.character) {
                    // Something for the accent to sit on.
                    shown.push('◌');
                }
                shown.push(self.character);
            }
        }
        shown
    }

    /// Its bytes, in the order in which they travel.
    pub fn bytes(self) -> impl ExactSizeIterator<Item = u8> {
        let mut bytes = [0; 4];
        let length = self.character.encode_utf8(&mut bytes).len();
        bytes.into_iter().take(length)
    }
}

/// A byte as two digits.
pub fn hex(byte: u8) -> String {
    format!("{byte:02X}")
}

/// Writes a character as Python escapes it: `\n`, `\x1b`, `\u202e`.
pub fn escape(c: char, out: &mut String) {
    let code = u32::from(c);
    out.push_str(&match c {
        '\n' => "\\n".to_string(),
        '\r' => "\\r".to_string(),
        '\t' => "\\t".to_string(),
        ..='\u{FF}' => format!("\\x{code:02x}"),
        ..='\u{FFFF}' => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    });
}

/// Whether a character shows nothing: the controls and, of Unicode's
/// `Default_Ignorable_Code_Point`, what people really paste or type (soft
/// hyphen, joiners, byte order mark, variation selectors, tags).
pub fn is_invisible(c: char) -> bool {
    is_deceptive(c)
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a character is an accent on the one before it: Unicode's blocks of
/// combining marks.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::highlight::Kind as HighlightKind;
    use crate::core::samples::TEXTS;

    fn check(text: &str, expected: &[(&str, Kind)]) {
        let found = sent(text, false);
        let found: Vec<_> = found.iter().map(|part| (&text[part.at.clone()], part.kind)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_command_is_cut_into_what_the_pen_marks_and_what_separates() {
        use Kind::{Highlighted, LineEnd, Plain, Separator};
        check(
            " add;张三; 1\r\n",
            &[
                (" ", Plain),
                ("add", Highlighted(HighlightKind::Verb)),
                (";", Separator),
                ("张三", Highlighted(HighlightKind::Name)),
                (";", Separator),
                (" ", Plain),
                ("1", Highlighted(HighlightKind::Phone)),
                ("\r\n", LineEnd),
            ],
        );
        check(
            "find；a",
            &[
                ("find", Highlighted(HighlightKind::Verb)),
                ("；", Highlighted(HighlightKind::Circled)),
                ("a", Highlighted(HighlightKind::Name)),
            ],
        );
        check("a b", &[("a b", Plain)]);
        check(
            "ad;;x\nexit",
            &[
                ("ad", Highlighted(HighlightKind::Wrong)),
                (";", Separator),
                (";", Separator),
                ("x", Plain),
                ("\n", LineEnd),
                ("exit", Highlighted(HighlightKind::Verb)),
            ],
        );
    }

    #[test]
    fn nothing_is_wrong_while_an_input_method_composes() {
        assert_eq!(sent("；", true), [Part { kind: Kind::Plain, at: 0..3 }]);
    }

    #[test]
    fn an_answer_is_one_part_whatever_it_says() {
        let text = "Received a;b;\nNot Found!\n";
        let parts = received(text);
        let found: Vec<_> = parts.iter().map(|part| (&text[part.at.clone()], part.kind)).collect();
        assert_eq!(
            found,
            [
                ("Received a;b;", Kind::Answer),
                ("\n", Kind::LineEnd),
                ("Not Found!", Kind::Answer),
                ("\n", Kind::LineEnd),
            ]
        );
        let semicolon = cells(";", Kind::Answer).next().unwrap();
        assert_eq!(semicolon.shape(), Shape::Letter);
    }

    #[test]
    fn the_bytes_of_all_cells_are_the_bytes_of_the_text() {
        for text in TEXTS {
            let line = as_line(text);
            for (text, parts) in [
                (text, sent(text, false)),
                (text, sent(text, true)),
                (&line, sent(&line, false)),
                (text, received(text)),
            ] {
                let mut bytes = Vec::new();
                for part in parts {
                    assert!(!part.at.is_empty(), "{text:?}");
                    for cell in cells(&text[part.at.clone()], part.kind) {
                        let own: Vec<u8> = cell.bytes().collect();
                        assert_eq!(str::from_utf8(&own), Ok(&*cell.character.to_string()));
                        assert!(!cell.shown().contains(is_invisible), "{:?}", cell.shown());
                        bytes.extend(own);
                    }
                }
                assert_eq!(bytes, text.as_bytes(), "{text:?}");
            }
        }
    }

    #[test]
    fn every_character_has_its_place_and_something_to_show() {
        for (character, shape, shown, bytes) in [
            ('a', Shape::Letter, "a", &[0x61][..]),
            ('é', Shape::Letter, "é", &[0xC3, 0xA9]),
            ('张', Shape::Wide, "张", &[0xE5, 0xBC, 0xA0]),
            ('；', Shape::Wide, "；", &[0xEF, 0xBC, 0x9B]),
            ('👍', Shape::Wide, "👍", &[0xF0, 0x9F, 0x91, 0x8D]),
            (' ', Shape::Space, "·", &[0x20]),
            ('\u{3000}', Shape::Space, "·", &[0xE3, 0x80, 0x80]),
            ('\n', Shape::Control, "\\n", &[0x0A]),
            ('\r', Shape::Control, "\\r", &[0x0D]),
            ('\t', Shape::Control, "\\t", &[0x09]),
            ('\x1b', Shape::Control, "\\x1b", &[0x1B]),
            ('\u{200d}', Shape::Control, "\\u200d", &[0xE2, 0x80, 0x8D]),
            ('\u{e0067}', Shape::Control, "\\U000e0067", &[0xF3, 0xA0, 0x81, 0xA7]),
            ('\u{301}', Shape::Letter, "◌\u{301}", &[0xCC, 0x81]),
        ] {
            let cell = Cell { character, kind: Kind::Plain };
            assert_eq!((cell.shape(), &*cell.shown()), (shape, shown));
            assert_eq!(cell.bytes().collect::<Vec<_>>(), bytes);
        }
        let separator = Cell { character: ';', kind: Kind::Separator };
        assert_eq!((separator.shape(), &*separator.shown()), (Shape::Separator, ";"));
        assert_eq!([hex(0), hex(0xE5), hex(0x0A)], ["00", "E5", "0A"]);
    }
}
