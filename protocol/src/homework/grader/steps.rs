//! Beginning a step: what it needs first, and what it sends.

use core::time::Duration;

use super::links::{Link, LinkState};
use super::program::Process;
use super::wait::{Purpose, Question, STOP, STUMBLE, Wait};
use super::{Grader, MAX_EXCHANGES};
use crate::homework::answer::Wanted;
use crate::homework::cause::Cause;
use crate::homework::checks::{CHECKS, CheckName, Expected, Person, Provocation, Seat, Step};
use crate::homework::diagnosis::Symptom;
use crate::homework::event::Action;
use crate::homework::stage::{Exchange, State};

/// How often the program is started in one run: once, and once more for each of the
/// checks that it may not survive.
const MAX_STARTS: usize = 16;

/// Bytes that are neither UTF-8 nor GBK, nor the beginning of any other protocol.
const GARBAGE: &[u8] = b"\xFF\xFE\x80\x00\xFF";

/// What only the classroom's own server answers with an explanation of the wide mark;
/// to a student's it is a message like any other.
pub(super) const RECOGNITION: &str = "find；nobody";
pub(super) const RECOGNISED: &str = "Error: the ；";

impl Grader {
    /// Begins the next step, or the next check.
    pub(super) fn begin(&mut self) {
        let Some(check) = CHECKS.get(self.at) else { return self.finish() };
        if self.stages[self.at].is_settled() {
            return self.next_check();
        }
        if self.stages[self.at].state == State::Waiting {
            if self.is_hopeless() {
                self.stages[self.at].state = State::Skipped;
                return self.next_check();
            }
            self.stages[self.at].state = State::Running;
            self.begun = self.now;
            if self.program.traceback(None).is_none() {
                self.program.mark();
            }
        }
        let Some(step) = check.steps.get(self.step) else { return self.pass() };
        self.carry_out(*step);
    }

