//! The conversation: the connection, the messages, the replies that are awaited,
//! and the offline handler in place of a server.
//!
//! It opens no socket and reads no clock: what is to be done comes back as
//! [`ConversationOutput`]s.

mod answers;
mod liveness;
mod log;
mod messages;
mod pending;

use protocol::command::Stage;

pub use self::log::{ConnectionEvent, EventKind, Log, LogEntry};
pub use self::messages::{
    ConversationEffect, ConversationMsg, ConversationOutput, Message, StatusBar,
};
use web::core::clock::{Moment, sooner};
use web::core::connection::{CONNECT_TIMEOUT, Connection, refused_delay, retry_delay};
use web::core::hints;
use web::core::i18n::{Placeholder, Text, TextKey};
use web::core::liveness::{LATE, Liveness};
use web::core::message::{Address, Direction, Mode};
use web::core::offline::Handler;
use web::core::version::Comparison;

use self::pending::{Pending, PendingMessage};

/// Attempts that fail before a page that never had a server answers by itself:
/// one alone may be a server that is just starting.
const PATIENT_ATTEMPTS: u32 = 2;

/// The close code of a conversation that ended as it should (RFC 6455, section
/// 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;

/// The close code that a browser reports when there was no Close frame.
const BROKEN: u16 = 1006;

/// State of the conversation.
#[derive(Debug)]
pub struct Conversation {
    host: String,
    mode: Mode,
    /// Which student's server that is, as it is shown; empty for the class's.
    server: String,
    /// Answers in place of a server.
    offline: Handler,
    connection: Connection,
    /// Whether a server has ever said `Welcome!`.
    had_server: bool,
    /// Attempts that failed since the last `Welcome!`.
    failures: u32,
    /// What the next `Welcome!` means.
    greeting: TextKey,
    /// Why there is no connection, as the status bar says it.
    why: TextKey,
    /// The id of the `Welcome!` that came last.
    welcome: u32,
    next_id: u32,
    pending: Pending,
    /// The id of the `exit` that was sent, while the server has not closed yet.
    leaving: Option<u32>,
    /// Lines that were never answered and may be restored, by message id.
    lost: Vec<(u32, String)>,
    log: Log,
    /// Since when the page is hidden behind another one, if it is: in the model's
    /// milliseconds and in those of the wall clock.
    hidden: Option<(u64, u64)>,
    liveness: Liveness,
    /// Whether the last connection was given up because nothing came on it any
    /// more, and there is no new one yet.
    is_unreachable: bool,
    /// Whether an extension may have changed the frames.
    has_extension: bool,
    tcp: Address,
    /// What the server does.
    stage: Stage,
    outputs: Vec<ConversationOutput>,
}

impl Conversation {
    /// No connection yet; the page came from `host`.
    pub fn new(host: &str) -> Self {
        Conversation {
            host: host.to_string(),
            mode: Mode::Server,
            server: String::new(),
            offline: Handler::new(Stage::Contacts),
            connection: Connection::Ended,
            had_server: false,
            failures: 0,
            greeting: TextKey::NoteConnected,
            why: TextKey::StatusRetry,
            welcome: 0,
            next_id: 0,
            pending: Pending::default(),
            leaving: None,
            lost: Vec::new(),
            log: Log::default(),
            hidden: None,
            liveness: Liveness::default(),
            is_unreachable: false,
            has_extension: false,
            tcp: Address { host: "127.0.0.1".to_string(), port: 9999 },
            stage: Stage::Contacts,
            outputs: Vec::new(),
        }
    }

