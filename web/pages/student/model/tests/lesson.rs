//! Progress in the lesson.

use super::*;

fn step(name: &str, goals: &[&str]) -> Step {
    let mut step = Step::new(name);
    goals.iter().for_each(|goal| step.goal(goal));
    step.hint("");
    step
}

fn taught(progress: &str) -> TestPage {
    let mut page = TestPage::opened_with(Stored { progress, ..Stored::default() });
    page.happens(LessonMsg::Loaded(vec![
        step("hear", &["greeted", "answered:who"]),
        step("both", &["cut"]),
        step("leave", &["added", "closed", "again"]),
    ]));
    page
}

/// The progress that was kept last.
fn kept(page: &mut TestPage) -> Option<String> {
    let mut kept = page.did().into_iter().filter_map(|effect| match effect {
        Effect::Lesson(LessonEffect::StoreProgress(text)) => Some(text),
        _ => None,
    });
    kept.next_back()
}

#[test]
fn the_lesson_hears_of_what_really_happened_and_no_more() {
    let mut page = taught("");
    page.receives("Welcome!");
    assert_eq!(kept(&mut page).as_deref(), Some("hear\nhear greeted"));
    page.happens(LessonMsg::QuestionAnswered { question: "who".into(), right: false });
    assert_eq!(kept(&mut page), None);
    page.happens(LessonMsg::QuestionAnswered { question: "who".into(), right: true });
    assert!(page.model.lesson().steps()[0].is_done());
    page.happens(LessonMsg::NextStep);
    assert!(page.did().ends_with(&[LessonEffect::FocusStep.into()]));

    // Two commands in one message are two answers, and only then it counts.
    page.happens(InputMsg::CommandChosen("add;a;1\nfind;a".into())).receives("a added!");
    assert!(page.model.lesson().steps()[1].wants("cut"));
    page.receives("1");
    assert!(page.model.lesson().steps()[1].is_done());

    // The answers that came before an end count, and a break is no end.
    page.happens(LessonMsg::NextStep).sends("exit").breaks();
    page.waits(5_000).receives("Welcome!");
    assert!(page.model.lesson().open().is_some_and(|step| step.wants("closed")));
    page.happens(InputMsg::CommandChosen("add;a;1\nexit".into())).receives("a added!");
    assert!(page.model.lesson().open().is_some_and(|step| step.wants("added")));
    page.happens(ConversationMsg::Closed { code: 1000, reason: String::new() });
    let open = page.model.lesson().open();
    assert!(open.is_some_and(|step| !step.wants("added") && !step.wants("closed")));
    page.happens(ConversationMsg::Reconnect).receives("Welcome!");
    assert!(page.model.lesson().open().is_some_and(Step::is_done));
}

#[test]
fn a_wrong_try_gets_a_hint_until_the_next_step() {
    let mut page = taught("both\n");
    page.receives("Welcome!").sends("find;a").receives("Not Found!");
    assert!(page.did().contains(&LessonEffect::ShowProgress.into()));
    assert_eq!(page.model.lesson().hint(), Some(""));
    page.happens(LessonMsg::StepChosen("leave".into()));
    assert_eq!(page.model.lesson().hint(), None);
    assert_eq!(kept(&mut page).as_deref(), Some("leave"));
}

#[test]
fn the_progress_is_taken_up_and_can_be_dropped() {
    let mut page = taught("leave\nboth cut");
    assert_eq!(page.model.lesson().keep(), "leave\nboth cut");
    page.receives("Welcome!").happens(LessonMsg::Restarted);
    assert_eq!(kept(&mut page).as_deref(), Some("hear\nhear greeted"));
}

#[test]
fn the_page_by_itself_teaches_as_well() {
    let mut page = taught("hear\nhear answered:who");
    page.breaks().waits(500).breaks();
    assert_eq!(page.model.conversation().mode(), Mode::Page);
    assert!(page.model.lesson().steps()[0].is_done());
    page.happens(LessonMsg::StepChosen("leave".into())).sends("add;a;1");
    page.sends("exit").happens(ConversationMsg::Reconnect);
    assert!(page.model.lesson().open().is_some_and(Step::is_done));
}

#[test]
fn a_name_is_forgotten_with_the_progress_and_the_number_stays() {
    let mut page = taught("");
    page.happens(LessonMsg::Numbered(7)).happens(LessonMsg::Named("Li Lei".into()));
    assert_eq!(page.model.owner().adapt("find;zhangsan"), "find;LiLei");
    assert!(page.did().contains(&LessonEffect::StoreOwner("7 LiLei  ".into()).into()));
    page.happens(LessonMsg::Numbered(7)).happens(LessonMsg::Restarted);
    let did = page.did();
    assert!(did.contains(&LessonEffect::StoreOwner("7   ".into()).into()));
    assert!(did.contains(&LessonEffect::ForgetProgress.into()));
    assert_eq!(page.model.owner().adapt("find;zhangsan"), "find;zhangsan7");
}
