//! The state machine of one run: what happened goes in, what is to be done comes out.

mod conclude;
mod links;
mod program;
mod reach;
mod resolve;
mod steps;
#[cfg(test)]
mod tests;
mod wait;

use core::time::Duration;
use std::collections::VecDeque;

use self::links::{LinkState, Links};
use self::program::{Process, Program};
use self::wait::Wait;
use super::answer::Wanted;
use super::cast::Cast;
use super::checks::{CHECKS, CheckName, Person};
use super::diagnosis::Diagnosis;
use super::event::{Action, Conn, Event};
use super::python::Source;
use super::stage::{Exchange, Finding, Stage};

/// How many exchanges and bytes of each stage are kept to be shown.
const MAX_EXCHANGES: usize = 16;
const MAX_SHOWN: usize = 4 * 1024;

/// How a run is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// What names and phones are made from; printed, so that a run can be repeated.
    pub seed: u64,
    /// The text of the student's file, if it is at hand.
    pub source: Option<String>,
    /// The name of that file, as tracebacks have it.
    pub file: Option<String>,
    /// The port that connections go to.
    pub port: u16,
    /// Whether the driver starts and stops the server. If not, it must be running.
    pub can_restart: bool,
    /// How long an answer may take. The lesson's server sleeps a second.
    pub timeout: Duration,
    /// How long the program may take to listen once it is started.
    pub start_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 0,
            source: None,
            file: None,
            port: 9999,
            can_restart: false,
            timeout: Duration::from_secs(3),
            // Python on a cold Windows laptop with a virus scanner.
            start_timeout: Duration::from_secs(15),
        }
    }
}

/// One run of all checks on one server.
#[derive(Debug)]
pub struct Grader {
    options: Options,
    cast: Cast,
    source: Option<Source>,
    stages: Vec<Stage>,
    /// The check that is being carried out, and the step in it.
    at: usize,
    step: usize,
    wait: Wait,
    links: Links,
    program: Program,
    server: Server,
    last: Last,
    /// A note on a step of the current check.
    note: Option<Finding>,
    /// What happened to a conversation that should have gone on.
    interruption: Option<Diagnosis>,
    actions: VecDeque<Action>,
    now: Duration,
    begun: Duration,
    /// The time that the driver was held up, which counts against no server.
    held_up: Duration,
    /// The deadline that was put off last because of that.
    put_off: Option<Duration>,
    is_over: bool,
}

/// What is known about the server's ways.
#[derive(Debug, Default)]
struct Server {
    /// Whether it greets; unknown at first.
    greets: Option<bool>,
    /// Whether it greets as the lesson's does, to the letter.
    greets_exactly: bool,
    is_by_lines: bool,
    is_one_answer_each: bool,
    is_classroom: bool,
    /// Whether an extra check has ended it, where it cannot be started again.
    is_gone: bool,
    /// Whether the port was seen to be free before the first start.
    is_probed: bool,
    needs_restart: bool,
    /// An exception follows each answer.
    dies_after_answer: bool,
    /// The program ended by itself, and no check has been blamed for it yet.
    has_died: bool,
    /// Whom it should know.
    contacts: Vec<Person>,
    /// The verbs that it has answered.
    answered: Vec<String>,
}

/// The last message and what became of it.
#[derive(Debug, Default)]
struct Last {
    sent: Vec<u8>,
    wanted: Option<Wanted>,
    actual: Vec<u8>,
    at: Duration,
    /// What the server may have stumbled over before it.
    provocation: Option<Vec<u8>>,
}

impl Grader {
    /// A run that has not begun. Call [`tick`](Grader::tick) to begin.
    pub fn new(options: Options) -> Self {
        let source = options.source.as_deref().map(Source::new);
        let is_by_lines = source.as_ref().is_some_and(Source::reads_lines);
        Grader {
            cast: Cast::new(options.seed),
            source,
            stages: CHECKS.iter().map(Stage::new).collect(),
            at: 0,
            step: 0,
            wait: Wait::Nothing,
            links: Links::default(),
            program: Program::default(),
            server: Server { is_by_lines, ..Server::default() },
            last: Last::default(),
            note: None,
            interruption: None,
            actions: VecDeque::new(),
            now: Duration::ZERO,
            begun: Duration::ZERO,
            held_up: Duration::ZERO,
            put_off: None,
            is_over: false,
            options,
        }
    }

    /// Something happened at `now`, the time since any fixed moment.
    pub fn handle(&mut self, event: Event, now: Duration) {
        self.look_at_clock(now);
        match event {
            Event::Started => self.program.process = Process::Running,
            Event::Exited { .. } => {
                self.server.has_died |= self.program.is_up() && !self.program.is_stopping;
                self.program.process = Process::Exited;
            }
            Event::Printed(text) => self.program.print(&text),
            Event::Stderr(text) => self.program.complain(&text, self.now),
            Event::Connected(conn) => self.set_state(conn, LinkState::Open),
            Event::Refused(conn) => self.set_state(conn, LinkState::Refused),
            Event::Received(conn, bytes) => {
                self.links.received(conn, &bytes, self.now);
                if self.links.find(conn).is_some() {
                    self.record(bytes);
                }
            }
            Event::Closed(conn) | Event::Reset(conn) => {
                if self.links.ended(conn) {
                    self.actions.push_back(Action::Abort(conn));
                }
            }
        }
        self.advance();
    }

