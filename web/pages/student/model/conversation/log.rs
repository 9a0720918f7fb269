//! Log of the conversations: every message that was shown, and what happened to
//! the connections.

use web::core::message::{Direction, Mode};

/// A message that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Who said it.
    pub direction: Direction,
    /// Whether it went over the wire.
    pub mode: Mode,
    /// Whether a conversation began with it.
    pub is_greeting: bool,
    /// All of its text, line ends included.
    pub text: String,
}

/// Something that happened to a connection, for the sequence diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEvent {
    /// What.
    pub kind: EventKind,
    /// Who was at the other end.
    pub peer: Mode,
    /// When, in the model's milliseconds.
    pub at: u64,
}

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was opened.
    Opened,
    /// The message of this id went over it.
    Message(u32),
    /// The server sent a Close frame with this code and reason.
    Closed(u16, String),
    /// The page closed it.
    Left,
    /// It broke without a Close frame.
    Broken,
    /// An attempt got no answer.
    Failed,
}

/// All conversations since the page was opened.
#[derive(Debug, Default)]
pub struct Log {
    /// Every message; its id is its index.
    entries: Vec<LogEntry>,
    /// Index of the first message of the newest conversation.
    beginning: usize,
    events: Vec<ConnectionEvent>,
    /// How the server closed the newest conversation, if it did.
    close_reason: Option<(u16, String)>,
}

impl Log {
    /// Every message that was shown; its id is its index.
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The messages of the newest conversation.
    pub fn newest_conversation(&self) -> &[LogEntry] {
        &self.entries[self.beginning..]
    }

    /// What happened to the connections, oldest first.
    pub fn events(&self) -> &[ConnectionEvent] {
        &self.events
    }

    /// The code and the reason of the Close frame with which the server ended
    /// the newest conversation.
    pub fn close_reason(&self) -> Option<&(u16, String)> {
        self.close_reason.as_ref()
    }

    /// The next message begins a new conversation.
    pub(super) fn begin(&mut self) {
        self.beginning = self.entries.len();
        self.close_reason = None;
    }

    pub(super) fn add(&mut self, entry: LogEntry) {
        self.entries.push(entry);
    }

    pub(super) fn set_close_reason(&mut self, code: u16, reason: &str) {
        self.close_reason = Some((code, reason.to_string()));
    }

    /// Notes what happened to a connection. Attempts that fail one after another
    /// are one event.
    pub(super) fn note(&mut self, kind: EventKind, peer: Mode, at: u64) {
        let again = kind == EventKind::Failed
            && self.events.last().is_some_and(|last| last.kind == EventKind::Failed);
        if !again {
            self.events.push(ConnectionEvent { kind, peer, at });
        }
    }
}
