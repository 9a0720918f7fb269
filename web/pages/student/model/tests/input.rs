//! The line being written.

use super::*;

#[test]
fn nothing_is_sent_before_the_welcome_and_the_line_stays() {
    let mut page = TestPage::opened();
    assert_eq!(page.sends("find;a").transmitted(), [""; 0]);
    assert_eq!(page.model.input().draft(), "find;a");
    assert_eq!(page.model.hint().text.key, TextKey::HeldConnecting);
    page.receives("Welcome!");
    assert_eq!(page.model.hint().text.key, TextKey::ReadyFind);
    assert_eq!(page.presses(Key::Enter).transmitted(), ["find;a"]);
    assert_eq!(page.model.input().draft(), "");
}

#[test]
fn an_empty_line_is_not_sent_but_a_blank_one_is() {
    let mut page = TestPage::connected();
    assert_eq!(page.sends("").sends(" ").transmitted(), [" "]);
}

#[test]
fn the_arrows_go_through_what_was_sent_and_back_to_the_unfinished_line() {
    let mut page = TestPage::connected();
    page.sends("one").sends("two").sends("two").types("unfinished");
    let mut lines = Vec::new();
    for key in [Key::Up, Key::Up, Key::Up, Key::Down, Key::Down, Key::Down] {
        page.presses(key);
        lines.push(page.model.input().draft().to_string());
    }
    assert_eq!(lines, ["two", "one", "one", "two", "unfinished", "unfinished"]);
}

#[test]
fn a_reload_loses_nothing_typed() {
    let mut page = TestPage::connected();
    page.sends("one").types("half");
    let (mut draft, mut history) = (String::new(), String::new());
    for effect in page.did() {
        match effect {
            Effect::Input(InputEffect::StoreDraft(text)) => draft = text,
            Effect::Input(InputEffect::StoreHistory(text)) => history = text,
            _ => {}
        }
    }
    let mut page =
        TestPage::opened_with(Stored { draft: &draft, history: &history, ..Stored::default() });
    assert!(page.did().contains(&InputEffect::Write("half".to_string()).into()));
    page.presses(Key::Up);
    assert_eq!(page.model.input().draft(), "one");
}

#[test]
fn one_tap_puts_the_wide_semicolons_right() {
    let mut page = TestPage::connected();
    page.types("add；张三；1").did();
    assert!(page.model.hint().is_mistake);
    let done = page.happens(InputMsg::FixApplied).did();
    assert!(done.contains(&InputEffect::Write("add;张三;1".to_string()).into()));
    assert_eq!(done.last(), Some(&InputEffect::Focus.into()));
    assert_eq!(page.model.hint().text.key, TextKey::ReadyAdd);
}

#[test]
fn a_wrong_message_may_be_sent_all_the_same() {
    assert_eq!(TestPage::connected().sends("add；张三；1").transmitted(), ["add；张三；1"]);
}

#[test]
fn while_an_input_method_composes_nothing_is_called_wrong() {
    let mut page = TestPage::connected();
    let before = page.types("add;a;1;").model.hint();
    let text = "add;a;1;zhang".to_string();
    page.happens(InputMsg::Typed { text: text.clone(), composing: true });
    assert_eq!(page.model.hint(), before);
    assert!(page.model.input().highlights().iter().all(|mark| mark.at.start < 8));
    page.happens(InputMsg::Typed { text, composing: false });
    assert!(page.model.hint().is_mistake);
}

#[test]
fn tab_completes_goes_round_and_lets_go() {
    let mut page = TestPage::connected();
    page.sends("add;lisi;1").receives("lisi added!").sends("add;liwu;2").receives("liwu added!");
    page.sends("find;nobody").receives("Not Found!");
    let mut lines = Vec::new();
    page.types("find;");
    for _ in 0..3 {
        assert!(page.presses(Key::Tab).did().contains(&InputEffect::PreventDefault.into()));
        lines.push(page.model.input().draft().to_string());
    }
    assert_eq!(lines, ["find;liwu", "find;lisi", "find;liwu"]);

    page.presses(Key::Escape).did();
    assert_eq!(page.presses(Key::Tab).did(), []);
    page.types("a").did();
    assert!(page.presses(Key::Tab).did().contains(&InputEffect::Write("add;".to_string()).into()));
    page.types("exit").did();
    assert_eq!(page.presses(Key::Tab).did(), []);
    page.types("").did();
    assert_eq!(page.presses(Key::Tab).did(), []);
}

#[test]
fn an_example_does_not_throw_away_what_was_typed() {
    let mut page = TestPage::connected();
    page.types("half").happens(InputMsg::ExampleChosen("find;zhangsan".to_string()));
    assert_eq!(page.model.input().draft(), "find;zhangsan");
    assert_eq!(page.presses(Key::Up).model.input().draft(), "half");
}

