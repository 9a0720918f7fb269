//! The lesson, message by message.

use protocol::command::Stage;
use protocol::{Contacts, Decoder, Replies};

use super::detector::NAMES;
use super::*;

fn step(name: &str, goals: &[&str], hints: &[&str]) -> Step {
    let mut step = Step::new(name);
    goals.iter().for_each(|goal| step.goal(goal));
    hints.iter().for_each(|hint| step.hint(hint));
    step
}

fn answered(lesson: &mut Lesson, sent: &str, replies: &[&str]) -> Outcome {
    let replies: Vec<_> = replies.iter().map(ToString::to_string).collect();
    lesson.see(LessonEvent::Answered { sent, replies: &replies })
}

fn actions(sent: &str, replies: &[String]) -> Vec<Action> {
    let actions = ActionDetector::default().detect(sent, replies);
    Action::ALL.into_iter().filter(|&action| actions.has(action)).collect()
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
    use Action::*;
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
        ("add;13800138000;zhangsan", &[Swapped]),
        ("add;138;张三", &[Swapped]),
        ("add;110;119", &[Added]),
        ("add;2b;c", &[Added]),
        ("add;b;1\nfind;a", &[Added, Found, Cut]),
        ("remove\na", &[Removed]),
        ("add;b;1\nexit\nfind;a", &[Added]),
        ("exit", &[]),
    ] {
        assert_eq!(actions(sent, &replies(sent)), expected, "{sent:?}");
    }
}

#[test]
fn a_reply_the_protocol_does_not_give_to_that_message_is_no_deed() {
    for (sent, reply, expected) in [
        // The lesson's first server.
        ("add;a;1", "Received add;a;1;", &[Action::Echo][..]),
        // One that cannot store anything.
        ("add;a;1", "Error: the book is full", &[]),
        ("remove;a", "Error: nothing was changed", &[]),
        // One that is not ours.
        ("add;a", "a added!", &[]),
        ("hello", "hi", &[]),
    ] {
        assert_eq!(actions(sent, &[reply.to_string()]), expected, "{sent:?}");
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
    assert!(lesson.detector.phones.iter().any(|(_, phone)| phone == "7"));
    for name in 0..NAMES * 3 / 2 {
        answered(&mut lesson, &format!("add;{name};1"), &[&format!("{name} added!")]);
    }
    assert!(lesson.detector.phones.len() <= NAMES);
}

#[test]
fn a_line_of_the_students_own_counts_where_it_reaches_a_goal_of_the_step() {
    let steps =
        || vec![step("one", &["added", "own"], &[""]), step("two", &["closed", "own"], &[""])];
    let mut lesson = Lesson::new(steps());
    assert_eq!(answered(&mut lesson, "add;a;1", &["a added!"]), Outcome::Helped);
    assert!(lesson.open().is_some_and(Step::wants_only_own));
    assert_eq!(answered(&mut lesson, "add;a;1", &["a added!"]), Outcome::Helped);
    lesson.see(LessonEvent::Written("hello"));
    assert_eq!(answered(&mut lesson, "hello", &["Received hello;"]), Outcome::Hinted);
    assert!(lesson.open().is_some_and(Step::wants_only_own));
    lesson.see(LessonEvent::Written("add;b;1"));
    assert_eq!(answered(&mut lesson, "add;b;1", &["b added!"]), Outcome::Finished);
    assert_eq!(lesson.keep(), "one\none added\none own");
    lesson.open_next();
    // `exit` has no answer: the end of the conversation is it.
    answered(&mut lesson, "exit", &[]);
    assert_eq!(lesson.see(LessonEvent::Closed), Outcome::Helped);
    assert!(lesson.open().is_some_and(Step::wants_only_own));
    lesson.see(LessonEvent::Greeted);
    lesson.see(LessonEvent::Written(" exit"));
    answered(&mut lesson, " exit", &[]);
    assert_eq!(lesson.see(LessonEvent::Closed), Outcome::Finished);
}

#[test]
fn a_goal_may_count_only_what_comes_after_those_before_it() {
    let steps = vec![step("one", &["fields", "then-added"], &[""])];
    let mut lesson = Lesson::new(steps);
    assert_eq!(answered(&mut lesson, "add;b;1", &["b added!"]), Outcome::Hinted);
    assert_eq!(answered(&mut lesson, "add;a", &[&replies("add;a")[0]]), Outcome::Helped);
    assert!(lesson.open().is_some_and(|step| step.wants("then-added")));
    assert_eq!(answered(&mut lesson, "add;b;1", &["b added!"]), Outcome::Finished);
    assert_eq!(lesson.keep(), "one\none fields\none then-added");
}

#[test]
fn progress_of_two_tabs_is_that_of_both() {
    assert_eq!(merge("two\none echo", "one\none echo\none own"), "two\none echo\none own");
    assert_eq!(merge("one", "two\none echo"), "one\none echo");
    assert_eq!(merge("one\none echo", ""), "one\none echo");
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
    assert_eq!(lesson.see(LessonEvent::Greeted), Outcome::Helped);
    assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Helped);
    assert!(lesson.steps()[0].wants("echo:2") && !lesson.steps()[0].wants("greeted"));
    lesson.open_step("two");
    assert_eq!(lesson.see(LessonEvent::Chosen { question: "why", right: false }), Outcome::Nothing);
    assert_eq!(lesson.see(LessonEvent::Chosen { question: "who", right: true }), Outcome::Nothing);
    assert_eq!(lesson.see(LessonEvent::Chosen { question: "why", right: true }), Outcome::Finished);
    assert_eq!(lesson.see(LessonEvent::Closed), Outcome::Nothing, "three is not open yet");
    assert_eq!(open(&lesson), "two");
    lesson.see(LessonEvent::Greeted);
    lesson.open_next();
    assert_eq!(open(&lesson), "three");
    assert_eq!(lesson.see(LessonEvent::Closed), Outcome::Helped);
    assert_eq!(lesson.see(LessonEvent::Greeted), Outcome::Finished);
    lesson.open_next();
    assert_eq!(open(&lesson), "one", "it had been skipped");
    assert!(!lesson.has_next());
    assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Finished);
    lesson.open_next();
    assert_eq!(open(&lesson), "one", "nothing is left to do");
    assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Nothing);
}

