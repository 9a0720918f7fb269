//! The lesson's text: the same lesson in both languages, and every step of it
//! done by the commands it shows, on the real handler.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::iter::once;

use protocol::command::{Command, Stage};
use protocol::{Contacts, Decoder, Next, Replies, answer};
use roxmltree::{Document, Node};
use web::core::lesson::{Action, Goal, Lesson, LessonEvent, Outcome, Step};

const LANGUAGES: [&str; 2] =
    [include_str!("../../static/zh.html"), include_str!("../../static/en.html")];

/// The lesson in a language's file; what surrounds it is no XML.
fn markup(text: &str) -> &str {
    let from = text.find("<ol id=\"lesson\">").unwrap();
    &text[from..text.rfind("</main>").unwrap()]
}

/// The widest line of code that fits the column of the steps on a phone of
/// 320 pixels, in characters.
const WIDEST: usize = 38;

/// A step as the page will read it.
#[derive(Debug, PartialEq)]
struct Text {
    name: String,
    commands: Vec<String>,
    goals: Vec<String>,
    hints: Vec<String>,
    questions: Vec<Question>,
    slots: Vec<String>,
    links: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Question {
    name: String,
    answers: Vec<bool>,
}

impl Text {
    fn read(step: Node<'_, '_>) -> Self {
        let all = |attribute| attributes(step, attribute);
        let questions = carrying(step, "data-question").map(Question::read).collect();
        Text {
            name: step.attribute("data-step").unwrap().to_string(),
            commands: all("data-command"),
            goals: all("data-goal"),
            hints: all("data-hint"),
            questions,
            slots: all("data-slot"),
            links: all("href"),
        }
    }

    fn step(&self) -> Step {
        let mut step = Step::new(&self.name);
        self.goals.iter().for_each(|goal| step.goal(goal));
        self.hints.iter().for_each(|hint| step.hint(hint));
        step
    }

