//! What follows from a step: a check is passed or failed, and the run goes on.

use super::Grader;
use super::wait::{EVIDENCE, Purpose, Question, Wait};
use crate::homework::answer::{Judgement, Wanted};
use crate::homework::cause::Cause;
use crate::homework::checks::{CHECKS, CheckName, Seat};
use crate::homework::diagnosis::{Diagnosis, Evidence, Symptom};
use crate::homework::stage::{Finding, State};

impl Grader {
    /// A message was answered rightly.
    pub(super) fn answered(&mut self, question: &Question, note: Option<Cause>) {
        /// What is a pause: longer than any server needs that does not sleep.
        const PAUSE: core::time::Duration = core::time::Duration::from_millis(500);
        let verb = self.verb();
        if !self.server.answered.contains(&verb) {
            self.server.answered.push(verb);
        }
        let took = self.now.saturating_sub(self.last.at);
        let mut is_alone = false;
        if let Some(link) = self.links.get_mut(question.seat) {
            is_alone = link.answered == 0;
            link.answered += 1;
            link.unread.clear();
        }
        if self.server.is_one_answer_each && is_alone && self.interruption.is_none() {
            self.interruption = Some(self.diagnose(Symptom::OneAnswerEach));
        }
        let mut note = note;
        if question.is_line_ended {
            self.server.is_by_lines = true;
            note = note.or(Some(Cause::NeedsLineEnds));
        } else if self.check() == CheckName::Answers && took > PAUSE {
            note = note.or(Some(Cause::Pauses));
        }
        match question.purpose {
            Purpose::Step => self.step_done(note),
            Purpose::Restock(_) => {}
        }
    }

    fn verb(&self) -> String {
        let sent = String::from_utf8_lossy(&self.last.sent);
        sent.split(';').next().unwrap_or_default().trim().to_owned()
    }

    /// A verb that was answered is not answered on this connection any more: perhaps
    /// the server reads one message of each. Whether that is tried out.
    pub(super) fn tries_another_connection(&mut self, question: &Question) -> bool {
        if self.server.is_one_answer_each {
            // It was tried, and that was not it.
            if self.interruption.is_none() {
                self.server.is_one_answer_each = false;
            }
            return false;
        }
        let has_answered = self.links.get(question.seat).is_some_and(|link| link.answered > 0);
        let is_known = self.server.answered.contains(&self.verb());
        if !has_answered || !is_known || !self.stages[self.at].required {
            return false;
        }
        self.server.is_one_answer_each = true;
        self.leave(question.seat);
        true
    }

    pub(super) fn step_done(&mut self, note: Option<Cause>) {
        if let Some(cause) = note
            && self.note.is_none()
        {
            self.note = Some(self.finding((cause, None)));
        }
        self.step += 1;
    }

    /// All steps of a check are done.
    pub(super) fn pass(&mut self) {
        if self.check() == CheckName::Conversation
            && let Some((cause, line)) = self.interruption.take()
        {
            let finding = Finding { line, ..Finding::new(cause) };
            return self.settle(State::Failed, Some(finding));
        }
        // A thread that an exception ended, while the server went on.
        let may_break = matches!(self.check(), CheckName::ShortCommand | CheckName::Garbage);
        if may_break && self.program.traceback(self.options.file.as_deref()).is_some() {
            return self.fail(Symptom::End);
        }
        match self.note.take() {
            Some(note) => self.settle(State::Note, Some(note)),
            None => self.settle(State::Passed, None),
        }
    }

    /// What a symptom leads to.
    pub(super) fn conclude(&mut self, symptom: Symptom) {
        self.server.has_died = false;
        match symptom {
            Symptom::NotServed => self.not_served(),
            Symptom::EndBetween => self.was_interrupted(),
            Symptom::Silence if self.check() == CheckName::TwoClients => self.not_served(),
            Symptom::WrongAnswer if self.is_excused() => self.step_done(None),
            // It lives, whatever it makes of the two messages: a slow one may take them
            // for one.
            Symptom::WrongAnswer if self.last.provocation.is_some() => self.step_done(None),
            _ => self.fail(symptom),
        }
    }

