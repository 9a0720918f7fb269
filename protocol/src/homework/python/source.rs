//! The lines of a file, searched.

use super::bind;

/// A line of the student's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// Its number, from 1.
    pub number: usize,
    /// Its text, without the indent.
    pub text: String,
}

/// A student's file.
#[derive(Clone, Debug, Default)]
pub struct Source {
    lines: Vec<Line>,
}

/// A line as it is searched.
#[derive(Clone, Debug)]
struct Line {
    /// Columns of white space in front; a tab counts as eight.
    indent: usize,
    /// Without indent and comment.
    code: String,
}

impl Source {
    /// Reads the text of a file.
    pub fn new(text: &str) -> Self {
        let lines = text
            .trim_start_matches('\u{FEFF}')
            .lines()
            .map(|line| {
                let code = line.trim_start();
                let indent = &line[..line.len() - code.len()];
                let indent = indent.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum();
                Line { indent, code: without_comment(code).trim_end().to_owned() }
            })
            .collect();
        Source { lines }
    }

    /// The line of this number, from 1.
    pub fn line(&self, number: usize) -> Option<SourceLine> {
        let line = self.lines.get(number.checked_sub(1)?)?;
        Some(SourceLine { number, text: line.code.clone() })
    }

    /// The port that the file listens on.
    pub fn port(&self) -> Option<u16> {
        bind::find(&self.code()).and_then(|bound| bound.port)
    }

    /// The address that the file listens on, as it is written: `''` is all of them.
    pub fn host(&self) -> Option<String> {
        bind::find(&self.code()).and_then(|bound| bound.host)
    }

    /// The line that says where the file listens.
    pub fn bind_line(&self) -> Option<SourceLine> {
        self.first(|code| bind::CALLS.iter().any(|call| code.contains(call)))
    }

    /// The first line whose code is as wanted.
    pub fn first(&self, wanted: impl Fn(&str) -> bool) -> Option<SourceLine> {
        let at = self.lines.iter().position(|line| wanted(&line.code))?;
        self.line(at + 1)
    }

    /// Whether a line has this text in its code.
    pub fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.code.contains(text))
    }

    /// Whether messages are read line by line, so that they need line ends.
    pub fn reads_lines(&self) -> bool {
        [".readline(", ".makefile(", ".readuntil(", "in self.rfile", "endswith(b'\\n')"]
            .iter()
            .any(|call| self.contains(call))
    }

    /// The line that splits a message at another mark than `;`.
    pub fn wrong_split(&self) -> Option<SourceLine> {
        self.first(|code| {
            code.split(".split(").skip(1).any(|argument| {
                let argument = argument.trim_start().trim_start_matches(['b', 'u', 'r']);
                let quoted = argument.strip_prefix(['\'', '"']);
                let line_end = argument.starts_with("'\\n") || argument.starts_with("\"\\n");
                argument.starts_with(')')
                    || quoted.is_some_and(|mark| !mark.starts_with(';') && !line_end)
            })
        })
    }

    /// Whether a branch for this command stands in the file: `'find'` in quotes.
    pub fn has_command(&self, verb: &str) -> bool {
        self.contains(&format!("'{verb}")) || self.contains(&format!("\"{verb}"))
    }

    /// The line that makes an empty dict or list for the contacts within a function
    /// or loop, where each connection gets its own.
    pub fn book_made_inside(&self) -> Option<SourceLine> {
        let at = self.lines.iter().position(|line| {
            let Some((target, value)) = line.code.split_once('=') else { return false };
            let value = value.trim();
            // `self.contacts` is made once for each object, which may be right.
            line.indent > 0
                && !target.contains('.')
                && matches!(value, "{}" | "dict()" | "[]" | "list()")
                && self.is_used_as_book(target.trim())
        })?;
        self.line(at + 1)
    }

    /// Whether something is stored under this name by subscript or `append`.
    fn is_used_as_book(&self, name: &str) -> bool {
        let name = name.split(':').next().unwrap_or_default().trim();
        let stores = |code: &str| {
            code.starts_with(&format!("{name}[")) || code.starts_with(&format!("{name}.append("))
        };
        self.lines.iter().any(|line| stores(&line.code))
    }

    /// The line with `accept`, if it stands in a loop that also reads messages, and
    /// no loop stands between the two.
    pub fn accept_beside_recv(&self) -> Option<SourceLine> {
        let accept = self.lines.iter().position(|line| line.code.contains(".accept("))?;
        let recv = self.lines.iter().position(|line| line.code.contains(".recv("))?;
        let same_depth = self.lines[accept].indent == self.lines[recv].indent;
        let looped = self.loop_around(accept).is_some();
        if same_depth && looped && accept < recv { self.line(accept + 1) } else { None }
    }

    /// The line with `accept`, if no loop is around it.
    pub fn accept_outside_loop(&self) -> Option<SourceLine> {
        let accept = self.lines.iter().position(|line| line.code.contains(".accept("))?;
        if self.loop_around(accept).is_none() { self.line(accept + 1) } else { None }
    }

    /// The nearest `while` or `for` that a line stands in.
    fn loop_around(&self, at: usize) -> Option<usize> {
        let mut indent = self.lines[at].indent;
        for (above, line) in self.lines[..at].iter().enumerate().rev() {
            if line.code.is_empty() || line.indent >= indent {
                continue;
            }
            if line.code.starts_with("while") || line.code.starts_with("for ") {
                return Some(above);
            }
            indent = line.indent;
        }
        None
    }

    fn code(&self) -> String {
        let mut code = String::new();
        for line in &self.lines {
            code += &line.code;
            code.push('\n');
        }
        code
    }
}

