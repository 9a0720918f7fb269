//! The page's state, and everything that can happen to it.
//!
//! [`Model::update`] takes what happened and says what to do about it. It
//! touches no document, no socket and no clock, so that a lesson full of
//! broken connections can be played through in a test.

use protocol::command::{Change, Command, Stage};

use crate::advice::{self, Advice};
use crate::appearance::{Language, Theme};
use crate::completion::Completion;
use crate::connection::{Connection, PATIENCE, wait};
use crate::history::History;
use crate::keyboard::Key;
use crate::marks::{Mark, marks, without_pen};
use crate::words::{Note, Slot, Word};

/// How long an answer may take before the page says that there is none yet:
/// ten times the pause of the lesson's own server.
const LATE: u64 = 10_000;

/// The most names remembered for Tab: two classes.
const NAMES: usize = 100;

/// The close code of a conversation that is over as it should be.
const NORMAL_CLOSURE: u16 = 1000;

/// What a browser says of a connection that never was.
const NEVER_CONNECTED: u16 = 1006;

/// When something happened, and the luck of that moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds of a clock that never jumps.
    pub millis: u64,
    /// A chance number from -200 to 200, for [`wait`].
    pub jitter: i32,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg {
    /// The page has been opened.
    Opened,
    /// The server sent a text.
    Received(String),
    /// The connection is gone, or could not be made.
    Closed {
        /// The close code.
        code: u16,
    },
    /// The time the model asked to be woken at has come.
    Woken,
    /// The network is back, or the page can be seen again.
    Returned,
    /// The student asked for a connection.
    Reconnect,
    /// The text of the input changed.
    Typed {
        /// All of it.
        text: String,
        /// Whether an input method is still composing it.
        composing: bool,
    },
    /// A key that means something was pressed in the input.
    Pressed {
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
    Chosen(String),
    /// The one-tap fix was taken.
    Mended,
    /// An unanswered message is wanted back.
    TakenBack {
        /// Which.
        id: u32,
    },
    /// The language switch was pressed.
    SwitchedLanguage,
    /// The light switch was pressed.
    SwitchedTheme {
        /// How the page looks now, by choice or by the system.
        from: Theme,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Begin a new connection; the old one is given up.
    Connect,
    /// Give the connection up.
    Disconnect,
    /// Send a text.
    Transmit(String),
    /// Show a message at the end of the conversation.
    Show(Message),
    /// Put a note at a message, in place of an earlier one.
    Annotate {
        /// Which message.
        id: u32,
        /// What to say.
        note: Note,
        /// Whether its line can be taken back into the input.
        take_back: bool,
    },
    /// Remove the note from a message.
    Unannotate {
        /// Which message.
        id: u32,
    },
    /// Put a text into the input.
    Write(String),
    /// Move to the input.
    Focus,
    /// The key has been used; the browser shall do nothing more with it.
    Swallow,
    /// Remember something beyond a reload.
    Keep(Shelf, String),
    /// Speak a language.
    Speak(Language),
    /// Turn the light.
    Paint(Theme),
}

/// What is remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// The line being written, as long as the tab lives.
    Draft,
    /// The lines written before, as long as the tab lives: the next class
    /// uses the same machines.
    History,
    /// The language, for good.
    Language,
    /// The theme, for good.
    Theme,
}

/// A line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts from 0 over all conversations of the page.
    pub id: u32,
    /// Who said it.
    pub direction: Direction,
    /// The text as it went over the wire.
    pub text: String,
    /// What stands above it.
    pub opening: Option<Note>,
    /// What the red pen writes below it.
    pub correction: Option<Note>,
}

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The student.
    Sent,
    /// The server.
    Received,
}

/// The strip above the input, while there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Waiting for `Welcome!`.
    Connecting,
    /// Waiting for the next attempt.
    Retry {
        /// Whole seconds left, rounded up.
        seconds: u64,
        /// Whole seconds in all, rounded up.
        of: u64,
    },
    /// The conversation is over.
    Ended,
}

