//! Beginning a step: what it needs first, and what it sends.

use core::time::Duration;

use super::links::Link;
use super::wait::{Purpose, Question, STUMBLE, Wait};
use super::{Grader, MAX_EXCHANGES};
use crate::homework::answer::{Judgement, Wanted};
use crate::homework::cause::Cause;
use crate::homework::checks::{CHECKS, CheckName, Expected, Person, Provocation, Seat, Step};
use crate::homework::diagnosis::Symptom;
use crate::homework::event::Action;
use crate::homework::stage::{Exchange, State};

/// Bytes that are neither UTF-8 nor GBK, nor the beginning of any other protocol.
const GARBAGE: &[u8] = b"\xFF\xFE\x80\x00\xFF";

/// What only the classroom's own server answers with an explanation of the wide mark;
/// to a student's it is a message like any other.
pub(super) const RECOGNITION: &str = "find；nobody";
pub(super) const RECOGNISED: &str = "Error: the ；";

impl Grader {
    /// Begins the next step, or the next check.
    pub(super) fn begin(&mut self) {
        let Some(check) = CHECKS.get(self.at) else { return self.look_again() };
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
            // One of which only the first lines have come is about this check as well.
            if !self.program.has_raised() {
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
        // Other words are a note, with its cause, and no obstacle.
        let is_unreachable = self.stage(CheckName::Greeting).state == State::Failed
            && cause(CheckName::Greeting) != Some(Cause::NoGreeting);
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
                    self.wait = Wait::Greeting { seat, until: self.now + self.options.timeout };
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
            until: self.now + self.timeout(),
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
        // There is none once all checks are done.
        if let Some(stage) = self.stages.get_mut(self.at)
            && stage.exchanges.len() < MAX_EXCHANGES
        {
            stage.exchanges.push(Exchange { sent: bytes.clone(), chunks: Vec::new() });
        }
        self.last.sent = bytes.clone();
        self.last.wanted = None;
        self.last.actual.clear();
        self.last.at = self.now;
        self.actions.push_back(Action::Send(conn, bytes));
    }

    /// Ends a conversation with a server that is to go on as it was, as the lesson's
    /// clients do: by `exit`. Our own end must not cross the server's, which would leave
    /// `TIME_WAIT` at its port.
    pub(super) fn part(&mut self) {
        let Some(link) = self.links.get_mut(Seat::Main).filter(|link| link.is_open()) else {
            return;
        };
        link.may_end = true;
        self.send(Seat::Main, b"exit".to_vec());
    }

    /// Ends our side for a server that does not know `exit`. Returns whether that was
    /// left to do.
    pub(super) fn part_unheard(&mut self) -> bool {
        let is_left = self.links.get(Seat::Main).is_some_and(|link| !link.is_finished);
        if is_left {
            self.finish_writing(Seat::Main);
        }
        is_left
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
        self.wait = Wait::End { until: self.now + self.options.timeout, is_exit };
    }

    fn judge_again(&mut self, expected: Expected) {
        let wanted = Wanted::new(expected, &self.cast);
        let actual = self.last.actual.clone();
        self.last.wanted = Some(wanted.clone());
        match wanted.judge(&actual) {
            Judgement::Right(note) => self.step_done(note),
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