    /// Whether this check could only fail for a reason that is known.
    fn is_hopeless(&self) -> bool {
        let failed =
            |name: &CheckName| matches!(self.stage(*name).state, State::Failed | State::Skipped);
        let cause = |name| self.stage(name).finding.as_ref().map(|finding| finding.cause);
        let is_unreachable = cause(CheckName::Greeting)
            .is_some_and(|cause| !matches!(cause, Cause::NoGreeting | Cause::OtherGreeting));
        let is_echo = cause(CheckName::Add) == Some(Cause::EchoOnly)
            && !matches!(self.check(), CheckName::Conversation | CheckName::Exit);
        // Each answer ends the program, and with it what it knows.
        let is_lost = self.server.dies_after_answer && self.check() != CheckName::Conversation;
        CHECKS[self.at].after.iter().any(failed) || is_unreachable || is_echo || is_lost
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Open(seat) => self.open_anew(seat),
            Step::Greeting(seat) => {
                if self.is_connected(seat) {
                    self.wait = Wait::Greeting { seat, until: self.now + self.options.patience };
                }
            }
            // That the next client is greeted can be told without `find`, too.
            Step::Ask(..)
                if self.check() == CheckName::NextClient
                    && self.stage(CheckName::Find).state == State::Failed =>
            {
                self.step += 1;
            }
            Step::Ask(seat, text, expected) => {
                let is_unchanged = self.stage(CheckName::Overwrite).state == State::Skipped;
                let expected = match expected {
                    Expected::Exact("{phone}") if is_unchanged => Expected::Exact("{old phone}"),
                    expected => expected,
                };
                if self.is_ready(seat) {
                    self.ask(seat, text, expected, Purpose::Step);
                }
            }
            Step::Judge(expected) => self.judge_again(expected),
            Step::Recognise => self.recognise(),
            Step::AskAndFinish(text, expected) => {
                if self.is_ready(Seat::Main) {
                    self.ask(Seat::Main, text, expected, Purpose::Step);
                    self.finish_writing(Seat::Main);
                }
            }
            Step::Provoke(provocation) => {
                if self.is_ready(Seat::Main) {
                    self.provoke(provocation);
                }
            }
            Step::Exit => {
                if self.is_ready(Seat::Main) {
                    let message = self.message("exit");
                    self.send(Seat::Main, message);
                    self.await_end(true);
                }
            }
            Step::HangUp => {
                let is_read = !self.server.is_one_answer_each;
                if is_read && self.links.get(Seat::Main).is_some_and(Link::is_open) {
                    self.finish_writing(Seat::Main);
                    self.await_end(false);
                } else {
                    self.step += 1;
                }
            }
            Step::AskAndReset(text) => {
                if self.is_ready(Seat::Main) {
                    let message = self.message(text);
                    self.send(Seat::Main, message.clone());
                    self.last.provocation = Some(message);
                    let link = self.links.take(Seat::Main).expect("it was ready");
                    self.actions.push_back(Action::Abort(link.conn));
                    self.step += 1;
                }
            }
        }
    }

    /// Whether there is a greeted connection to a server that knows the check's
    /// contacts. If not, what is missing is begun.
    fn is_ready(&mut self, seat: Seat) -> bool {
        if !self.is_connected(seat) {
            return false;
        }
        let link = self.links.get(seat).expect("it is connected");
        if !link.is_greeted && self.server.greets != Some(false) {
            self.wait = Wait::Greeting { seat, until: self.now + self.options.patience };
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
        self.wait = Wait::Connecting { seat, until: self.now + self.options.patience };
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
            self.wait = Wait::Probe { until: self.now + self.options.patience };
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
        let until = self.now + self.start_patience();
        self.wait = Wait::Listening { until, retry: None };
        false
    }

    /// How long the program may take to listen: shorter where its file says that it
    /// listens elsewhere.
    fn start_patience(&self) -> Duration {
        let is_elsewhere = self.evidence_is_elsewhere();
        let patience = self.options.start_patience;
        if is_elsewhere { patience.min(self.options.patience) } else { patience }
    }

    /// A step that wants a new connection. The one before is left.
    fn open_anew(&mut self, seat: Seat) {
        let is_new = |link: &Link| link.is_open() && link.answered == 0 && !link.may_end;
        if self.links.get(seat).is_some_and(|link| !is_new(link)) {
            self.leave(seat);
        }
        if !self.is_connected(seat) {
            return;
        }
        let link = self.links.get(seat).expect("it is connected");
        let patience = self.patience();
        let awaits = self.check() != CheckName::Connect && self.server.greets == Some(true);
        if awaits && !link.is_greeted {
            self.wait = Wait::Greeting { seat, until: self.now + patience };
            return;
        }
        self.step += 1;
    }

    /// Leaves a connection politely, without waiting for the server's end.
    pub(super) fn leave(&mut self, seat: Seat) {
        let Some(link) = self.links.take(seat) else { return };
        // A program that has ended, or is about to, ends its side first; then ours must
        // not be ended as well.
        let is_ending =
            self.options.can_restart && (self.server.needs_restart || !self.program.is_up());
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
    fn patience(&self) -> Duration {
        /// Longer than the second that the lesson's server sleeps.
        const NOTE: Duration = Duration::from_millis(1800);
        /// For a file without `sleep`.
        const NOTE_AWAKE: Duration = Duration::from_millis(700);
        if !matches!(self.check(), CheckName::TwoClients | CheckName::Echo) {
            return self.options.patience;
        }
        let never_sleeps = self.source.as_ref().is_some_and(|file| !file.contains("sleep("));
        self.options.patience.min(if never_sleeps { NOTE_AWAKE } else { NOTE })
    }

    /// A message's bytes, ended as this server needs it.
    fn message(&self, text: &str) -> Vec<u8> {
        let mut message = self.cast.fill(text).into_bytes();
        if self.server.is_by_lines && !message.ends_with(b"\n") {
            message.push(b'\n');
        }
        message
    }

    pub(super) fn ask(&mut self, seat: Seat, text: &str, expected: Expected, purpose: Purpose) {
        let message = self.message(text);
        self.send(seat, message);
        let wanted = Wanted::new(expected, &self.cast);
        // Any answer does here, and this one it should be.
        let shown = match self.check() {
            CheckName::Answers => Wanted::new(Expected::Words("{name} added!"), &self.cast),
            _ => wanted.clone(),
        };
        self.last.wanted = Some(shown);
        self.program.forget_printed();
        self.remember(text);
        self.wait = Wait::Answer(Question {
            seat,
            wanted,
            until: self.now + self.patience(),
            purpose,
            is_line_ended: false,
        });
    }

    /// Whom the server knows once it has answered.
    fn remember(&mut self, text: &str) {
        let contacts = &mut self.server.contacts;
        for (slot, person) in [
            (";{name}", Person::First),
            (";{other}", Person::Other),
            (";{chinese}", Person::Chinese),
        ] {
            if text.starts_with("add") && text.contains(slot) && !contacts.contains(&person) {
                contacts.push(person);
            }
            if text.starts_with("remove") && text.contains(slot) {
                contacts.retain(|known| *known != person);
            }
        }
    }

    /// Sends bytes. What was not read before belongs to nothing.
    pub(super) fn send(&mut self, seat: Seat, bytes: Vec<u8>) {
        let Some(link) = self.links.get_mut(seat) else { return };
        link.unread.clear();
        let conn = link.conn;
        let exchanges = &mut self.stages[self.at].exchanges;
        if exchanges.len() < MAX_EXCHANGES {
            exchanges.push(Exchange { sent: bytes.clone(), chunks: Vec::new() });
        }
        self.last.sent = bytes.clone();
        self.last.wanted = None;
        self.last.actual.clear();
        self.last.at = self.now;
        self.actions.push_back(Action::Send(conn, bytes));
    }

    fn finish_writing(&mut self, seat: Seat) {
        let Some(link) = self.links.get_mut(seat) else { return };
        link.may_end = true;
        link.is_finished = true;
        self.actions.push_back(Action::FinishWriting(link.conn));
    }

    fn await_end(&mut self, is_exit: bool) {
        if let Some(link) = self.links.get_mut(Seat::Main) {
            link.may_end = true;
        }
        self.wait = Wait::End { until: self.now + self.options.patience, is_exit };
    }

    fn judge_again(&mut self, expected: Expected) {
        let wanted = Wanted::new(expected, &self.cast);
        let actual = self.last.actual.clone();
        self.last.wanted = Some(wanted.clone());
        match wanted.judge(&actual) {
            crate::homework::answer::Judgement::Right(note) => self.step_done(note),
            _ => self.fail(Symptom::WrongAnswer),
        }
    }

    /// Asks what only the classroom's server explains, if everything so far was as
    /// from there.
    fn recognise(&mut self) {
        /// The classroom's answers at once unless it is told to pause; the lesson's
        /// sleeps a second.
        const AT_ONCE: Duration = Duration::from_millis(900);
        let link = self.links.get(Seat::Main);
        let is_open = link.is_some_and(|link| link.is_open() && !self.server.is_one_answer_each);
        let looks_like_it = self.server.greets_exactly
            && self.last.actual == self.cast.fill("{name} added!").as_bytes()
            && self.now.saturating_sub(self.last.at) < AT_ONCE;
        if self.options.can_restart || !is_open || !looks_like_it {
            self.step += 1;
            return;
        }
        let actual = core::mem::take(&mut self.last.actual);
        self.send(Seat::Main, RECOGNITION.into());
        // The next step judges the answer before.
        self.last.actual = actual;
        self.last.sent = self.message("add;{name};{old phone}");
        self.wait = Wait::Recognition { until: self.now + AT_ONCE };
    }

    fn provoke(&mut self, provocation: Provocation) {
        let mut message = match provocation {
            Provocation::Text(text) => self.message(text),
            Provocation::Garbage => GARBAGE.to_vec(),
        };
        if self.server.is_by_lines && !message.ends_with(b"\n") {
            message.push(b'\n');
        }
        self.send(Seat::Main, message.clone());
        self.last.provocation = Some(message);
        if let Some(link) = self.links.get_mut(Seat::Main) {
            // Whatever the answer is, it is one.
            link.answered += 1;
        }
        self.wait = Wait::Stumble { until: self.now + STUMBLE };
    }
}
