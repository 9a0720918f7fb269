//! The student's own server.

use super::homework::HomeworkMsg;
use super::*;

const CONNECTED: HomeworkMsg = HomeworkMsg { passed: false };
const PASSED: HomeworkMsg = HomeworkMsg { passed: true };

fn step(name: &str, goal: &str) -> Step {
    let mut step = Step::new(name);
    step.goal(goal);
    step
}

#[test]
fn the_step_is_done_when_the_server_has_passed_also_while_another_one_was_open() {
    for opened_before in [true, false] {
        let mut page = TestPage::opened();
        let steps = vec![step("first", "added"), step("homework", "passed")];
        page.happens(LessonMsg::Loaded(steps)).happens(CONNECTED);
        if opened_before {
            page.happens(LessonMsg::StepChosen("homework".into()));
            assert!(page.model.lesson().open().is_some_and(|step| step.wants("passed")));
        }
        page.happens(PASSED);
        assert_eq!(page.model.lesson().steps()[1].is_done(), opened_before);
        page.happens(LessonMsg::StepChosen("homework".into()));
        assert!(page.model.lesson().open().is_some_and(Step::is_done));
        assert!(!page.model.lesson().steps()[0].is_done());
    }
}

#[test]
fn the_step_is_done_when_the_program_in_the_page_has_passed() {
    let mut page = TestPage::opened();
    let steps = vec![step("first", "added"), step("homework", "passed")];
    page.happens(LessonMsg::Loaded(steps)).happens(LessonMsg::PassedInPage);
    // What the class's server says of another program takes nothing away.
    page.happens(CONNECTED).happens(LessonMsg::StepChosen("homework".into()));
    assert!(page.model.lesson().open().is_some_and(Step::is_done));
    assert!(!page.model.lesson().steps()[0].is_done());
}

#[test]
fn a_student_s_server_that_ends_leaves_the_page_with_the_class_s() {
    let mut page = TestPage::connected();
    for server in ["127.0.0.1", "wei 192.168.1.5:10003"] {
        page.happens(ConversationMsg::ServerChosen(server.into()));
        assert_eq!(page.model.conversation().host(), server);
        assert!(page.did().contains(&ConversationEffect::Connect.into()));
        page.receives("Welcome!").happens(PASSED);
        // Whatever the class's server says of the homework.
        page.happens(CONNECTED).sends("find;a");
        // A connection that only broke is made again.
        page.breaks().waits(20_000).receives("Welcome!").did();
        assert_eq!(page.model.conversation().host(), server);
        let code = api::CLOSED_NO_SERVER;
        page.happens(ConversationMsg::Closed { code, reason: String::new() });
        assert_eq!(page.model.conversation().host(), "127.0.0.1:8080");
        assert!(page.did().contains(&ConversationEffect::Connect.into()));
        page.receives("Welcome!");
        let opening = page.shown().pop().and_then(|message| message.opening);
        assert_eq!(opening.map(|text| text.key), Some(TextKey::NoteBack));
    }
}

#[test]
fn a_server_that_does_not_greet_can_be_spoken_to_and_its_answer_is_matched() {
    let mut page = TestPage::connected();
    page.happens(ConversationMsg::ServerChosen("127.0.0.1".into()));
    page.receives("");
    assert_eq!(page.model.conversation().connection(), Connection::Open);
    let opening = page.shown().pop().and_then(|message| message.opening);
    assert_eq!(opening.map(|text| text.key), Some(TextKey::NoteSilent));
    let last = page.model.conversation().log().events().last().map(|event| event.kind.clone());
    assert_eq!(last, Some(EventKind::Opened), "no arrow");
    page.sends("find;a").receives("Not Found!").waits(LATE);
    let annotates = |effect: &Effect| {
        matches!(effect, Effect::Conversation(ConversationEffect::Annotate { .. }))
    };
    assert!(!page.did().iter().any(annotates), "nothing is owed");
    // One that only takes its time.
    page.happens(ConversationMsg::ServerChosen("127.0.0.1".into()));
    page.receives("").receives("Welcome!");
    let shown = page.shown().pop().unwrap();
    assert_eq!((&*shown.text, shown.opening), ("Welcome!", None));
}
