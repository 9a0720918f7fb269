//! What a step needs first: a program that runs, a connection, its greeting, and the
//! contacts that the check is about.

use core::time::Duration;

use super::Grader;
use super::links::{Link, LinkState};
use super::program::Process;
use super::wait::{ASIDE, Purpose, STOP, Wait};
use crate::homework::checks::{CHECKS, CheckName, Expected, Person, Seat};
use crate::homework::diagnosis::Symptom;
use crate::homework::event::Action;
use crate::homework::stage::{Stage, State};

/// How often the program is started in one run: once, and once more for each of the
/// checks that it may not survive.
const MAX_STARTS: usize = 16;

impl Grader {
    /// Whether there is a greeted connection to a server that knows the check's
    /// contacts. If not, what is missing is begun.
    pub(super) fn is_ready(&mut self, seat: Seat) -> bool {
        if !self.is_connected(seat) {
            return false;
        }
        let link = self.links.get(seat).expect("it is connected");
        if !link.is_greeted && self.server.greets != Some(false) {
            self.wait = Wait::Greeting { seat, until: self.now + self.options.timeout };
            return false;
        }
        let wanted = CHECKS[self.at].contacts.iter();
        let unknown = wanted.copied().find(|person| !self.server.contacts.contains(person));
        let Some(person) = unknown else { return true };
        let text = match (person, self.check()) {
            (Person::First, CheckName::Overwrite) => "add;{name};{old phone}",
            (Person::First, _) => "add;{name};{phone}",
            (Person::Other, _) => "add;{other};{other phone}",
            (Person::Chinese, _) => "add;{chinese};{chinese phone}",
        };
        self.ask(seat, text, Expected::Anything, Purpose::Restock(person));
        false
    }

    /// Whether a connection is open. If not, one is begun, and the program first.
    pub(super) fn is_connected(&mut self, seat: Seat) -> bool {
        if self.server.has_died {
            self.died_between();
            return false;
        }
        if self.options.can_restart && !self.is_running() {
            return false;
        }
        if let Some(link) = self.links.get(seat) {
            let is_spent = self.server.is_one_answer_each && link.answered > 0;
            match link.state {
                LinkState::Open if is_spent || link.may_end => self.leave(seat),
                LinkState::Open => return true,
                _ if link.may_end => drop(self.links.take(seat)),
                _ => {
                    self.links.take(seat);
                    if self.has_ended_between() {
                        return false;
                    }
                }
            }
        }
        self.connect(seat);
        self.wait = Wait::Connecting { seat, until: self.now + self.options.timeout };
        false
    }

    pub(super) fn connect(&mut self, seat: Seat) {
        let conn = self.links.open(seat, self.now);
        self.actions.push_back(Action::Connect(conn));
    }

    /// Whether the program runs and is fit for this check. If not, it is started.
    fn is_running(&mut self) -> bool {
        if self.server.needs_restart && self.program.is_up() {
            self.actions.extend(self.links.drain().into_iter().map(Action::Abort));
            self.program.is_stopping = true;
            self.actions.push_back(Action::Stop);
            self.wait = Wait::Stopping { until: self.now + STOP };
            return false;
        }
        if self.program.is_up() {
            return true;
        }
        if !self.server.is_probed {
            self.server.is_probed = true;
            self.connect(Seat::Main);
            self.wait = Wait::Probe { until: self.now + self.options.timeout };
            return false;
        }
        if self.program.starts == MAX_STARTS {
            self.fail(Symptom::End);
            self.finish();
            return false;
        }
        self.actions.extend(self.links.drain().into_iter().map(Action::Abort));
        self.server.needs_restart = false;
        self.server.contacts.clear();
        self.program.mark();
        self.program.starts += 1;
        self.program.is_stopping = false;
        self.program.process = Process::Starting;
        self.actions.push_back(Action::Start);
        let until = self.now + self.start_timeout();
        self.wait = Wait::Listening { until, retry: None };
        false
    }

    /// How long the program may take to listen: shorter where its file says that it
    /// listens elsewhere.
    fn start_timeout(&self) -> Duration {
        let is_elsewhere = self.evidence_is_elsewhere();
        let timeout = self.options.start_timeout;
        if is_elsewhere { timeout.min(self.options.timeout) } else { timeout }
    }

    /// A step that wants a new connection. The one before is left.
    pub(super) fn open_anew(&mut self, seat: Seat) {
        let is_new = |link: &Link| link.is_open() && link.answered == 0 && !link.may_end;
        if self.links.get(seat).is_some_and(|link| !is_new(link)) {
            self.leave(seat);
        }
        if !self.is_connected(seat) {
            return;
        }
        let link = self.links.get(seat).expect("it is connected");
        let timeout = self.timeout();
        let awaits = self.check() != CheckName::Connect && self.server.greets == Some(true);
        if awaits && !link.is_greeted {
            self.wait = Wait::Greeting { seat, until: self.now + timeout };
            return;
        }
        self.step += 1;
    }

    /// Behind the last check: what an extra check may have ended must be started again,
    /// unless this run starts it.
    pub(super) fn look_again(&mut self) {
        let has_failed = |stage: &Stage| !stage.required && stage.state == State::Failed;
        if self.options.can_restart || !self.stages.iter().any(has_failed) {
            return self.finish();
        }
        self.leave(Seat::Main);
        self.connect(Seat::Main);
        self.wait = Wait::StillThere { until: self.now + ASIDE };
    }

    /// Leaves a connection politely, without waiting for the server's end.
    pub(super) fn leave(&mut self, seat: Seat) {
        let Some(link) = self.links.take(seat) else { return };
        // A program that has ended, or is about to, ends its side first; then ours must
        // not be ended as well.
        let has_started = self.options.can_restart && self.program.starts > 0;
        let is_ending = has_started && (self.server.needs_restart || !self.program.is_up());
        match link.state {
            LinkState::Open if is_ending => self.actions.push_back(Action::Abort(link.conn)),
            LinkState::Open => {
                if !link.is_finished {
                    self.actions.push_back(Action::FinishWriting(link.conn));
                }
                self.links.leave(link.conn);
            }
            LinkState::Connecting => self.actions.push_back(Action::Abort(link.conn)),
            LinkState::Refused | LinkState::Ended => {}
        }
    }

    /// How long the server may be silent in this check. Where silence is worth a note
    /// and no failure, it need not be as sure.
    pub(super) fn timeout(&self) -> Duration {
        /// Longer than the second that the lesson's server sleeps.
        const NOTE: Duration = Duration::from_millis(1800);
        /// For a file without `sleep`.
        const NOTE_AWAKE: Duration = Duration::from_millis(700);
        if !matches!(self.check(), CheckName::TwoClients | CheckName::Echo) {
            return self.options.timeout;
        }
        let never_sleeps = self.source.as_ref().is_some_and(|file| !file.contains("sleep("));
        self.options.timeout.min(if never_sleeps { NOTE_AWAKE } else { NOTE })
    }
}