    /// Takes what happened and returns what comes of it, in order.
    pub fn update(&mut self, msg: ConversationMsg, moment: Moment) -> Vec<ConversationOutput> {
        let now = moment.millis;
        match msg {
            ConversationMsg::Connect => self.connect(now),
            ConversationMsg::Reconnect => {
                if let Connection::Waiting { .. } | Connection::Ended = self.connection {
                    self.connect(now);
                    self.outputs.push(ConversationOutput::InputWanted);
                }
            }
            ConversationMsg::Send(text) => self.send(text, now),
            ConversationMsg::Received(text) => self.receive(text, now),
            ConversationMsg::Closed { code, reason } => self.close(code, reason, moment),
            ConversationMsg::ExtensionNegotiated => self.has_extension = true,
            ConversationMsg::TimerFired => self.wake(moment),
            ConversationMsg::NetworkOnline => {
                self.stop_waiting(now);
                self.suspect(moment);
            }
            ConversationMsg::VisibilityChanged { is_visible, wall } => {
                self.change_visibility(is_visible, wall, moment);
            }
            ConversationMsg::ServerChecked { alive } => {
                if let Some(owed) = self.owed() {
                    let verdict = self.liveness.checked(alive, owed, now);
                    self.act_on(verdict, moment);
                }
            }
            ConversationMsg::ClassroomFetched { page, host, port, stage } => {
                if let Some(host) = page.and_then(|page| page.split('/').nth(2).map(String::from)) {
                    self.host = host;
                }
                // What is bound to all addresses answers where the page came from.
                let host = host.unwrap_or_else(|| self.hostname().to_string());
                self.tcp = Address { host, port };
                self.set_stage(stage);
            }
            ConversationMsg::StageTold(stage) if stage != self.stage => self.set_stage(stage),
            ConversationMsg::StageTold(_) => {}
            ConversationMsg::VersionCompared(version) => self.act_on_version(version),
            ConversationMsg::ModeSwitched => {
                let (mode, greeting) = match self.mode {
                    Mode::Server => (Mode::Page, TextKey::NotePage),
                    Mode::Page if self.had_server => (Mode::Server, TextKey::NoteNew),
                    Mode::Page => (Mode::Server, TextKey::NoteConnected),
                };
                self.switch(mode, greeting, now);
            }
            ConversationMsg::ServerChosen(server) => {
                // The button for the way back is gone with the press on it.
                let is_back = server.is_empty();
                self.server = server;
                self.switch(Mode::Server, TextKey::NoteNew, now);
                if is_back {
                    self.outputs.push(ConversationOutput::InputWanted);
                }
            }
            ConversationMsg::MessageRestored { id } => {
                if let Some((_, text)) = self.lost.iter().find(|(lost, _)| *lost == id) {
                    self.outputs.push(ConversationOutput::Restored(text.clone()));
                }
            }
        }
        std::mem::take(&mut self.outputs)
    }

