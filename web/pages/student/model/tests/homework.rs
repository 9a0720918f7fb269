//! The student's own server.

use super::homework::HomeworkMsg;
use super::*;

const CONNECTED: HomeworkMsg = HomeworkMsg { has_relay: true, passed: false };
const PASSED: HomeworkMsg = HomeworkMsg { has_relay: true, passed: true };

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
fn without_a_relay_the_page_is_back_at_the_class_s_server() {
    let mut page = TestPage::connected();
    page.happens(CONNECTED).happens(ConversationMsg::ServerSwitched);
    assert!(page.model.conversation().is_with_own_server());
    assert_eq!(page.model.conversation().host(), "127.0.0.1");
    assert!(page.did().contains(&ConversationEffect::Connect.into()));
    page.receives("Welcome!").happens(PASSED);
    assert!(page.model.conversation().is_with_own_server());
    page.happens(HomeworkMsg { has_relay: false, ..PASSED });
    assert!(!page.model.conversation().is_with_own_server());
    assert!(page.did().contains(&ConversationEffect::Connect.into()));
    assert_eq!(page.model.conversation().host(), "127.0.0.1:8080");
}
