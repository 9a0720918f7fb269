//! Whether what is waited for has happened, and what follows from it.

use core::time::Duration;

use super::Grader;
use super::links::{Link, LinkState};
use super::program::Process;
use super::steps::{RECOGNISED, RECOGNITION};
use super::wait::{
    ASIDE, BEHIND_ANSWER, BEHIND_TRACEBACK, BEHIND_WRONG, EVIDENCE, Purpose, Question, RETRY, Wait,
};
use crate::homework::answer::Judgement;
use crate::homework::cause::Cause;
use crate::homework::checks::{CHECKS, CheckName, Seat, Step};
use crate::homework::diagnosis::Symptom;
use crate::homework::event::Action;
use crate::homework::stage::{Finding, State};

/// How long after the end of a connection an exception is looked for, where the end
/// was due.
const AFTERMATH: Duration = Duration::from_millis(150);

/// Bytes that are shown of what comes without end: more than the longest answer has.
const SHOWN_OF_FLOOD: usize = 128;

impl Grader {
    /// When what is waited for is given up, or is complete.
    pub(super) fn due(&self) -> Option<Duration> {
        let heard = |seat, span| {
            let link = self.links.get(seat).filter(|link| !link.unread.is_empty());
            link.map(|link| link.heard + span)
        };
        Some(match &self.wait {
            Wait::Nothing => self.now,
            Wait::Probe { until }
            | Wait::Connecting { until, .. }
            | Wait::ProbeEnd { until }
            | Wait::StillThere { until }
            | Wait::Stumble { until }
            | Wait::Stopping { until }
            | Wait::Recognition { until } => *until,
            Wait::ProbeAnswer { until, .. } => {
                heard(Seat::Main, BEHIND_ANSWER).map_or(*until, |due| due.min(*until))
            }
            Wait::Listening { until, retry } => retry.map_or(*until, |retry| retry.min(*until)),
            Wait::Greeting { seat, until } => {
                heard(*seat, BEHIND_ANSWER).map_or(*until, |due| due.min(*until))
            }
            Wait::Answer(question) => self.answer_due(question),
            Wait::Evidence { until, .. } => match self.has_traceback() {
                true => (self.program.complained + BEHIND_TRACEBACK).min(*until),
                false => *until,
            },
            Wait::End { until, .. } => self.traceback_due().map_or(*until, |due| due.min(*until)),
        })
    }

    fn answer_due(&self, question: &Question) -> Duration {
        let Some(link) = self.links.get(question.seat) else { return self.now };
        // The first answer, which may be any, is judged by its words in the check behind.
        let judged_next = self.last.wanted.as_ref().map(|wanted| wanted.judge(&link.unread));
        let is_half = judged_next == Some(Judgement::Unfinished);
        let due = match question.wanted.judge(&link.unread) {
            Judgement::Right(_) if is_half => link.heard + 2 * BEHIND_WRONG,
            Judgement::Right(_) => link.heard + BEHIND_ANSWER,
            Judgement::Wrong => link.heard + BEHIND_WRONG,
            Judgement::Unfinished if link.unread.is_empty() => question.until,
            Judgement::Unfinished if question.wanted.is_of_several() => {
                (link.heard + self.options.timeout).max(question.until)
            }
            Judgement::Unfinished => link.heard + 2 * BEHIND_WRONG,
        };
        // What trickles without end is judged as it is.
        let due = due.min(question.until + 2 * self.options.timeout);
        // One of a client before may have ended a thread of its own.
        match self.has_traceback() && self.last.provocation.is_none() {
            true => due.min(self.program.complained + BEHIND_TRACEBACK),
            false => due,
        }
    }

    fn has_traceback(&self) -> bool {
        self.program.traceback(self.options.file.as_deref()).is_some()
    }

    /// When a traceback that has begun is taken to be printed to its end: Python writes
    /// its last line in pieces, the class of the exception first, and what an `OSError` is
    /// about stands behind that. Nothing once it is.
    fn traceback_due(&self) -> Option<Duration> {
        let due = self.program.complained + BEHIND_TRACEBACK;
        (self.program.is_up() && self.has_traceback() && self.now < due).then_some(due)
    }

