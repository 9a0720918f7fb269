//! The lesson: its steps, what each asks for, and how far the student is.
//!
//! What counts is what really went over the wire, so any way that reaches a
//! goal is as good as the one the step shows. It holds no sentence and touches
//! no document: the steps come from the language file, whose names and goals
//! are the same in every language.

use protocol::command::{Change, Command, Stage, Verb, parts};
use protocol::decoder::{Decoder, Ending};
use protocol::{Reason, Replies, Reply};

/// The most names whose phones are remembered: two classes.
const NAMES: usize = 100;

/// What the page saw happen.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A conversation began.
    Greeted,
    /// A message has all its replies.
    Answered {
        /// The message as it was sent, line ends included.
        sent: &'a str,
        /// What came back, in order.
        replies: &'a [String],
    },
    /// The server closed the conversation because it was told `exit`.
    Closed,
    /// An answer to one of the lesson's questions was chosen.
    Chosen {
        /// The question's name.
        question: &'a str,
        /// Whether it was the right one.
        right: bool,
    },
    /// In the sticky lab, a decoder was left waiting for the rest of a
    /// character.
    Split,
}

/// What the student has done, and what a goal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Heard the greeting.
    Greeted,
    /// Ended the conversation with `exit`.
    Closed,
    /// Began another one after that.
    Again,
    /// Got a message back as it was.
    Echo,
    /// Stored a contact.
    Added,
    /// Gave a name another phone than it had.
    Overwritten,
    /// Stored a name with a Chinese character in it.
    Han,
    /// Got a phone.
    Found,
    /// Removed a contact.
    Removed,
    /// Asked for a name that is not there.
    NotFound,
    /// Sent what the protocol does not allow, of whatever kind.
    Mistake,
    /// Made the mistake of too few or too many fields.
    Fields,
    /// Made the mistake of a wide `；`.
    Semicolon,
    /// Sent two commands in one, without a line end between them.
    Glued,
    /// Sent two messages in one, and each got its reply.
    Cut,
    /// Saw a decoder wait for the rest of a character.
    Split,
    /// Chose the right answer to a question.
    Answered,
}

impl Deed {
    /// All of them.
    pub const ALL: [Deed; 17] = [
        Deed::Greeted,
        Deed::Closed,
        Deed::Again,
        Deed::Echo,
        Deed::Added,
        Deed::Overwritten,
        Deed::Han,
        Deed::Found,
        Deed::Removed,
        Deed::NotFound,
        Deed::Mistake,
        Deed::Fields,
        Deed::Semicolon,
        Deed::Glued,
        Deed::Cut,
        Deed::Split,
        Deed::Answered,
    ];

    /// How it is called in the markup.
    pub fn name(self) -> &'static str {
        match self {
            Deed::Greeted => "greeted",
            Deed::Closed => "closed",
            Deed::Again => "again",
            Deed::Echo => "echo",
            Deed::Added => "added",
            Deed::Overwritten => "overwritten",
            Deed::Han => "han",
            Deed::Found => "found",
            Deed::Removed => "removed",
            Deed::NotFound => "not-found",
            Deed::Mistake => "mistake",
            Deed::Fields => "fields",
            Deed::Semicolon => "semicolon",
            Deed::Glued => "glued",
            Deed::Cut => "cut",
            Deed::Split => "split",
            Deed::Answered => "answered",
        }
    }

    /// The deed the markup calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }
}

/// What was done at once: a set of deeds, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Deeds(u32);

impl Deeds {
    fn add(&mut self, deed: Deed) {
        self.0 |= 1 << deed as u32;
    }

    fn has(self, deed: Deed) -> bool {
        self.0 & (1 << deed as u32) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A deed a step asks for: `DEED`, `DEED:TIMES` (up to 9) or
/// `answered:QUESTION` in the markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// As the markup writes it.
    name: String,
    deed: Deed,
    /// How many times it is still to be done.
    left: u8,
}

impl Goal {
    /// Reads a goal; `None` if nothing that can be done is called so.
    pub fn parse(name: &str) -> Option<Self> {
        let deed = name.split_once(':').map_or(name, |(deed, _)| deed);
        Some(Goal { name: name.to_string(), deed: Deed::named(deed)?, left: times(name) })
    }