/// What a page remembers from before a reload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remembered<'a> {
    /// [`Shelf::Draft`]
    pub draft: &'a str,
    /// [`Shelf::History`]
    pub history: &'a str,
}

/// A message whose answer has not come.
#[derive(Debug)]
struct Unanswered {
    id: u32,
    text: String,
    since: u64,
    noted: bool,
}

/// The state of the page.
#[derive(Debug)]
pub struct Model {
    host: String,
    connection: Connection,
    /// Attempts that failed since the last `Welcome!`.
    failures: u32,
    /// What the next `Welcome!` means.
    greeting: Word,
    next_id: u32,
    /// Oldest first: replies come in the order of the messages. Hardly ever
    /// more than a few.
    unanswered: Vec<Unanswered>,
    /// The `exit` that was sent, while the server has not closed yet.
    leaving: Option<u32>,
    /// Lines that were never answered and may be taken back.
    lost: Vec<(u32, String)>,
    draft: String,
    composing: bool,
    advice: Advice,
    /// Whether Enter was pressed in vain; the hint says why.
    held: bool,
    history: History,
    completion: Option<Completion>,
    /// Whether Escape has given the Tab key back to the browser.
    tab_moves_on: bool,
    names: Vec<String>,
    language: Language,
    /// What is to be done at the end of the running update.
    effects: Vec<Effect>,
}

