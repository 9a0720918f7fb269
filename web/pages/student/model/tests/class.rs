//! The class: what the teacher leads, and what the page says of itself.

use super::*;

fn told(state: ClassState) -> Msg {
    ClassMsg::Told(state).into()
}

impl TestPage {
    /// A page that has heard from its class, and has said what there is to say.
    fn in_class() -> Self {
        let mut page = Self::connected();
        page.happens(told(ClassState::default())).waits(1000);
        assert_eq!(page.reports().len(), 1);
        page
    }

    /// What was reported since the last look; each is answered.
    fn reports(&mut self) -> Vec<String> {
        let mut reports = Vec::new();
        while !self.class.is_empty() {
            let ClassEffect::Report(report) = self.class.remove(0);
            self.happens(ClassMsg::Reported);
            reports.push(report);
        }
        reports
    }
}

#[test]
fn eyes_on_me_holds_the_input_and_loses_nothing_and_ends_by_itself() {
    let mut page = TestPage::in_class();
    page.types("find;lisi");
    page.happens(told(ClassState { held: Some(300), ..ClassState::default() }));
    page.presses(Key::Enter);
    assert_eq!(page.transmitted(), [""; 0]);
    assert_eq!(page.model.input().draft(), "find;lisi");
    assert_eq!(page.model.hint().text.key, TextKey::HeldPaused);
    page.happens(InputMsg::CommandChosen("exit".to_string()));
    assert_eq!(page.transmitted(), [""; 0]);
    page.waits(299_999);
    assert!(page.model.class().is_held() && !page.model.can_send());
    page.waits(1);
    assert!(!page.model.class().is_held() && page.model.can_send());
    page.presses(Key::Enter);
    assert_eq!(page.transmitted(), ["exit"]);
}

#[test]
fn the_stage_changes_live() {
    let mut page = TestPage::in_class();
    page.happens(told(ClassState { echoes: true, ..ClassState::default() }));
    assert_eq!(page.model.conversation().stage(), Stage::Echo);
    assert!(page.did().contains(&LessonEffect::ShowProgress.into()));
    page.happens(told(ClassState { echoes: true, pause: 100, ..ClassState::default() }));
    let done = page.did();
    assert!(!done.contains(&LessonEffect::ShowProgress.into()), "{done:?}");
}