    /// Whether it has been reached.
    pub fn is_met(&self) -> bool {
        self.left == 0
    }

    /// Whether such a deed helps; `question` is the one that was answered.
    fn asks_for(&self, deeds: Deeds, question: &str) -> bool {
        deeds.has(self.deed)
            && (self.deed != Deed::Answered
                || self.name.strip_prefix("answered:") == Some(question))
    }
}

/// How many times a goal of this name is to be reached.
fn times(name: &str) -> u8 {
    match name.split_once(':').map(|(_, times)| times.as_bytes()) {
        Some([digit @ b'1'..=b'9']) => digit - b'0',
        _ => 1,
    }
}

/// One step of the lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    name: String,
    goals: Vec<Goal>,
    /// After which deeds there is a hint; `None` after any.
    hints: Vec<Option<Deed>>,
}

impl Step {
    /// A step without goals and hints, which [`goal`](Self::goal) and
    /// [`hint`](Self::hint) then add as the markup has them.
    pub fn new(name: &str) -> Self {
        Step { name: name.to_string(), goals: Vec::new(), hints: Vec::new() }
    }

    /// Adds a goal. One that nobody knows how to reach is left out.
    pub fn goal(&mut self, name: &str) {
        self.goals.extend(Goal::parse(name));
    }

    /// Adds a hint, called after the deed that brings it up, or `""` for one
    /// that any wrong try does.
    pub fn hint(&mut self, name: &str) {
        self.hints.push(Deed::named(name));
    }

    /// Its name, the same in every language.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether all its goals are met.
    pub fn is_done(&self) -> bool {
        self.goals.iter().all(Goal::is_met)
    }

    /// Whether it still asks for the goal of this name.
    pub fn wants(&self, goal: &str) -> bool {
        self.goals.iter().any(|own| own.name == goal && !own.is_met())
    }

    /// The hint after a try that came to other deeds than the goals.
    fn hint_after(&self, deeds: Deeds) -> Option<&'static str> {
        let about = |hint: &&Option<Deed>| hint.is_some_and(|deed| deeds.has(deed));
        let any = || self.hints.iter().find(|hint| hint.is_none());
        let hint = self.hints.iter().find(about).or_else(any)?;
        Some(hint.map_or("", Deed::name))
    }
}

/// What came of something seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to show.
    Nothing,
    /// It was a try that misses the goals; there is a [hint](Lesson::hint).
    Hinted,
    /// It helped towards a goal.
    Helped,
    /// The last goal of the open step has been met.
    Finished,
}

/// The lesson as one student goes through it.
#[derive(Debug)]
pub struct Lesson {
    steps: Vec<Step>,
    open: usize,
    hint: Option<&'static str>,
    /// Whether a conversation is going on.
    talking: bool,
    /// Whether the last one ended with `exit`.
    ended: bool,
    /// The phones last heard of, to notice when one is overwritten. A name
    /// that was removed has an empty one.
    phones: Vec<(String, String)>,
}

impl Lesson {
    /// A lesson at its first step.
    pub fn new(steps: Vec<Step>) -> Self {
        Lesson { steps, open: 0, hint: None, talking: false, ended: false, phones: Vec::new() }
    }

    /// All steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step the student is at, the only one whose goals are checked. When
    /// it is done it stays open, so that nothing moves away from the reader.
    pub fn open(&self) -> Option<&Step> {
        self.steps.get(self.open)
    }

    /// Where the open step stands, from 0.
    pub fn index(&self) -> usize {
        self.open
    }

    /// Which hint of the open step to show.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Goes to a step, done or not.
    pub fn turn_to(&mut self, name: &str) {
        if let Some(index) = self.steps.iter().position(|step| step.name == name) {
            self.begin(index);
        }
    }

    /// Whether another step than the open one is still to be done.
    pub fn goes_on(&self) -> bool {
        self.next().is_some()
    }

    /// Goes to the next step that is still to be done; one that was skipped
    /// comes after the last.
    pub fn go_on(&mut self) {
        if let Some(index) = self.next() {
            self.begin(index);
        }
    }

