//! The connection: attempts, breaks, liveness.

use web::core::i18n::Placeholder;
use web::core::version::Comparison;

use super::*;
use protocol::Stage;

#[test]
fn a_broken_connection_comes_back_by_itself_ever_more_slowly() {
    let mut page = TestPage::connected();
    let mut waits = Vec::new();
    for _ in 0..6 {
        page.breaks();
        let Connection::Waiting { since, until } = page.model.conversation().connection() else {
            panic!("not waiting");
        };
        waits.push(until - since);
        assert!(!page.waits(until - since - 1).did().contains(&ConversationEffect::Connect.into()));
        assert!(page.waits(1).did().contains(&ConversationEffect::Connect.into()));
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000]);

    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteReconnected));
    page.breaks();
    assert_eq!(
        page.model.conversation().status_bar(page.now),
        Some(StatusBar::Retry { seconds: 1, of: 1, why: TextKey::StatusRetry })
    );
}

#[test]
fn the_countdown_shows_each_second_once() {
    let mut page = TestPage::connected();
    for _ in 0..4 {
        page.breaks().waits(8_000);
    }
    page.breaks();
    let mut seconds = Vec::new();
    while let (Some(StatusBar::Retry { seconds: left, of: 8, .. }), Some(wake)) =
        (page.model.conversation().status_bar(page.now), page.model.next_wake(page.now))
    {
        seconds.push(left);
        page.waits(wake);
    }
    assert_eq!(seconds, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn the_network_coming_back_or_the_student_cuts_the_wait_short() {
    for msg in [ConversationMsg::NetworkOnline, ConversationMsg::Reconnect] {
        let mut page = TestPage::connected();
        page.breaks().did();
        assert!(page.happens(msg.clone()).did().contains(&ConversationEffect::Connect.into()));
        // Once is enough.
        assert!(!page.happens(msg).did().contains(&ConversationEffect::Connect.into()));
    }
}

/// A page that is connected, whose messages and checks get no answer any more.
fn half_open() -> TestPage {
    let mut page = TestPage::connected();
    page.alive = None;
    page
}

fn is_waiting(page: &TestPage) -> bool {
    matches!(page.model.conversation().connection(), Connection::Waiting { .. })
}

#[test]
fn an_answer_that_is_late_has_the_server_checked_and_a_dead_one_given_up() {
    let mut page = half_open();
    page.sends("add;a;1").types("half a line").did();
    let done = page.waits(LATE).did();
    assert!(done.contains(&ConversationEffect::CheckServer.into()), "{done:?}");
    assert_eq!(page.waits(TIMEOUT - 1).model.conversation().connection(), Connection::Open);
    let done = page.waits(1).did();
    assert!(is_waiting(&page));
    assert!(done.contains(&ConversationEffect::Disconnect.into()));
    let lost = ConversationEffect::Annotate {
        id: 1,
        note: Text::new(TextKey::NoteLost),
        is_restorable: true,
    };
    assert!(done.contains(&lost.into()), "{done:?}");
    assert_eq!(page.model.input().draft(), "half a line");

    assert!(page.waits(500).did().contains(&ConversationEffect::Connect.into()));
    let shown = page.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.key), Some(TextKey::NoteReconnected));
    assert!(
        page.happens(ConversationMsg::MessageRestored { id: 1 })
            .did()
            .contains(&InputEffect::Focus.into())
    );
    assert_eq!(page.presses(Key::Enter).transmitted(), ["add;a;1"]);
}

#[test]
fn a_check_that_fails_ends_the_connection_before_its_time_is_over() {
    let mut page = half_open();
    page.alive = Some(false);
    page.sends("exit").waits(LATE);
    assert!(is_waiting(&page));
    assert_eq!(page.noted(), [(1, TextKey::NoteLate), (1, TextKey::NoteLost)]);
}

#[test]
fn a_slow_server_that_answers_checks_keeps_its_conversation() {
    let mut page = TestPage::connected();
    page.sends("find;a").waits(SILENT - 1);
    assert_eq!(page.model.conversation().connection(), Connection::Open);
    assert_eq!(
        page.receives("1").waits(600_000).model.conversation().connection(),
        Connection::Open
    );
    // One that does so for longer than the server itself would wait has lost it.
    page.sends("find;a").waits(SILENT);
    assert!(is_waiting(&page));
}

