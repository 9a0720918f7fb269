//! The page's state, and everything that can happen to it.
//!
//! [`Model::update`] takes what happened and says what to do about it. It
//! touches no document, no socket and no clock, so that a lesson full of
//! broken connections can be played through in a test.

use protocol::Decoder;
use protocol::command::{Change, Command, Stage};

use crate::advice::{self, Advice};
use crate::appearance::{Language, Theme};
use crate::completion::Completion;
use crate::connection::{Connection, PATIENCE, wait};
use crate::history::History;
use crate::keyboard::Key;
use crate::lesson::{Lesson, Outcome, Seen, Step};
use crate::liveness::{AWAY, LATE, Liveness, Verdict};
use crate::marks::{Mark, marks, without_pen};
use crate::offline::Handler;
use crate::offline::Notebook;
use crate::tabs::{Panel, Panels, Turn};
use crate::words::{Note, Slot, Word};

/// The most names remembered for Tab: two classes.
const NAMES: usize = 100;

/// Attempts that fail before a page that never had a server answers by itself:
/// one alone may be a server that is just starting.
const PATIENT_ATTEMPTS: u32 = 2;

/// The close code of a conversation that is over as it should be.
const NORMAL_CLOSURE: u16 = 1000;

/// What a browser says of a connection that broke, or never was.
const BROKEN: u16 = 1006;

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
    /// The words of a language came, or could not be had.
    Fetched {
        /// Whether they came.
        found: bool,
    },
    /// The steps of the lesson came.
    Taught(Vec<Step>),
    /// The server sent a text.
    Received(String),
    /// The connection is gone, or could not be made.
    Closed {
        /// The close code.
        code: u16,
        /// The reason that came with it.
        reason: String,
    },
    /// The connection has an extension, which may change frames on their way.
    Extended,
    /// The time the model asked to be woken at has come.
    Woken,
    /// The network is back.
    Returned,
    /// The page has come to the front, or is hidden behind another one.
    Looked {
        /// Whether it can be seen.
        here: bool,
        /// Milliseconds of the wall clock. Other than the model's it goes on
        /// while the device sleeps, and it may jump.
        wall: u64,
    },
    /// The request that [`Effect::CheckServer`] asked for has ended.
    Checked {
        /// Whether the server answered it.
        alive: bool,
    },
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
    /// A message was chosen to be sent at once.
    Commanded(String),
    /// The one-tap fix was taken.
    Mended,
    /// An unanswered message is wanted back.
    TakenBack {
        /// Which.
        id: u32,
    },
    /// A message was chosen to be looked at.
    Picked(Pick),
    /// The cut of the lab for sticky packets went through a character.
    Split,
    /// A step of the lesson was chosen.
    WentTo(String),
    /// The next step was asked for.
    WentOn,
    /// The lesson shall begin again, with nothing done.
    StartedOver,
    /// An answer to one of the lesson's questions was chosen.
    Answered {
        /// The question's name.
        question: String,
        /// Whether it was the right one.
        right: bool,
    },
    /// A panel's tab was pressed, or a link to it.
    Shown(Panel),
    /// A key was pressed on the tabs.
    Turned(Turn),
    /// The screen became wide, or narrow.
    Resized {
        /// Whether there is room for three panels at once.
        wide: bool,
    },
    /// Something happened in a side panel that only itself knows of, and is to be
    /// shown.
    Refresh,
    /// The server says where raw TCP clients connect.
    Classroom {
        /// The address that is bound, if it is not all of the server's.
        host: Option<String>,
        /// The port.
        port: u16,
    },
    /// The switch between the server and the page was pressed.
    SwitchedMode,
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
    /// Ask the server for a sign of life with a fresh request.
    CheckServer,
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
    /// Move to the tab that is selected.
    FocusTab,
    /// Move to the step that is open.
    FocusStep,
    /// The key has been used; the browser shall do nothing more with it.
    Swallow,
    /// Remember something beyond a reload.
    Keep(Shelf, String),
    /// Ask where raw TCP clients connect.
    AskClassroom,
    /// Get the words of a language.
    Fetch(Language),
    /// Say everything in the words that came.
    Speak,
    /// Show how far the student is in the lesson.
    Guide,
    /// Say that the page has no words.
    Fail,
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
    /// The panel in front, as long as the tab lives.
    Panel,
    /// How far the student is in the lesson, for good.
    Progress,
}