    /// Goes back to the first step, with nothing done.
    pub fn start_over(&mut self) {
        for goal in self.steps.iter_mut().flat_map(|step| &mut step.goals) {
            goal.left = times(&goal.name);
        }
        self.begin(0);
    }

    /// Another book than before is talked about.
    pub fn change_book(&mut self) {
        self.phones.clear();
    }

    /// Takes what happened.
    pub fn see(&mut self, seen: Seen<'_>) -> Outcome {
        let mut deeds = Deeds::default();
        let mut question = "";
        let is_try = matches!(seen, Seen::Answered { .. });
        match seen {
            Seen::Greeted => {
                self.talking = true;
                deeds.add(Deed::Greeted);
                if std::mem::take(&mut self.ended) {
                    deeds.add(Deed::Again);
                }
            }
            Seen::Closed => {
                self.talking = false;
                self.ended = true;
                deeds.add(Deed::Closed);
            }
            Seen::Chosen { right: false, .. } => {}
            Seen::Chosen { question: answered, right: true } => {
                question = answered;
                deeds.add(Deed::Answered);
            }
            Seen::Split => deeds.add(Deed::Split),
            Seen::Answered { sent, replies } => deeds = self.judge(sent, replies),
        }
        self.count(deeds, question, is_try)
    }

    /// The progress as text: the open step, then a line for each goal met.
    pub fn keep(&self) -> String {
        let mut text = self.open().map(|step| step.name.clone()).unwrap_or_default();
        for step in &self.steps {
            for goal in step.goals.iter().filter(|goal| goal.is_met()) {
                for piece in ["\n", &step.name, " ", &goal.name] {
                    text.push_str(piece);
                }
            }
        }
        text
    }

    /// Takes up what [`keep`](Self::keep) wrote, as far as the lesson still has
    /// such steps and goals.
    pub fn restore(&mut self, text: &str) {
        let mut lines = text.split('\n');
        let open = lines.next().unwrap_or_default();
        for line in lines {
            let (name, met) = line.split_once(' ').unwrap_or_default();
            for step in self.steps.iter_mut().filter(|step| step.name == name) {
                for goal in step.goals.iter_mut().filter(|goal| goal.name == met) {
                    goal.left = 0;
                }
            }
        }
        self.open = self.undone_from(0).unwrap_or(0);
        self.turn_to(open);
    }

    fn begin(&mut self, index: usize) {
        self.open = index;
        self.hint = None;
        if self.talking {
            let mut deeds = Deeds::default();
            deeds.add(Deed::Greeted);
            self.count(deeds, "", false);
        }
    }

    fn next(&self) -> Option<usize> {
        self.undone_from(self.open + 1).filter(|&index| index != self.open)
    }

    /// The first step that is not done, from that one on and round.
    fn undone_from(&self, first: usize) -> Option<usize> {
        let mut candidates = (first..self.steps.len()).chain(0..first);
        candidates.find(|&index| !self.steps[index].is_done())
    }

    /// Counts what was done towards the goals of the open step.
    fn count(&mut self, deeds: Deeds, question: &str, is_try: bool) -> Outcome {
        let Some(step) = self.steps.get_mut(self.open).filter(|step| !step.is_done()) else {
            return Outcome::Nothing;
        };
        let mut helps = false;
        for goal in step.goals.iter_mut().filter(|goal| goal.asks_for(deeds, question)) {
            helps = true;
            goal.left = goal.left.saturating_sub(1);
        }
        if !helps {
            if !is_try || deeds.is_empty() {
                return Outcome::Nothing;
            }
            self.hint = step.hint_after(deeds);
            return Outcome::Hinted;
        }
        self.hint = None;
        if step.is_done() { Outcome::Finished } else { Outcome::Helped }
    }

