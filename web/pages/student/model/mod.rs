//! The page's state, by concern, and everything that can happen to it.
//!
//! [`Model::update`] takes what happened and says what to do about it. It only
//! routes: each concern has its own state, messages and effects in its own
//! module, and what one concern tells another goes through here. Nothing in it
//! touches a document, a socket or a clock, so that a lesson full of broken
//! connections can be played through in a test.

pub mod class;
pub mod conversation;
pub mod homework;
pub mod input;
pub mod lesson;
pub mod panels;
pub mod tabs;

use api::ClassState;
use protocol::Stage;
use web::core::appearance::Language;
use web::core::clock::{Moment, sooner};
use web::core::hints::Hint;
use web::core::language::{
    LanguageEffect, LanguageModel, LanguageMsg, LanguageOutput as FromLanguage,
};
use web::core::lesson::LessonEvent;
use web::core::owner::Owner;

use self::class::{ClassEffect, ClassModel, ClassMsg};
use self::conversation::{
    Conversation, ConversationEffect, ConversationMsg, ConversationOutput as FromConversation,
};
use self::homework::{HomeworkModel, HomeworkMsg};
use self::input::{Input, InputEffect, InputMsg, InputOutput as FromInput, Surroundings};
use self::lesson::{LessonEffect, LessonModel, LessonMsg};
use self::panels::{PanelsEffect, PanelsModel, PanelsMsg};
use self::tabs::{Panel, Panels};

/// Declares an enum with a variant for each concern.
macro_rules! by_concern {
    ($(#[$doc:meta])* $name:ident { $($concern:ident($type:ty),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the concerns' own types say it")]
        pub enum $name { $($concern($type),)* }

        $(impl From<$type> for $name {
            fn from(value: $type) -> Self {
                $name::$concern(value)
            }
        })*
    };
}

by_concern! {
    /// What can happen.
    Msg {
        Conversation(ConversationMsg),
        Input(InputMsg),
        Lesson(LessonMsg),
        Panels(PanelsMsg),
        Language(LanguageMsg),
        Homework(HomeworkMsg),
        Class(ClassMsg),
    }
}

by_concern! {
    /// What is to be done.
    Effect {
        Conversation(ConversationEffect),
        Input(InputEffect),
        Lesson(LessonEffect),
        Panels(PanelsEffect),
        Language(LanguageEffect),
        Class(ClassEffect),
    }
}

/// What a page has stored before a reload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stored<'a> {
    /// [`InputEffect::StoreDraft`]
    pub draft: &'a str,
    /// [`InputEffect::StoreHistory`]
    pub history: &'a str,
    /// [`PanelsEffect::StorePanel`]
    pub panel: &'a str,
    /// [`LessonEffect::StoreProgress`]
    pub progress: &'a str,
    /// [`LessonEffect::StoreOwner`]
    pub owner: &'a str,
}

/// The state of the page.
#[derive(Debug)]
pub struct Model {
    conversation: Conversation,
    input: Input,
    lesson: LessonModel,
    panels: PanelsModel,
    language: LanguageModel,
    homework: HomeworkModel,
    class: ClassModel,
    /// What is to be done at the end of the running update.
    effects: Vec<Effect>,
}

impl Model {
    /// A page that has just been opened, talking to `host`, with room for
    /// three panels at once or not.
    pub fn new(host: &str, wide: bool, language: Language, stored: Stored<'_>) -> Self {
        Model {
            conversation: Conversation::new(host),
            input: Input::new(stored.draft, stored.history),
            lesson: LessonModel::new(stored.progress, stored.owner),
            panels: PanelsModel::new(stored.panel, wide),
            language: LanguageModel::new(language),
            homework: HomeworkModel::default(),
            class: ClassModel::default(),
            effects: Vec::new(),
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: impl Into<Msg>, moment: Moment) -> Vec<Effect> {
        match msg.into() {
            Msg::Conversation(msg) => self.update_conversation(msg, moment),
            Msg::Input(msg) => self.update_input(msg, moment),
            Msg::Lesson(msg) => {
                if msg == LessonMsg::PassedInPage {
                    self.homework.pass_in_page();
                }
                let effects = self.lesson.update(msg);
                self.add(effects);
                self.count_homework();
            }
            Msg::Panels(msg) => {
                let effects = self.panels.update(msg, self.conversation.log().entries().len());
                self.add(effects);
            }
            Msg::Language(msg) => self.update_language(msg, moment),
            Msg::Class(msg) => self.update_class(msg, moment),
            Msg::Homework(told) => {
                self.homework.hear(told);
                self.count_homework();
            }
        }
        let effects = self.class.next(self.student(), moment.millis);
        self.add(effects);
        std::mem::take(&mut self.effects)
    }

    /// How many milliseconds from now the model is to be woken, if at all.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let class = self.class.wake().map(|due| due.saturating_sub(now));
        sooner(self.conversation.next_wake(now), class)
    }

    /// Whether a message can be sent.
    pub fn can_send(&self) -> bool {
        self.conversation.can_send() && !self.class.is_held()
    }

    /// The class as the teacher leads it.
    pub fn class(&self) -> &ClassModel {
        &self.class
    }

    /// The conversation.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// The input.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The lesson, and how far the student is in it.
    pub fn lesson(&self) -> &web::core::lesson::Lesson {
        self.lesson.lesson()
    }

