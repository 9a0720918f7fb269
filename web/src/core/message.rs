//! A message of the conversation: who said it, and where it came from.

use protocol::escape::Escaped;

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The student.
    Sent,
    /// The server, or the page in its place.
    Received,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server.
    Server,
    /// This page, and no byte leaves it.
    Page,
}

/// The sign for a line end.
pub const LINE_END: &str = "⏎";

/// A text as it is shown: a sign for each line end, which so differs from a `\n`
/// that was typed, and nothing that plays tricks on the reader.
pub fn visible(text: &str) -> String {
    let mut shown = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            shown.push_str(LINE_END);
        }
        shown.push_str(&Escaped(line).text());
    }
    shown
}

/// Where the server listens for raw TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address; an IPv6 one with or without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}
