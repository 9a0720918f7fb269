//! The input: the line being written, its hint and highlighting, the lines
//! written before and Tab completion.

use protocol::command::{Change, Command, Stage, Verb};
use web::core::completion::Completion;
use web::core::connection::Connection;
use web::core::highlight::{Highlight, highlights, without_errors};
use web::core::hints::Hint;
use web::core::history::History;
use web::core::i18n::{Text, TextKey};
use web::core::keyboard::Key;

use super::conversation::is_one_line;
use crate::model::tabs::{Panel, Panels};

/// The most names remembered for Tab: two classes.
const NAMES: usize = 100;

/// What can happen in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputMsg {
    /// The page can show texts: the line from before a reload is wanted back.
    Restored,
    /// The text of the input changed.
    Typed {
        /// All of it.
        text: String,
        /// Whether an input method is still composing it.
        composing: bool,
    },
    /// A key that means something was pressed in the input.
    KeyPressed {
        /// Which.
        key: Key,
        /// Whether the caret is at the end of the text.
        at_end: bool,
        /// Whether it is held down and repeats itself.
        repeated: bool,
    },
    /// The send button was pressed.
    Submitted,
    /// An example was chosen.
    ExampleChosen(String),
    /// A message was chosen to be sent at once.
    CommandChosen(String),
    /// The one-tap fix was taken.
    FixApplied,
}

/// What is to be done for the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEffect {
    /// Put a text into the input.
    Write(String),
    /// Move the focus to the input.
    Focus,
    /// The key has been used; the browser must do nothing more with it.
    PreventDefault,
    /// Store the line being written, as long as the tab lives.
    StoreDraft(String),
    /// Store the lines written before, as long as the tab lives: the next class
    /// uses the same machines.
    StoreHistory(String),
}

/// What comes of a message to the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputOutput {
    /// Something to be done outside of the model.
    Effect(InputEffect),
    /// A text to be sent.
    Send(String),
    /// The student wrote that text by hand, or changed it.
    Written(String),
    /// A new conversation is wanted.
    Connect,
    /// The conversation must be in sight.
    ShowConversation,
}

/// What the input has to know of the rest of the page.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Where the connection stands.
    pub connection: Connection,
    /// Whether a message can be sent.
    pub can_send: bool,
    /// Which panels can be seen.
    pub panels: Panels,
    /// Whether the open step wants a line of the student's own.
    pub wants_own: bool,
}

/// State of the input.
#[derive(Debug)]
pub struct Input {
    draft: String,
    is_composing: bool,
    /// How much of the lesson the one who answers speaks.
    stage: Stage,
    hint: Hint,
    /// Whether Enter was pressed while nothing could be sent; the hint says why.
    is_held: bool,
    /// Whether the other language could not be fetched; the hint says so.
    lacks_language: bool,
    history: History,
    /// Whether the text was put into the input for the student, who has not changed
    /// it.
    is_offered: bool,
    completion: Option<Completion>,
    /// Whether Escape has given the Tab key back to the browser.
    tab_moves_on: bool,
    names: Vec<String>,
    outputs: Vec<InputOutput>,
}