#[test]
fn steps_can_be_skipped_and_revisited_in_a_conversation_that_goes_on() {
    let steps = vec![step("one", &["added"], &[]), step("two", &["greeted", "echo"], &[""])];
    let mut lesson = Lesson::new(steps);
    lesson.see(LessonEvent::Greeted);
    lesson.open_next();
    assert_eq!((open(&lesson), lesson.index()), ("two", 1));
    assert!(lesson.steps()[1].wants("echo") && !lesson.steps()[1].wants("greeted"));
    lesson.open_step("one");
    lesson.open_step("nowhere");
    assert_eq!(open(&lesson), "one");
}

#[test]
fn a_lesson_can_be_started_over() {
    let steps = || vec![step("one", &["greeted", "echo:2"], &[]), step("two", &["added"], &[])];
    let mut lesson = Lesson::new(steps());
    lesson.see(LessonEvent::Greeted);
    for _ in 0..2 {
        answered(&mut lesson, "a", &["Received a;"]);
    }
    lesson.open_next();
    answered(&mut lesson, "a", &["Received a;"]);
    lesson.start_over();
    assert_eq!(lesson.keep(), "one\none greeted", "the conversation goes on");
    assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Helped);
    assert_eq!(answered(&mut lesson, "a", &["Received a;"]), Outcome::Finished);
}

#[test]
fn a_try_that_misses_gets_the_hint_about_what_was_done_instead() {
    let mut lesson = Lesson::new(vec![step("a", &["found", "added"], &["", "echo", "mistake"])]);
    assert_eq!(answered(&mut lesson, "find a", &["Received find a;"]), Outcome::Hinted);
    assert_eq!(lesson.hint(), Some("echo"));
    let error = replies("find");
    answered(&mut lesson, "find", &[&error[0]]);
    assert_eq!(lesson.hint(), Some("mistake"));
    answered(&mut lesson, "find;a", &["Not Found!"]);
    assert_eq!(lesson.hint(), Some(""));
    assert_eq!(lesson.see(LessonEvent::Closed), Outcome::Nothing);
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

    lesson.open_next();
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