    /// A wrong answer that a failed check before it explains.
    fn is_excused(&self) -> bool {
        let has_old_phone =
            self.last.actual.trim_ascii() == self.cast.fill("{old phone}").as_bytes();
        self.check() == CheckName::Find
            && has_old_phone
            && self.stage(CheckName::Overwrite).state == State::Failed
    }

    /// The check has failed; or, for some causes, that is worth a note.
    pub(super) fn fail(&mut self, symptom: Symptom) {
        let diagnosis = self.diagnose(symptom);
        let cause = diagnosis.0;
        let finding = self.finding(diagnosis);
        if self.has_traceback_now() {
            // Whatever it was doing is lost.
            self.server.needs_restart = true;
            self.program.mark();
        }
        if cause == Cause::Held
            && let Some(finding) = &mut self.stage_mut(CheckName::Greeting).finding
        {
            finding.cause = Cause::Held;
        }
        self.settle(if cause.is_note() { State::Note } else { State::Failed }, Some(finding));
    }

    fn has_traceback_now(&self) -> bool {
        self.program.traceback(self.options.file.as_deref()).is_some()
    }

    fn settle(&mut self, state: State, finding: Option<Finding>) {
        let took = self.now.saturating_sub(self.begun);
        let stage = &mut self.stages[self.at];
        stage.took = took;
        // One may have been blamed by a later check.
        if !stage.is_settled() {
            stage.state = state;
            stage.finding = finding;
        }
        self.next_check();
    }

    pub(super) fn next_check(&mut self) {
        self.at += 1;
        self.step = 0;
        self.note = None;
        self.last.provocation = None;
    }

    /// Whether the exception at hand tells why no other client is served.
    pub(super) fn is_about_next_client(&self) -> bool {
        let (cause, _) = self.diagnose(Symptom::NotServed);
        matches!(cause, Cause::AcceptOutsideLoop | Cause::ClosedSocketUsed)
    }

    /// A connection that is not the first one is not served.
    pub(super) fn not_served(&mut self) {
        if self.check() == CheckName::TwoClients {
            self.leave(Seat::Beside);
            let finding = Finding::new(Cause::OneClient);
            return self.settle(State::Note, Some(finding));
        }
        if !self.stages[self.at].required {
            let is_over = !self.options.can_restart;
            self.leave(Seat::Main);
            self.fail(Symptom::End);
            self.server.needs_restart = true;
            if is_over {
                self.skip_rest();
            }
            return;
        }
        self.blame_next_client();
        self.leave(Seat::Main);
        if self.options.can_restart {
            self.server.needs_restart = true;
        } else {
            self.finish();
        }
    }

    /// What has not been carried out is skipped.
    pub(super) fn skip_rest(&mut self) {
        for stage in self.stages.iter_mut().filter(|stage| !stage.is_settled()) {
            stage.state = State::Skipped;
        }
        self.at = CHECKS.len();
    }

    fn blame_next_client(&mut self) {
        let mut finding = self.finding(self.diagnose(Symptom::NotServed));
        (finding.sent, finding.expected, finding.actual) = (None, None, None);
        self.program.mark();
        let stage = self.stage_mut(CheckName::NextClient);
        if !stage.is_settled() {
            stage.state = State::Failed;
            stage.finding = Some(finding);
        }
    }

    /// The program ended between two steps, without being asked anything.
    pub(super) fn died_between(&mut self) {
        self.server.has_died = false;
        let has_left = self.stage(CheckName::Exit).is_settled() || self.check() == CheckName::Exit;
        if !has_left && self.has_traceback_now() {
            self.interruption = Some(self.diagnose(Symptom::EndBetween));
            self.program.mark();
        } else {
            self.blame_next_client();
        }
        self.links.take(Seat::Main);
    }