#[test]
fn the_network_coming_back_has_an_open_connection_checked() {
    for (alive, stays) in [(Some(true), true), (Some(false), false), (None, false)] {
        let mut page = half_open();
        page.alive = alive;
        let done = page.happens(ConversationMsg::NetworkOnline).did();
        assert!(done.contains(&ConversationEffect::CheckServer.into()), "{done:?}");
        page.waits(TIMEOUT);
        assert_eq!(page.model.conversation().connection() == Connection::Open, stays, "{alive:?}");
    }
    // Then the server answers, but not on this connection.
    let mut page = TestPage::connected();
    page.happens(ConversationMsg::NetworkOnline).sends("find;a").waits(LATE - 1);
    assert_eq!(page.model.conversation().connection(), Connection::Open);
    page.waits(1);
    assert!(is_waiting(&page));
}

#[test]
fn a_page_that_was_hidden_for_long_has_its_connection_checked() {
    // The model's clock may stand still while the device sleeps; a wall clock
    // that was put back says nothing.
    for (millis, wall, checks) in [
        (AWAY - 1, AWAY - 1, false),
        (AWAY, AWAY, true),
        (1_000, 3_600_000, true),
        (AWAY, 0, true),
        (1_000, 0, false),
    ] {
        let mut page = TestPage::connected();
        let began = 1_000_000;
        page.happens(ConversationMsg::VisibilityChanged { is_visible: false, wall: began })
            .waits(millis)
            .did();
        // Hidden is hidden, however often it is said.
        page.happens(ConversationMsg::VisibilityChanged { is_visible: false, wall: began + wall });
        let back = if wall == 0 { 0 } else { began + wall };
        let done =
            page.happens(ConversationMsg::VisibilityChanged { is_visible: true, wall: back }).did();
        assert_eq!(
            done.contains(&ConversationEffect::CheckServer.into()),
            checks,
            "{millis} {wall}"
        );
        // Once is enough.
        assert_eq!(
            page.happens(ConversationMsg::VisibilityChanged { is_visible: true, wall: back }).did(),
            []
        );
    }
}

#[test]
fn only_an_open_connection_to_a_server_is_checked() {
    let hours = 3_600_000;
    for mut page in [TestPage::opened(), TestPage::alone()] {
        page.did();
        page.happens(ConversationMsg::NetworkOnline)
            .happens(ConversationMsg::VisibilityChanged { is_visible: false, wall: 0 });
        page.happens(ConversationMsg::VisibilityChanged { is_visible: true, wall: hours })
            .waits(hours);
        assert!(!page.did().contains(&ConversationEffect::CheckServer.into()));
    }
    // What a check says about a connection that is gone is nothing.
    let mut page = half_open();
    page.happens(ConversationMsg::NetworkOnline).breaks().waits(500).receives("Welcome!").did();
    assert_eq!(page.happens(ConversationMsg::ServerChecked { alive: false }).did(), []);
    assert_eq!(page.model.conversation().connection(), Connection::Open);
}

#[test]
fn the_book_of_a_server_that_was_given_up_is_not_shown_as_live() {
    let mut page = half_open();
    assert!(page.model.conversation().can_follow_book());
    page.happens(ConversationMsg::NetworkOnline).waits(TIMEOUT);
    assert!(!page.model.conversation().can_follow_book());
    page.waits(500).receives("Welcome!");
    assert!(page.model.conversation().can_follow_book());
    assert!(
        page.breaks().model.conversation().can_follow_book(),
        "a break alone is the browser's to mend"
    );
}

#[test]
fn a_server_that_never_says_welcome_is_given_up_after_ten_seconds() {
    let mut page = TestPage::opened();
    assert!(
        !page.waits(CONNECT_TIMEOUT - 1).did().contains(&ConversationEffect::Disconnect.into())
    );
    assert!(page.waits(1).did().contains(&ConversationEffect::Disconnect.into()));
    assert!(page.waits(500).did().contains(&ConversationEffect::Connect.into()));
}

#[test]
fn a_close_that_exit_did_not_ask_for_is_a_break() {
    let mut page = TestPage::connected();
    page.happens(ConversationMsg::Closed { code: 1000, reason: String::new() });
    assert!(matches!(page.model.conversation().connection(), Connection::Waiting { .. }));
    let mut page = TestPage::connected();
    page.sends("exit").breaks();
    assert!(matches!(page.model.conversation().connection(), Connection::Waiting { .. }));
}

