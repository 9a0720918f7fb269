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

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `get` and not an index: what a slice says when it panics weighs
        // several kilobytes on every phone.
        let mut plain = 0;
        for (at, c) in self.0.char_indices().filter(|&(_, c)| is_deceptive(c)) {
            f.write_str(self.0.get(plain..at).unwrap_or_default())?;
            match c {
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            }
            plain = at + c.len_utf8();
        }
        f.write_str(self.0.get(plain..).unwrap_or_default())
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
