//! A message of the conversation: who said it, and where it came from.

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

/// Where the server listens for raw TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address; an IPv6 one with or without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}