impl Input {
    /// The input with what was stored before a reload.
    pub fn new(draft: &str, history: &str) -> Self {
        Input {
            draft: draft.to_string(),
            is_composing: false,
            stage: Stage::Contacts,
            hint: Hint::on(draft),
            is_held: false,
            lacks_language: false,
            history: History::from_text(history),
            is_offered: false,
            completion: None,
            tab_moves_on: false,
            names: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Takes what happened and returns what comes of it, in order.
    pub fn update(&mut self, msg: InputMsg, around: Surroundings) -> Vec<InputOutput> {
        match msg {
            InputMsg::Restored => {
                if !self.draft.is_empty() {
                    self.effect(InputEffect::Write(self.draft.clone()));
                }
            }
            InputMsg::Typed { text, composing } => self.typed(text, composing),
            InputMsg::KeyPressed { key, at_end, repeated } => {
                self.press(key, at_end, repeated, around);
            }
            InputMsg::Submitted => self.submit(around),
            InputMsg::ExampleChosen(text) => {
                self.replace_draft(text);
                self.is_offered = true;
            }
            InputMsg::CommandChosen(text) => self.command(text, around),
            InputMsg::FixApplied => {
                if let Some(text) = self.hint.fix.take() {
                    self.write(text);
                }
                self.effect(InputEffect::Focus);
            }
        }
        std::mem::take(&mut self.outputs)
    }

    /// Puts a line into the input; the one that stood there goes into the history.
    pub fn restore(&mut self, text: String) -> Vec<InputOutput> {
        self.replace_draft(text);
        std::mem::take(&mut self.outputs)
    }

    /// The one who answers is at that stage of the lesson.
    pub fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        self.hint = Hint::at(stage, &self.draft);
    }

    /// A connection was opened.
    pub fn release(&mut self) {
        self.is_held = false;
    }

    /// Says in the hint that the other language could not be fetched, or no
    /// longer.
    pub fn show_lack_of_language(&mut self, lacks: bool) {
        self.lacks_language = lacks;
    }

    /// Remembers a name that is in the book, for Tab.
    pub fn learn_name(&mut self, command: &str, reply: &str) {
        let name = match Command::parse(command, Stage::Contacts) {
            Ok(Command::Change(Change::Add { name, .. })) if !reply.starts_with("Error: ") => name,
            Ok(Command::Find { name }) if reply != "Not Found!" => name,
            _ => return,
        };
        match self.names.iter().position(|known| known == name) {
            Some(at) => drop(self.names.remove(at)),
            None if self.names.len() == NAMES => drop(self.names.remove(0)),
            None => {}
        }
        self.names.push(name.to_string());
    }

    /// The text in the input.
    pub fn draft(&self) -> &str {
        &self.draft
    }

    /// Whether an input method composes in the input.
    pub fn is_composing(&self) -> bool {
        self.is_composing
    }

    /// The parts of the text, to be underlined.
    pub fn highlights(&self) -> Vec<Highlight> {
        let all = highlights(&self.draft);
        if self.is_composing { without_errors(all) } else { all }
    }

    /// What the hint says; `is_paused` if the teacher holds the input.
    pub fn hint(&self, connection: Connection, can_send: bool, is_paused: bool) -> Hint {
        if self.lacks_language {
            return Hint::info(Text::new(TextKey::SameLanguage));
        }
        if connection == Connection::Ended && self.draft.is_empty() {
            return Hint::info(Text::new(TextKey::EmptyEnded));
        }
        if !self.is_held || can_send {
            return self.hint.clone();
        }
        Hint::info(Text::new(match connection {
            _ if is_paused => TextKey::HeldPaused,
            Connection::Open => TextKey::HeldLeaving,
            Connection::Connecting { .. } => TextKey::HeldConnecting,
            Connection::Waiting { .. } => TextKey::HeldClosed,
            Connection::Ended => TextKey::HeldEnded,
        }))
    }

    fn effect(&mut self, effect: InputEffect) {
        self.outputs.push(InputOutput::Effect(effect));
    }

    fn typed(&mut self, text: String, composing: bool) {
        self.is_composing = composing;
        let changed = text != self.draft;
        if !composing {
            self.is_held &= !changed;
            self.lacks_language &= !changed;
            self.tab_moves_on &= !changed;
            self.hint = Hint::at(self.stage, &text);
        }
        if changed {
            self.is_offered = false;
            self.completion = None;
            self.effect(InputEffect::StoreDraft(text.clone()));
            self.draft = text;
        }
    }

    fn press(&mut self, key: Key, at_end: bool, repeated: bool, around: Surroundings) {
        match key {
            Key::Enter => {
                self.effect(InputEffect::PreventDefault);
                // A key that is held down must not begin what exit has ended.
                if !repeated {
                    self.submit(around);
                }
            }
            Key::Up | Key::Down => {
                self.effect(InputEffect::PreventDefault);
                let line = if key == Key::Up {
                    self.history.up(&self.draft)
                } else {
                    self.history.down(&self.draft)
                };
                if let Some(line) = line {
                    self.write(line);
                    self.is_offered = true;
                }
            }
            Key::Escape => {
                self.tab_moves_on = true;
                self.completion = None;
            }
            Key::Tab if self.tab_moves_on || !at_end => {}
            Key::Tab => {
                let round = match self.completion.take() {
                    Some(round) => round.next(),
                    None => Completion::of(&self.draft, &self.names),
                };
                if let Some(round) = round {
                    self.effect(InputEffect::PreventDefault);
                    self.write(round.line().to_string());
                    self.completion = Some(round);
                }
            }
        }
    }

    /// Sends what stands in the input.
    fn submit(&mut self, around: Surroundings) {
        if around.connection == Connection::Ended {
            self.outputs.push(InputOutput::Connect);
            return;
        }
        if self.draft.is_empty() {
            return;
        }
        if around.can_send {
            let text = std::mem::take(&mut self.draft);
            if !self.is_offered {
                self.outputs.push(InputOutput::Written(text.clone()));
            }
            self.write(String::new());
            self.remember(&text);
            self.outputs.push(InputOutput::Send(text));
        } else {
            self.is_held = true;
        }
    }

    /// Sends a message that stands on a button, or says why it cannot be sent.
    fn command(&mut self, text: String, around: Surroundings) {
        let Surroundings { can_send, panels, wants_own, .. } = around;
        // On a narrow screen the button may stand in another panel. The steps
        // show the reply themselves.
        if !panels.shows(Panel::Talk) && !panels.shows(Panel::Steps) {
            self.outputs.push(InputOutput::ShowConversation);
        }
        let is_one_line = is_one_line(&text);
        if can_send {
            if is_one_line {
                self.remember(&text);
            }
            // There to be changed, but for `exit`, of which there is only one.
            let is_free = self.draft.is_empty() || self.is_offered;
            if wants_own && is_free && is_one_line && text != Verb::Exit.word() {
                self.write(text.clone());
                self.is_offered = true;
            }
            self.outputs.push(InputOutput::Send(text));
        } else {
            if is_one_line {
                self.replace_draft(text);
                self.is_offered = true;
            }
            self.is_held = true;
        }
    }

    fn remember(&mut self, line: &str) {
        self.history.push(line);
        self.effect(InputEffect::StoreHistory(self.history.to_text()));
    }

    /// Puts a line into the input and keeps the one that stood there within
    /// reach of the arrow key.
    fn replace_draft(&mut self, text: String) {
        if self.draft != text {
            let before = std::mem::take(&mut self.draft);
            self.remember(&before);
        }
        self.write(text);
        self.effect(InputEffect::Focus);
    }

    fn write(&mut self, text: String) {
        self.is_composing = false;
        self.is_offered = false;
        self.is_held = false;
        self.lacks_language = false;
        self.tab_moves_on = false;
        self.completion = None;
        self.hint = Hint::at(self.stage, &text);
        self.effect(InputEffect::StoreDraft(text.clone()));
        self.draft.clone_from(&text);
        self.effect(InputEffect::Write(text));
    }
}