/// The line up to its `#`, unless that stands in quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_no_code_and_a_number_sign_in_quotes_no_comment() {
        let source = Source::new("s.bind(('', 1)) # bind(('', 2))\nx = '#'; y = 1 # z\n");
        assert_eq!(source.line(2).unwrap().text, "x = '#'; y = 1");
        assert_eq!(source.port(), Some(1));
    }

    #[test]
    fn a_split_at_another_mark_is_found_and_one_at_line_ends_is_none() {
        for wrong in ["a = d.split(',')", "a = d.split()", "a = d.split(\" \")", "d.split(b',')"] {
            assert!(Source::new(wrong).wrong_split().is_some(), "{wrong}");
        }
        for right in ["a = d.split(';')", "a = d.split(b\";\")", "d.split('\\n')", "d.split(SEP)"] {
            assert!(Source::new(right).wrong_split().is_none(), "{right}");
        }
    }

    #[test]
    fn a_book_within_a_function_is_found() {
        let inside = "def worker(sock):\n    contacts = {}\n    contacts[a] = b\n";
        assert_eq!(Source::new(inside).book_made_inside().unwrap().number, 2);
        let outside = "contacts = {}\ndef worker(sock):\n    contacts[a] = b\n    args = []\n";
        assert_eq!(Source::new(outside).book_made_inside(), None);
    }

    #[test]
    fn it_is_told_where_accept_stands() {
        let outside = "s.listen(5)\nsock, addr = s.accept()\nwhile True:\n    d = sock.recv(9)\n";
        let source = Source::new(outside);
        assert_eq!(source.accept_outside_loop().unwrap().number, 2);
        assert_eq!(source.accept_beside_recv(), None);
        let inner = "while True:\n    sock, addr = s.accept()\n\n    d = sock.recv(9)\n";
        let source = Source::new(inner);
        assert_eq!(source.accept_outside_loop(), None);
        assert_eq!(source.accept_beside_recv().unwrap().number, 2);
        let right =
            "while True:\n    sock, addr = s.accept()\n    while True:\n        sock.recv(9)";
        let source = Source::new(right);
        assert_eq!(source.accept_outside_loop(), None);
        assert_eq!(source.accept_beside_recv(), None);
    }
}