impl Model {
    /// A page that has just been opened, talking to `host`.
    pub fn new(host: &str, language: Language, remembered: Remembered<'_>) -> Self {
        Model {
            host: host.to_string(),
            connection: Connection::Ended,
            failures: 0,
            greeting: Word::NoteConnected,
            next_id: 0,
            unanswered: Vec::new(),
            leaving: None,
            lost: Vec::new(),
            draft: remembered.draft.to_string(),
            composing: false,
            advice: Advice::on(remembered.draft),
            held: false,
            history: History::from_text(remembered.history),
            completion: None,
            tab_moves_on: false,
            names: Vec::new(),
            language,
            effects: Vec::new(),
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: Msg, moment: Moment) -> Vec<Effect> {
        let now = moment.millis;
        match msg {
            Msg::Opened => {
                self.will(Effect::Speak(self.language));
                if !self.draft.is_empty() {
                    self.will(Effect::Write(self.draft.clone()));
                }
                self.connect(now);
            }
            Msg::Received(text) => self.receive(text),
            Msg::Closed { code } => self.close(code, moment),
            Msg::Woken => self.wake(moment),
            Msg::Returned => {
                if let Connection::Waiting { .. } = self.connection {
                    self.connect(now);
                }
            }
            Msg::Reconnect => {
                if let Connection::Waiting { .. } | Connection::Ended = self.connection {
                    self.connect(now);
                    self.will(Effect::Focus);
                }
            }
            Msg::Typed { text, composing } => self.typed(text, composing),
            Msg::Pressed { key, at_end, repeated } => self.press(key, at_end, repeated, now),
            Msg::Submitted => self.send(now),
            Msg::Chosen(text) => self.replace_draft(text),
            Msg::Mended => {
                if let Some(text) = self.advice.mended.take() {
                    self.write(text);
                }
                self.will(Effect::Focus);
            }
            Msg::TakenBack { id } => {
                if let Some((_, text)) = self.lost.iter().find(|(lost, _)| *lost == id) {
                    self.replace_draft(text.clone());
                }
            }
            Msg::SwitchedLanguage => {
                self.language = self.language.other();
                self.will(Effect::Speak(self.language));
                self.keep(Shelf::Language, self.language.tag());
            }
            Msg::SwitchedTheme { from } => {
                let to = if from == Theme::Light { Theme::Dark } else { Theme::Light };
                self.will(Effect::Paint(to));
                self.keep(Shelf::Theme, to.name());
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// How many milliseconds from now [`Msg::Woken`] is due, if at all.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let connection = match self.connection {
            Connection::Connecting { since } => Some(since + PATIENCE),
            // Every second, for the countdown, in step with its end.
            Connection::Waiting { until, .. } => {
                let left = until.saturating_sub(now);
                Some(until - left.saturating_sub(1) / 1000 * 1000)
            }
            Connection::Open | Connection::Ended => None,
        };
        let late = self.unanswered.iter().find(|sent| !sent.noted).map(|sent| sent.since + LATE);
        let due = connection.into_iter().chain(late).min()?;
        Some(due.saturating_sub(now))
    }

    /// Where the connection stands.
    pub fn connection(&self) -> Connection {
        self.connection
    }

    /// Whom the page talks to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether a message can be sent.
    pub fn can_send(&self) -> bool {
        self.connection == Connection::Open && self.leaving.is_none()
    }

    /// The text in the input.
    pub fn draft(&self) -> &str {
        &self.draft
    }

    /// The marks under the text in the input.
    pub fn marks(&self) -> Vec<Mark> {
        let marks = marks(&self.draft);
        if self.composing { without_pen(marks) } else { marks }
    }

    /// What the hint says.
    pub fn advice(&self) -> Advice {
        if self.connection == Connection::Ended && self.draft.is_empty() {
            return Advice::calm(Note::new(Word::EmptyEnded));
        }
        if !self.held || self.can_send() {
            return self.advice.clone();
        }
        Advice::calm(Note::new(match self.connection {
            Connection::Open => Word::HeldLeaving,
            Connection::Connecting { .. } => Word::HeldConnecting,
            Connection::Waiting { .. } => Word::HeldClosed,
            Connection::Ended => Word::HeldEnded,
        }))
    }

    /// The strip above the input, `None` while there is a connection.
    pub fn strip(&self, now: u64) -> Option<Strip> {
        match self.connection {
            Connection::Open => None,
            Connection::Connecting { .. } => Some(Strip::Connecting),
            Connection::Ended => Some(Strip::Ended),
            Connection::Waiting { since, until } => Some(Strip::Retry {
                seconds: until.saturating_sub(now).div_ceil(1000).max(1),
                of: (until - since).div_ceil(1000),
            }),
        }
    }

    fn will(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn keep(&mut self, shelf: Shelf, text: &str) {
        self.will(Effect::Keep(shelf, text.to_string()));
    }

    fn connect(&mut self, now: u64) {
        self.connection = Connection::Connecting { since: now };
        self.will(Effect::Connect);
    }

    fn receive(&mut self, text: String) {
        let mut message = self.message(Direction::Received, text);
        if let Connection::Connecting { .. } = self.connection {
            // Whatever a server says first is its greeting.
            self.connection = Connection::Open;
            self.failures = 0;
            self.held = false;
            let note = Note::new(self.greeting).with(Slot::Host, self.host.as_str());
            message.opening = Some(note);
        } else if !self.unanswered.is_empty() {
            let sent = self.unanswered.remove(0);
            if sent.noted {
                self.will(Effect::Unannotate { id: sent.id });
            }
            message.correction = advice::correct(&sent.text, &message.text);
            self.learn_name(&sent.text, &message.text);
        }
        self.will(Effect::Show(message));
    }

    /// Remembers a name that is in the book, for Tab.
    fn learn_name(&mut self, sent: &str, reply: &str) {
        let name = match Command::parse(sent, Stage::Contacts) {
            Ok(Command::Change(Change::Add { name, .. })) if !reply.starts_with("Error: ") => name,
            Ok(Command::Find { name }) if reply != "Not Found!" => name,
            _ => return,
        };
        self.names.retain(|known| known != name);
        if self.names.len() == NAMES {
            self.names.remove(0);
        }
        self.names.push(name.to_string());
    }

    fn close(&mut self, code: u16, moment: Moment) {
        self.will(Effect::Disconnect);
        let ended = self.leaving.take().filter(|_| code == NORMAL_CLOSURE);
        for Unanswered { id, text, .. } in std::mem::take(&mut self.unanswered) {
            let is_lost = Some(id) != ended;
            let word = if is_lost { Word::NoteLost } else { Word::NoteEnded };
            self.will(Effect::Annotate { id, note: Note::new(word), take_back: is_lost });
            if is_lost {
                self.lost.push((id, text));
            }
        }
        if ended.is_some() {
            self.connection = Connection::Ended;
            self.greeting = Word::NoteNew;
            return;
        }
        if self.connection == Connection::Open {
            self.greeting = Word::NoteReconnected;
        }
        let until = moment.millis + wait(self.failures, moment.jitter);
        self.failures = self.failures.saturating_add(1);
        self.connection = Connection::Waiting { since: moment.millis, until };
    }

    fn wake(&mut self, moment: Moment) {
        let now = moment.millis;
        for sent in self.unanswered.iter_mut().filter(|sent| !sent.noted) {
            if sent.since + LATE > now {
                break;
            }
            sent.noted = true;
            let note = Note::new(Word::NoteLate).with(Slot::Seconds, (LATE / 1000).to_string());
            self.effects.push(Effect::Annotate { id: sent.id, note, take_back: false });
        }
        match self.connection {
            Connection::Waiting { until, .. } if until <= now => self.connect(now),
            Connection::Connecting { since } if since + PATIENCE <= now => {
                self.close(NEVER_CONNECTED, moment);
            }
            _ => {}
        }
    }

    fn typed(&mut self, text: String, composing: bool) {
        self.composing = composing;
        let changed = text != self.draft;
        if !composing {
            self.held &= !changed;
            self.tab_moves_on &= !changed;
            self.advice = Advice::on(&text);
        }
        if changed {
            self.completion = None;
            self.keep(Shelf::Draft, &text);
            self.draft = text;
        }
    }

    fn press(&mut self, key: Key, at_end: bool, repeated: bool, now: u64) {
        match key {
            Key::Enter => {
                self.will(Effect::Swallow);
                // A finger left on the key must not begin what exit has ended.
                if !repeated {
                    self.send(now);
                }
            }
            Key::Up | Key::Down => {
                self.will(Effect::Swallow);
                let line = if key == Key::Up {
                    self.history.up(&self.draft)
                } else {
                    self.history.down(&self.draft)
                };
                if let Some(line) = line {
                    self.write(line);
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
                    self.will(Effect::Swallow);
                    self.write(round.line().to_string());
                    self.completion = Some(round);
                }
            }
        }
    }

    fn send(&mut self, now: u64) {
        if self.draft.is_empty() {
            if self.connection == Connection::Ended {
                self.connect(now);
            }
            return;
        }
        if !self.can_send() {
            self.held = true;
            return;
        }
        let text = std::mem::take(&mut self.draft);
        let message = self.message(Direction::Sent, text.clone());
        let id = message.id;
        if let Ok(Command::Exit) = Command::parse(&text, Stage::Contacts) {
            self.leaving = Some(id);
        }
        self.history.push(&text);
        self.will(Effect::Show(message));
        self.will(Effect::Transmit(text.clone()));
        self.unanswered.push(Unanswered { id, text, since: now, noted: false });
        self.will(Effect::Keep(Shelf::History, self.history.to_text()));
        self.write(String::new());
    }

    /// Puts a line into the input and keeps the one that stood there within
    /// reach of the arrow key.
    fn replace_draft(&mut self, text: String) {
        if self.draft != text {
            self.history.push(&self.draft);
            self.will(Effect::Keep(Shelf::History, self.history.to_text()));
        }
        self.write(text);
        self.will(Effect::Focus);
    }

    fn write(&mut self, text: String) {
        self.composing = false;
        self.held = false;
        self.tab_moves_on = false;
        self.completion = None;
        self.advice = Advice::on(&text);
        self.keep(Shelf::Draft, &text);
        self.draft.clone_from(&text);
        self.will(Effect::Write(text));
    }

    fn message(&mut self, direction: Direction, text: String) -> Message {
        let id = self.next_id;
        self.next_id += 1;
        Message { id, direction, text, opening: None, correction: None }
    }
}

#[cfg(test)]
mod tests;