    /// Whether something that was waited for is over; then the next is begun.
    pub(super) fn resolve(&mut self) -> bool {
        let wait = core::mem::replace(&mut self.wait, Wait::Nothing);
        if let Wait::Greeting { .. } | Wait::Answer(_) | Wait::End { .. } | Wait::Stumble { .. } =
            &wait
            && let Some(flood) = self.links.flood()
        {
            self.last.actual = flood[..SHOWN_OF_FLOOD].to_vec();
            let is_left = matches!(wait, Wait::End { is_exit: false, .. });
            self.conclude(if is_left { Symptom::NotNoticed } else { Symptom::Flood });
            // No answer could be told from the rest.
            self.finish();
            return true;
        }
        match wait {
            Wait::Nothing => true,
            Wait::Probe { until } => self.resolve_probe(until),
            Wait::ProbeAnswer { until, is_asked } => self.resolve_probe_answer(until, is_asked),
            Wait::ProbeEnd { until } => {
                let is_open = self.links.get(Seat::Main).is_some_and(Link::is_open);
                if is_open && self.now < until {
                    return self.keep(Wait::ProbeEnd { until });
                }
                if is_open && self.part_unheard() {
                    return self.keep(Wait::ProbeEnd { until: self.now + ASIDE });
                }
                // What was said for this is no part of a check.
                if let Some(stage) = self.stages.get_mut(self.at) {
                    stage.exchanges.clear();
                }
                self.finish();
                true
            }
            Wait::StillThere { until } => self.resolve_still_there(until),
            Wait::Listening { until, retry } => self.resolve_listening(until, retry),
            Wait::Connecting { seat, until } => self.resolve_connecting(seat, until),
            Wait::Greeting { seat, until } => self.resolve_greeting(seat, until),
            Wait::Answer(question) => self.resolve_answer(question),
            Wait::Recognition { until } => self.resolve_recognition(until),
            Wait::End { until, is_exit } => self.resolve_end(until, is_exit),
            Wait::Stumble { until } => {
                let link = self.links.get(Seat::Main);
                if self.now < until && link.is_some_and(Link::is_open) {
                    return self.keep(Wait::Stumble { until });
                }
                self.step += 1;
                true
            }
            Wait::Evidence { until, symptom } => {
                let is_known = self.program.process != Process::Running
                    || self.has_traceback()
                        && self.now >= self.program.complained + BEHIND_TRACEBACK;
                if self.now < until && !is_known {
                    return self.keep(Wait::Evidence { until, symptom });
                }
                self.conclude(symptom);
                true
            }
            Wait::Stopping { until } => {
                if self.program.process != Process::Exited && self.now < until {
                    return self.keep(Wait::Stopping { until });
                }
                // One that cannot be stopped has the port, and so nothing more can be done.
                if self.program.process != Process::Exited {
                    self.finish();
                }
                true
            }
        }
    }

    fn keep(&mut self, wait: Wait) -> bool {
        self.wait = wait;
        false
    }

    fn resolve_probe(&mut self, until: Duration) -> bool {
        let state = self.links.get(Seat::Main).map(|link| link.state);
        match state {
            Some(LinkState::Connecting) if self.now < until => self.keep(Wait::Probe { until }),
            Some(LinkState::Open) => {
                let until = self.now + ASIDE;
                self.keep(Wait::ProbeAnswer { until, is_asked: false });
                true
            }
            _ => {
                self.leave(Seat::Main);
                true
            }
        }
    }

    fn resolve_probe_answer(&mut self, until: Duration, is_asked: bool) -> bool {
        let Some(link) = self.links.get(Seat::Main) else { return true };
        let is_quiet = !link.unread.is_empty() && self.now >= link.heard + BEHIND_ANSWER;
        if self.now < until && !is_quiet && link.is_open() {
            return self.keep(Wait::ProbeAnswer { until, is_asked });
        }
        if !is_asked && link.unread == b"Welcome!" {
            self.send(Seat::Main, RECOGNITION.into());
            self.wait = Wait::ProbeAnswer { until: self.now + ASIDE, is_asked: true };
            return true;
        }
        self.server.is_classroom = self.is_recognised();
        let cause = if self.server.is_classroom { Cause::Classroom } else { Cause::OldServer };
        let stage = &mut self.stages[self.at];
        stage.state = State::Failed;
        stage.finding = Some(Finding::new(cause));
        self.part();
        self.wait = Wait::ProbeEnd { until: self.now + ASIDE };
        true
    }