    /// Whose examples these are.
    pub fn owner(&self) -> &Owner {
        self.lesson.owner()
    }

    /// Which panels can be seen.
    pub fn panels(&self) -> Panels {
        self.panels.panels()
    }

    /// The id of the message that is looked at, if it is not the newest.
    pub fn selected(&self) -> Option<u32> {
        self.panels.selected()
    }

    /// Whether the page has texts to show.
    pub fn is_ready(&self) -> bool {
        self.language.is_ready()
    }

    /// What the hint below the input says.
    pub fn hint(&self) -> Hint {
        self.input.hint(self.conversation.connection(), self.can_send(), self.class.is_held())
    }

    /// What the page says of itself: an [`api::Student`]. Its texts have no character
    /// that JSON escapes.
    fn student(&self) -> String {
        let (owner, steps) = (self.owner(), self.lesson().steps());
        let bits =
            steps.iter().enumerate().map(|(at, step)| u32::from(step.is_done()) << (at % 32));
        let hand = if self.class.hand() { "true" } else { "false" };
        let (step, of) = (self.lesson().index().to_string(), steps.len().to_string());
        let done = bits.sum::<u32>().to_string();
        [
            r#"{"name":""#,
            owner.name(),
            r#"","seat":""#,
            owner.seat(),
            r#"","hand":"#,
            hand,
            r#","step":"#,
            &step,
            r#","steps":"#,
            &of,
            r#","done":"#,
            &done,
            "}",
        ]
        .concat()
    }

    fn update_class(&mut self, msg: ClassMsg, moment: Moment) {
        let is_told = matches!(msg, ClassMsg::Told(_));
        self.class.update(msg, moment.millis);
        if is_told {
            let ClassState { echoes, lesson, .. } = *self.class.told();
            let stage = if echoes { Stage::Echo } else { Stage::Contacts };
            self.update_conversation(ConversationMsg::StageTold(stage), moment);
            let effects = self.lesson.count_lessons(lesson);
            self.add(effects);
        }
    }

    fn add<E: Into<Effect>>(&mut self, effects: impl IntoIterator<Item = E>) {
        self.effects.extend(effects.into_iter().map(Into::into));
    }

    fn update_conversation(&mut self, msg: ConversationMsg, moment: Moment) {
        for output in self.conversation.update(msg, moment) {
            match output {
                FromConversation::Effect(effect) => self.effects.push(effect.into()),
                FromConversation::Opened => {
                    self.input.release();
                    self.observe(LessonEvent::Greeted);
                }
                FromConversation::Ended => self.observe(LessonEvent::Closed),
                FromConversation::Sent => self.panels.select_newest(),
                FromConversation::Replied { command, reply } => {
                    self.input.learn_name(&command, &reply);
                }
                FromConversation::Completed { sent, replies } => {
                    self.observe(LessonEvent::Answered { sent: &sent, replies: &replies });
                }
                FromConversation::BookChanged => self.lesson.change_book(),
                FromConversation::StageChanged => {
                    self.input.set_stage(self.conversation.stage());
                    self.effects.push(LessonEffect::ShowProgress.into());
                }
                FromConversation::Restored(text) => {
                    let outputs = self.input.restore(text);
                    self.route_input(outputs, moment);
                }
                FromConversation::InputWanted => self.effects.push(InputEffect::Focus.into()),
            }
        }
    }

    fn update_input(&mut self, msg: InputMsg, moment: Moment) {
        let around = Surroundings {
            connection: self.conversation.connection(),
            can_send: self.can_send(),
            panels: self.panels.panels(),
            wants_own: self.lesson().open().is_some_and(|step| step.wants("own")),
        };
        let outputs = self.input.update(msg, around);
        self.route_input(outputs, moment);
    }

    fn route_input(&mut self, outputs: Vec<FromInput>, moment: Moment) {
        for output in outputs {
            match output {
                FromInput::Effect(effect) => self.effects.push(effect.into()),
                FromInput::Send(text) => {
                    self.update_conversation(ConversationMsg::Send(text), moment);
                }
                FromInput::Written(text) => self.observe(LessonEvent::Written(&text)),
                FromInput::Connect => self.update_conversation(ConversationMsg::Connect, moment),
                FromInput::ShowConversation => {
                    let effects = self.panels.show(Panel::Talk);
                    self.add(effects);
                }
            }
        }
    }

    fn update_language(&mut self, msg: LanguageMsg, moment: Moment) {
        for output in self.language.update(msg) {
            match output {
                FromLanguage::Effect(effect) => self.effects.push(effect.into()),
                FromLanguage::Ready => {
                    self.update_input(InputMsg::Restored, moment);
                    self.update_conversation(ConversationMsg::Connect, moment);
                }
                FromLanguage::Requested => self.input.show_lack_of_language(false),
                FromLanguage::Kept => self.input.show_lack_of_language(true),
            }
        }
    }

    /// The homework may have been done while another step was open.
    fn count_homework(&mut self) {
        if self.homework.passed() {
            self.observe(LessonEvent::Passed);
        }
    }

    fn observe(&mut self, seen: LessonEvent<'_>) {
        let effects = self.lesson.observe(seen);
        self.add(effects);
    }
}

#[cfg(test)]
pub(crate) mod tests;
