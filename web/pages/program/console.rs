//! The console: the last lines that a program printed.

use std::collections::VecDeque;

/// Lines that are kept. As many as a student scrolls through; with a program that
/// prints for ever more would only cost memory.
const LINES: usize = 1_000;

/// Characters kept of a line.
const LONGEST: usize = 2_000;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error: tracebacks.
    Err,
    /// What the student typed.
    In,
}

impl Stream {
    /// The value of `data-stream`.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Out => "out",
            Stream::Err => "err",
            Stream::In => "in",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it comes from.
    pub stream: Stream,
    /// Its text, without the line end.
    pub text: String,
}

/// The last lines.
#[derive(Debug, Default)]
pub struct Console {
    lines: VecDeque<Line>,
    /// How many lines there were before these.
    dropped: usize,
    /// Whether the last line has no end yet.
    is_open: bool,
    /// How many times it was emptied, so that a view notices.
    emptied: usize,
}

impl Console {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.lines.clear();
        (self.dropped, self.is_open) = (0, false);
        self.emptied += 1;
    }

    /// Takes what was printed, in any pieces.
    pub fn print(&mut self, stream: Stream, text: &str) {
        for piece in text.split_inclusive('\n') {
            let (piece, ends) = match piece.strip_suffix('\n') {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            // What is typed stands behind the question, as on a terminal.
            if !(self.is_open && self.joins(stream)) {
                self.lines.push_back(Line { stream, text: String::new() });
            }
            if let Some(line) = self.lines.back_mut() {
                let room = LONGEST.saturating_sub(line.text.chars().count());
                line.text.extend(piece.chars().take(room));
            }
            self.is_open = !ends;
            if self.lines.len() > LINES {
                self.lines.pop_front();
                self.dropped += 1;
            }
        }
    }

    fn joins(&self, stream: Stream) -> bool {
        let last = self.lines.back().map(|line| line.stream);
        last == Some(stream) || stream == Stream::In
    }

    /// The lines, and how many there were before the first of them.
    pub fn lines(&self) -> (usize, &VecDeque<Line>) {
        (self.dropped, &self.lines)
    }

    /// Changes whenever everything was forgotten.
    pub fn emptied(&self) -> usize {
        self.emptied
    }

    /// What was printed on standard error.
    pub fn errors(&self) -> String {
        let errors = self.lines.iter().filter(|line| line.stream == Stream::Err);
        errors.map(|line| format!("{}\n", line.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(console: &Console) -> Vec<(&'static str, &str)> {
        console.lines.iter().map(|line| (line.stream.name(), &*line.text)).collect()
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut console = Console::default();
        for piece in ["a", "b\nc", "\n\n", "> "] {
            console.print(Stream::Out, piece);
        }
        console.print(Stream::In, "typed\n");
        console.print(Stream::Err, "wrong\n");
        let expected =
            [("out", "ab"), ("out", "c"), ("out", ""), ("out", "> typed"), ("err", "wrong")];
        assert_eq!(texts(&console), expected);
        assert_eq!(console.errors(), "wrong\n");
    }

    #[test]
    fn a_flood_keeps_the_last_lines_and_their_numbers() {
        let mut console = Console::default();
        for number in 0..100_000 {
            console.print(Stream::Out, &format!("{number}\n"));
        }
        let (dropped, lines) = console.lines();
        assert_eq!((dropped, lines.len()), (99_000, LINES));
        assert_eq!(lines.back().map(|line| &*line.text), Some("99999"));
        console.print(Stream::Out, &"x".repeat(3 * LONGEST));
        assert_eq!(console.lines().1.back().unwrap().text.len(), LONGEST);
        console.clear();
        assert_eq!(console.lines().1.len(), 0);
    }
}
