//! The class as the teacher leads it: what holds for this page now, and what the page
//! says of itself.

use api::ClassState;
use web::core::clock::Moment;
use web::core::subscription::{StreamEvent, StreamRequest, Subscription};

/// How long a change waits before it is reported, in milliseconds: a name is several
/// keys, and a class of fifty does not begin in the same instant.
const DEBOUNCE: u64 = 500;

/// What can happen between the page and the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassMsg {
    /// The class's stream brings something.
    Stream(StreamEvent<ClassState>),
    /// The button for the hand was pressed.
    HandTurned,
    /// A report was answered, or could not be delivered.
    Reported,
}

/// What is to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassEffect {
    /// Open the class's stream anew, or close it.
    Stream(StreamRequest),
    /// Deliver this [`api::Student`], as JSON.
    Report(String),
}

/// What is known of the class.
#[derive(Debug, Default)]
pub struct ClassModel {
    stream: Subscription,
    told: ClassState,
    /// Changes with each that is to be shown.
    revision: u32,
    /// When "eyes on me" ends by itself.
    held_until: Option<u64>,
    hand: bool,
    /// What the server knows of this page, once it has told what it knows of the class.
    reported: Option<String>,
    /// When the next report is due.
    due: Option<u64>,
    is_reporting: bool,
}

impl ClassModel {
    /// Takes what happened.
    pub fn update(&mut self, msg: ClassMsg, moment: Moment) {
        match msg {
            ClassMsg::Stream(StreamEvent::Opened) => {
                self.stream.opened();
                self.reported = None;
            }
            ClassMsg::Stream(StreamEvent::Interrupted { is_final }) => {
                self.stream.interrupted(is_final, moment);
            }
            ClassMsg::Stream(StreamEvent::Message(told)) => {
                // The teacher lowers it, and a reload finds it raised.
                if told.hand != self.told.hand {
                    self.hand = told.hand;
                }
                self.held_until =
                    told.held.map(|seconds| moment.millis + u64::from(seconds) * 1000);
                self.told = told;
                self.revision += 1;
                self.reported.get_or_insert_default();
            }
            ClassMsg::HandTurned => {
                self.hand = !self.hand;
                self.revision += 1;
            }
            ClassMsg::Reported => self.is_reporting = false,
        }
    }

    /// What is to be done now; `student` is what the page would say of itself.
    pub fn next(&mut self, is_wanted: bool, student: &str, now: u64) -> Vec<ClassEffect> {
        if self.held_until.is_some_and(|until| until <= now) {
            self.held_until = None;
            self.told.held = None;
            self.revision += 1;
        }
        let mut effects = Vec::new();
        effects.extend(self.stream.next_request(is_wanted, now).map(ClassEffect::Stream));
        match &mut self.reported {
            Some(reported) if self.stream.is_live() && reported != student => {
                let due = *self.due.get_or_insert(now + DEBOUNCE);
                if due <= now && !self.is_reporting {
                    self.due = None;
                    self.is_reporting = true;
                    student.clone_into(reported);
                    effects.push(ClassEffect::Report(reported.clone()));
                }
            }
            _ => self.due = None,
        }
        effects
    }

    /// When the model is to be woken, if at all.
    pub fn wake(&self) -> Option<u64> {
        let due = self.due.filter(|_| !self.is_reporting);
        [self.stream.due(), self.held_until, due].into_iter().flatten().min()
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