    /// How many milliseconds from now [`ConversationMsg::TimerFired`] is due, if
    /// at all.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let connection = match self.connection {
            Connection::Connecting { since } => Some(since + CONNECT_TIMEOUT),
            // Every second, for the countdown, in step with its end.
            Connection::Waiting { until, .. } => {
                let left = until.saturating_sub(now);
                Some(until - left.saturating_sub(1) / 1000 * 1000)
            }
            Connection::Open | Connection::Ended => None,
        };
        let late = self.pending.next_late(LATE);
        let check = self.owed().and_then(|owed| self.liveness.due(owed));
        sooner(connection, sooner(late, check)).map(|due| due.saturating_sub(now))
    }

    fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        self.outputs.push(ConversationOutput::StageChanged);
    }

    /// Has the page opened anew if the server has another version of it, or says
    /// below the greeting that this was in vain.
    fn act_on_version(&mut self, version: Comparison) {
        // The answer may come after a switch to practice, which goes on.
        if self.mode == Mode::Page {
            return;
        }
        match version {
            Comparison::Same => {}
            Comparison::Other(query) => self.effect(ConversationEffect::Reopen(query)),
            Comparison::Stale => self.effect(ConversationEffect::Annotate {
                id: self.welcome,
                note: Text::new(TextKey::NoteStale),
                is_restorable: false,
            }),
        }
    }

    fn effect(&mut self, effect: ConversationEffect) {
        self.outputs.push(ConversationOutput::Effect(effect));
    }

    /// The host without its port.
    fn hostname(&self) -> &str {
        match self.host.rsplit_once(':') {
            // The colons within brackets are an address's own.
            Some((name, _)) if !self.host.ends_with(']') => name,
            _ => &self.host,
        }
    }

    fn note(&mut self, kind: EventKind, now: u64) {
        self.log.note(kind, self.mode, now);
    }

    fn connect(&mut self, now: u64) {
        self.pending.reset_decoder();
        self.connection = Connection::Connecting { since: now };
        match self.mode {
            Mode::Server => self.effect(ConversationEffect::Connect),
            Mode::Page => {
                let greeting = self.offline.greet();
                self.receive(greeting, now);
            }
        }
    }

    /// Begins a conversation with the other one who can answer.
    fn switch(&mut self, mode: Mode, greeting: TextKey, now: u64) {
        self.effect(ConversationEffect::Disconnect);
        if self.connection == Connection::Open {
            self.note(EventKind::Left, now);
        }
        self.leaving = None;
        self.give_up_pending(None);
        self.mode = mode;
        self.outputs.push(ConversationOutput::BookChanged);
        self.outputs.push(ConversationOutput::StageChanged);
        self.greeting = greeting;
        self.failures = 0;
        self.connect(now);
    }

    fn send(&mut self, text: String, now: u64) {
        let message = self.message(Direction::Sent, text.clone());
        let id = message.id;
        self.outputs.push(ConversationOutput::Sent);
        self.show(message, now);
        if self.pending.push(id, &text, now).exits {
            self.leaving = Some(id);
        }
        match self.mode {
            Mode::Server => self.effect(ConversationEffect::Send(text)),
            Mode::Page => {
                let (replies, closed) = self.offline.answer(&text);
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

    fn receive(&mut self, text: String, now: u64) {
        self.liveness.hear(now);
        let message = self.message(Direction::Received, text);
        if let Connection::Connecting { .. } = self.connection {
            // Whatever a server says first is its greeting.
            self.open(message, now);
            return;
        }
        let matched = self.pending.reply(&message.text);
        let mut message = message;
        let mut complete = None;
        if let Some(matched) = matched {
            if let Some(PendingMessage { id, is_noted: true, .. }) = matched.complete {
                self.effect(ConversationEffect::RemoveAnnotation { id });
            }
            message.correction = hints::explain_reply(&matched.command, &message.text);
            // The teacher may switch the stage at any time.
            if self.mode == Mode::Server
                && let Some(stage) = hints::stage_of(&matched.command, &message.text)
                && stage != self.stage
            {
                self.set_stage(stage);
            }
            self.outputs.push(ConversationOutput::Replied {
                command: matched.command,
                reply: message.text.clone(),
            });
            complete = matched.complete;
        }
        self.show(message, now);
        if let Some(PendingMessage { text, replies, .. }) = complete {
            self.outputs.push(ConversationOutput::Completed { sent: text, replies });
        }
    }

    fn open(&mut self, mut greeting: Message, now: u64) {
        self.log.begin();
        self.note(EventKind::Opened, now);
        self.connection = Connection::Open;
        self.welcome = greeting.id;
        self.failures = 0;
        // A student's server may wait to be spoken to, which an empty message says.
        let is_silent = greeting.text.is_empty();
        let note = Text::new(if is_silent { TextKey::NoteSilent } else { self.greeting });
        greeting.opening = Some(match self.mode {
            Mode::Server => note.with(Placeholder::Host, self.host()),
            Mode::Page => note,
        });
        if self.mode == Mode::Server {
            self.had_server = true;
            self.is_unreachable = false;
            self.effect(ConversationEffect::FetchClassroom);
        }
        self.show(greeting, now);
        self.outputs.push(ConversationOutput::Opened);
    }

    fn show(&mut self, message: Message, now: u64) {
        // A server that does not greet has sent nothing.
        if !message.text.is_empty() {
            self.note(EventKind::Message(message.id), now);
        }
        self.log.add(LogEntry {
            direction: message.direction,
            mode: message.mode,
            is_greeting: message.opening.is_some(),
            text: message.text.clone(),
        });
        self.effect(ConversationEffect::Show(message));
    }

    fn message(&mut self, direction: Direction, text: String) -> Message {
        let id = self.next_id;
        self.next_id += 1;
        Message { id, direction, mode: self.mode, text, opening: None, correction: None }
    }

    fn close(&mut self, code: u16, reason: String, moment: Moment) {
        self.effect(ConversationEffect::Disconnect);
        let kind = match self.connection {
            Connection::Open if code == BROKEN => EventKind::Broken,
            Connection::Open => {
                if self.mode == Mode::Server {
                    self.log.set_close_reason(code, &reason);
                }
                EventKind::Closed(code, reason)
            }
            _ => EventKind::Failed,
        };
        self.note(kind, moment.millis);
        let ended = self.leaving.take().filter(|_| code == NORMAL_CLOSURE);
        self.give_up_pending(ended);
        if ended.is_some() {
            self.connection = Connection::Ended;
            self.why = TextKey::StatusEnded;
            self.greeting = match self.mode {
                Mode::Server => TextKey::NoteNew,
                Mode::Page => TextKey::NotePage,
            };
            self.outputs.push(ConversationOutput::Ended);
            return;
        }
        if code == api::CLOSED_NO_SERVER {
            self.connection = Connection::Ended;
            self.server.clear();
            return self.switch(Mode::Server, TextKey::NoteBack, moment.millis);
        }
        // A page that came back by itself would make the teacher's click worthless.
        if code == api::CLOSED_BY_TEACHER {
            self.connection = Connection::Ended;
            self.why = TextKey::StatusRemoved;
            self.greeting = TextKey::NoteNew;
            return;
        }
        self.why = match code {
            api::CLOSED_BLOCKED => TextKey::StatusBlocked,
            api::CLOSED_DOOR => TextKey::StatusDoor,
            _ => TextKey::StatusRetry,
        };
        if self.connection == Connection::Open {
            self.greeting = TextKey::NoteReconnected;
        }
        let delay = if self.why == TextKey::StatusRetry {
            let delay = retry_delay(self.failures, moment.jitter);
            self.failures = self.failures.saturating_add(1);
            delay
        } else {
            // A server that refuses is there.
            self.failures = 0;
            refused_delay(moment.jitter)
        };
        let until = moment.millis + delay;
        self.connection = Connection::Waiting { since: moment.millis, until };
        if !self.had_server && self.failures == PATIENT_ATTEMPTS {
            self.switch(Mode::Page, TextKey::NoteNoServer, moment.millis);
        }
    }

    /// Notes at every message without its replies why none will come: `ended` is
    /// the id of the one that ended the conversation.
    fn give_up_pending(&mut self, ended: Option<u32>) {
        for PendingMessage { id, text, replies, .. } in self.pending.take() {
            let is_lost = Some(id) != ended;
            let word = if is_lost { TextKey::NoteLost } else { TextKey::NoteEnded };
            let is_restorable = is_lost && is_one_line(&text);
            if !is_lost {
                let sent = text.clone();
                self.outputs.push(ConversationOutput::Completed { sent, replies });
            }
            let note = Text::new(word);
            self.effect(ConversationEffect::Annotate { id, note, is_restorable });
            if is_restorable {
                self.lost.push((id, text));
            }
        }
    }

    fn wake(&mut self, moment: Moment) {
        let now = moment.millis;
        for id in self.pending.note_late(LATE, now) {
            let note =
                Text::new(TextKey::NoteLate).with(Placeholder::Seconds, (LATE / 1000).to_string());
            self.effect(ConversationEffect::Annotate { id, note, is_restorable: false });
        }
        match self.connection {
            Connection::Waiting { until, .. } if until <= now => self.connect(now),
            Connection::Connecting { since } if since + CONNECT_TIMEOUT <= now => {
                self.close(BROKEN, String::new(), moment);
            }
            _ => {
                if let Some(owed) = self.owed() {
                    let verdict = self.liveness.wake(owed, now);
                    self.act_on(verdict, moment);
                }
            }
        }
    }

    /// Begins the next attempt now, if it is waited for.
    fn stop_waiting(&mut self, now: u64) {
        if let Connection::Waiting { .. } = self.connection {
            self.connect(now);
        }
    }
}

/// Whether a text can stand in the input, which would drop line ends.
pub fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r'])
}