    fn wants(&self, goal: &str) -> bool {
        self.goals.iter().any(|own| own == goal)
    }
}

impl Question {
    fn read(question: Node<'_, '_>) -> Self {
        let name = question.attribute("data-question").unwrap().to_string();
        let answers = attributes(question, "data-answer");
        let right = answers.iter().map(|answer| match answer.as_str() {
            "right" => true,
            "wrong" => false,
            other => panic!("{name} has an answer that is {other}"),
        });
        Question { answers: right.collect(), name }
    }
}

/// What stands in the step and carries the attribute, in order.
fn carrying<'a, 'input>(
    step: Node<'a, 'input>,
    attribute: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    step.descendants().filter(move |node| node.has_attribute(attribute))
}

fn attributes(step: Node<'_, '_>, attribute: &'static str) -> Vec<String> {
    carrying(step, attribute).map(|node| node.attribute(attribute).unwrap().to_string()).collect()
}

/// All a person reads in there.
fn words(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

/// Hands each step of each language to `check`.
fn for_each_step(check: impl Fn(&Text, Node<'_, '_>)) {
    for text in LANGUAGES {
        let document = Document::parse(markup(text)).unwrap();
        let list = document.root_element();
        assert_eq!(list.attribute("id"), Some("lesson"));
        for step in list.children().filter(Node::is_element) {
            check(&Text::read(step), step);
        }
    }
}

fn lesson(text: &str) -> Vec<Text> {
    let document = Document::parse(markup(text)).unwrap();
    document.root_element().children().filter(Node::is_element).map(Text::read).collect()
}

/// A student at the page, in front of a server with the real handler.
struct Student {
    lesson: Lesson,
    decoder: Decoder,
    contacts: Contacts,
}

impl Student {
    /// Has just opened the page.
    fn new(lesson: &[Text]) -> Self {
        let mut student = Student {
            lesson: Lesson::new(lesson.iter().map(Text::step).collect()),
            decoder: Decoder::new(Stage::Contacts),
            contacts: Contacts::default(),
        };
        student.lesson.see(LessonEvent::Greeted);
        student
    }

    /// Writes a line by hand and sends it.
    fn write(&mut self, line: &str) -> Outcome {
        self.lesson.see(LessonEvent::Written(line));
        self.send(line)
    }

    /// Sends a message, and begins a new conversation if that ended this one.
    fn send(&mut self, sent: &str) -> Outcome {
        self.decoder.push(sent.as_bytes());
        self.decoder.close();
        let mut replies = Replies::default();
        let next = answer(&mut self.decoder, &mut self.contacts, &mut replies, usize::MAX);
        let replies: Vec<_> = replies.iter().map(ToString::to_string).collect();
        let outcome = self.lesson.see(LessonEvent::Answered { sent, replies: &replies });
        if next == Next::Close {
            self.decoder = Decoder::new(Stage::Contacts);
            self.lesson.see(LessonEvent::Closed);
            self.lesson.see(LessonEvent::Greeted);
        }
        outcome
    }

    /// Moves the lab's slider into a character.
    fn split(&mut self) {
        let mut lab = Decoder::new(Stage::Contacts);
        lab.push(&"find;张三".as_bytes()[..6]);
        assert!(lab.next_message().is_none() && lab.is_waiting());
        self.lesson.see(LessonEvent::Split);
    }

    /// Does what a step says, in the order in which it stands there.
    fn follow(&mut self, step: &Text) {
        for command in &step.commands {
            self.write(command);
        }
        for Question { name, answers } in &step.questions {
            for &right in answers {
                self.lesson.see(LessonEvent::Chosen { question: name, right });
            }
        }
        if step.wants("split") {
            self.split();
        }
        if step.wants("passed") {
            self.lesson.see(LessonEvent::Passed);
        }
    }
}

#[test]
fn both_languages_have_the_same_lesson() {
    let [chinese, english] = LANGUAGES.map(lesson);
    assert_eq!(chinese.len(), english.len());
    for (chinese, english) in chinese.iter().zip(&english) {
        assert_eq!(chinese, english);
    }
}

#[test]
fn every_step_has_a_title_something_to_do_goals_and_a_hint_for_any_try() {
    let names: Vec<_> = lesson(LANGUAGES[0]).into_iter().map(|step| step.name).collect();
    assert!(names.iter().all(|name| names.iter().filter(|other| *other == name).count() == 1));
    for_each_step(|step, markup| {
        let name = &step.name;
        let title = markup.children().find(Node::is_element).unwrap();
        assert!(title.has_tag_name("h3") && !words(title).is_empty(), "{name}");
        let asks = !step.commands.is_empty() || !step.questions.is_empty();
        assert!(asks || step.wants("passed"), "{name}");
        assert!(!step.goals.is_empty(), "{name}");
        // Done by doing: wherever something is sent, a line of one's own counts.
        let own = step.goals.iter().position(|goal| goal == "own");
        assert_eq!(own.is_some(), !step.commands.is_empty(), "{name}");
        let reached_by_hand = |goal: &String| !goal.starts_with("answered:") && goal != "own";
        let last = step.goals.iter().rposition(reached_by_hand);
        assert!(own.is_none_or(|own| Some(own) > last), "{name}");
        assert_eq!(step.hints.iter().filter(|hint| hint.is_empty()).count(), 1, "{name}");
        for told in carrying(markup, "data-goal").chain(carrying(markup, "data-hint")) {
            assert!(!words(told).trim().is_empty(), "{name} has a goal or hint without words");
        }
    });
}

#[test]
fn every_goal_hint_slot_and_link_means_something() {
    let slots = ["host", "tcp", "tcp-host", "tcp-port"];
    let panels = ["#wire", "#sequence", "#sticky", "#contacts", "#python", "#program"];
    for_each_step(|step, _| {
        for goal in &step.goals {
            assert!(Goal::parse(goal).is_some_and(|goal| !goal.is_met()), "{goal}");
        }
        for hint in step.hints.iter().filter(|hint| !hint.is_empty()) {
            assert!(Action::named(hint).is_some(), "{hint}");
        }
        assert!(step.slots.iter().all(|slot| slots.contains(&slot.as_str())), "{:?}", step.slots);
        let leads = |link: &String| panels.contains(&link.as_str()) || link == "check.py";
        assert!(step.links.iter().all(leads), "{:?}", step.links);
        // The lab is the one thing that no message can do.
        assert!(!step.wants("split") || step.links.contains(&"#sticky".to_string()));
    });
}

#[test]
fn every_question_is_a_goal_with_one_right_answer_and_each_answer_is_explained() {
    for_each_step(|step, markup| {
        for Question { name, answers } in &step.questions {
            assert!(step.wants(&format!("answered:{name}")), "{name}");
            assert!(answers.len() > 1, "{name}");
            assert_eq!(answers.iter().filter(|right| **right).count(), 1, "{name}");
        }
        for answer in carrying(markup, "data-answer") {
            assert!(!words(answer).is_empty());
            let why = answer.next_sibling_element().unwrap();
            assert!(why.has_attribute("data-why") && !words(why).is_empty(), "{}", words(answer));
        }
    });
}

#[test]
fn code_fits_the_column() {
    for_each_step(|step, markup| {
        for code in markup.descendants().filter(|node| node.has_tag_name("pre")) {
            for line in words(code).lines() {
                assert!(line.chars().count() <= WIDEST, "{}: {line}", step.name);
            }
        }
    });
}

#[test]
fn a_student_who_does_what_stands_there_finishes_the_lesson() {
    let steps = lesson(LANGUAGES[0]);
    let mut student = Student::new(&steps);
    for step in &steps {
        assert_eq!(student.lesson.open().unwrap().name(), step.name);
        student.follow(step);
        assert!(student.lesson.open().is_some_and(Step::is_done), "{}", step.name);
        student.lesson.open_next();
    }
    assert!(student.lesson.steps().iter().all(Step::is_done));
}

#[test]
fn every_step_can_be_done_by_itself_with_an_empty_book() {
    let steps = lesson(LANGUAGES[0]);
    for step in &steps {
        let mut student = Student::new(&steps);
        student.lesson.open_step(&step.name);
        student.follow(step);
        assert_eq!(student.lesson.open().unwrap().name(), step.name);
        assert!(student.lesson.open().is_some_and(Step::is_done), "{}", step.name);
    }
}

#[test]
fn examples_that_are_only_pressed_leave_each_step_a_line_to_be_written() {
    let steps = lesson(LANGUAGES[0]);
    for step in steps.iter().filter(|step| !step.commands.is_empty()) {
        let mut student = Student::new(&steps);
        student.lesson.open_step(&step.name);
        for command in &step.commands {
            student.send(command);
        }
        assert!(!student.lesson.open().is_some_and(Step::is_done), "{}", step.name);
        assert!(student.lesson.open().is_some_and(|open| open.wants("own")), "{}", step.name);
    }
}

/// Messages of which every step wants some and cannot use the others.
const TRIES: [&[&str]; 10] = [
    &["hello"],
    &["add;b;1"],
    &["find;nobody"],
    &["add;b;1", "find;b"],
    &["add;b;1", "remove;b"],
    &["ad;b;1"],
    &["add;b"],
    &["add；b；1"],
    &["add;138;zhangsan"],
    &["exit;"],
];

#[test]
fn every_hint_comes_up_after_some_wrong_try() {
    let steps = lesson(LANGUAGES[0]);
    for step in &steps {
        let shown = TRIES.map(|tries| {
            let mut student = Student::new(&steps);
            student.lesson.open_step(&step.name);
            let outcomes = tries.iter().map(|sent| student.send(sent)).last();
            let hint = student.lesson.hint().map(ToString::to_string);
            assert_eq!(outcomes == Some(Outcome::Hinted), hint.is_some());
            hint
        });
        for hint in &step.hints {
            assert!(shown.contains(&Some(hint.clone())), "{} never says {hint:?}", step.name);
        }
    }
}

#[test]
fn what_a_hint_tells_to_send_works_or_is_a_mistake_made_on_purpose() {
    for_each_step(|step, markup| {
        let told = carrying(markup, "data-hint")
            .flat_map(|hint| hint.descendants().filter(|node| node.has_tag_name("kbd")))
            .map(words);
        for text in told.filter(|text| text.chars().count() > 1) {
            let shown = step.commands.iter().map(String::as_str).chain(once("find;nobody"));
            let is_verb = ["add", "find", "remove"].contains(&text.as_str());
            assert!(is_verb || shown.clone().any(|known| known == text), "{}: {text}", step.name);
            let on_purpose =
                ["mistake", "fields", "semicolon"].into_iter().any(|goal| step.wants(goal));
            let works = is_verb || Command::parse(&text, Stage::Contacts).is_ok();
            assert!(works || on_purpose, "{}: {text}", step.name);
        }
    });
}