    /// Time has passed: it is `now`. Call this once to begin, and then whenever the
    /// [`deadline`](Grader::deadline) is over.
    pub fn tick(&mut self, now: Duration) {
        self.look_at_clock(now);
        self.advance();
    }

    /// When to [`tick`](Grader::tick) if nothing happens before.
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_over { None } else { self.due().map(|due| due + self.held_up) }
    }

    /// Takes the time. Where that is long past the deadline the driver did not run
    /// meanwhile (a machine that is overloaded, a laptop that was asleep), and what the
    /// server said in time is not handed over yet: the end of the wait is put off, once.
    fn look_at_clock(&mut self, now: Duration) {
        /// As late as no timer is on a machine that keeps up.
        const LATE: Duration = Duration::from_millis(200);
        /// To hand over what has come: many times what that takes.
        const GRACE: Duration = Duration::from_millis(100);
        let mut now = now.saturating_sub(self.held_up);
        if let Some(due) = self.due().filter(|due| now > *due + LATE && self.put_off != Some(*due))
        {
            let resumed = due.saturating_sub(GRACE).max(self.now);
            self.held_up += now - resumed;
            (self.put_off, now) = (Some(due), resumed);
        }
        self.now = self.now.max(now);
    }

    /// The next thing to do. Ask after every `handle` and `tick` until there is none.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// All checks, in order, with what became of them so far.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whether the run is over. The last actions, which leave nothing behind, may still
    /// have to be carried out.
    pub fn is_done(&self) -> bool {
        self.is_over
    }

    /// Whether all required checks are passed.
    pub fn passed(&self) -> bool {
        self.stages.iter().filter(|stage| stage.required).all(|stage| stage.state.is_passed())
    }

    /// Whether the classroom's own server was recognised. Its run is no student's
    /// homework.
    pub fn is_classroom(&self) -> bool {
        self.server.is_classroom
    }

    /// Whether the extra checks have ended a server that was not started by this run.
    pub fn has_ended_server(&self) -> bool {
        self.server.is_gone
    }

    /// How long the check that is being carried out has been waiting for the server.
    pub fn waits(&self) -> Duration {
        self.now.saturating_sub(self.last.at.max(self.begun))
    }

    /// What names and phones were made from.
    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    /// Ends the run now, as when the student's side is gone. What has not been
    /// carried out is skipped.
    pub fn cancel(&mut self) {
        self.finish();
    }

    fn set_state(&mut self, conn: Conn, state: LinkState) {
        if let Some(link) = self.links.find(conn) {
            link.state = state;
            link.heard = self.now;
        }
    }

    /// Keeps what came to be shown, each `recv` by itself.
    fn record(&mut self, bytes: Vec<u8>) {
        let Some(stage) = self.stages.get_mut(self.at) else { return };
        let shown: usize = stage.exchanges.iter().flat_map(|e| &e.chunks).map(Vec::len).sum();
        if shown + bytes.len() > MAX_SHOWN {
            return;
        }
        match stage.exchanges.last_mut() {
            Some(exchange) => exchange.chunks.push(bytes),
            None => stage.exchanges.push(Exchange { sent: Vec::new(), chunks: vec![bytes] }),
        }
    }

    /// Goes on until there is something to wait for.
    fn advance(&mut self) {
        while !self.is_over {
            if matches!(self.wait, Wait::Nothing) {
                self.begin();
            } else if !self.resolve() {
                return;
            }
        }
    }

    fn check(&self) -> CheckName {
        CHECKS[self.at].name
    }

    fn stage(&self, name: CheckName) -> &Stage {
        self.stages.iter().find(|stage| stage.name == name).expect("every check has its stage")
    }

    fn stage_mut(&mut self, name: CheckName) -> &mut Stage {
        self.stages.iter_mut().find(|stage| stage.name == name).expect("every check has its stage")
    }

    /// Ends the run: nothing is left open, nothing is left running.
    fn finish(&mut self) {
        if self.is_over {
            return;
        }
        self.skip_rest();
        self.wait = Wait::Nothing;
        // Before the process is stopped: if its side ended first, `TIME_WAIT` would
        // stay on its port.
        self.actions.extend(self.links.drain().into_iter().map(Action::Abort));
        if self.options.can_restart && self.program.is_up() {
            self.program.is_stopping = true;
            self.actions.push_back(Action::Stop);
        }
        self.is_over = true;
    }
}
