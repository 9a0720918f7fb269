//! The page in place of a server.

use super::*;

#[test]
fn a_page_that_never_had_a_server_answers_by_itself_after_two_attempts() {
    let mut page = TestPage::opened();
    page.breaks();
    assert_eq!(page.model.conversation().mode(), Mode::Server);
    let shown = page.waits(500).breaks().shown();
    assert_eq!(page.model.conversation().mode(), Mode::Page);
    assert_eq!(shown[0].text, "Welcome!");
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteNoServer));
    assert_eq!(page.model.conversation().status_bar(page.now), Some(StatusBar::Page));
    assert_eq!(page.waits(60_000).did(), [], "nothing is tried behind the student's back");

    let shown = page.sends("add;a;1").sends("find;a").sends("find").shown();
    let said: Vec<_> = shown.iter().map(|message| &*message.text).collect();
    assert_eq!(said[..5], ["add;a;1", "a added!", "find;a", "1", "find"]);
    assert!(shown.iter().all(|message| message.mode == Mode::Page));
    assert_eq!(shown[5].correction.as_ref().map(|note| note.key), Some(TextKey::TooFewOne));
    assert_eq!(page.model.next_wake(page.now), None);
}

#[test]
fn a_page_that_had_a_server_goes_on_trying_until_the_student_says_otherwise() {
    let mut page = TestPage::connected();
    for _ in 0..9 {
        page.breaks().waits(8_000);
    }
    assert_eq!(page.model.conversation().mode(), Mode::Server);
    page.breaks().happens(ConversationMsg::ModeSwitched);
    assert_eq!(page.model.conversation().mode(), Mode::Page);
    assert!(page.model.conversation().can_send());
}

#[test]
fn the_switch_leads_to_the_page_and_back() {
    let mut page = TestPage::connected();
    page.sends("find;a").did();
    let done = page.happens(ConversationMsg::ModeSwitched).did();
    assert!(done.contains(&ConversationEffect::Disconnect.into()));
    assert!(done.iter().any(|effect| matches!(
        effect,
        Effect::Conversation(ConversationEffect::Annotate { id: 1, .. })
    )));
    assert_eq!(page.sends("find;a").transmitted(), [""; 0]);

    assert!(
        page.happens(ConversationMsg::ModeSwitched)
            .did()
            .contains(&ConversationEffect::Connect.into())
    );
    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteNew));
    assert_eq!(page.model.conversation().status_bar(page.now), None);

    let mut page = TestPage::alone();
    page.happens(ConversationMsg::ModeSwitched);
    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown.last().map(|message| message.mode), Some(Mode::Server));
}

#[test]
fn exit_ends_the_practice_and_the_book_is_there_in_the_next_one() {
    let mut page = TestPage::alone();
    page.sends("add;a;1").did();
    assert_eq!(page.sends("exit").noted().last().map(|noted| noted.1), Some(TextKey::NoteEnded));
    assert_eq!(page.model.conversation().status_bar(page.now), Some(StatusBar::PageEnded));
    assert!(!page.model.conversation().can_send());
    let shown = page.presses(Key::Enter).sends("find;a").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NotePage));
    assert_eq!(shown.last().map(|message| &*message.text), Some("1"));
}

/// Where no server is, the page says what one would, byte for byte: in a
/// browser, too.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn the_page_by_itself_answers_the_transcripts() {
    use protocol::Stage;
    use transcripts::{Action, all};

    let plays = |transcript: &transcripts::Transcript| {
        transcript.stage == Stage::Contacts && !transcript.stream_only
    };
    let mut played = 0;
    for transcript in all().into_iter().filter(plays) {
        let mut page = TestPage::alone();
        page.did();
        for turn in &transcript.turns {
            let Action::Send(bytes) = &turn.action else { continue };
            // A browser sends text.
            let Ok(text) = str::from_utf8(bytes) else { break };
            let shown = page.happens(InputMsg::CommandChosen(text.to_string())).shown();
            let replies = shown.iter().skip(1).map(|message| message.text.clone());
            assert_eq!(replies.collect::<Vec<_>>(), turn.replies(), "{}", transcript.name);
            let closed = page.model.conversation().connection() == Connection::Ended;
            assert_eq!(closed, turn.closed, "{}", transcript.name);
        }
        played += 1;
    }
    assert!(played > 20, "{played}");
}
