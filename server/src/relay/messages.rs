//! What the classroom and `check.py` say to each other: JSON, one object a line.
//! Bytes travel as text, a character for each byte (latin-1), which standard Python
//! makes and reads without a library.

use serde::{Deserialize, Serialize};

/// Bytes of the longest line: the first 32 KB of a file, which `check.py` sends, when
/// JSON writes each byte as `\u00e5`; and room for what stands around it.
const MAX_LINE: usize = 200 * 1024;

/// What `check.py` is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Request {
    /// Start the student's server.
    Start,
    /// End it and whatever it started.
    Stop,
    /// Connect to a port of the student's computer.
    Connect { conn: u32, port: u16 },
    /// Send all of it with one `send`.
    Send { conn: u32, bytes: String },
    /// End our side of a connection.
    Finish { conn: u32 },
    /// Reset a connection, so that no `TIME_WAIT` stays on the server's port; or only close
    /// it where our side has ended and the server's has not.
    Abort { conn: u32 },
    /// Say that it is there.
    Ping,
    /// Print a text.
    Say { text: String },
    /// Print a text, end, and do not connect again.
    Bye { text: String },
}

/// What `check.py` tells.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Report {
    /// The first line: either a file or a port, and what is in the file if it can be
    /// read.
    Hello { file: Option<String>, port: Option<u16>, source: Option<String> },
    /// The file was saved.
    Source { source: String },
    /// The server's process runs.
    Started,
    /// It ended, after all of its output. Windows has codes beyond `i32`.
    Exited { code: Option<i64> },
    /// It printed something, on standard output or standard error.
    Printed { text: String },
    /// A connection is open.
    Connected { conn: u32 },
    /// A connection could not be opened.
    Refused { conn: u32 },
    /// What one `recv` brought.
    Received { conn: u32, bytes: String },
    /// The server ended its side; the connection has been reset since.
    Closed { conn: u32 },
    /// A connection broke.
    Reset { conn: u32 },
    /// It is there.
    Pong,
}

/// Why a relay is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// No line end within [`MAX_LINE`].
    TooLong,
    /// Not a [`Report`].
    Unknown,
}

/// Cuts a stream into lines and reads them.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no line end.
    searched: usize,
}

impl Lines {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// The next line, if there is a whole one.
    pub(crate) fn next_report(&mut self) -> Option<Result<Report, BadLine>> {
        let Some(at) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return (self.searched > MAX_LINE).then_some(Err(BadLine::TooLong));
        };
        let end = self.searched + at;
        let report = serde_json::from_slice(&self.bytes[..end]).map_err(|_| BadLine::Unknown);
        self.bytes.drain(..=end);
        self.searched = 0;
        if self.bytes.is_empty() {
            self.bytes.shrink_to(MAX_LINE / 50);
        }
        Some(report)
    }
}

/// Bytes as a text with a character for each.
pub(crate) fn to_latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of such a text; what is no byte becomes a `?`.
pub(crate) fn from_latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_however_they_are_cut() {
        let text = b"{\"event\":\"pong\"}\n{\"event\":\"closed\",\"conn\":7,\"bytes\":\"\"}\n";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let mut read = Vec::new();
            for piece in [&text[..cut], &text[cut..]] {
                lines.push(piece);
                read.extend(std::iter::from_fn(|| lines.next_report()));
            }
            assert_eq!(read, [Ok(Report::Pong), Ok(Report::Closed { conn: 7 })], "{cut}");
        }
    }

    #[test]
    fn a_line_without_end_and_one_that_is_no_report_are_told() {
        let mut lines = Lines::default();
        lines.push(&[b'x'; MAX_LINE]);
        assert_eq!(lines.next_report(), None);
        lines.push(b"x");
        assert_eq!(lines.next_report(), Some(Err(BadLine::TooLong)));
        for text in
            ["", "{}", "[1]", "\u{fffd}", r#"{"event":"nonsense"}"#, r#"{"event":"closed"}"#]
        {
            let mut lines = Lines::default();
            lines.push(text.as_bytes());
            lines.push(b"\n");
            assert_eq!(lines.next_report(), Some(Err(BadLine::Unknown)), "{text}");
        }
    }

    #[test]
    fn every_byte_survives_the_way() {
        let bytes: Vec<u8> = (0..=255).collect();
        let request = Request::Send { conn: 1, bytes: to_latin1(&bytes) };
        let json = serde_json::to_string(&request).unwrap();
        assert!(json.starts_with(r#"{"do":"send","conn":1,"bytes":""#), "{json}");
        assert_eq!(from_latin1(&to_latin1(&bytes)), bytes);
        assert_eq!(from_latin1("a张"), b"a?");
    }
}
