//! Which separator a CSV file has.

/// What separates the cells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Bytes of the `sep=` line that said so, its line end included.
    pub(super) skipped: usize,
}

/// The separators that are recognised. Where a row has as many of two kinds the
/// first decides: a name holds neither a tab nor a `;`, but may hold a comma.
const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

impl Dialect {
    /// The dialect of a file that begins with `text`: the separator that its
    /// `sep=` line names, or else that its first row with something in it has
    /// most of.
    pub(super) fn of(text: &str) -> Self {
        let end = text.find(['\r', '\n']).unwrap_or(text.len());
        if let Some(separator) = named(&text[..end]) {
            let rest = &text[end..];
            let line_end = if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) };
            return Dialect { separator, skipped: end + line_end };
        }
        Dialect { separator: most_frequent(text), skipped: 0 }
    }
}

/// `sep=;`, as Excel writes and reads it.
fn named(line: &str) -> Option<u8> {
    let line = line.trim_matches('"');
    let (key, value) = line.split_at_checked("sep=".len())?;
    match value.as_bytes() {
        [separator] if key.eq_ignore_ascii_case("sep=") => {
            let can_separate = *separator == b'\t' || separator.is_ascii_punctuation();
            (can_separate && *separator != b'"').then_some(*separator)
        }
        _ => None,
    }
}

fn most_frequent(text: &str) -> u8 {
    let mut counts = [0; SEPARATORS.len()];
    let (mut is_quoted, mut is_blank) = (false, true);
    for byte in text.bytes() {
        let separator = SEPARATORS.iter().position(|&separator| separator == byte);
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => is_blank = false,
            b'\r' | b'\n' if is_blank => counts = [0; SEPARATORS.len()],
            b'\r' | b'\n' => break,
            b' ' => {}
            _ => match separator {
                Some(kind) => counts[kind] += 1,
                None => is_blank = false,
            },
        }
    }
    let most = counts.iter().max().filter(|&&most| most > 0);
    let kind = most.and_then(|most| counts.iter().position(|count| count == most));
    kind.map_or(b',', |kind| SEPARATORS[kind])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_first_row_s_or_the_one_that_is_named() {
        for (text, separator, skipped) in [
            ("name,phone\r\na;b,1\r\n", b',', 0),
            ("name;phone\na,b;1\n", b';', 0),
            ("name\tphone\r", b'\t', 0),
            ("Wang, Jr.;138", b';', 0),
            ("name,phone,note; remark\n", b',', 0),
            ("\"Wang; Li\",138\n", b',', 0),
            ("\"name\";\"phone\"\n", b';', 0),
            ("\n;;\n ; \na,1\n", b',', 0),
            ("zhangsan 138", b',', 0),
            ("", b',', 0),
            ("sep=;\r\nname,x;phone\r\n", b';', 7),
            ("sep=\t\nname\tphone", b'\t', 6),
            ("SEP=|\rname|phone", b'|', 6),
            ("\"sep=;\"\nname;phone", b';', 8),
            ("sep=;", b';', 5),
            ("sep=ab\na,1", b',', 0),
            ("sep=a\nb,1", b',', 0),
            ("sep,1\n", b',', 0),
        ] {
            assert_eq!(Dialect::of(text), Dialect { separator, skipped }, "{text:?}");
        }
    }
}
