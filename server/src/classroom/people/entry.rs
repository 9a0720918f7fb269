//! Entry: somebody in the roll, and how that one is doing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{MAX_NAME, MAX_STEPS, Person, Shown, Student};
use protocol::Verb;
use protocol::escape::invisibles;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::{ClientKind, PersonId, Visitor};
use crate::transport::rate_limit::Bucket;
use crate::transport::rate_limit::Rate;

/// Time without a message or a step after which somebody is idle: longer than it takes
/// to read the lesson's longest step or to write ten lines of Python.
const IDLE: Duration = Duration::from_secs(3 * 60);

/// Mistakes without a command understood in between from which on somebody is
/// struggling. Two or three are how one learns; the server's answer shows a line that
/// works, and a student whom five of them did not help needs the teacher.
const STRUGGLING: u32 = 5;

/// How long somebody who was slowed down is called flooding.
const FLOODING: Duration = Duration::from_secs(10);

/// Reports a page may make: a step takes longer than a second, and a page that
/// reconnects tells everything at once.
const REPORTS: Rate =
    Rate { per_second: std::num::NonZeroU32::new(5).expect("5 is not 0"), burst: 20 };

/// How somebody is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fine,
    /// Here, and nothing has come for a while.
    Idle,
    /// Mistakes only.
    Struggling,
    /// Not connected.
    Gone,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Fine => "fine",
            State::Idle => "idle",
            State::Struggling => "struggling",
            State::Gone => "gone",
        }
    }
}

/// A student's homework: required checks passed, how many there are, and whether it was
/// done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct HomeworkResult {
    pub(crate) passed_checks: (u8, u8),
    /// As [`Person::checks`] has them.
    pub(crate) checks: String,
    pub(crate) done: bool,
    /// Whether the page has checked it by itself.
    pub(crate) in_page: bool,
}

/// Somebody in the roll.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    /// The key of a page, if it has one.
    pub(super) key: Option<Box<str>>,
    /// The address this one last came from.
    pub(super) address: IpAddr,
    /// What the page says of itself, cleaned.
    pub(super) student: Student,
    homework: Option<HomeworkResult>,
    /// Open conversations by their numbers, with what ends each.
    conversations: Vec<(u64, CancellationToken)>,
    /// How many streams of the class the page has open.
    streams: usize,
    /// When the last message or step came.
    active: Instant,
    /// When it left; meaningful while nothing is open.
    left: Instant,
    flooding_until: Option<Instant>,
    reports: Bucket,
    /// What the last sample saw.
    seen: Seen,
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    messages: u64,
    times_slowed: u32,
    is_flooding: bool,
    state: State,
    homework: Option<HomeworkResult>,
}

impl Entry {
    pub(super) fn new(id: PersonId, visitor: Visitor<'_>, now: Instant) -> Self {
        let state = State::Fine;
        Entry {
            record: Arc::new(Record::new(id, visitor.kind == ClientKind::RawTcp)),
            key: visitor.key.map(Into::into),
            address: visitor.address,
            student: Student::default(),
            homework: None,
            conversations: Vec::new(),
            streams: 0,
            active: now,
            left: now,
            flooding_until: None,
            reports: Bucket::new(REPORTS, now),
            seen: Seen { messages: 0, times_slowed: 0, is_flooding: false, state, homework: None },
        }
    }

    /// A conversation begins.
    pub(super) fn enter(
        &mut self,
        number: u64,
        stop: CancellationToken,
        address: IpAddr,
        now: Instant,
    ) {
        if !self.is_here() {
            self.active = now;
        }
        self.address = address;
        self.conversations.push((number, stop));
    }

    /// A conversation has ended.
    pub(super) fn leave(&mut self, number: u64, now: Instant) {
        self.conversations.retain(|(own, _)| *own != number);
        self.left = now;
    }

    /// A stream of the class begins.
    pub(super) fn open_stream(&mut self, now: Instant) {
        if !self.is_here() {
            self.active = now;
        }
        self.streams += 1;
    }

