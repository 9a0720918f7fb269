//! What the side panels show of a conversation.

use super::*;

#[test]
fn a_message_can_be_looked_at_until_the_next_one_is_sent() {
    let mut page = TestPage::connected();
    page.sends("find;a").receives("1").sends("hello").receives("Received hello;");
    let picks = [
        (Selection::Next, None),
        (Selection::Previous, Some(4)),
        (Selection::Previous, Some(3)),
        (Selection::Next, Some(4)),
        (Selection::Next, None),
        (Selection::Message(0), Some(0)),
        (Selection::Previous, Some(0)),
        (Selection::Message(99), None),
        (Selection::Bytes(1), Some(1)),
    ];
    for (pick, selected) in picks {
        page.happens(PanelsMsg::MessageSelected(pick));
        assert_eq!(page.model.selected(), selected, "{pick:?}");
    }
    assert!(page.model.panels().shows(Panel::Bytes));
    assert_eq!(messages(&page.model), (true, vec!["find;a"]));
    page.happens(PanelsMsg::MessageSelected(Selection::Message(2)));
    assert_eq!(messages(&page.model), (false, vec!["find;a", "hello"]));
    page.receives("late");
    assert_eq!(page.model.selected(), Some(2), "what comes takes nothing away");
    page.sends("find;b");
    assert_eq!(page.model.selected(), None);
}

#[test]
fn the_program_is_that_of_the_newest_conversation_and_not_endless() {
    let mut page = TestPage::connected();
    page.sends("find;a").receives("1").sends("exit");
    page.happens(ConversationMsg::Closed { code: 1000, reason: "bye".to_string() });
    assert_eq!(messages(&page.model).1, ["find;a", "exit"], "until there is another one");
    assert_eq!(page.model.conversation().log().close_reason(), Some(&(1000, "bye".to_string())));
    page.presses(Key::Enter).receives("Welcome!");
    assert_eq!(page.model.conversation().log().close_reason(), None);
    assert_eq!(messages(&page.model).1, [""; 0]);
    for n in 0..40 {
        page.sends(&n.to_string()).receives("Received n;");
    }
    let (_, texts) = messages(&page.model);
    assert_eq!((texts.len(), texts[0], texts[29]), (30, "10", "39"));
}

#[test]
fn the_picture_tells_what_became_of_each_connection() {
    let mut page = TestPage::opened();
    let mut picture = Sequence::default();
    picture.follow(&page.model);
    assert_eq!(picture.arrows(), []);
    page.receives("Welcome!").sends("find;a").receives("1").breaks().breaks().breaks();
    // However late it is looked at.
    picture.follow(&page.model);
    page.happens(ConversationMsg::ModeSwitched).sends("exit");
    picture.follow(&page.model);
    let arrows = picture.arrows().iter().skip(5);
    let labels = arrows.map(|arrow| format!("{:?} {}", arrow.peer, arrow.label()));
    assert_eq!(
        labels.collect::<Vec<_>>(),
        [
            "Server Welcome!",
            "Server find;a",
            "Server 1",
            "Server ",
            "Server ",
            "Page Welcome!",
            "Page exit",
            "Page Close 1000",
        ]
    );
    assert_eq!(page.model.conversation().log().close_reason(), None, "nothing was on the wire");
    page.happens(ConversationMsg::ExtensionNegotiated);
    assert!(!page.model.conversation().knows_frames());
}
