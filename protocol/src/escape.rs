//! Showing text that came from a stranger.
//!
//! A name may try to move the cursor, colour the terminal or turn the reading
//! direction round. Whatever shows such text to a person goes through
//! [`Escaped`]; whatever stores it refuses [deceptive](is_deceptive)
//! characters in the first place.

use std::fmt;

/// Whether a character changes how the text around it is shown instead of
/// showing something itself: the C0 and C1 controls and DEL, the controls of
/// Unicode's `Bidi_Control` property, and the line and paragraph separators.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}')
}

/// Displays a text with every [deceptive](is_deceptive) character spelled out,
/// as Rust and Python would: `\r`, `\n`, `\t`, else `\u{1b}`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Escaped<'_> {
    /// The text that is displayed. Formatting it would bring all that can be
    /// done to numbers into the page, several kilobytes on every phone.
    pub fn text(self) -> String {
        let mut text = String::new();
        for c in self.0.chars() {
            match c {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                c if is_deceptive(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        text
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn controls_and_direction_marks_are_spelled_out_and_nothing_else() {
        for (raw, shown) in [
            ("张三 O'Neil é 👩‍🚀", "张三 O'Neil é 👩‍🚀"),
            ("a\x1b[31mred", "a\\u{1b}[31mred"),
            ("c1\u{9b}31m", "c1\\u{9b}31m"),
            ("tab\tcr\rlf\n", "tab\\tcr\\rlf\\n"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("one\u{2028}two", "one\\u{2028}two"),
            ("", ""),
        ] {
            assert_eq!(Escaped(raw).to_string(), shown);
        }
    }
}