    /// A stream of the class has ended.
    pub(super) fn close_stream(&mut self, now: Instant) {
        self.streams -= 1;
        self.left = now;
    }

    /// Ends all conversations. Returns whether there were any.
    pub(super) fn disconnect(&self) -> bool {
        self.conversations.iter().for_each(|(_, stop)| stop.cancel());
        !self.conversations.is_empty()
    }

    /// Counts a report of the page. Returns whether it may make it.
    pub(super) fn may_report(&mut self, now: Instant) -> bool {
        let may = self.reports.left(now) > 0;
        if may {
            self.reports.spend(1, now);
        } else {
            self.flood(now);
        }
        may
    }

    /// Takes what the page says of itself. Returns whether that is anything new.
    pub(super) fn report(&mut self, student: Student, now: Instant) -> bool {
        let student = cleaned(student);
        let is_new = student != self.student;
        if is_new {
            self.student = student;
            self.active = now;
        }
        is_new
    }

    /// It sends so much that it is slowed down or refused.
    pub(super) fn flood(&mut self, now: Instant) {
        self.flooding_until = Some(now + FLOODING);
    }

    /// Lowers the hand. Returns whether it was raised.
    pub(super) fn lower_hand(&mut self) -> bool {
        std::mem::take(&mut self.student.hand)
    }

    /// The name, else the seat, if one was given.
    pub(super) fn given_name(&self) -> &str {
        let Student { name, seat, .. } = &self.student;
        if name.is_empty() { seat } else { name }
    }

    /// What to call this one: the name, else the seat, else the address.
    pub(super) fn label(&self) -> String {
        match self.given_name() {
            "" => self.address.to_string(),
            given => given.to_owned(),
        }
    }

    pub(super) fn is_here(&self) -> bool {
        !self.conversations.is_empty() || self.streams > 0
    }

    /// Since when nothing is open, if so.
    pub(super) fn gone_for(&self, now: Instant) -> Option<Duration> {
        (!self.is_here()).then(|| now.saturating_duration_since(self.left))
    }

    /// Looks at what has come since the last sample. Returns whether a teacher would see
    /// anything new.
    pub(super) fn sample(&mut self, homework: Option<HomeworkResult>, now: Instant) -> bool {
        self.homework.clone_from(&homework);
        let (messages, _) = self.record.counts();
        let times_slowed = self.record.times_slowed();
        if messages != self.seen.messages {
            self.active = now;
        }
        if times_slowed != self.seen.times_slowed {
            self.flood(now);
        }
        self.record.begin_period(messages);
        let is_flooding = self.is_flooding(now);
        let state = self.state(now);
        let seen = Seen { messages, times_slowed, is_flooding, state, homework };
        let is_new = self.seen != seen;
        self.seen = seen;
        is_new
    }

    /// Forgets who it is and what was done. Returns the counts until now.
    pub(super) fn forget(&mut self, now: Instant) -> (u64, u64) {
        self.student = Student::default();
        self.homework = None;
        self.active = now;
        self.flooding_until = None;
        self.record.forget()
    }

    /// The conversation, for the board.
    pub(super) fn shown(&self) -> Shown {
        Shown { name: self.given_name().to_owned(), lines: self.record.exchanged() }
    }

