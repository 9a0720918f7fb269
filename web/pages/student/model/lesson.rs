//! The lesson on the page: which step is open, what has been done.

use web::core::lesson::{Lesson, LessonEvent, Outcome, Step};
use web::core::owner::Owner;

/// What can happen to the lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LessonMsg {
    /// The steps came with the texts of a language.
    Loaded(Vec<Step>),
    /// A step was chosen.
    StepChosen(String),
    /// The next step was asked for.
    NextStep,
    /// The lesson is to begin again, with nothing done.
    Restarted,
    /// An answer to one of the lesson's questions was chosen.
    QuestionAnswered {
        /// The question's name.
        question: String,
        /// Whether it was the right one.
        right: bool,
    },
    /// The student wrote a name for the examples.
    Named(String),
    /// The student wrote a seat.
    Seated(String),
    /// The server says a number that no other page of the class has.
    Numbered(u32),
    /// The cut of the lab for sticky packets went through a character.
    CharacterSplit,
    /// The homework was checked in the page, and is done.
    PassedInPage,
}

/// What is to be done for the lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LessonEffect {
    /// Show how far the student is.
    ShowProgress,
    /// Show the steps anew, with no explanation open.
    Reload,
    /// Move the focus to the step that is open.
    FocusStep,
    /// Show the examples with the student's own name.
    ShowOwner,
    /// Store the student's name, seat and number, for good.
    StoreOwner(String),
    /// Drop what is stored of how far the student is.
    ForgetProgress,
    /// Store how far the student is, for good, beside what another tab has stored.
    StoreProgress(String),
}

/// State of the lesson on the page.
#[derive(Debug)]
pub struct LessonModel {
    lesson: Lesson,
    /// How far the student was before the page was opened.
    stored: String,
    owner: Owner,
    effects: Vec<LessonEffect>,
}

impl LessonModel {
    /// A lesson without steps, which come with the texts; `stored` is how far the
    /// student was before, and `owner` who that is.
    pub fn new(stored: &str, owner: &str) -> Self {
        let (lesson, stored) = (Lesson::new(Vec::new()), stored.to_string());
        LessonModel { lesson, stored, owner: Owner::restored(owner), effects: Vec::new() }
    }

    /// Whose examples these are.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The steps and how far the student is in them.
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: LessonMsg) -> Vec<LessonEffect> {
        match msg {
            LessonMsg::Loaded(steps) => {
                self.lesson = Lesson::new(steps);
                self.lesson.restore(&self.stored);
                self.effects.push(LessonEffect::ShowProgress);
            }
            LessonMsg::StepChosen(name) => {
                self.lesson.open_step(&name);
                self.open_step();
            }
            LessonMsg::NextStep => {
                self.lesson.open_next();
                self.open_step();
            }
            LessonMsg::Restarted => self.restart(),
            // The homework counts it, and whether its step is open.
            LessonMsg::PassedInPage => {}
            LessonMsg::Seated(seat) => {
                self.owner.sit(&seat);
                self.show_owner();
            }
            LessonMsg::QuestionAnswered { question, right } => {
                return self.observe(LessonEvent::Chosen { question: &question, right });
            }
            LessonMsg::Named(name) => {
                self.owner.rename(&name);
                self.show_owner();
            }
            LessonMsg::Numbered(number) => {
                if self.owner.renumber(number) {
                    self.show_owner();
                }
            }
            LessonMsg::CharacterSplit => return self.observe(LessonEvent::Split),
        }
        std::mem::take(&mut self.effects)
    }

    /// The server says how many lessons of the class have ended.
    pub fn count_lessons(&mut self, lessons: u64) -> Vec<LessonEffect> {
        if self.owner.count_lessons(lessons as u32) {
            self.restart();
        }
        self.effects.push(LessonEffect::StoreOwner(self.owner.keep()));
        std::mem::take(&mut self.effects)
    }

    /// Counts what was done towards the goals of the open step.
    pub fn observe(&mut self, seen: LessonEvent<'_>) -> Vec<LessonEffect> {
        if self.lesson.see(seen) != Outcome::Nothing {
            self.show_progress();
        }
        std::mem::take(&mut self.effects)
    }

    /// Another book than before is talked about.
    pub fn change_book(&mut self) {
        self.lesson.change_book();
    }

    fn restart(&mut self) {
        self.lesson.start_over();
        self.effects.push(LessonEffect::ForgetProgress);
        // It may be another student.
        self.owner.rename("");
        self.owner.sit("");
        self.show_owner();
        self.effects.push(LessonEffect::Reload);
        self.open_step();
    }

    fn open_step(&mut self) {
        self.show_progress();
        self.effects.push(LessonEffect::FocusStep);
    }

    fn show_owner(&mut self) {
        self.effects.push(LessonEffect::ShowOwner);
        self.effects.push(LessonEffect::StoreOwner(self.owner.keep()));
    }

    fn show_progress(&mut self) {
        self.effects.push(LessonEffect::ShowProgress);
        self.effects.push(LessonEffect::StoreProgress(self.lesson.keep()));
    }
}