/// Where the server listens for raw TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address; an IPv6 one with or without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Something that happened to a connection, for the sequence picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: What,
    /// Who was at the other end.
    pub peer: Mode,
    /// When, in the model's milliseconds.
    pub at: u64,
}

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// There is one.
    Opened,
    /// The message of this id went over it.
    Said(u32),
    /// The server said Close, with this code and reason.
    Closed(u16, String),
    /// The page gave it up.
    Left,
    /// It is gone, without a word.
    Broken,
    /// Nobody answered.
    Failed,
}

/// Which message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    Message(u32),
    /// This one, and its bytes shall be seen.
    Bytes(u32),
    /// The one before.
    Back,
    /// The one after.
    On,
    /// Whichever is the newest.
    Newest,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server.
    Server,
    /// This page, and no byte leaves it.
    Page,
}

/// A line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts from 0 over all conversations of the page.
    pub id: u32,
    /// Who said it.
    pub direction: Direction,
    /// Whether it went over the wire.
    pub mode: Mode,
    /// All of its text, line ends included.
    pub text: String,
    /// What stands above it.
    pub opening: Option<Note>,
    /// What the red pen writes below it.
    pub correction: Option<Note>,
}

/// What is remembered of a message that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub direction: Direction,
    /// Whether it went over the wire.
    pub mode: Mode,
    /// Whether a conversation began with it.
    pub is_greeting: bool,
    /// All of its text.
    pub text: String,
}

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The student.
    Sent,
    /// The server, or the page in its place.
    Received,
}

/// The strip above the input, while there is no connection to a server.
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
    /// The page answers by itself.
    Page,
    /// The conversation with the page is over.
    PageEnded,
}

/// What a page remembers from before a reload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remembered<'a> {
    /// [`Shelf::Draft`]
    pub draft: &'a str,
    /// [`Shelf::History`]
    pub history: &'a str,
    /// [`Shelf::Panel`]
    pub panel: &'a str,
    /// [`Shelf::Progress`]
    pub progress: &'a str,
}

/// A message that has not got all its answers.
#[derive(Debug)]
struct Unanswered {
    id: u32,
    text: String,
    /// What still waits for an answer in it, in order: as many as it has
    /// lines. An `exit` waits for the end of the conversation.
    asks: Vec<String>,
    /// What has come so far.
    replies: Vec<String>,
    since: u64,
    noted: bool,
}

/// The state of the page.
#[derive(Debug)]
pub struct Model {
    host: String,
    mode: Mode,
    /// The server in the page.
    handler: Handler,
    connection: Connection,
    /// Whether a server has ever said `Welcome!`.
    had_server: bool,
    /// Attempts that failed since the last `Welcome!`.
    failures: u32,
    /// What the next `Welcome!` means.
    greeting: Word,
    next_id: u32,
    /// Oldest first: replies come in the order of the messages. Hardly ever
    /// more than a few.
    unanswered: Vec<Unanswered>,
    /// Reads what is sent as the server does, to know which answers to expect.
    decoder: Decoder,
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
    panels: Panels,
    /// Since when the page is hidden behind another one, if it is: in the model's
    /// milliseconds and in those of the wall clock.
    hidden: Option<(u64, u64)>,
    liveness: Liveness,
    /// Whether the last connection was given up because nothing came on it any
    /// more, and there is no new one yet.
    unreachable: bool,
    /// Every message that was shown; its id is its place.
    said: Vec<Said>,
    /// Where the newest conversation begins in it.
    beginning: usize,
    /// How the server ended the newest conversation, if it did.
    farewell: Option<(u16, String)>,
    /// Whether an extension may have changed the frames.
    extended: bool,
    /// The message that is looked at, if it is not the newest.
    picked: Option<u32>,
    /// What happened to the connections, for the sequence picture.
    events: Vec<Event>,
    lesson: Lesson,
    /// How far the student was before the page was opened.
    progress: String,
    tcp: Address,
    language: Language,
    /// The language that the page speaks.
    spoken: Option<Language>,
    /// Whether the other language was asked for in vain; the hint says so.
    speechless: bool,
    /// What is to be done at the end of the running update.
    effects: Vec<Effect>,
}