    fn resolve_still_there(&mut self, until: Duration) -> bool {
        let Some(link) = self.links.get(Seat::Main) else {
            self.finish();
            return true;
        };
        let is_greeted = !link.unread.is_empty();
        let is_waited_for = matches!(link.state, LinkState::Connecting | LinkState::Open);
        if is_waited_for && !is_greeted && self.now < until {
            return self.keep(Wait::StillThere { until });
        }
        // One that is ending may still have accepted the connection.
        self.server.is_gone = !is_waited_for && !is_greeted;
        self.part();
        self.keep(Wait::ProbeEnd { until: self.now + ASIDE });
        true
    }

    fn is_recognised(&self) -> bool {
        let link = self.links.get(Seat::Main);
        link.is_some_and(|link| link.unread.starts_with(RECOGNISED.as_bytes()))
    }

    fn resolve_listening(&mut self, until: Duration, retry: Option<Duration>) -> bool {
        let state = self.links.get(Seat::Main).map(|link| link.state);
        if state == Some(LinkState::Open) {
            return true;
        }
        if self.program.process == Process::Exited || self.now >= until {
            self.leave(Seat::Main);
            self.conclude(Symptom::NeverListens);
            return true;
        }
        match state {
            None if self.program.process == Process::Starting => {}
            None if retry.is_none_or(|retry| self.now >= retry) => self.connect(Seat::Main),
            Some(LinkState::Refused | LinkState::Ended) => {
                self.links.take(Seat::Main);
                let retry = Some(self.now + RETRY);
                return self.keep(Wait::Listening { until, retry });
            }
            _ => {}
        }
        let retry = retry.filter(|retry| self.now < *retry);
        self.keep(Wait::Listening { until, retry })
    }

    fn resolve_connecting(&mut self, seat: Seat, until: Duration) -> bool {
        match self.links.get(seat).map(|link| link.state) {
            Some(LinkState::Open) => true,
            Some(LinkState::Connecting) if self.now < until => {
                self.keep(Wait::Connecting { seat, until })
            }
            _ => {
                self.leave(seat);
                let until = self.now + EVIDENCE;
                let symptom = match self.check() {
                    CheckName::Connect => Symptom::Refused,
                    _ => Symptom::NotServed,
                };
                self.keep(Wait::Evidence { until, symptom });
                true
            }
        }
    }

    fn resolve_greeting(&mut self, seat: Seat, until: Duration) -> bool {
        let step = CHECKS[self.at].steps.get(self.step);
        let is_judged = matches!(step, Some(Step::Greeting(judged)) if *judged == seat);
        let now = self.now;
        let Some(link) = self.links.get_mut(seat) else { return true };
        let has_come = !link.unread.is_empty();
        if has_come && (now >= link.heard + BEHIND_ANSWER || !link.is_open()) {
            link.is_greeted = true;
            let greeting = core::mem::take(&mut link.unread);
            if is_judged {
                self.judge_greeting(greeting);
            }
            return true;
        }
        if !link.is_open() {
            let symptom = if is_judged { Symptom::End } else { Symptom::NotServed };
            self.keep(Wait::Evidence { until: now + EVIDENCE, symptom });
            return true;
        }
        if now < until {
            return self.keep(Wait::Greeting { seat, until });
        }
        link.is_greeted = true;
        if is_judged {
            self.server.greets = Some(false);
            self.conclude(Symptom::NoGreeting);
        } else {
            self.conclude(Symptom::NotServed);
        }
        true
    }

