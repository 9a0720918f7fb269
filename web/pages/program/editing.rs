//! What an editor for Python does with a key, and how it reads the arguments.

/// What Tab inserts.
pub const INDENT: &str = "    ";

/// What Enter inserts, with this text before the cursor: a line end, and the indent of
/// the line, one more after a colon.
pub fn line_end(before: &str) -> String {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let more = if line.trim_end().ends_with(':') { INDENT } else { "" };
    format!("\n{indent}{more}")
}

/// What Tab inserts, with this text before the cursor: spaces to the next fourth
/// column.
pub fn tab(before: &str) -> &'static str {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let column = line.chars().count() % INDENT.len();
    INDENT.get(column..).unwrap_or(INDENT)
}

/// The words of a command line, as a shell takes them apart: at spaces, but not within
/// quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut is_open) = (None, false);
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                if !is_open {
                    words.push(String::new());
                    is_open = true;
                }
            }
            (_, Some(end)) if c == end => quote = None,
            (' ' | '\t' | '\u{3000}', None) => is_open = false,
            _ => {
                if !is_open {
                    words.push(String::new());
                    is_open = true;
                }
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_keeps_the_indent_and_goes_deeper_after_a_colon() {
        for (before, inserted) in [
            ("", "\n"),
            ("while True:", "\n    "),
            ("a\n    b = 1", "\n    "),
            ("a\n    if b:  ", "\n        "),
        ] {
            assert_eq!(line_end(before), inserted, "{before:?}");
        }
    }

    #[test]
    fn tab_fills_up_to_four() {
        for (before, spaces) in [("", 4), ("a", 3), ("abc", 1), ("x\nabcd", 4), ("张三", 2)] {
            assert_eq!(tab(before).len(), spaces, "{before:?}");
        }
    }

    #[test]
    fn arguments_are_taken_apart_as_by_a_shell() {
        assert_eq!(words("add zhangsan 13800138000"), ["add", "zhangsan", "13800138000"]);
        assert_eq!(words("  add 'a b'  \"\" x\"y z\" "), ["add", "a b", "", "xy z"]);
        assert!(words("  ").is_empty());
    }
}
