//! The result of a check: its state, and what was found.

use core::time::Duration;

use super::cause::Cause;
use super::checks::{Check, CheckName};
use super::python::SourceLine;

/// The state of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not begun.
    Waiting,
    /// Being carried out.
    Running,
    /// As in the lesson.
    Passed,
    /// Passed, with something worth a note.
    Note,
    /// Not as in the lesson.
    Failed,
    /// Not carried out, since something before it failed.
    Skipped,
}

impl State {
    /// All of them.
    pub const ALL: [State; 6] =
        [State::Waiting, State::Running, State::Passed, State::Note, State::Failed, State::Skipped];

    /// The first letter of its word, which no other one has.
    pub fn letter(self) -> char {
        match self {
            State::Waiting => 'w',
            State::Running => 'r',
            State::Passed => 'p',
            State::Note => 'n',
            State::Failed => 'f',
            State::Skipped => 's',
        }
    }

    /// Whether it is as the homework asks.
    pub fn is_passed(self) -> bool {
        matches!(self, State::Passed | State::Note)
    }

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Passed => "passed",
            State::Note => "note",
            State::Failed => "failed",
            State::Skipped => "skipped",
        }
    }
}

/// One check of a run and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which check.
    pub name: CheckName,
    /// Whether the homework is done only when this is passed.
    pub required: bool,
    /// What became of it.
    pub state: State,
    /// Why it is not simply passed.
    pub finding: Option<Finding>,
    /// What was sent and received for it, in order.
    pub exchanges: Vec<Exchange>,
    /// How long it took.
    pub took: Duration,
}

impl Stage {
    pub(super) fn new(check: &Check) -> Self {
        Stage {
            name: check.name,
            required: check.required,
            state: State::Waiting,
            finding: None,
            exchanges: Vec::new(),
            took: Duration::ZERO,
        }
    }

    /// Whether it is over.
    pub fn is_settled(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Running)
    }
}

/// Why a check is not simply passed, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// What was sent.
    pub sent: Option<Vec<u8>>,
    /// What should have come.
    pub expected: Option<String>,
    /// What came instead; empty where nothing came.
    pub actual: Option<Vec<u8>>,
    /// The line of the file that it is about.
    pub line: Option<SourceLine>,
    /// The exception, as the traceback ends: `KeyError: 'lisi'`.
    pub exception: Option<String>,
    /// The port or address that the file binds, where that is the cause.
    pub bound: Option<String>,
}

impl Finding {
    /// A cause without evidence.
    pub fn new(cause: Cause) -> Self {
        Finding {
            cause,
            sent: None,
            expected: None,
            actual: None,
            line: None,
            exception: None,
            bound: None,
        }
    }
}

/// What went over a connection in one go: what was sent, and what came until the
/// next message was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent; empty for the greeting.
    pub sent: Vec<u8>,
    /// What came, a chunk for each `recv`.
    pub chunks: Vec<Vec<u8>>,
}
