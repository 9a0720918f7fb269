//! Messages and their replies.

use super::*;

#[test]
fn the_conversation_opens_with_the_welcome() {
    let mut page = TestPage::opened();
    assert!(page.did().contains(&ConversationEffect::Connect.into()));
    assert_eq!(page.model.conversation().status_bar(0), Some(StatusBar::Connecting));
    assert!(!page.model.conversation().can_send());

    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteConnected));
    assert_eq!(page.model.conversation().status_bar(0), None);
    assert!(page.model.conversation().can_send());
}

#[test]
fn each_reply_belongs_to_the_oldest_message_without_one() {
    let mut page = TestPage::connected();
    page.sends("find").sends("hello").sends("add;;1").did();
    let shown = page
        .receives("Error: find needs one name")
        .receives("Received hello;")
        .receives("Error: the name is empty")
        .receives("out of the blue")
        .shown();
    let corrections: Vec<_> =
        shown.iter().map(|message| message.correction.as_ref().map(|note| note.key)).collect();
    assert_eq!(corrections, [Some(TextKey::TooFewOne), None, Some(TextKey::EmptyName), None]);
    let ids: Vec<_> = shown.iter().map(|message| message.id).collect();
    assert_eq!(ids, [4, 5, 6, 7]);
}

#[test]
fn messages_without_an_answer_are_marked_when_the_connection_breaks() {
    let mut page = TestPage::connected();
    page.sends("add;a;1").sends("find;a").receives("a added!").did();
    assert_eq!(page.breaks().noted(), [(2, TextKey::NoteLost)]);

    page.types("find;b").happens(ConversationMsg::MessageRestored { id: 2 });
    assert_eq!(page.model.input().draft(), "find;a");
    // What stood there is one key away.
    page.presses(Key::Up);
    assert_eq!(page.model.input().draft(), "find;b");
}

#[test]
fn an_answer_that_does_not_come_is_noted_once_and_the_note_goes_when_it_does() {
    let mut page = TestPage::connected();
    page.sends("find;a").waits(4_000).sends("find;b").did();
    assert_eq!(page.waits(5_999).noted(), []);
    assert_eq!(page.waits(1).noted(), [(1, TextKey::NoteLate)]);
    assert_eq!(page.waits(SILENT - LATE - 1).noted(), [(2, TextKey::NoteLate)]);
    assert!(page.model.conversation().can_send());
    assert!(
        page.receives("1").did().contains(&ConversationEffect::RemoveAnnotation { id: 1 }.into())
    );
}

#[test]
fn exit_ends_the_conversation_and_the_student_begins_the_next() {
    let mut page = TestPage::connected();
    page.sends("exit").did();
    assert!(!page.model.conversation().can_send());
    assert_eq!(page.sends("find;a").transmitted(), [""; 0]);
    assert_eq!(page.model.hint().text.key, TextKey::HeldLeaving);

    assert_eq!(
        page.happens(ConversationMsg::Closed { code: 1000, reason: String::new() }).noted(),
        [(1, TextKey::NoteEnded)]
    );
    assert_eq!(
        page.model.conversation().status_bar(page.now),
        Some(StatusBar::Ended(TextKey::StatusEnded))
    );
    assert_eq!(page.model.next_wake(page.now), None);
    assert_eq!(page.happens(ConversationMsg::NetworkOnline).waits(60_000).did(), []);

    page.types("").happens(InputMsg::KeyPressed { key: Key::Enter, at_end: true, repeated: true });
    assert!(!page.did().contains(&ConversationEffect::Connect.into()));
    assert!(page.presses(Key::Enter).did().contains(&ConversationEffect::Connect.into()));
    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteNew));
}

#[test]
fn a_message_of_several_lines_has_as_many_answers() {
    let mut page = TestPage::connected();
    page.happens(InputMsg::CommandChosen("add;a;1\nfind\n\nremove\na".to_string()));
    page.sends("find;b").did();
    let shown = page
        .receives("a added!")
        .receives("Error: find needs one name")
        .receives("a removed!")
        .receives("Not Found!")
        .shown();
    let corrected: Vec<_> = shown.iter().map(|message| message.correction.is_some()).collect();
    assert_eq!(corrected, [false, true, false, false]);
    // What a line end has begun, an empty line continues: no answer to it.
    page.sends(" ").waits(60_000);
    assert_eq!(page.noted(), []);
}

#[test]
fn what_follows_an_exit_is_not_waited_for() {
    let mut page = TestPage::connected();
    page.happens(InputMsg::CommandChosen("add;a;1\nexit\nfind;a".to_string()));
    page.receives("a added!").did();
    assert_eq!(
        page.happens(ConversationMsg::Closed { code: 1000, reason: String::new() }).noted(),
        [(1, TextKey::NoteEnded)]
    );
    assert_eq!(page.model.conversation().connection(), Connection::Ended);
}