    fn judge_greeting(&mut self, greeting: Vec<u8>) {
        let text = String::from_utf8_lossy(&greeting);
        self.server.greets = Some(true);
        self.server.greets_exactly = greeting == b"Welcome!";
        let note = match text.trim() {
            "Welcome!" => None,
            "Welcome" => Some(Cause::NoMark),
            "Welcome！" => Some(Cause::WideMark),
            other if other.eq_ignore_ascii_case("Welcome!") => Some(Cause::OtherCase),
            _ => Some(Cause::OtherGreeting),
        };
        self.last.sent.clear();
        self.last.wanted = None;
        self.last.actual = greeting;
        self.step_done(note);
    }

    fn resolve_answer(&mut self, mut question: Question) -> bool {
        let due = self.answer_due(&question);
        let Some(link) = self.links.get(question.seat) else { return true };
        let (is_open, is_silent) = (link.is_open(), link.unread.is_empty());
        if is_open && self.now < due {
            return self.keep(Wait::Answer(question));
        }
        let judgement = question.wanted.judge(&link.unread);
        self.last.actual = link.unread.clone();
        if let Judgement::Right(note) = judgement {
            self.answered(&question, note);
            return true;
        }
        let symptom = match (is_silent, is_open) {
            (true, true) => Symptom::Silence,
            (true, false) => Symptom::End,
            (false, _) => Symptom::WrongAnswer,
        };
        if let Purpose::Restock(_) = question.purpose {
            // The check itself will show what is wrong.
            return true;
        }
        if symptom == Symptom::Silence && !self.has_traceback() {
            if self.check() == CheckName::Answers && !question.is_line_ended {
                return self.end_line(&mut question);
            }
            if self.tries_another_connection(&question) {
                return true;
            }
        }
        if is_open {
            self.conclude(symptom);
        } else {
            self.keep(Wait::Evidence { until: self.now + EVIDENCE, symptom });
        }
        true
    }

    /// The first message was not answered: perhaps the server reads lines.
    fn end_line(&mut self, question: &mut Question) -> bool {
        let Some(link) = self.links.get(question.seat) else { return true };
        if self.server.is_by_lines {
            self.conclude(Symptom::Silence);
            return true;
        }
        self.actions.push_back(Action::Send(link.conn, b"\n".to_vec()));
        self.keep(Wait::Answer(Question {
            seat: question.seat,
            wanted: question.wanted.clone(),
            until: self.now + ASIDE,
            purpose: question.purpose,
            is_line_ended: true,
        }));
        true
    }

    fn resolve_recognition(&mut self, until: Duration) -> bool {
        let is_recognised = self.is_recognised();
        if !is_recognised && self.now < until {
            return self.keep(Wait::Recognition { until });
        }
        self.stages[self.at].exchanges.pop();
        if is_recognised {
            self.server.is_classroom = true;
            let stage = self.stage_mut(CheckName::Connect);
            stage.state = State::Note;
            stage.finding = Some(Finding::new(Cause::Classroom));
        }
        self.step_done(None);
        true
    }

    fn resolve_end(&mut self, until: Duration, is_exit: bool) -> bool {
        let Some(link) = self.links.get(Seat::Main) else { return true };
        let (is_open, heard) = (link.is_open(), link.heard);
        self.last.actual = link.unread.clone();
        if self.now < until && self.traceback_due().is_some() {
            return self.keep(Wait::End { until, is_exit });
        }
        // What an exception behind the end of a client says is about the next one.
        let is_about_next = is_exit && self.has_traceback() && self.is_about_next_client();
        if is_open {
            if self.now >= until || self.has_traceback() && !is_about_next {
                let failure = if is_exit { Symptom::GoesOn } else { Symptom::NotNoticed };
                self.conclude(failure);
                return true;
            }
            return self.keep(Wait::End { until, is_exit });
        }
        // The end was due; an exception may have made it.
        let over = heard + AFTERMATH;
        if self.has_traceback() && !is_about_next {
            self.conclude(if is_exit { Symptom::End } else { Symptom::NotNoticed });
            return true;
        }
        if !is_about_next && self.program.is_up() && self.now < over {
            return self.keep(Wait::End { until: over, is_exit });
        }
        self.links.take(Seat::Main);
        self.step_done(None);
        if is_about_next {
            self.not_served();
        }
        true
    }
}
