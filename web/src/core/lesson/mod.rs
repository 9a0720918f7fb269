//! The lesson: its steps, what each asks for, and how far the student is.
//!
//! What counts is what really went over the wire, so any way that reaches a
//! goal is as good as the one the step shows. It holds no sentence and touches
//! no document: the steps come from the language file, whose names and goals
//! are the same in every language.

mod action;
mod detector;
mod step;

use protocol::command::{Verb, trim};

pub use self::action::Action;
use self::action::Actions;
use self::detector::ActionDetector;
pub use self::detector::{is_glued, is_letter, is_swapped};
pub use self::step::{Goal, Step};

/// What the page saw happen.
#[derive(Clone, Copy, Debug)]
pub enum LessonEvent<'a> {
    /// A conversation began.
    Greeted,
    /// The student wrote a line by hand, or changed one, and sends it.
    Written(&'a str),
    /// A message has all its replies.
    Answered {
        /// The message as it was sent, line ends included.
        sent: &'a str,
        /// What came back, in order.
        replies: &'a [String],
    },
    /// The server closed the conversation because it was told `exit`.
    Closed,
    /// An answer to one of the lesson's questions was chosen.
    Chosen {
        /// The question's name.
        question: &'a str,
        /// Whether it was the right one.
        right: bool,
    },
    /// In the sticky lab, a decoder was left waiting for the rest of a
    /// character.
    Split,
    /// The student's own server has passed the checks.
    Passed,
}

/// Progress that [`keep`](Lesson::keep) wrote, with the goals that were met in
/// another one as well.
pub fn merge(progress: &str, other: &str) -> String {
    let mut merged = progress.to_string();
    for goal in other.split('\n').skip(1) {
        if !progress.split('\n').skip(1).any(|known| known == goal) {
            merged.push('\n');
            merged.push_str(goal);
        }
    }
    merged
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to show.
    Nothing,
    /// It was a try that misses the goals; there is a [hint](Lesson::hint).
    Hinted,
    /// It helped towards a goal.
    Helped,
    /// The last goal of the open step has been met.
    Finished,
}

/// The lesson as one student goes through it.
#[derive(Debug)]
pub struct Lesson {
    steps: Vec<Step>,
    open: usize,
    hint: Option<&'static str>,
    /// Whether a conversation is going on.
    talking: bool,
    /// Whether the last one ended with `exit`.
    ended: bool,
    /// The last line that the student wrote.
    own: String,
    detector: ActionDetector,
}

impl Lesson {
    /// A lesson at its first step.
    pub fn new(steps: Vec<Step>) -> Self {
        Lesson {
            steps,
            open: 0,
            hint: None,
            talking: false,
            ended: false,
            own: String::new(),
            detector: ActionDetector::default(),
        }
    }

    /// All steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step the student is at, the only one whose goals are checked. When
    /// it is done it stays open, so that nothing moves away from the reader.
    pub fn open(&self) -> Option<&Step> {
        self.steps.get(self.open)
    }

    /// Where the open step stands, from 0.
    pub fn index(&self) -> usize {
        self.open
    }

    /// Which hint of the open step to show.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Goes to a step, done or not.
    pub fn open_step(&mut self, name: &str) {
        if let Some(index) = self.steps.iter().position(|step| step.name() == name) {
            self.begin(index);
        }
    }

    /// Whether another step than the open one is still to be done.
    pub fn has_next(&self) -> bool {
        self.next().is_some()
    }

    /// Goes to the next step that is still to be done; one that was skipped
    /// comes after the last.
    pub fn open_next(&mut self) {
        if let Some(index) = self.next() {
            self.begin(index);
        }
    }

    /// Goes back to the first step, with nothing done.
    pub fn start_over(&mut self) {
        for goal in self.steps.iter_mut().flat_map(Step::goals_mut) {
            goal.reset();
        }
        self.begin(0);
    }

    /// Another book than before is talked about.
    pub fn change_book(&mut self) {
        self.detector.forget_book();
    }

    /// Takes what happened.
    pub fn see(&mut self, seen: LessonEvent<'_>) -> Outcome {
        let mut actions = Actions::default();
        let mut question = "";
        let is_try = matches!(seen, LessonEvent::Answered { .. });
        let mut is_own = false;
        match seen {
            LessonEvent::Greeted => {
                self.talking = true;
                actions.add(Action::Greeted);
                if std::mem::take(&mut self.ended) {
                    actions.add(Action::Again);
                }
            }
            LessonEvent::Closed => {
                self.talking = false;
                self.ended = true;
                is_own = trim(&self.own) == Verb::Exit.word();
                self.own.clear();
                actions.add(Action::Closed);
            }
            LessonEvent::Chosen { right: false, .. } => {}
            LessonEvent::Chosen { question: answered, right: true } => {
                question = answered;
                actions.add(Action::Answered);
            }
            LessonEvent::Split => actions.add(Action::Split),
            LessonEvent::Passed => actions.add(Action::Passed),
            LessonEvent::Written(line) => line.clone_into(&mut self.own),
            LessonEvent::Answered { sent, replies } => {
                is_own = sent == self.own;
                actions = self.detector.detect(sent, replies);
            }
        }
        self.count(actions, question, is_own, is_try)
    }

    /// The progress as text: the open step, then a line for each goal met.
    pub fn keep(&self) -> String {
        let mut text = self.open().map(|step| step.name().to_string()).unwrap_or_default();
        for step in &self.steps {
            for goal in step.goals().filter(|goal| goal.is_met()) {
                for piece in ["\n", step.name(), " ", goal.name()] {
                    text.push_str(piece);
                }
            }
        }
        text
    }

    /// Takes up what [`keep`](Self::keep) wrote, as far as the lesson still has
    /// such steps and goals.
    pub fn restore(&mut self, text: &str) {
        let mut lines = text.split('\n');
        let open = lines.next().unwrap_or_default();
        for line in lines {
            let (name, met) = line.split_once(' ').unwrap_or_default();
            for step in self.steps.iter_mut().filter(|step| step.name() == name) {
                for goal in step.goals_mut().filter(|goal| goal.name() == met) {
                    goal.meet();
                }
            }
        }
        self.open = self.undone_from(0).unwrap_or(0);
        self.open_step(open);
    }

    fn begin(&mut self, index: usize) {
        self.open = index;
        self.hint = None;
        if self.talking {
            let mut actions = Actions::default();
            actions.add(Action::Greeted);
            self.count(actions, "", false, false);
        }
    }

    fn next(&self) -> Option<usize> {
        self.undone_from(self.open + 1).filter(|&index| index != self.open)
    }

    /// The first step that is not done, from that one on and round.
    fn undone_from(&self, first: usize) -> Option<usize> {
        let mut candidates = (first..self.steps.len()).chain(0..first);
        candidates.find(|&index| !self.steps[index].is_done())
    }

    /// Counts what was done towards the goals of the open step.
    fn count(&mut self, actions: Actions, question: &str, is_own: bool, is_try: bool) -> Outcome {
        let Some(step) = self.steps.get_mut(self.open).filter(|step| !step.is_done()) else {
            return Outcome::Nothing;
        };
        if !step.count(actions, question, is_own) {
            if !is_try || actions.is_empty() {
                return Outcome::Nothing;
            }
            self.hint = step.hint_after(actions);
            return Outcome::Hinted;
        }
        self.hint = None;
        if step.is_done() { Outcome::Finished } else { Outcome::Helped }
    }
}

#[cfg(test)]
mod tests;