#[test]
fn a_button_sends_at_once_and_leaves_the_draft_alone() {
    let mut page = TestPage::connected();
    page.types("half");
    assert_eq!(page.happens(InputMsg::CommandChosen("find;a".into())).transmitted(), ["find;a"]);
    assert_eq!(page.model.input().draft(), "half");
    page.breaks();
    assert_eq!(page.happens(InputMsg::CommandChosen("find;b".into())).transmitted(), [""; 0]);
    assert_eq!(page.model.input().draft(), "find;b");
    assert_eq!(page.model.hint().text.key, TextKey::HeldClosed);
    // An input has no room for two lines.
    page.happens(InputMsg::CommandChosen("find;c\nfind;d".into()));
    assert_eq!(page.model.input().draft(), "find;b");
    assert_eq!(page.model.hint().text.key, TextKey::HeldClosed);
}

#[test]
fn on_a_narrow_screen_a_button_leads_to_the_conversation_unless_it_stands_in_a_step() {
    for (panel, message, expected) in [
        (Panel::Sticky, "find;a", Panel::Talk),
        (Panel::Steps, "find;a", Panel::Steps),
        (Panel::Steps, "exit", Panel::Steps),
    ] {
        let mut page = TestPage::connected();
        page.happens(PanelsMsg::Resized { wide: false }).happens(PanelsMsg::Chosen(panel));
        assert_eq!(
            page.did(),
            [PanelsEffect::StorePanel(panel.id()).into(), PanelsEffect::FocusTab.into()],
            "a reload shows it again"
        );
        let did = page.happens(InputMsg::CommandChosen(message.into())).did();
        assert_eq!(did.contains(&PanelsEffect::FocusTab.into()), expected != panel);
        assert_eq!(page.model.panels().selected(), expected);
    }
    // Where nothing can be sent the hint at the input says so.
    let mut page = TestPage::connected();
    page.happens(PanelsMsg::Resized { wide: false }).happens(PanelsMsg::Chosen(Panel::Steps));
    page.breaks().happens(InputMsg::CommandChosen("find;a".into()));
    assert_eq!(page.model.panels().selected(), Panel::Steps);
    assert_eq!(page.model.input().draft(), "find;a");
}

#[test]
fn a_line_counts_as_the_students_own_unless_it_was_put_there_and_left_as_it_was() {
    let step = || {
        let mut step = web::core::lesson::Step::new("one");
        ["added", "own"].into_iter().for_each(|goal| step.goal(goal));
        step.hint("");
        vec![step]
    };
    let enter = || InputMsg::Submitted;
    let typed = |text: &str| InputMsg::Typed { text: text.into(), composing: false };
    for (messages, is_own) in [
        (vec![typed("add;a;1"), enter()], true),
        (vec![InputMsg::ExampleChosen("add;a;1".into()), enter()], false),
        (vec![InputMsg::ExampleChosen("add;a;2".into()), typed("add;a;1"), enter()], true),
        (vec![InputMsg::CommandChosen("add;a;1".into())], false),
    ] {
        let mut page = TestPage::connected();
        page.happens(crate::model::LessonMsg::Loaded(step()));
        for message in messages.clone() {
            page.happens(message);
        }
        page.receives("a added!");
        let open = page.model.lesson().open();
        assert!(open.is_some_and(|step| !step.wants("added")));
        assert_eq!(open.is_some_and(|step| !step.wants("own")), is_own, "{messages:?}");
    }
    // What was only pressed stands in the box, to be changed.
    let mut page = TestPage::connected();
    page.happens(crate::model::LessonMsg::Loaded(step()));
    page.happens(InputMsg::CommandChosen("add;a;1".into())).receives("a added!");
    assert_eq!(page.model.input().draft(), "add;a;1");
    page.happens(enter()).receives("a added!");
    assert!(page.model.lesson().open().is_some_and(|step| step.wants("own")));
    page.happens(InputMsg::CommandChosen("exit".into()));
    assert_eq!(page.model.input().draft(), "");
}

#[test]
fn enter_begins_a_new_conversation_after_an_end_with_a_line_in_the_box_as_well() {
    let mut page = TestPage::connected();
    page.sends("exit").happens(ConversationMsg::Closed { code: 1000, reason: String::new() });
    page.happens(InputMsg::Typed { text: "find;a".into(), composing: false });
    page.happens(InputMsg::Submitted).receives("Welcome!");
    assert_eq!(page.model.input().draft(), "find;a");
    assert_eq!(page.happens(InputMsg::Submitted).transmitted(), ["exit", "find;a"]);
}