    /// A connection was ended between two steps. Whether its reason is waited for first.
    pub(super) fn has_ended_between(&mut self) -> bool {
        let is_later = self.stage(CheckName::Conversation).is_settled();
        if self.interruption.is_none() && !is_later && !self.server.is_one_answer_each {
            let until = self.now + EVIDENCE;
            self.wait = Wait::Evidence { until, symptom: Symptom::EndBetween };
            return true;
        }
        // If an exception did it, the program has ended or is about to.
        self.server.needs_restart |= self.server.dies_after_answer;
        self.options.can_restart && self.server.needs_restart
    }

    /// The reason for that is known, as far as it can be.
    fn was_interrupted(&mut self) {
        self.interruption = Some(self.diagnose(Symptom::EndBetween));
        if self.has_traceback_now() {
            self.server.dies_after_answer = true;
            self.server.needs_restart = true;
            self.program.mark();
        }
    }

    /// Whether the file says that its server listens elsewhere.
    pub(super) fn evidence_is_elsewhere(&self) -> bool {
        self.with_evidence(|evidence| evidence.elsewhere().is_some())
    }

    fn diagnose(&self, symptom: Symptom) -> Diagnosis {
        self.with_evidence(|evidence| evidence.diagnose(symptom))
    }

    fn with_evidence<T>(&self, find: impl FnOnce(&Evidence<'_>) -> T) -> T {
        let traceback = self.program.traceback(self.options.file.as_deref());
        let sent = String::from_utf8_lossy(&self.last.sent);
        let wanted = self.last.wanted.as_ref();
        let expected = wanted.and_then(Wanted::text).unwrap_or_default();
        let is_answer = |line: &str| {
            let judgement = wanted.map(|wanted| wanted.judge(line.as_bytes()));
            matches!(judgement, Some(Judgement::Right(_))) && wanted != Some(&Wanted::Anything)
        };
        find(&Evidence {
            check: self.check(),
            sent: &sent,
            expected: &expected,
            actual: &self.last.actual,
            cast: &self.cast,
            source: self.source.as_ref(),
            traceback: traceback.as_ref(),
            is_known: self.server.answered.contains(&self.verb()),
            is_printed: self.program.printed().lines().any(is_answer),
            has_exited: self.options.can_restart && !self.program.is_up(),
            is_own_program: self.options.can_restart,
            greets: self.server.greets == Some(true),
            is_by_lines: self.server.is_by_lines,
            port: self.options.port,
            has_left_unnoticed: self.links.has_left_unnoticed(),
        })
    }

    /// A cause with the last message, its answer, and the exception.
    fn finding(&self, (cause, line): Diagnosis) -> Finding {
        let traceback = self.program.traceback(self.options.file.as_deref());
        let source = self.source.as_ref();
        let is_asked = !matches!(self.check(), CheckName::Connect) && !self.last.sent.is_empty();
        let greeting = self.check() == CheckName::Greeting;
        let provocation = self.last.provocation.as_ref();
        Finding {
            cause,
            sent: match provocation {
                Some(provocation) => Some(provocation.clone()),
                None => is_asked.then(|| self.last.sent.clone()),
            },
            expected: match greeting {
                true => Some("Welcome!".to_owned()),
                false if provocation.is_some() => None,
                false => self.last.wanted.as_ref().and_then(Wanted::text),
            },
            actual: (provocation.is_none() && (is_asked || greeting))
                .then(|| self.last.actual.clone()),
            line,
            exception: traceback.map(|traceback| traceback.text()),
            bound: match cause {
                Cause::OtherPort => source.and_then(|s| s.port()).map(|port| port.to_string()),
                Cause::OtherAddress => source.and_then(|source| source.host()),
                _ => None,
            },
        }
    }
}