#[test]
fn a_name_is_reported_once_it_is_written_and_again_after_a_break() {
    let mut page = TestPage::in_class();
    for name in ["W", "Wa", "Wang\"<"] {
        page.happens(LessonMsg::Named(name.to_string())).waits(100);
    }
    assert_eq!(page.reports(), [""; 0]);
    page.waits(500);
    let reports = page.reports();
    assert!(reports[0].contains(r#""name":"Wang","seat":"","hand":false"#), "{reports:?}");
    assert_eq!(reports.len(), 1);
    page.happens(ClassMsg::Lost).waits(1000);
    assert_eq!(page.reports(), [""; 0], "the server may know of a raised hand");
    page.happens(told(ClassState::default())).waits(1000);
    assert_eq!(page.reports(), reports);
}

#[test]
fn a_report_waits_for_the_answer_to_the_one_before() {
    let mut page = TestPage::in_class();
    page.happens(ClassMsg::HandTurned).waits(1000);
    page.happens(ClassMsg::HandTurned).waits(1000);
    assert_eq!(page.class.len(), 1, "{:?}", page.class);
    assert_eq!(page.reports().len(), 2, "it follows at once");
}

#[test]
fn the_teacher_lowers_a_hand_and_a_reload_finds_it_raised() {
    let raised = || told(ClassState { hand: true, ..ClassState::default() });
    let mut page = TestPage::in_class();
    page.happens(ClassMsg::HandTurned);
    // Something else was said before the server knew of the hand.
    page.happens(told(ClassState { frozen: true, ..ClassState::default() }));
    assert!(page.model.class().hand());
    page.happens(raised()).happens(told(ClassState::default()));
    assert!(!page.model.class().hand());

    let mut reloaded = TestPage::connected();
    reloaded.happens(raised()).waits(1000);
    assert!(reloaded.reports()[0].contains(r#""hand":true"#));
}

#[test]
fn what_is_done_is_reported_as_bits() {
    let mut page = TestPage::in_class();
    let steps = ["one", "two"].map(|name| {
        let mut step = Step::new(name);
        step.goal(if name == "two" { "greeted" } else { "closed" });
        step
    });
    page.happens(LessonMsg::Loaded(steps.to_vec()));
    page.happens(LessonMsg::StepChosen("two".to_string()));
    page.happens(ConversationMsg::Closed { code: 1006, reason: String::new() });
    page.waits(500).receives("Welcome!").waits(1000);
    let last = page.reports().pop().unwrap();
    assert!(last.ends_with(r#""step":1,"steps":2,"done":2}"#), "{last}");
}

#[test]
fn a_lesson_that_ended_takes_name_seat_and_progress_along() {
    let mut page = TestPage::in_class();
    page.happens(LessonMsg::Named("Wang".to_string()));
    page.happens(LessonMsg::Seated("3排5".to_string()));
    page.did();
    page.happens(told(ClassState { lesson: 1, ..ClassState::default() }));
    assert_eq!((page.model.owner().name(), page.model.owner().seat()), ("", ""));
    let done = page.did();
    assert!(done.contains(&LessonEffect::ForgetProgress.into()), "{done:?}");
    page.happens(told(ClassState { lesson: 1, ..ClassState::default() }));
    let done = page.did();
    assert!(!done.contains(&LessonEffect::ForgetProgress.into()), "{done:?}");
}

#[test]
fn a_page_that_cannot_be_seen_leaves_the_class_s_stream() {
    let mut page = TestPage::in_class();
    assert!(page.model.conversation().can_follow_class());
    page.happens(ConversationMsg::VisibilityChanged { is_visible: false, wall: 0 });
    assert!(!page.model.conversation().can_follow_class());
    assert!(!TestPage::alone().model.conversation().can_follow_class());
}

#[test]
fn a_page_that_the_teacher_disconnected_comes_back_only_when_it_is_asked_to() {
    let mut page = TestPage::in_class();
    page.happens(ConversationMsg::Closed { code: api::CLOSED_BY_TEACHER, reason: String::new() });
    page.did();
    page.waits(60_000);
    assert_eq!(page.model.conversation().connection(), Connection::Ended);
    assert_eq!(
        page.model.conversation().status_bar(page.now),
        Some(StatusBar::Ended(TextKey::StatusRemoved))
    );
    assert!(!page.did().contains(&ConversationEffect::Connect.into()));
    page.happens(ConversationMsg::Reconnect);
    assert!(page.did().contains(&ConversationEffect::Connect.into()));
}

#[test]
fn a_page_that_is_refused_says_why_and_tries_again_every_half_minute() {
    for (code, why) in
        [(api::CLOSED_BLOCKED, TextKey::StatusBlocked), (api::CLOSED_DOOR, TextKey::StatusDoor)]
    {
        let refused = |page: &mut TestPage| {
            page.happens(ConversationMsg::Closed { code, reason: String::new() });
            page.did();
            let status_bar = page.model.conversation().status_bar(page.now);
            assert_eq!(status_bar, Some(StatusBar::Retry { seconds: 30, of: 30, why }));
        };
        // One that has never been let in does not answer by itself: there is a server.
        let mut page = TestPage::opened();
        page.did();
        for _ in 0..4 {
            refused(&mut page);
            assert!(!page.waits(29_999).did().contains(&ConversationEffect::Connect.into()));
            assert!(page.waits(1).did().contains(&ConversationEffect::Connect.into()));
        }
        page.receives("Welcome!");
        assert_eq!(page.model.conversation().status_bar(page.now), None);
        // When it breaks for another reason, it is as usual.
        page.breaks();
        let status_bar = page.model.conversation().status_bar(page.now);
        let why = TextKey::StatusRetry;
        assert_eq!(status_bar, Some(StatusBar::Retry { seconds: 1, of: 1, why }));
        page.happens(ConversationMsg::Reconnect);
        refused(&mut page);
    }
}