impl Model {
    /// A page that has just been opened, talking to `host`, with room for
    /// three panels at once or not.
    pub fn new(host: &str, wide: bool, language: Language, remembered: Remembered<'_>) -> Self {
        Model {
            host: host.to_string(),
            mode: Mode::Server,
            handler: Handler::new(Stage::Contacts),
            had_server: false,
            connection: Connection::Ended,
            failures: 0,
            greeting: Word::NoteConnected,
            next_id: 0,
            unanswered: Vec::new(),
            decoder: Decoder::new(Stage::Contacts),
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
            panels: Panels::first(remembered.panel, wide),
            hidden: None,
            liveness: Liveness::default(),
            unreachable: false,
            said: Vec::new(),
            beginning: 0,
            farewell: None,
            extended: false,
            picked: None,
            events: Vec::new(),
            lesson: Lesson::new(Vec::new()),
            progress: remembered.progress.to_string(),
            tcp: Address { host: "127.0.0.1".to_string(), port: 9999 },
            language,
            spoken: None,
            speechless: false,
            effects: Vec::new(),
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: Msg, moment: Moment) -> Vec<Effect> {
        let now = moment.millis;
        match msg {
            Msg::Opened => self.will(Effect::Fetch(self.language)),
            Msg::Fetched { found: true } => {
                self.will(Effect::Speak);
                if self.spoken.replace(self.language).is_none() {
                    self.begin(now);
                }
            }
            Msg::Fetched { found: false } => match self.spoken {
                Some(spoken) => {
                    self.speechless = true;
                    self.language = spoken;
                    self.keep(Shelf::Language, spoken.tag());
                }
                None => self.will(Effect::Fail),
            },
            Msg::Received(text) => self.receive(text, now),
            Msg::Closed { code, reason } => self.close(code, reason, moment),
            Msg::Extended => self.extended = true,
            Msg::Taught(steps) => {
                self.lesson = Lesson::new(steps);
                self.lesson.restore(&self.progress);
                self.will(Effect::Guide);
            }
            Msg::Woken => self.wake(moment),
            Msg::Returned => {
                self.hurry(now);
                self.suspect(moment);
            }
            Msg::Looked { here: false, wall } => {
                self.hidden.get_or_insert((now, wall));
            }
            Msg::Looked { here: true, wall } => {
                self.hurry(now);
                if let Some((since, wall_since)) = self.hidden.take()
                    && (now - since).max(wall.saturating_sub(wall_since)) >= AWAY
                {
                    self.suspect(moment);
                }
            }
            Msg::Checked { alive } => {
                if let Some(owed) = self.owed() {
                    let verdict = self.liveness.checked(alive, owed, now);
                    self.judge(verdict, moment);
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
            Msg::Submitted => self.submit(now),
            Msg::Chosen(text) => self.replace_draft(text),
            Msg::Commanded(text) => self.command(text, now),
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
            Msg::Picked(pick) => self.pick(pick),
            Msg::Split => self.see(Seen::Split),
            Msg::WentTo(name) => {
                self.lesson.turn_to(&name);
                self.turn_page();
            }
            Msg::WentOn => {
                self.lesson.go_on();
                self.turn_page();
            }
            Msg::StartedOver => {
                self.lesson.start_over();
                // Nor are the explanations open any more.
                self.will(Effect::Speak);
                self.turn_page();
            }
            Msg::Answered { question, right } => {
                self.see(Seen::Chosen { question: &question, right });
            }
            Msg::Shown(panel) => {
                self.show_panel(panel);
                self.will(Effect::FocusTab);
            }
            Msg::Turned(turn) => {
                self.panels.turn(turn);
                self.show_panel(self.panels.selected());
                self.will(Effect::FocusTab);
            }
            Msg::Resized { wide } => self.panels.resize(wide),
            Msg::Refresh => {}
            Msg::Classroom { host, port } => {
                // What is bound to all addresses answers where the page came from.
                let host = host.unwrap_or_else(|| self.hostname().to_string());
                self.tcp = Address { host, port };
            }
            Msg::SwitchedMode => {
                let (mode, greeting) = match self.mode {
                    Mode::Server => (Mode::Page, Word::NotePage),
                    Mode::Page if self.had_server => (Mode::Server, Word::NoteNew),
                    Mode::Page => (Mode::Server, Word::NoteConnected),
                };
                self.switch(mode, greeting, now);
            }
            Msg::SwitchedLanguage => {
                self.speechless = false;
                self.language = self.language.other();
                self.will(Effect::Fetch(self.language));
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
        let check = self.owed().and_then(|owed| self.liveness.due(owed));
        let due = [connection, late, check].into_iter().flatten().min()?;
        Some(due.saturating_sub(now))
    }

    /// Where the connection stands.
    pub fn connection(&self) -> Connection {
        self.connection
    }

    /// Who answers.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the page has been given words.
    pub fn speaks(&self) -> bool {
        self.spoken.is_some()
    }

    /// Which panels can be seen. One that cannot needs no work.
    pub fn panels(&self) -> Panels {
        self.panels
    }

    /// The book of the page, where the page answers.
    pub fn notebook(&self) -> &Notebook {
        self.handler.book()
    }

    /// Whether somebody looks at the page, and a server has a book to show: one
    /// that has never answered has none, and one that was given up tells nothing.
    pub fn can_follow(&self) -> bool {
        let is_there = self.had_server && !self.unreachable;
        self.hidden.is_none() && self.mode == Mode::Server && is_there
    }

    /// Every message that was shown; its id is its place.
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// The message that is looked at, if it is not the newest.
    pub fn picked(&self) -> Option<u32> {
        self.picked
    }

    /// The code and the reason of the Close with which the server ended the
    /// newest conversation.
    pub fn farewell(&self) -> Option<&(u16, String)> {
        self.farewell.as_ref()
    }

    /// Whether the frames can be known: nothing but the message is in them.
    pub fn knows_frames(&self) -> bool {
        !self.extended
    }

    /// Whether an input method composes in the input.
    pub fn is_composing(&self) -> bool {
        self.composing
    }

    /// The messages of the newest conversation.
    pub fn conversation(&self) -> &[Said] {
        &self.said[self.beginning..]
    }

    /// What happened to the connections, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The lesson, and how far the student is in it.
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// Where raw TCP clients connect: where the lesson says, until the server
    /// says it itself.
    pub fn tcp(&self) -> &Address {
        &self.tcp
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
        if self.speechless {
            return Advice::calm(Note::new(Word::SameLanguage));
        }
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
        if self.mode == Mode::Page {
            let ended = self.connection == Connection::Ended;
            return Some(if ended { Strip::PageEnded } else { Strip::Page });
        }
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

    /// The host without its port.
    fn hostname(&self) -> &str {
        match self.host.rsplit_once(':') {
            // The colons within brackets are an address's own.
            Some((name, _)) if !self.host.ends_with(']') => name,
            _ => &self.host,
        }
    }

    /// Notes what happened to the connection. Attempts that fail one after
    /// another leave one mark.
    fn note(&mut self, what: What, now: u64) {
        let again = what == What::Failed
            && self.events.last().is_some_and(|last| last.what == What::Failed);
        if !again {
            self.events.push(Event { what, peer: self.mode, at: now });
        }
    }

    /// With a connection to a server: since when the oldest message without an
    /// answer waits for one, if there is one.
    fn owed(&self) -> Option<Option<u64>> {
        let is_open = self.mode == Mode::Server && self.connection == Connection::Open;
        is_open.then(|| self.unanswered.first().map(|sent| sent.since))
    }

    /// The network may have changed under an open connection.
    fn suspect(&mut self, moment: Moment) {
        if self.owed().is_some() {
            let verdict = self.liveness.suspect(moment.millis);
            self.judge(verdict, moment);
        }
    }

    fn judge(&mut self, verdict: Verdict, moment: Moment) {
        match verdict {
            Verdict::Wait => {}
            Verdict::Check => self.will(Effect::CheckServer),
            Verdict::GiveUp => {
                self.unreachable = true;
                self.close(BROKEN, String::new(), moment);
            }
        }
    }

    /// Waits no longer for the next attempt.
    fn hurry(&mut self, now: u64) {
        if let Connection::Waiting { .. } = self.connection {
            self.connect(now);
        }
    }

    /// Tells the lesson what happened.
    fn see(&mut self, seen: Seen<'_>) {
        if self.lesson.see(seen) != Outcome::Nothing {
            self.guide();
        }
    }

    fn guide(&mut self) {
        self.will(Effect::Guide);
        self.will(Effect::Keep(Shelf::Progress, self.lesson.keep()));
    }

    fn turn_page(&mut self) {
        self.guide();
        self.will(Effect::FocusStep);
    }

    /// What a page does as soon as it can speak.
    fn begin(&mut self, now: u64) {
        if !self.draft.is_empty() {
            self.will(Effect::Write(self.draft.clone()));
        }
        self.connect(now);
    }

    fn connect(&mut self, now: u64) {
        self.decoder = Decoder::new(Stage::Contacts);
        self.connection = Connection::Connecting { since: now };
        match self.mode {
            Mode::Server => self.will(Effect::Connect),
            Mode::Page => {
                let greeting = self.handler.greet();
                self.receive(greeting, now);
            }
        }
    }

    /// Begins a conversation with the other one who can answer.
    fn switch(&mut self, mode: Mode, greeting: Word, now: u64) {
        self.will(Effect::Disconnect);
        if self.connection == Connection::Open {
            self.note(What::Left, now);
        }
        self.leaving = None;
        self.lose_unanswered(None);
        self.mode = mode;
        self.lesson.change_book();
        self.greeting = greeting;
        self.failures = 0;
        self.connect(now);
    }

    fn receive(&mut self, text: String, now: u64) {
        let mut message = self.message(Direction::Received, text);
        self.liveness.hear(now);
        if let Connection::Connecting { .. } = self.connection {
            self.beginning = self.said.len();
            self.farewell = None;
            self.note(What::Opened, now);
            // Whatever a server says first is its greeting.
            self.connection = Connection::Open;
            self.failures = 0;
            self.held = false;
            let note = Note::new(self.greeting);
            message.opening = Some(match self.mode {
                Mode::Server => note.with(Slot::Host, self.host.as_str()),
                Mode::Page => note,
            });
            if self.mode == Mode::Server {
                self.had_server = true;
                self.unreachable = false;
                self.will(Effect::AskClassroom);
            }
            self.show(message, now);
            self.see(Seen::Greeted);
            return;
        }
        let mut answered = None;
        if let Some(sent) = self.unanswered.first_mut() {
            let ask = sent.asks.remove(0);
            sent.replies.push(message.text.clone());
            if sent.asks.is_empty() {
                let sent = self.unanswered.remove(0);
                if sent.noted {
                    self.will(Effect::Unannotate { id: sent.id });
                }
                answered = Some(sent);
            }
            message.correction = advice::correct(&ask, &message.text);
            self.learn_name(&ask, &message.text);
        }
        self.show(message, now);
        if let Some(Unanswered { text, replies, .. }) = answered {
            self.see(Seen::Answered { sent: &text, replies: &replies });
        }
    }

    fn show(&mut self, message: Message, now: u64) {
        self.note(What::Said(message.id), now);
        self.said.push(Said {
            direction: message.direction,
            mode: message.mode,
            is_greeting: message.opening.is_some(),
            text: message.text.clone(),
        });
        self.will(Effect::Show(message));
    }

    /// Remembers a name that is in the book, for Tab.
    fn learn_name(&mut self, sent: &str, reply: &str) {
        let name = match Command::parse(sent, Stage::Contacts) {
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

    fn close(&mut self, code: u16, reason: String, moment: Moment) {
        self.will(Effect::Disconnect);
        let what = match self.connection {
            Connection::Open if code == BROKEN => What::Broken,
            Connection::Open => {
                if self.mode == Mode::Server {
                    self.farewell = Some((code, reason.clone()));
                }
                What::Closed(code, reason)
            }
            _ => What::Failed,
        };
        self.note(what, moment.millis);
        let ended = self.leaving.take().filter(|_| code == NORMAL_CLOSURE);
        self.lose_unanswered(ended);
        if ended.is_some() {
            self.connection = Connection::Ended;
            self.greeting = match self.mode {
                Mode::Server => Word::NoteNew,
                Mode::Page => Word::NotePage,
            };
            self.see(Seen::Closed);
            return;
        }
        if self.connection == Connection::Open {
            self.greeting = Word::NoteReconnected;
        }
        let until = moment.millis + wait(self.failures, moment.jitter);
        self.failures = self.failures.saturating_add(1);
        self.connection = Connection::Waiting { since: moment.millis, until };
        if !self.had_server && self.failures == PATIENT_ATTEMPTS {
            self.switch(Mode::Page, Word::NoteNoServer, moment.millis);
        }
    }

    /// Says at every message without its answers why none will come: `ended`
    /// is the one that ended the conversation.
    fn lose_unanswered(&mut self, ended: Option<u32>) {
        for Unanswered { id, text, replies, .. } in std::mem::take(&mut self.unanswered) {
            let is_lost = Some(id) != ended;
            if !is_lost {
                self.see(Seen::Answered { sent: &text, replies: &replies });
            }
            let word = if is_lost { Word::NoteLost } else { Word::NoteEnded };
            let take_back = is_lost && is_one_line(&text);
            self.will(Effect::Annotate { id, note: Note::new(word), take_back });
            if take_back {
                self.lost.push((id, text));
            }
        }
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
                self.close(BROKEN, String::new(), moment);
            }
            _ => {
                if let Some(owed) = self.owed() {
                    let verdict = self.liveness.wake(owed, now);
                    self.judge(verdict, moment);
                }
            }
        }
    }

    fn typed(&mut self, text: String, composing: bool) {
        self.composing = composing;
        let changed = text != self.draft;
        if !composing {
            self.held &= !changed;
            self.speechless &= !changed;
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
                    self.submit(now);
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

    /// Sends what stands in the input.
    fn submit(&mut self, now: u64) {
        if self.draft.is_empty() {
            if self.connection == Connection::Ended {
                self.connect(now);
            }
        } else if self.can_send() {
            let text = std::mem::take(&mut self.draft);
            self.write(String::new());
            self.history.push(&text);
            self.will(Effect::Keep(Shelf::History, self.history.to_text()));
            self.send(text, now);
        } else {
            self.held = true;
        }
    }

    /// Sends a message that stands on a button, or says why it cannot be sent.
    fn command(&mut self, text: String, now: u64) {
        // On a narrow screen the button stands in another panel. A step shows
        // the answer itself, but not how to begin what `exit` has ended.
        let is_told = self.panels.shows(Panel::Steps)
            && self.can_send()
            && Command::parse(&text, Stage::Contacts) != Ok(Command::Exit);
        if !self.panels.shows(Panel::Talk) && !is_told {
            self.show_panel(Panel::Talk);
            self.will(Effect::FocusTab);
        }
        if self.can_send() {
            if is_one_line(&text) {
                self.history.push(&text);
                self.will(Effect::Keep(Shelf::History, self.history.to_text()));
            }
            self.send(text, now);
        } else {
            if is_one_line(&text) {
                self.replace_draft(text);
            }
            self.held = true;
        }
    }

    fn send(&mut self, text: String, now: u64) {
        let message = self.message(Direction::Sent, text.clone());
        let id = message.id;
        self.picked = None;
        self.show(message, now);

        let (asks, exits) = self.asks_in(&text);
        if exits {
            self.leaving = Some(id);
        }
        if !asks.is_empty() {
            let text = text.clone();
            let replies = Vec::new();
            self.unanswered.push(Unanswered { id, text, asks, replies, since: now, noted: false });
        }
        match self.mode {
            Mode::Server => self.will(Effect::Transmit(text)),
            Mode::Page => {
                let (replies, closed) = self.handler.answer(&text);
                for reply in replies {
                    self.receive(reply, now);
                }
                if closed {
                    let moment = Moment { millis: now, jitter: 0 };
                    self.close(NORMAL_CLOSURE, String::new(), moment);
                }
            }
        }
    }

    /// What is to be answered in a text that is sent, and whether an `exit` is
    /// the last of it.
    fn asks_in(&mut self, text: &str) -> (Vec<String>, bool) {
        self.decoder.push(text.as_bytes());
        self.decoder.close();
        let mut asks = Vec::new();
        let mut exits = false;
        while !exits && let Some(message) = self.decoder.next_message() {
            // One that is too long to be kept is a mistake as the whole text.
            let ask = message.text.unwrap_or(text);
            exits = matches!(Command::parse(ask, Stage::Contacts), Ok(Command::Exit));
            asks.push(ask.to_string());
        }
        self.decoder.compact();
        (asks, exits)
    }

    fn pick(&mut self, pick: Pick) {
        let end = self.said.len() as u32;
        let picked = match pick {
            Pick::Message(id) => id,
            Pick::Bytes(id) => {
                self.show_panel(Panel::Wire);
                id
            }
            Pick::Back => self.picked.unwrap_or(end).saturating_sub(1),
            Pick::On => self.picked.map_or(end, |id| id + 1),
            Pick::Newest => end,
        };
        self.picked = (picked < end).then_some(picked);
    }

    fn show_panel(&mut self, panel: Panel) {
        self.panels.choose(panel);
        self.keep(Shelf::Panel, panel.id());
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
        self.speechless = false;
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
        Message { id, direction, mode: self.mode, text, opening: None, correction: None }
    }
}

/// Whether a text can stand in the input, which would drop line ends.
fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r'])
}

#[cfg(test)]
pub(crate) mod tests;
