//! A step of the lesson and its goals, as the markup has them.

use super::action::{Action, Actions};

/// An action a step asks for: `ACTION`, `ACTION:TIMES` (up to 9),
/// `answered:QUESTION` or `then-ACTION` in the markup, the last of which counts
/// once the goals before it are met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// As the markup writes it.
    name: String,
    action: Action,
    /// How many times it is still to be done.
    left: u8,
}

/// How the name of a goal begins that waits for those before it.
const THEN: &str = "then-";

impl Goal {
    /// Reads a goal; `None` if nothing that can be done is called so.
    pub fn parse(name: &str) -> Option<Self> {
        let action = name.strip_prefix(THEN).unwrap_or(name);
        let action = action.split_once(':').map_or(action, |(action, _)| action);
        Some(Goal { name: name.to_string(), action: Action::named(action)?, left: times(name) })
    }

    /// Whether it has been reached.
    pub fn is_met(&self) -> bool {
        self.left == 0
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it asks for a line of the student's own.
    fn is_own(&self) -> bool {
        self.action == Action::Own
    }

    /// It was reached once more.
    pub(super) fn count(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// It was reached in an earlier visit.
    pub(super) fn meet(&mut self) {
        self.left = 0;
    }

    /// Nothing has been done for it.
    pub(super) fn reset(&mut self) {
        self.left = times(&self.name);
    }

    /// Whether such an action helps; `question` is the one that was answered.
    pub(super) fn asks_for(&self, actions: Actions, question: &str) -> bool {
        actions.has(self.action)
            && (self.action != Action::Answered
                || self.name.strip_prefix("answered:") == Some(question))
    }
}

/// How many times a goal of this name is to be reached.
fn times(name: &str) -> u8 {
    match name.split_once(':').map(|(_, times)| times.as_bytes()) {
        Some([digit @ b'1'..=b'9']) => digit - b'0',
        _ => 1,
    }
}

/// One step of the lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    name: String,
    goals: Vec<Goal>,
    /// After which actions there is a hint; `None` after any.
    hints: Vec<Option<Action>>,
}

impl Step {
    /// A step without goals and hints, which [`goal`](Self::goal) and
    /// [`hint`](Self::hint) then add as the markup has them.
    pub fn new(name: &str) -> Self {
        Step { name: name.to_string(), goals: Vec::new(), hints: Vec::new() }
    }

    /// Adds a goal. An unknown one is left out.
    pub fn goal(&mut self, name: &str) {
        self.goals.extend(Goal::parse(name));
    }

    /// Adds a hint, called after the action that brings it up, or `""` for one
    /// that any wrong try does.
    pub fn hint(&mut self, name: &str) {
        self.hints.push(Action::named(name));
    }

    /// Its name, the same in every language.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn goals(&self) -> impl Iterator<Item = &Goal> {
        self.goals.iter()
    }

    pub(super) fn goals_mut(&mut self) -> impl Iterator<Item = &mut Goal> {
        self.goals.iter_mut()
    }

    /// Whether all its goals are met.
    pub fn is_done(&self) -> bool {
        self.goals.iter().all(Goal::is_met)
    }

    /// Counts what was done towards its goals, by a line of the student's own or
    /// not. Returns whether it helped.
    pub(super) fn count(&mut self, actions: Actions, question: &str, is_own: bool) -> bool {
        let (mut helps, mut all_before) = (false, true);
        for goal in &mut self.goals {
            let was_met = goal.is_met();
            let is_due = all_before || !goal.name.starts_with(THEN);
            if goal.is_own() {
                // It stands behind the goals that such a line can reach.
                if helps && is_own {
                    goal.count();
                }
            } else if is_due && goal.asks_for(actions, question) {
                helps = true;
                goal.count();
            }
            all_before &= was_met;
        }
        helps
    }

    /// Whether nothing is left to do but to write a line of one's own.
    pub fn wants_only_own(&self) -> bool {
        !self.is_done() && self.goals.iter().all(|goal| goal.is_met() || goal.is_own())
    }

    /// Whether it still asks for the goal of this name.
    pub fn wants(&self, goal: &str) -> bool {
        self.goals.iter().any(|own| own.name == goal && !own.is_met())
    }

    /// The hint after a try that came to other actions than the goals.
    pub(super) fn hint_after(&self, actions: Actions) -> Option<&'static str> {
        let about = |hint: &&Option<Action>| hint.is_some_and(|action| actions.has(action));
        let any = || self.hints.iter().find(|hint| hint.is_none());
        let hint = self.hints.iter().find(about).or_else(any)?;
        Some(hint.map_or("", Action::name))
    }
}