    /// What a message and its replies come to. A reply that is none of the
    /// protocol's, or is that of a full book, comes to nothing.
    fn judge(&mut self, sent: &str, replies: &[String]) -> Deeds {
        let mut deeds = Deeds::default();
        let mut decoder = Decoder::new(Stage::Contacts);
        decoder.push(sent.as_bytes());
        decoder.close();
        for reply in replies {
            let Some(message) = decoder.next_message() else { break };
            if let Ok(text) = message.text {
                // At the echo stage commands come back too.
                if is(reply, &Reply::Received(text)) {
                    deeds.add(Deed::Echo);
                    continue;
                }
                if is_glued(text) {
                    deeds.add(Deed::Glued);
                }
            }
            match message.command(Stage::Contacts) {
                Ok(Command::Exit | Command::Say(_)) => {}
                Ok(Command::Find { name } | Command::Change(Change::Remove { name }))
                    if is(reply, &Reply::NotFound) =>
                {
                    self.learn(name, "");
                    deeds.add(Deed::NotFound);
                }
                Ok(Command::Find { name }) => {
                    self.learn(name, reply);
                    deeds.add(Deed::Found);
                }
                Ok(Command::Change(Change::Remove { name })) => {
                    if is(reply, &Reply::Removed { name }) {
                        self.learn(name, "");
                        deeds.add(Deed::Removed);
                    }
                }
                Ok(Command::Change(Change::Add { name, phone })) => {
                    if is(reply, &Reply::Added { name }) {
                        deeds.add(Deed::Added);
                        if name.chars().any(is_han) {
                            deeds.add(Deed::Han);
                        }
                        if self.learn(name, phone) {
                            deeds.add(Deed::Overwritten);
                        }
                    }
                }
                Err(mistake) => {
                    let kind = match mistake.reason {
                        Reason::TooFew { .. } | Reason::TooMany { .. } => Deed::Fields,
                        Reason::FullWidthSeparator { .. } => Deed::Semicolon,
                        _ => Deed::Mistake,
                    };
                    if is(reply, &Reply::Mistake(mistake)) {
                        deeds.add(Deed::Mistake);
                        deeds.add(kind);
                    }
                }
            }
        }
        if replies.len() > 1 {
            deeds.add(Deed::Cut);
        }
        deeds
    }

    /// Remembers the phone of a name. Returns whether it had another one.
    fn learn(&mut self, name: &str, phone: &str) -> bool {
        if let Some((_, known)) = self.phones.iter_mut().find(|(known, _)| known == name) {
            let is_other = !known.is_empty() && known != phone;
            phone.clone_into(known);
            return is_other;
        }
        if self.phones.len() == NAMES {
            self.phones.clear();
        }
        self.phones.push((name.to_string(), phone.to_string()));
        false
    }
}

/// Whether a reply that came is the one expected.
fn is(reply: &str, expected: &Reply<'_>) -> bool {
    // As the server writes it: the page offline has this code already.
    let mut replies = Replies::default();
    replies.push(expected, Ending::Packet);
    replies.as_bytes() == reply.as_bytes()
}

/// Whether a second command begins inside a field of the first, as in
/// `add;a;1find;a`, where the phone seems to be `1find`.
fn is_glued(text: &str) -> bool {
    let swallows = |field: &str| {
        let verb = |verb: Verb| field.len() > verb.word().len() && field.ends_with(verb.word());
        Verb::ALL.into_iter().any(verb)
    };
    parts(text).skip(1).any(swallows)
}

