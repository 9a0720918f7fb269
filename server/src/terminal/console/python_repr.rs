//! A string as Python's `repr` shows it.

use std::fmt::{self, Write as _};

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Displays a text in Python's quotes, with everything escaped that Python
/// escapes: terminal escapes, direction marks and all else that shows nothing.
pub(crate) struct PythonRepr<'a>(pub(crate) &'a str);

impl fmt::Display for PythonRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        f.write_char(quote)?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c == quote => write!(f, "\\{c}")?,
                c if is_printable(c) => f.write_char(c)?,
                c => match u32::from(c) {
                    number @ ..=0xff => write!(f, "\\x{number:02x}")?,
                    number @ ..=0xffff => write!(f, "\\u{number:04x}")?,
                    number => write!(f, "\\U{number:08x}")?,
                },
            }
        }
        f.write_char(quote)
    }
}

/// Python's `str.isprintable` for one character.
fn is_printable(c: char) -> bool {
    use GeneralCategory as Category;
    c == ' '
        || !matches!(
            c.general_category(),
            Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::PrivateUse
                | Category::Unassigned
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::SpaceSeparator
        )
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn quotes_are_chosen_as_python_does_and_what_shows_nothing_is_escaped() {
        for (text, repr) in [
            ("zhangsan", r"'zhangsan'"),
            ("张三 é 👩", r"'张三 é 👩'"),
            ("O'Neil", r#""O'Neil""#),
            (r#"say "hi""#, r#"'say "hi"'"#),
            (r#"it's "hi""#, r#"'it\'s "hi"'"#),
            (r"back\slash", r"'back\\slash'"),
            ("\x1b[2J\t\r\n\0\x7f", r"'\x1b[2J\t\r\n\x00\x7f'"),
            ("\u{9b}\u{a0}\u{ad}", r"'\x9b\xa0\xad'"),
            ("\u{202e}\u{200b}\u{feff}\u{3000}", r"'\u202e\u200b\ufeff\u3000'"),
            ("\u{e0001}\u{10ffff}", r"'\U000e0001\U0010ffff'"),
        ] {
            assert_eq!(PythonRepr(text).to_string(), repr);
        }
    }

    /// Every character of the planes that have any, and those of ASCII and its
    /// neighbours between both quotes, too.
    #[test]
    fn every_character_is_shown_as_real_python_shows_it() {
        let planes = ['\0'..='\u{3ffff}', '\u{e0000}'..='\u{e0fff}', '\u{ffff0}'..='\u{10000f}'];
        let alone = planes.into_iter().flatten().map(String::from);
        let quoted = ('\0'..='\u{2fff}').map(|c| format!("{c}'\"\\"));
        let texts: Vec<String> = alone.chain(quoted).collect();
        let program = "import sys, unicodedata
for line in sys.stdin:
    text = bytes.fromhex(line).decode()
    is_new = unicodedata.category(text[0]) == 'Cn'
    sys.stdout.buffer.write((('new' if is_new else repr(text)) + '\\n').encode())
";
        let mut python = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3");
        let mut stdin = python.stdin.take().unwrap();
        let mut input = String::new();
        for text in &texts {
            text.bytes().for_each(|byte| write!(input, "{byte:02x}").unwrap());
            input.push('\n');
        }
        let writing = std::thread::spawn(move || {
            std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
        });
        let output = python.wait_with_output().unwrap();
        writing.join().unwrap();
        let reprs = String::from_utf8(output.stdout).unwrap();
        assert_eq!(reprs.lines().count(), texts.len());
        // Python's Unicode may be older than ours: characters that it does not
        // know yet are left out.
        let known = texts.iter().zip(reprs.lines()).filter(|(_, repr)| *repr != "new");
        let compared = known.map(|(text, repr)| assert_eq!(PythonRepr(text).to_string(), repr));
        assert!(compared.count() > 150_000, "Unicode 13 has more");
    }
}
