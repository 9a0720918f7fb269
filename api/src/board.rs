//! The class on the board, which all can see: what is secret or personal is not in it.

use serde::{Deserialize, Serialize};

/// The class on the board. It holds no name, no phone and no address but what the
/// teacher shows just now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoardClass {
    /// Whether a device other than the server's own computer has come so far.
    pub reached: bool,
    /// Pages that say how far they are.
    pub students: u64,
    /// For each step of the lesson, how many of those have done it.
    pub steps: Vec<u64>,
    /// Messages a second in each of the last 60 seconds, oldest first.
    pub rates: Vec<u32>,
    /// Mistakes that three people or more have made, the most frequent first.
    pub mistakes: Vec<BoardMistake>,
    /// A student's homework each, in no order that tells whose it is.
    pub homework: Vec<BoardWork>,
    /// Stage *echo*.
    pub echoes: bool,
    /// "Eyes on me", and the seconds until it ends by itself.
    pub held: Option<u32>,
    /// The announcement.
    pub announcement: Option<String>,
    /// The lesson's lines, oldest first, while the teacher shows them.
    pub lines: Option<Vec<BoardLine>>,
    /// One student's conversation, while the teacher shows it.
    pub shown: Option<Shown>,
}

/// A mistake on the board, of at least three people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardMistake {
    /// The cause, a stable word as in [`Person::cause`](crate::Person::cause).
    pub cause: String,
    /// How many people made it.
    pub count: u64,
    /// One of the messages, names and phones masked.
    pub example: String,
}

/// A student's homework on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardWork {
    /// Required checks passed.
    pub passed: u8,
    /// How many there are.
    pub of: u8,
    /// It was checked in the page, and not by the class's server.
    pub in_page: bool,
}

/// A line of the lesson's console on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardLine {
    /// Its number, so that a board knows which are new.
    pub id: u64,
    /// `accepted`, `closed`, `sent` (by a client), `received` (by it).
    pub kind: String,
    /// The name or the seat of the one it is about; empty if not given.
    pub name: String,
    /// What was said, control characters escaped, phone numbers masked.
    pub text: String,
}

/// A conversation on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The student's name or seat; empty if not given.
    pub name: String,
    /// The last messages and replies, oldest first.
    pub lines: Vec<ShownLine>,
}

/// A message or reply with its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownLine {
    /// Its number, so that a board knows which are new.
    pub id: u64,
    /// Whether the student sent it.
    pub sent: bool,
    /// The text as it is, of at most 200 characters.
    pub text: String,
}
