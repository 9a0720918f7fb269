//! What Python prints when an exception ends a program or a thread.

/// An exception and the line of the student's file that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceback {
    /// Its class: `KeyError`.
    pub exception: String,
    /// What it says: `'lisi'`.
    pub message: String,
    /// The last line of the student's own file on the way to it.
    pub line: Option<usize>,
    /// Whether it was raised in the student's own file, and not in a library that the
    /// file calls.
    pub is_direct: bool,
}

/// What stands above the frames.
const HEADLINE: &str = "Traceback ";

impl Traceback {
    /// Whether a traceback is in what a program printed, or the beginning of one: Python
    /// writes it in pieces.
    pub fn has_begun(printed: &str) -> bool {
        printed.lines().any(|line| line.starts_with(HEADLINE))
            || Self::last(printed, None).is_some()
    }

    /// The last traceback in what a program printed. `file` is the name of the
    /// student's file, if it is known; otherwise any that is no library.
    pub fn last(printed: &str, file: Option<&str>) -> Option<Self> {
        let lines: Vec<&str> = printed.lines().map(|line| line.trim_end()).collect();
        let end = lines.iter().rposition(|line| exception(line).is_some())?;
        let (name, message) = exception(lines[end])?;
        // The frames stand above it, up to the headline or the last exception.
        let begin = lines[..end]
            .iter()
            .rposition(|line| line.starts_with(HEADLINE) || exception(line).is_some())
            .map_or(0, |at| at + 1);
        let frames: Vec<_> = lines[begin..end].iter().filter_map(|line| frame(line)).collect();
        let own = |path: &str| match file {
            Some(file) => is_file(path, file),
            None => !is_library(path),
        };
        let last_own = frames.iter().rposition(|(path, _)| own(path));
        if frames.is_empty() {
            // A line like `Note: ...` that no traceback is above.
            return None;
        }
        Some(Traceback {
            exception: name.to_owned(),
            message: message.to_owned(),
            line: last_own.map(|at| frames[at].1),
            is_direct: last_own == Some(frames.len() - 1),
        })
    }

    /// As the traceback ends: `KeyError: 'lisi'`.
    pub fn text(&self) -> String {
        match self.message.is_empty() {
            true => self.exception.clone(),
            false => format!("{}: {}", self.exception, self.message),
        }
    }
}

/// Class and message of the line that ends a traceback.
fn exception(line: &str) -> Option<(&str, &str)> {
    let (name, message) = line.split_once(": ").unwrap_or((line, ""));
    let last = name.rsplit('.').next()?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let ends = ["Error", "Exception", "Interrupt", "Exit", "Warning", "timeout", "herror"];
    (is_name && ends.iter().any(|end| last.ends_with(end))).then_some((last, message))
}

/// Path and line number of a frame: `  File "server.py", line 22, in worker`.
fn frame(line: &str) -> Option<(&str, usize)> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((path, number.parse().ok()?))
}

fn is_file(path: &str, file: &str) -> bool {
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    name(path) == name(file)
}

fn is_library(path: &str) -> bool {
    path.starts_with('<')
        || ["/lib/python", "\\Lib\\", "\\lib\\", "/Python.framework/"]
            .iter()
            .any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Traceback (most recent call last):
  File \"/home/li/server.py\", line 34, in <module>
    worker(sock, addr)
  File \"/home/li/server.py\", line 20, in worker
    contacts[arg[1]] = arg[2]
                       ~~~^^^
IndexError: list index out of range
";

    #[test]
    fn the_exception_and_the_last_line_of_the_student_s_file_are_read() {
        for file in [None, Some("server.py"), Some("C:\\work\\server.py")] {
            let traceback = Traceback::last(INDEX, file).unwrap();
            assert_eq!(traceback.text(), "IndexError: list index out of range");
            assert_eq!((traceback.line, traceback.is_direct), (Some(20), true));
        }
    }

    #[test]
    fn an_exception_from_a_library_is_told_with_the_line_that_called_it() {
        let printed = "\
Exception in thread Thread-1 (worker):
Traceback (most recent call last):
  File \"/usr/lib/python3.11/threading.py\", line 1038, in _bootstrap_inner
    self.run()
  File \"my.py\", line 7, in worker
    name.encode(1)
  File \"/usr/lib/python3.11/codecs.py\", line 3, in encode
    x
TypeError: bad
";
        let traceback = Traceback::last(printed, None).unwrap();
        assert_eq!((traceback.line, traceback.is_direct), (Some(7), false));
    }

    #[test]
    fn the_last_of_two_is_taken_and_a_syntax_error_needs_no_headline() {
        let both = format!("{INDEX}{}", INDEX.replace("20", "9").replace("IndexError", "KeyError"));
        let last = Traceback::last(&both, None).unwrap();
        assert_eq!((last.exception.as_str(), last.line), ("KeyError", Some(9)));
        let syntax = "  File \"s.py\", line 3\n    if x\n        ^\nSyntaxError: expected ':'\n";
        let syntax = Traceback::last(syntax, Some("s.py")).unwrap();
        assert_eq!((syntax.text().as_str(), syntax.line), ("SyntaxError: expected ':'", Some(3)));
    }

    #[test]
    fn what_a_program_prints_otherwise_is_no_traceback() {
        for printed in ["", "Waiting...\n", "Error: no\n", "ValueError: said the program\n"] {
            assert_eq!(Traceback::last(printed, None), None, "{printed}");
        }
    }
}