    /// As the teacher sees it.
    pub(super) fn row(&self, now: Instant) -> Person {
        let (messages, errors) = self.record.counts();
        let said = self.record.said();
        let Student { name, seat, hand, step, steps, done } = &self.student;
        let commands = match self.record.raw {
            true => Verb::ALL.into_iter().filter(|verb| said.commands.contains(*verb)).collect(),
            false => Vec::new(),
        };
        Person {
            id: self.record.id.0,
            name: name.clone(),
            seat: seat.clone(),
            address: self.address.to_string(),
            raw: self.record.raw,
            state: self.state_by(said.failures, now).word().to_owned(),
            step: (*steps > 0).then_some(*step),
            done: *done,
            commands: commands.into_iter().map(|verb: Verb| verb.word().to_owned()).collect(),
            last: said.last.clone(),
            mistake: said.mistake.clone(),
            cause: said.cause.map(|cause| cause.word().to_owned()).unwrap_or_default(),
            recovered: said.cause.is_some() && said.failures == 0,
            idle: u64::try_from(now.saturating_duration_since(self.active).as_millis())
                .unwrap_or(u64::MAX),
            messages,
            errors,
            hand: *hand,
            flooding: self.is_flooding(now),
            sticky: self.record.sticky(),
            homework: self.homework.as_ref().map(|homework| homework.passed_checks),
            checks: self.homework.as_ref().map(|it| it.checks.clone()).unwrap_or_default(),
            passed: self.homework.as_ref().is_some_and(|homework| homework.done),
            in_page: self.homework.as_ref().is_some_and(|homework| homework.in_page),
        }
    }

    fn state(&self, now: Instant) -> State {
        self.state_by(self.record.said().failures, now)
    }

    fn state_by(&self, failures: u32, now: Instant) -> State {
        let Student { steps, done, .. } = self.student;
        if !self.is_here() {
            State::Gone
        } else if failures >= STRUGGLING {
            State::Struggling
        } else if now.saturating_duration_since(self.active) >= IDLE
            // A student who has done all steps is not idle.
            && !(steps > 0 && done == all_of(steps))
        {
            State::Idle
        } else {
            State::Fine
        }
    }

    fn is_flooding(&self, now: Instant) -> bool {
        self.flooding_until.is_some_and(|until| now < until)
    }
}

/// The bits of so many steps.
pub(super) fn all_of(steps: u8) -> u32 {
    u32::MAX.checked_shr(MAX_STEPS as u32 - u32::from(steps)).unwrap_or(0)
}

/// What a page says of itself, as it is kept and shown: whatever shows nothing is out of
/// the texts, which are cut, and the numbers fit.
fn cleaned(student: Student) -> Student {
    let Student { name, seat, hand, step, steps, done } = student;
    let steps = steps.min(MAX_STEPS as u8);
    let step = step.min(steps.saturating_sub(1));
    Student {
        name: cleaned_text(&name),
        seat: cleaned_text(&seat),
        hand,
        step,
        steps,
        done: done & all_of(steps),
    }
}

fn cleaned_text(text: &str) -> String {
    let mut unseen = invisibles(text).map(|(at, _)| at).peekable();
    let seen = text.char_indices().filter(|(at, _)| unseen.next_if_eq(at).is_none());
    let cleaned: String = seen.map(|(_, c)| c).collect();
    cleaned.trim().chars().take(MAX_NAME).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_can_be_seen_and_is_cut() {
        for (typed, kept) in [
            ("  张三 ", "张三"),
            ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
            ("\u{202e}gnp.exe\x1b[31m", "gnp.exe[31m"),
            ("a\u{200b}\u{2066}b\nc\u{9b}", "abc"),
            ("👩‍🚀", "👩‍🚀"),
            ("\u{3164}\u{feff}", ""),
        ] {
            assert_eq!(cleaned_text(typed), kept, "{typed:?}");
        }
        assert_eq!(cleaned_text(&"长".repeat(10_000)), "长".repeat(MAX_NAME));
    }

    #[test]
    fn forged_steps_are_cut_to_what_a_lesson_can_have() {
        let forged = Student { step: 200, steps: 255, done: u32::MAX, ..Student::default() };
        let kept = cleaned(forged);
        assert_eq!((kept.step, kept.steps, kept.done), (31, 32, u32::MAX));
        let forged = Student { step: 9, steps: 3, done: u32::MAX, ..Student::default() };
        let kept = cleaned(forged);
        assert_eq!((kept.step, kept.steps, kept.done), (2, 3, 0b111));
        let none = cleaned(Student { done: 5, ..Student::default() });
        assert_eq!((none.steps, none.done), (0, 0));
    }
}
