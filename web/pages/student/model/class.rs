//! The class as the teacher leads it: what holds for this page now, and what the page
//! says of itself.

use api::ClassState;
use web::core::clock::sooner;

/// How long a change waits before it is reported, in milliseconds: a name is several
/// keys, and a class of fifty does not begin in the same instant.
const DEBOUNCE: u64 = 500;

/// What can happen between the page and the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassMsg {
    /// The server says what holds.
    Told(ClassState),
    /// The stream with that is interrupted.
    Lost,
    /// The button for the hand was pressed.
    HandTurned,
    /// A report was answered, or could not be delivered.
    Reported,
}

/// What is to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassEffect {
    /// Deliver this [`api::Student`], as JSON.
    Report(String),
}

/// What is known of the class.
#[derive(Debug, Default)]
pub struct ClassModel {
    told: ClassState,
    /// Changes with each that is to be shown.
    revision: u32,
    /// When "eyes on me" ends by itself.
    held_until: Option<u64>,
    hand: bool,
    /// What the server knows of this page; none while it does not tell what it knows
    /// of the class, a hand that was raised before a reload among it.
    reported: Option<String>,
    /// When the next report is due.
    due: Option<u64>,
    is_reporting: bool,
}

impl ClassModel {
    /// Takes what happened.
    pub fn update(&mut self, msg: ClassMsg, now: u64) {
        match msg {
            ClassMsg::Told(told) => {
                // The teacher lowers it, and a reload finds it raised.
                if told.hand != self.told.hand {
                    self.hand = told.hand;
                }
                self.held_until = told.held.map(|seconds| now + u64::from(seconds) * 1000);
                self.told = told;
                self.reported.get_or_insert_default();
            }
            ClassMsg::Lost => self.reported = None,
            ClassMsg::HandTurned => self.hand = !self.hand,
            ClassMsg::Reported => self.is_reporting = false,
        }
        self.revision += 1;
    }

    /// What is to be done now; `student` is what the page would say of itself.
    pub fn next(&mut self, student: String, now: u64) -> Option<ClassEffect> {
        if self.held_until.is_some_and(|until| until <= now) {
            self.held_until = None;
            self.told.held = None;
            self.revision += 1;
        }
        if self.reported.as_ref().is_none_or(|reported| *reported == student) {
            self.due = None;
            return None;
        }
        let due = *self.due.get_or_insert(now + DEBOUNCE);
        if due > now || self.is_reporting {
            return None;
        }
        self.due = None;
        self.is_reporting = true;
        self.reported = Some(student.clone());
        Some(ClassEffect::Report(student))
    }

    /// When the model is to be woken, if at all.
    pub fn wake(&self) -> Option<u64> {
        sooner(self.held_until, self.due.filter(|_| !self.is_reporting))
    }

    /// What holds for this page.
    pub fn told(&self) -> &ClassState {
        &self.told
    }

    /// Whether the teacher holds the input.
    pub fn is_held(&self) -> bool {
        self.told.held.is_some()
    }

    /// Whether the hand is raised.
    pub fn hand(&self) -> bool {
        self.hand
    }

    /// Changes with each change of these.
    pub fn revision(&self) -> u32 {
        self.revision
    }
}