/// Whether it is a Chinese character, by Unicode's blocks of CJK ideographs.
fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use protocol::Contacts;

    use super::*;

    fn step(name: &str, goals: &[&str], hints: &[&str]) -> Step {
        let mut step = Step::new(name);
        goals.iter().for_each(|goal| step.goal(goal));
        hints.iter().for_each(|hint| step.hint(hint));
        step
    }

    fn answered(lesson: &mut Lesson, sent: &str, replies: &[&str]) -> Outcome {
        let replies: Vec<_> = replies.iter().map(ToString::to_string).collect();
        lesson.see(Seen::Answered { sent, replies: &replies })
    }

    fn deeds(sent: &str, replies: &[String]) -> Vec<Deed> {
        let deeds = Lesson::new(Vec::new()).judge(sent, replies);
        Deed::ALL.into_iter().filter(|&deed| deeds.has(deed)).collect()
    }

    /// What a server that knows `a` replies.
    fn replies(sent: &str) -> Vec<String> {
        let (mut decoder, mut contacts) = (Decoder::new(Stage::Contacts), Contacts::default());
        contacts.insert("a", "1");
        decoder.push(sent.as_bytes());
        decoder.close();
        let mut replies = Replies::default();
        let _ = protocol::answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
        replies.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_done_is_read_off_the_wire() {
        use Deed::*;
        let long = "x".repeat(2000);
        for (sent, expected) in [
            ("message1", &[Echo][..]),
            ("add;b;1", &[Added]),
            (" add ; 张三 ;1", &[Added, Han]),
            ("add;é;1", &[Added]),
            ("find;a", &[Found]),
            ("find;b", &[NotFound]),
            ("remove;a", &[Removed]),
            ("remove;b", &[NotFound]),
            ("add;a", &[Mistake, Fields]),
            ("add;a;1;2", &[Mistake, Fields]),
            ("add;a；1", &[Mistake, Semicolon]),
            ("add;;1", &[Mistake]),
            ("ad;a;1", &[Mistake]),
            (&long, &[Mistake]),
            ("add;a;1find;a", &[Mistake, Fields, Glued]),
            ("add;a;1exit", &[Added, Glued]),
            ("add;find;1", &[Added]),
            ("add;b;1\nfind;a", &[Added, Found, Cut]),
            ("remove\na", &[Removed]),
            ("add;b;1\nexit\nfind;a", &[Added]),
            ("exit", &[]),
        ] {
            assert_eq!(deeds(sent, &replies(sent)), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_reply_the_protocol_does_not_give_to_that_message_is_no_deed() {
        for (sent, reply, expected) in [
            // The lesson's first server.
            ("add;a;1", "Received add;a;1;", &[Deed::Echo][..]),
            // One that cannot store anything.
            ("add;a;1", "Error: the book is full", &[]),
            ("remove;a", "Error: nothing was changed", &[]),
            // One that is not ours.
            ("add;a", "a added!", &[]),
            ("hello", "hi", &[]),
        ] {
            assert_eq!(deeds(sent, &[reply.to_string()]), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_phone_is_overwritten_only_where_another_one_was_heard_of() {
        let mut lesson = Lesson::new(vec![step("a", &["overwritten", "split"], &[""])]);
        assert_eq!(answered(&mut lesson, "add;a;1", &["a added!"]), Outcome::Hinted);
        assert_eq!(answered(&mut lesson, "add;a;1", &["a added!"]), Outcome::Hinted);
        answered(&mut lesson, "remove;a", &["a removed!"]);
        assert_eq!(answered(&mut lesson, "add;a;2", &["a added!"]), Outcome::Hinted);
        answered(&mut lesson, "find;a", &["3"]);
        assert_eq!(answered(&mut lesson, "add;a;2", &["a added!"]), Outcome::Helped);
        lesson.change_book();
        answered(&mut lesson, "add;a;7", &["a added!"]);
        assert!(lesson.phones.iter().any(|(_, phone)| phone == "7"));
        for name in 0..NAMES * 3 / 2 {
            answered(&mut lesson, &format!("add;{name};1"), &[&format!("{name} added!")]);
        }
        assert!(lesson.phones.len() <= NAMES);
    }

    fn open(lesson: &Lesson) -> &str {
        lesson.open().map(Step::name).unwrap_or_default()
    }

    #[test]
    fn a_step_is_finished_by_all_its_goals_and_stays_open_until_the_student_goes_on() {
        let mut lesson = Lesson::new(vec![
            step("one", &["greeted", "echo:2"], &[]),
            step("two", &["answered:why"], &[""]),
            step("three", &["closed", "again"], &[""]),
        ]);
        assert_eq!(lesson.see(Seen::Greeted), Outcome::Helped);
        assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Helped);
        assert!(lesson.steps()[0].wants("echo:2") && !lesson.steps()[0].wants("greeted"));
        lesson.turn_to("two");
        assert_eq!(lesson.see(Seen::Chosen { question: "why", right: false }), Outcome::Nothing);
        assert_eq!(lesson.see(Seen::Chosen { question: "who", right: true }), Outcome::Nothing);
        assert_eq!(lesson.see(Seen::Chosen { question: "why", right: true }), Outcome::Finished);
        assert_eq!(lesson.see(Seen::Closed), Outcome::Nothing, "three is not open yet");
        assert_eq!(open(&lesson), "two");
        lesson.see(Seen::Greeted);
        lesson.go_on();
        assert_eq!(open(&lesson), "three");
        assert_eq!(lesson.see(Seen::Closed), Outcome::Helped);
        assert_eq!(lesson.see(Seen::Greeted), Outcome::Finished);
        lesson.go_on();
        assert_eq!(open(&lesson), "one", "it had been skipped");
        assert!(!lesson.goes_on());
        assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Finished);
        lesson.go_on();
        assert_eq!(open(&lesson), "one", "nothing is left to do");
        assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Nothing);
    }

    #[test]
    fn steps_can_be_skipped_and_revisited_in_a_conversation_that_goes_on() {
        let steps = vec![step("one", &["added"], &[]), step("two", &["greeted", "echo"], &[""])];
        let mut lesson = Lesson::new(steps);
        lesson.see(Seen::Greeted);
        lesson.go_on();
        assert_eq!((open(&lesson), lesson.index()), ("two", 1));
        assert!(lesson.steps()[1].wants("echo") && !lesson.steps()[1].wants("greeted"));
        lesson.turn_to("one");
        lesson.turn_to("nowhere");
        assert_eq!(open(&lesson), "one");
    }

    #[test]
    fn a_lesson_can_be_started_over() {
        let steps = || vec![step("one", &["greeted", "echo:2"], &[]), step("two", &["added"], &[])];
        let mut lesson = Lesson::new(steps());
        lesson.see(Seen::Greeted);
        for _ in 0..2 {
            answered(&mut lesson, "a", &["Received a;"]);
        }
        lesson.go_on();
        answered(&mut lesson, "a", &["Received a;"]);
        lesson.start_over();
        assert_eq!(lesson.keep(), "one\none greeted", "the conversation goes on");
        assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Helped);
        assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Finished);
    }

    #[test]
    fn a_try_that_misses_gets_the_hint_about_what_was_done_instead() {
        let mut lesson =
            Lesson::new(vec![step("a", &["found", "added"], &["", "echo", "mistake"])]);
        assert_eq!(answered(&mut lesson, "find a", &["Received find a;"]), Outcome::Hinted);
        assert_eq!(lesson.hint(), Some("echo"));
        let error = replies("find");
        answered(&mut lesson, "find", &[&error[0]]);
        assert_eq!(lesson.hint(), Some("mistake"));
        answered(&mut lesson, "find;a", &["Not Found!"]);
        assert_eq!(lesson.hint(), Some(""));
        assert_eq!(lesson.see(Seen::Closed), Outcome::Nothing);
        assert_eq!(lesson.hint(), Some(""));
        assert_eq!(answered(&mut lesson, "add;a;1", &["a added!"]), Outcome::Helped);
        assert_eq!(lesson.hint(), None);
        assert_eq!(answered(&mut lesson, "add;a;2", &["a added!"]), Outcome::Helped);
    }

    #[test]
    fn progress_is_kept_by_name_and_taken_up_by_a_lesson_that_has_changed() {
        let steps = || {
            vec![
                step("one", &["echo"], &[]),
                step("two", &["added", "found"], &[]),
                step("three", &["split"], &[]),
            ]
        };
        let mut lesson = Lesson::new(steps());
        answered(&mut lesson, "a", &["Received a;"]);
        let kept = lesson.keep();
        assert_eq!(kept, "one\none echo", "a step that is done can be open");
        let mut again = Lesson::new(steps());
        again.restore(&kept);
        assert_eq!(again.keep(), kept);

        lesson.go_on();
        answered(&mut lesson, "add;a;1", &["a added!"]);
        let kept = lesson.keep();
        assert_eq!(kept, "two\none echo\ntwo added");

        let mut again = Lesson::new(steps());
        again.restore(&kept);
        assert_eq!(again.keep(), kept);

        let mut changed = Lesson::new(vec![
            step("one", &["echo"], &[]),
            step("three", &["split", "added"], &[]),
            step("new", &["han"], &[]),
        ]);
        changed.restore(&kept);
        assert_eq!(changed.keep(), "three\none echo", "two is gone");
        for text in ["", "\n\n", "nowhere\nno one\nthree\nthree split:9 x"] {
            changed.restore(text);
            assert_eq!(changed.keep(), "three\none echo", "{text:?}");
        }
        Lesson::new(Vec::new()).restore(&kept);
    }
}
