//! Lead: what the teacher has switched, and the journal of what was done.
//!
//! It decides nothing about who may switch; [`http::teacher`](crate::http) does.

mod journal;

use std::time::Duration;

use api::Sticky;
use protocol::Stage;
use tokio::sync::watch;
use tokio::time::Instant;

use self::journal::Journal;
use crate::transport::conversation::ConversationOptions;

/// All that the teacher can switch, as it stands now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Switches {
    /// The stage of the lesson.
    pub(crate) stage: Stage,
    /// Waited before each reply.
    pub(crate) pause: Duration,
    /// "Eyes on me": when it ends by itself.
    pub(crate) held_until: Option<Instant>,
    /// Whether the book takes no changes.
    pub(crate) frozen: bool,
    /// Whether no new clients are let in.
    pub(crate) closed: bool,
    /// Whether the lesson's lines are on the board.
    pub(crate) shows_lines: bool,
    /// Whose conversation is on the board: an [`api::Person::id`].
    pub(crate) shows: Option<u64>,
    /// What happens to everybody's replies on purpose.
    pub(crate) sticky: Sticky,
    /// A line for everybody.
    pub(crate) announcement: Option<String>,
    /// How many lessons have ended.
    pub(crate) lesson: u64,
}

/// What the teacher does with one class.
#[derive(Debug)]
pub(crate) struct Lead {
    switches: watch::Sender<Switches>,
    journal: Journal,
}

impl Lead {
    /// A class that nothing has been switched in since its server started.
    pub(crate) fn new(options: ConversationOptions) -> Self {
        let ConversationOptions { stage, pause } = options;
        let switches = Switches { stage, pause, ..Switches::default() };
        Lead { switches: watch::Sender::new(switches), journal: Journal::default() }
    }

    /// The switches, and word of each change of them.
    pub(crate) fn watch(&self) -> watch::Receiver<Switches> {
        self.switches.subscribe()
    }

    /// The journal of what was done.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }
}
