//! What a check tells: on a terminal or in a pipe, as JSON, as a table.

mod evidence;
pub(super) mod json;
pub(super) mod lines;
pub(super) mod table;

use protocol::homework::Grader;

/// A run that is over or under way, and what it is about.
pub(super) struct Report<'a> {
    /// The file or address, as it was given.
    pub target: &'a str,
    /// The port that connections go to.
    pub port: u16,
    pub grader: &'a Grader,
}

impl Report<'_> {
    /// How many of the required checks are passed, and how many there are.
    pub fn score(&self) -> (usize, usize) {
        use protocol::homework::State;
        let required = self.grader.stages().iter().filter(|stage| stage.required);
        let passed = required.clone().filter(|s| matches!(s.state, State::Passed | State::Note));
        (passed.count(), required.count())
    }
}
