//! What a run waits for, and how long.

use core::time::Duration;

use crate::homework::answer::Wanted;
use crate::homework::checks::{Person, Seat};
use crate::homework::diagnosis::Symptom;

/// How long nothing may come behind a right answer until it is taken for all: two
/// `send`s in a row arrive within a millisecond, also through a relay.
pub(super) const BEHIND_ANSWER: Duration = Duration::from_millis(60);

/// The same behind what is not right, or not yet: more may make it so.
pub(super) const BEHIND_WRONG: Duration = Duration::from_millis(400);

/// How long after the end of a connection its traceback may take to be printed and
/// its process to end: Python needs some 50 ms, a slow laptop that does much else thirty
/// times that.
pub(super) const EVIDENCE: Duration = Duration::from_millis(1500);

/// The pause behind an exception until it is taken to be printed to its end.
pub(super) const BEHIND_TRACEBACK: Duration = Duration::from_millis(100);

/// How often a connection to a server that is starting is tried.
pub(super) const RETRY: Duration = Duration::from_millis(50);

/// How long what a server may stumble over is left alone before the next message, so
/// that they are two.
pub(super) const STUMBLE: Duration = Duration::from_millis(300);

/// How long the second of two messages that only finds out something is awaited.
pub(super) const ASIDE: Duration = Duration::from_millis(1200);

/// How long a process may take to end once it is told to.
pub(super) const STOP: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Debug)]
pub(super) enum Wait {
    /// Nothing: the next step is due.
    Nothing,
    /// An attempt to connect before the program is started, which should be refused.
    Probe { until: Duration },
    /// What the server says that has the port already.
    ProbeAnswer { until: Duration, is_asked: bool },
    /// Its end of that connection, so that it goes on as it was.
    ProbeEnd { until: Duration },
    /// The program that was started listens.
    Listening { until: Duration, retry: Option<Duration> },
    /// A connection is accepted.
    Connecting { seat: Seat, until: Duration },
    /// The greeting.
    Greeting { seat: Seat, until: Duration },
    /// An answer.
    Answer(Question),
    /// Whether the classroom's own server answers.
    Recognition { until: Duration },
    /// The end of the connection after `exit` or after our end.
    End { until: Duration, is_exit: bool },
    /// A moment for what the server may stumble over.
    Stumble { until: Duration },
    /// The traceback, and the end of the process.
    Evidence { until: Duration, symptom: Symptom },
    /// Whether a server that was not started here still serves, behind the last check.
    StillThere { until: Duration },
    /// The end of the process, so that it can be started again.
    Stopping { until: Duration },
}

/// A message that is to be answered.
#[derive(Debug)]
pub(super) struct Question {
    pub seat: Seat,
    pub wanted: Wanted,
    pub until: Duration,
    pub purpose: Purpose,
    /// Whether a line end was sent behind it, since it was not answered.
    pub is_line_ended: bool,
}

/// What a message is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is a step of the check.
    Step,
    /// The server must know a contact again.
    Restock(Person),
}