#[test]
fn raw_tcp_clients_connect_where_the_server_says() {
    for (page, tcp_host, expected) in [
        ("192.168.1.23:8080", None, "192.168.1.23"),
        ("192.168.1.23:8080", Some("127.0.0.1"), "127.0.0.1"),
        ("classroom.test", None, "classroom.test"),
        ("[fe80::1]:8080", None, "[fe80::1]"),
        ("[fe80::1]", None, "[fe80::1]"),
    ] {
        let mut model = Model::new(page, true, Language::English, Stored::default());
        assert_eq!(
            (model.conversation().tcp().host.as_str(), model.conversation().tcp().port),
            ("127.0.0.1", 9999)
        );
        let tcp_host = tcp_host.map(ToString::to_string);
        let classroom = ConversationMsg::ClassroomFetched {
            page: None,
            host: tcp_host,
            port: 7,
            stage: Stage::Echo,
        };
        let _ = model.update(classroom, Moment { millis: 0, jitter: 0 });
        assert_eq!(
            (model.conversation().tcp().host.as_str(), model.conversation().tcp().port),
            (expected, 7),
            "{page}"
        );
    }
}

#[test]
fn a_page_on_the_teachers_own_computer_names_the_server_as_students_do() {
    let mut page = TestPage::connected();
    let before = page.model.conversation().class_host().to_string();
    for (address, expected) in [
        (None, &*before),
        (Some("http://192.168.1.23:8080/"), "192.168.1.23:8080"),
        (Some("http://192.168.1.23/r/dvs5-vjwu-xhhh/"), "192.168.1.23"),
        // It is not told again, and stays.
        (None, "192.168.1.23"),
    ] {
        page.happens(ConversationMsg::ClassroomFetched {
            page: address.map(ToString::to_string),
            host: None,
            port: 7,
            stage: Stage::Contacts,
        });
        assert_eq!(page.model.conversation().class_host(), expected, "{address:?}");
    }
    let shown = page.breaks().waits(500).receives("Welcome!").shown();
    let opening = shown.last().and_then(|message| message.opening.clone()).unwrap();
    assert_eq!(opening.values, [(Placeholder::Host, "192.168.1.23".to_string())]);
}

#[test]
fn a_server_that_comes_back_with_another_page_has_the_page_opened_anew() {
    let mut page = TestPage::connected();
    assert_eq!(page.happens(ConversationMsg::VersionCompared(Comparison::Same)).did(), []);
    page.types("half a line").breaks().waits(500).did();
    let done = page.receives("Welcome!").did();
    assert!(done.contains(&ConversationEffect::FetchClassroom.into()), "{done:?}");
    let anew = "?student-2b".to_string();
    assert_eq!(
        page.happens(ConversationMsg::VersionCompared(Comparison::Other(anew.clone()))).did(),
        [ConversationEffect::Reopen(anew).into()]
    );
    assert_eq!(page.model.input().draft(), "half a line");
}

#[test]
fn a_page_that_was_opened_anew_in_vain_says_so_below_the_greeting() {
    let mut page = TestPage::connected();
    page.breaks().waits(500).receives("Welcome!").sends("hello").did();
    page.happens(ConversationMsg::VersionCompared(Comparison::Stale));
    assert_eq!(page.noted(), [(1, TextKey::NoteStale)]);
}

#[test]
fn an_answer_that_comes_after_the_switch_to_practice_opens_nothing() {
    let mut page = TestPage::connected();
    page.happens(ConversationMsg::ModeSwitched).did();
    let other = Comparison::Other("?student-2b".to_string());
    assert_eq!(page.happens(ConversationMsg::VersionCompared(other)).did(), []);
}

#[test]
fn attempts_in_vain_leave_one_mark() {
    let mut page = TestPage::connected();
    page.breaks();
    let before = page.model.conversation().log().events().len();
    for _ in 0..5 {
        page.waits(8_000).breaks();
    }
    assert_eq!(page.model.conversation().log().events().len(), before + 1);
    assert_eq!(
        page.model.conversation().log().events().last().map(|event| &event.kind),
        Some(&EventKind::Failed)
    );
}
