//! Lessons played through, without a browser.

use super::*;
use crate::lesson;
use crate::liveness::{SILENT, TIMEOUT};
use crate::panels::python::messages;
use crate::panels::sequence::Sequence;
use crate::words::tests::assert_told_in_both_languages;

/// A page and the clock on the wall.
pub(crate) struct Lesson {
    pub model: Model,
    pub now: u64,
    /// How the server answers a liveness check: not at all, or at once and so.
    pub alive: Option<bool>,
    /// What was done since the last look.
    done: Vec<Effect>,
}

impl Lesson {
    pub fn opened() -> Self {
        Self::opened_with(Remembered::default())
    }

    pub fn opened_with(remembered: Remembered<'_>) -> Self {
        let mut lesson = Self::loading(remembered);
        lesson.happens(Msg::Fetched { found: true });
        lesson
    }

    /// A page without its words.
    pub fn loading(remembered: Remembered<'_>) -> Self {
        let model = Model::new("127.0.0.1:8080", true, Language::English, remembered);
        let mut lesson = Lesson { model, now: 1_000, alive: Some(true), done: Vec::new() };
        lesson.happens(Msg::Opened);
        lesson
    }

    /// A page that no server has ever answered.
    pub fn alone() -> Self {
        let mut lesson = Self::opened();
        lesson.breaks().waits(500).breaks();
        lesson
    }

    pub fn connected() -> Self {
        let mut lesson = Self::opened();
        lesson.receives("Welcome!");
        lesson.done.clear();
        lesson
    }

    pub fn happens(&mut self, msg: Msg) -> &mut Self {
        let moment = Moment { millis: self.now, jitter: 0 };
        let effects = self.model.update(msg, moment);
        for effect in &effects {
            let (Effect::Show(Message { opening: Some(note), .. })
            | Effect::Show(Message { correction: Some(note), .. })
            | Effect::Annotate { note, .. }) = effect
            else {
                continue;
            };
            assert_told_in_both_languages(note);
        }
        assert_told_in_both_languages(&self.model.advice().note);
        let checks = effects.contains(&Effect::CheckServer);
        self.done.extend(effects);
        if let Some(alive) = self.alive.filter(|_| checks) {
            self.happens(Msg::Checked { alive });
        }
        self
    }

    pub fn receives(&mut self, text: &str) -> &mut Self {
        self.happens(Msg::Received(text.to_string()))
    }

    pub fn types(&mut self, text: &str) -> &mut Self {
        self.happens(Msg::Typed { text: text.to_string(), composing: false })
    }

    pub fn presses(&mut self, key: Key) -> &mut Self {
        self.happens(Msg::Pressed { key, at_end: true, repeated: false })
    }

    pub fn sends(&mut self, text: &str) -> &mut Self {
        self.types(text).presses(Key::Enter)
    }

    pub fn breaks(&mut self) -> &mut Self {
        self.happens(Msg::Closed { code: 1006, reason: String::new() })
    }

    /// Lets time pass, waking the model whenever it asked for it.
    pub fn waits(&mut self, millis: u64) -> &mut Self {
        let end = self.now + millis;
        while let Some(wake) = self.model.next_wake(self.now).filter(|wake| self.now + wake <= end)
        {
            assert!(wake > 0, "the model asks to be woken again and again");
            self.now += wake;
            self.happens(Msg::Woken);
        }
        self.now = end;
        self
    }

    pub fn did(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.done)
    }

    pub fn transmitted(&mut self) -> Vec<String> {
        let sent = self.did().into_iter();
        sent.filter_map(|effect| match effect {
            Effect::Transmit(text) => Some(text),
            _ => None,
        })
        .collect()
    }

    /// The notes put at messages, with the id of each.
    pub fn noted(&mut self) -> Vec<(u32, Word)> {
        let done = self.did().into_iter();
        done.filter_map(|effect| match effect {
            Effect::Annotate { id, note, .. } => Some((id, note.word)),
            _ => None,
        })
        .collect()
    }

    pub fn shown(&mut self) -> Vec<Message> {
        let done = self.did().into_iter();
        done.filter_map(|effect| match effect {
            Effect::Show(message) => Some(message),
            _ => None,
        })
        .collect()
    }
}

#[test]
fn the_conversation_opens_with_the_welcome() {
    let mut lesson = Lesson::opened();
    assert!(lesson.did().contains(&Effect::Connect));
    assert_eq!(lesson.model.strip(0), Some(Strip::Connecting));
    assert!(!lesson.model.can_send());

    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteConnected));
    assert_eq!(lesson.model.strip(0), None);
    assert!(lesson.model.can_send());
}

#[test]
fn each_reply_belongs_to_the_oldest_message_without_one() {
    let mut lesson = Lesson::connected();
    lesson.sends("find").sends("hello").sends("add;;1").did();
    let shown = lesson
        .receives("Error: find needs one name")
        .receives("Received hello;")
        .receives("Error: the name is empty")
        .receives("out of the blue")
        .shown();
    let corrections: Vec<_> =
        shown.iter().map(|message| message.correction.as_ref().map(|note| note.word)).collect();
    assert_eq!(corrections, [Some(Word::TooFewOne), None, Some(Word::EmptyName), None]);
    let ids: Vec<_> = shown.iter().map(|message| message.id).collect();
    assert_eq!(ids, [4, 5, 6, 7]);
}

#[test]
fn nothing_is_sent_before_the_welcome_and_the_line_stays() {
    let mut lesson = Lesson::opened();
    assert_eq!(lesson.sends("find;a").transmitted(), [""; 0]);
    assert_eq!(lesson.model.draft(), "find;a");
    assert_eq!(lesson.model.advice().note.word, Word::HeldConnecting);
    lesson.receives("Welcome!");
    assert_eq!(lesson.model.advice().note.word, Word::ReadyFind);
    assert_eq!(lesson.presses(Key::Enter).transmitted(), ["find;a"]);
    assert_eq!(lesson.model.draft(), "");
}

#[test]
fn an_empty_line_is_not_sent_but_a_blank_one_is() {
    let mut lesson = Lesson::connected();
    assert_eq!(lesson.sends("").sends(" ").transmitted(), [" "]);
}

#[test]
fn a_broken_connection_comes_back_by_itself_ever_more_slowly() {
    let mut lesson = Lesson::connected();
    let mut waits = Vec::new();
    for _ in 0..6 {
        lesson.breaks();
        let Connection::Waiting { since, until } = lesson.model.connection() else {
            panic!("not waiting");
        };
        waits.push(until - since);
        assert!(!lesson.waits(until - since - 1).did().contains(&Effect::Connect));
        assert!(lesson.waits(1).did().contains(&Effect::Connect));
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000]);

    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteReconnected));
    lesson.breaks();
    assert_eq!(lesson.model.strip(lesson.now), Some(Strip::Retry { seconds: 1, of: 1 }));
}

#[test]
fn the_countdown_shows_each_second_once() {
    let mut lesson = Lesson::connected();
    for _ in 0..4 {
        lesson.breaks().waits(8_000);
    }
    lesson.breaks();
    let mut seconds = Vec::new();
    while let (Some(Strip::Retry { seconds: left, of: 8 }), Some(wake)) =
        (lesson.model.strip(lesson.now), lesson.model.next_wake(lesson.now))
    {
        seconds.push(left);
        lesson.waits(wake);
    }
    assert_eq!(seconds, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn the_network_coming_back_or_the_student_cuts_the_wait_short() {
    for msg in [Msg::Returned, Msg::Reconnect] {
        let mut lesson = Lesson::connected();
        lesson.breaks().did();
        assert!(lesson.happens(msg.clone()).did().contains(&Effect::Connect));
        // Once is enough.
        assert!(!lesson.happens(msg).did().contains(&Effect::Connect));
    }
}

/// A page that is connected, whose messages and checks get no answer any more.
fn half_open() -> Lesson {
    let mut lesson = Lesson::connected();
    lesson.alive = None;
    lesson
}

fn is_waiting(lesson: &Lesson) -> bool {
    matches!(lesson.model.connection(), Connection::Waiting { .. })
}

#[test]
fn an_answer_that_is_late_has_the_server_checked_and_a_dead_one_given_up() {
    let mut lesson = half_open();
    lesson.sends("add;a;1").types("half a line").did();
    let done = lesson.waits(LATE).did();
    assert!(done.contains(&Effect::CheckServer), "{done:?}");
    assert_eq!(lesson.waits(TIMEOUT - 1).model.connection(), Connection::Open);
    let done = lesson.waits(1).did();
    assert!(is_waiting(&lesson));
    assert!(done.contains(&Effect::Disconnect));
    let lost = Effect::Annotate { id: 1, note: Note::new(Word::NoteLost), take_back: true };
    assert!(done.contains(&lost), "{done:?}");
    assert_eq!(lesson.model.draft(), "half a line");

    assert!(lesson.waits(500).did().contains(&Effect::Connect));
    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteReconnected));
    assert!(lesson.happens(Msg::TakenBack { id: 1 }).did().contains(&Effect::Focus));
    assert_eq!(lesson.presses(Key::Enter).transmitted(), ["add;a;1"]);
}

#[test]
fn a_check_that_fails_ends_the_connection_before_its_time_is_over() {
    let mut lesson = half_open();
    lesson.alive = Some(false);
    lesson.sends("exit").waits(LATE);
    assert!(is_waiting(&lesson));
    assert_eq!(lesson.noted(), [(1, Word::NoteLate), (1, Word::NoteLost)]);
}

#[test]
fn a_slow_server_that_answers_checks_keeps_its_conversation() {
    let mut lesson = Lesson::connected();
    lesson.sends("find;a").waits(SILENT - 1);
    assert_eq!(lesson.model.connection(), Connection::Open);
    assert_eq!(lesson.receives("1").waits(600_000).model.connection(), Connection::Open);
    // One that does so for longer than the server itself would wait has lost it.
    lesson.sends("find;a").waits(SILENT);
    assert!(is_waiting(&lesson));
}

#[test]
fn the_network_coming_back_has_an_open_connection_checked() {
    for (alive, stays) in [(Some(true), true), (Some(false), false), (None, false)] {
        let mut lesson = half_open();
        lesson.alive = alive;
        let done = lesson.happens(Msg::Returned).did();
        assert!(done.contains(&Effect::CheckServer), "{done:?}");
        lesson.waits(TIMEOUT);
        assert_eq!(lesson.model.connection() == Connection::Open, stays, "{alive:?}");
    }
    // Then the server answers, but not on this connection.
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::Returned).sends("find;a").waits(LATE - 1);
    assert_eq!(lesson.model.connection(), Connection::Open);
    lesson.waits(1);
    assert!(is_waiting(&lesson));
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
        let mut lesson = Lesson::connected();
        let began = 1_000_000;
        lesson.happens(Msg::Looked { here: false, wall: began }).waits(millis).did();
        // Hidden is hidden, however often it is said.
        lesson.happens(Msg::Looked { here: false, wall: began + wall });
        let back = if wall == 0 { 0 } else { began + wall };
        let done = lesson.happens(Msg::Looked { here: true, wall: back }).did();
        assert_eq!(done.contains(&Effect::CheckServer), checks, "{millis} {wall}");
        // Once is enough.
        assert_eq!(lesson.happens(Msg::Looked { here: true, wall: back }).did(), []);
    }
}

#[test]
fn only_an_open_connection_to_a_server_is_checked() {
    let hours = 3_600_000;
    for mut lesson in [Lesson::opened(), Lesson::alone()] {
        lesson.did();
        lesson.happens(Msg::Returned).happens(Msg::Looked { here: false, wall: 0 });
        lesson.happens(Msg::Looked { here: true, wall: hours }).waits(hours);
        assert!(!lesson.did().contains(&Effect::CheckServer));
    }
    // What a check says about a connection that is gone is nothing.
    let mut lesson = half_open();
    lesson.happens(Msg::Returned).breaks().waits(500).receives("Welcome!").did();
    assert_eq!(lesson.happens(Msg::Checked { alive: false }).did(), []);
    assert_eq!(lesson.model.connection(), Connection::Open);
}

#[test]
fn the_book_of_a_server_that_was_given_up_is_not_shown_as_live() {
    let mut lesson = half_open();
    assert!(lesson.model.can_follow());
    lesson.happens(Msg::Returned).waits(TIMEOUT);
    assert!(!lesson.model.can_follow());
    lesson.waits(500).receives("Welcome!");
    assert!(lesson.model.can_follow());
    assert!(lesson.breaks().model.can_follow(), "a break alone is the browser's to mend");
}

#[test]
fn a_server_that_never_says_welcome_is_given_up_after_ten_seconds() {
    let mut lesson = Lesson::opened();
    assert!(!lesson.waits(PATIENCE - 1).did().contains(&Effect::Disconnect));
    assert!(lesson.waits(1).did().contains(&Effect::Disconnect));
    assert!(lesson.waits(500).did().contains(&Effect::Connect));
}

#[test]
fn messages_without_an_answer_are_marked_when_the_connection_breaks() {
    let mut lesson = Lesson::connected();
    lesson.sends("add;a;1").sends("find;a").receives("a added!").did();
    assert_eq!(lesson.breaks().noted(), [(2, Word::NoteLost)]);

    lesson.types("find;b").happens(Msg::TakenBack { id: 2 });
    assert_eq!(lesson.model.draft(), "find;a");
    // What stood there is one key away.
    lesson.presses(Key::Up);
    assert_eq!(lesson.model.draft(), "find;b");
}

#[test]
fn an_answer_that_does_not_come_is_noted_once_and_the_note_goes_when_it_does() {
    let mut lesson = Lesson::connected();
    lesson.sends("find;a").waits(4_000).sends("find;b").did();
    assert_eq!(lesson.waits(5_999).noted(), []);
    assert_eq!(lesson.waits(1).noted(), [(1, Word::NoteLate)]);
    assert_eq!(lesson.waits(SILENT - LATE - 1).noted(), [(2, Word::NoteLate)]);
    assert!(lesson.model.can_send());
    assert!(lesson.receives("1").did().contains(&Effect::Unannotate { id: 1 }));
}

#[test]
fn exit_ends_the_conversation_and_the_student_begins_the_next() {
    let mut lesson = Lesson::connected();
    lesson.sends("exit").did();
    assert!(!lesson.model.can_send());
    assert_eq!(lesson.sends("find;a").transmitted(), [""; 0]);
    assert_eq!(lesson.model.advice().note.word, Word::HeldLeaving);

    assert_eq!(
        lesson.happens(Msg::Closed { code: 1000, reason: String::new() }).noted(),
        [(1, Word::NoteEnded)]
    );
    assert_eq!(lesson.model.strip(lesson.now), Some(Strip::Ended));
    assert_eq!(lesson.model.next_wake(lesson.now), None);
    assert_eq!(lesson.happens(Msg::Returned).waits(60_000).did(), []);

    lesson.types("").happens(Msg::Pressed { key: Key::Enter, at_end: true, repeated: true });
    assert!(!lesson.did().contains(&Effect::Connect));
    assert!(lesson.presses(Key::Enter).did().contains(&Effect::Connect));
    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteNew));
}

#[test]
fn a_close_that_exit_did_not_ask_for_is_a_break() {
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::Closed { code: 1000, reason: String::new() });
    assert!(matches!(lesson.model.connection(), Connection::Waiting { .. }));
    let mut lesson = Lesson::connected();
    lesson.sends("exit").breaks();
    assert!(matches!(lesson.model.connection(), Connection::Waiting { .. }));
}

#[test]
fn the_arrows_go_through_what_was_sent_and_back_to_the_unfinished_line() {
    let mut lesson = Lesson::connected();
    lesson.sends("one").sends("two").sends("two").types("unfinished");
    let mut lines = Vec::new();
    for key in [Key::Up, Key::Up, Key::Up, Key::Down, Key::Down, Key::Down] {
        lesson.presses(key);
        lines.push(lesson.model.draft().to_string());
    }
    assert_eq!(lines, ["two", "one", "one", "two", "unfinished", "unfinished"]);
}

#[test]
fn a_reload_loses_nothing_typed() {
    let mut lesson = Lesson::connected();
    lesson.sends("one").types("half");
    let (mut draft, mut history) = (String::new(), String::new());
    for effect in lesson.did() {
        match effect {
            Effect::Keep(Shelf::Draft, text) => draft = text,
            Effect::Keep(Shelf::History, text) => history = text,
            _ => {}
        }
    }
    let mut lesson = Lesson::opened_with(Remembered {
        draft: &draft,
        history: &history,
        ..Remembered::default()
    });
    assert!(lesson.did().contains(&Effect::Write("half".to_string())));
    lesson.presses(Key::Up);
    assert_eq!(lesson.model.draft(), "one");
}

#[test]
fn one_tap_puts_the_wide_semicolons_right() {
    let mut lesson = Lesson::connected();
    lesson.types("add；张三；1").did();
    assert!(lesson.model.advice().is_mistake);
    let done = lesson.happens(Msg::Mended).did();
    assert!(done.contains(&Effect::Write("add;张三;1".to_string())));
    assert_eq!(done.last(), Some(&Effect::Focus));
    assert_eq!(lesson.model.advice().note.word, Word::ReadyAdd);
}

#[test]
fn a_wrong_message_may_be_sent_all_the_same() {
    assert_eq!(Lesson::connected().sends("add；张三；1").transmitted(), ["add；张三；1"]);
}

#[test]
fn while_an_input_method_composes_the_pen_rests() {
    let mut lesson = Lesson::connected();
    let before = lesson.types("add;a;1;").model.advice();
    let text = "add;a;1;zhang".to_string();
    lesson.happens(Msg::Typed { text: text.clone(), composing: true });
    assert_eq!(lesson.model.advice(), before);
    assert!(lesson.model.marks().iter().all(|mark| mark.at.start < 8));
    lesson.happens(Msg::Typed { text, composing: false });
    assert!(lesson.model.advice().is_mistake);
}

#[test]
fn tab_completes_goes_round_and_lets_go() {
    let mut lesson = Lesson::connected();
    lesson.sends("add;lisi;1").receives("lisi added!").sends("add;liwu;2").receives("liwu added!");
    lesson.sends("find;nobody").receives("Not Found!");
    let mut lines = Vec::new();
    lesson.types("find;");
    for _ in 0..3 {
        assert!(lesson.presses(Key::Tab).did().contains(&Effect::Swallow));
        lines.push(lesson.model.draft().to_string());
    }
    assert_eq!(lines, ["find;liwu", "find;lisi", "find;liwu"]);

    lesson.presses(Key::Escape).did();
    assert_eq!(lesson.presses(Key::Tab).did(), []);
    lesson.types("a").did();
    assert!(lesson.presses(Key::Tab).did().contains(&Effect::Write("add;".to_string())));
    lesson.types("exit").did();
    assert_eq!(lesson.presses(Key::Tab).did(), []);
    lesson.types("").did();
    assert_eq!(lesson.presses(Key::Tab).did(), []);
}

#[test]
fn an_example_does_not_throw_away_what_was_typed() {
    let mut lesson = Lesson::connected();
    lesson.types("half").happens(Msg::Chosen("find;zhangsan".to_string()));
    assert_eq!(lesson.model.draft(), "find;zhangsan");
    assert_eq!(lesson.presses(Key::Up).model.draft(), "half");
}

#[test]
fn a_choice_of_language_or_light_is_remembered() {
    let mut lesson = Lesson::connected();
    assert_eq!(
        lesson.happens(Msg::SwitchedLanguage).did(),
        [Effect::Fetch(Language::Chinese), Effect::Keep(Shelf::Language, "zh-CN".to_string())]
    );
    assert_eq!(
        lesson.happens(Msg::SwitchedTheme { from: Theme::Light }).did(),
        [Effect::Paint(Theme::Dark), Effect::Keep(Shelf::Theme, "dark".to_string())]
    );
}

#[test]
fn a_page_without_words_says_so_and_connects_to_nobody() {
    let mut lesson = Lesson::loading(Remembered::default());
    assert_eq!(lesson.did(), [Effect::Fetch(Language::English)]);
    assert_eq!(lesson.happens(Msg::Fetched { found: false }).did(), [Effect::Fail]);
}

#[test]
fn a_language_that_does_not_come_leaves_the_other_one() {
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::SwitchedLanguage).did();
    assert_eq!(
        lesson.happens(Msg::Fetched { found: false }).did(),
        [Effect::Keep(Shelf::Language, "en".to_string())]
    );
    assert_eq!(lesson.model.advice().note.word, Word::SameLanguage);
    assert_eq!(lesson.types("f").model.advice().note.word, Word::NextVerb);
    lesson.happens(Msg::SwitchedLanguage).did();
    assert_eq!(lesson.happens(Msg::Fetched { found: true }).did(), [Effect::Speak]);
}

#[test]
fn a_page_that_never_had_a_server_answers_by_itself_after_two_attempts() {
    let mut lesson = Lesson::opened();
    lesson.breaks();
    assert_eq!(lesson.model.mode(), Mode::Server);
    let shown = lesson.waits(500).breaks().shown();
    assert_eq!(lesson.model.mode(), Mode::Page);
    assert_eq!(shown[0].text, "Welcome!");
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteNoServer));
    assert_eq!(lesson.model.strip(lesson.now), Some(Strip::Page));
    assert_eq!(lesson.waits(60_000).did(), [], "nothing is tried behind the student's back");

    let shown = lesson.sends("add;a;1").sends("find;a").sends("find").shown();
    let said: Vec<_> = shown.iter().map(|message| &*message.text).collect();
    assert_eq!(said[..5], ["add;a;1", "a added!", "find;a", "1", "find"]);
    assert!(shown.iter().all(|message| message.mode == Mode::Page));
    assert_eq!(shown[5].correction.as_ref().map(|note| note.word), Some(Word::TooFewOne));
    assert_eq!(lesson.model.next_wake(lesson.now), None);
}

#[test]
fn a_page_that_had_a_server_goes_on_trying_until_the_student_says_otherwise() {
    let mut lesson = Lesson::connected();
    for _ in 0..9 {
        lesson.breaks().waits(8_000);
    }
    assert_eq!(lesson.model.mode(), Mode::Server);
    lesson.breaks().happens(Msg::SwitchedMode);
    assert_eq!(lesson.model.mode(), Mode::Page);
    assert!(lesson.model.can_send());
}

#[test]
fn the_switch_leads_to_the_page_and_back() {
    let mut lesson = Lesson::connected();
    lesson.sends("find;a").did();
    let done = lesson.happens(Msg::SwitchedMode).did();
    assert!(done.contains(&Effect::Disconnect));
    assert!(done.iter().any(|effect| matches!(effect, Effect::Annotate { id: 1, .. })));
    assert_eq!(lesson.sends("find;a").transmitted(), [""; 0]);

    assert!(lesson.happens(Msg::SwitchedMode).did().contains(&Effect::Connect));
    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NoteNew));
    assert_eq!(lesson.model.strip(lesson.now), None);

    let mut lesson = Lesson::alone();
    lesson.happens(Msg::SwitchedMode);
    let shown = lesson.receives("Welcome!").shown();
    assert_eq!(shown.last().map(|message| message.mode), Some(Mode::Server));
}

#[test]
fn exit_ends_the_practice_and_the_book_is_there_in_the_next_one() {
    let mut lesson = Lesson::alone();
    lesson.sends("add;a;1").did();
    assert_eq!(lesson.sends("exit").noted().last().map(|noted| noted.1), Some(Word::NoteEnded));
    assert_eq!(lesson.model.strip(lesson.now), Some(Strip::PageEnded));
    assert!(!lesson.model.can_send());
    let shown = lesson.presses(Key::Enter).sends("find;a").shown();
    assert_eq!(shown[0].opening.as_ref().map(|note| note.word), Some(Word::NotePage));
    assert_eq!(shown.last().map(|message| &*message.text), Some("1"));
}

#[test]
fn a_message_of_several_lines_has_as_many_answers() {
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::Commanded("add;a;1\nfind\n\nremove\na".to_string()));
    lesson.sends("find;b").did();
    let shown = lesson
        .receives("a added!")
        .receives("Error: find needs one name")
        .receives("a removed!")
        .receives("Not Found!")
        .shown();
    let corrected: Vec<_> = shown.iter().map(|message| message.correction.is_some()).collect();
    assert_eq!(corrected, [false, true, false, false]);
    // What a line end has begun, an empty line continues: no answer to it.
    lesson.sends(" ").waits(60_000);
    assert_eq!(lesson.noted(), []);
}

#[test]
fn what_follows_an_exit_is_not_waited_for() {
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::Commanded("add;a;1\nexit\nfind;a".to_string()));
    lesson.receives("a added!").did();
    assert_eq!(
        lesson.happens(Msg::Closed { code: 1000, reason: String::new() }).noted(),
        [(1, Word::NoteEnded)]
    );
    assert_eq!(lesson.model.connection(), Connection::Ended);
}

#[test]
fn a_button_sends_at_once_and_leaves_the_draft_alone() {
    let mut lesson = Lesson::connected();
    lesson.types("half");
    assert_eq!(lesson.happens(Msg::Commanded("find;a".into())).transmitted(), ["find;a"]);
    assert_eq!(lesson.model.draft(), "half");
    lesson.breaks();
    assert_eq!(lesson.happens(Msg::Commanded("find;b".into())).transmitted(), [""; 0]);
    assert_eq!(lesson.model.draft(), "find;b");
    assert_eq!(lesson.model.advice().note.word, Word::HeldClosed);
    // An input has no room for two lines.
    lesson.happens(Msg::Commanded("find;c\nfind;d".into()));
    assert_eq!(lesson.model.draft(), "find;b");
    assert_eq!(lesson.model.advice().note.word, Word::HeldClosed);
}

#[test]
fn on_a_narrow_screen_a_button_leads_to_the_conversation_unless_the_step_shows_the_answer() {
    for (panel, message, expected) in [
        (Panel::Sticky, "find;a", Panel::Talk),
        (Panel::Steps, "find;a", Panel::Steps),
        (Panel::Steps, "exit", Panel::Talk),
    ] {
        let mut lesson = Lesson::connected();
        lesson.happens(Msg::Resized { wide: false }).happens(Msg::Shown(panel));
        assert_eq!(
            lesson.did(),
            [Effect::Keep(Shelf::Panel, panel.id().to_string()), Effect::FocusTab],
            "a reload shows it again"
        );
        let did = lesson.happens(Msg::Commanded(message.into())).did();
        assert_eq!(did.contains(&Effect::FocusTab), expected != panel);
        assert_eq!(lesson.model.panels().selected(), expected);
    }
    // Where nothing can be sent the hint at the input says so.
    let mut lesson = Lesson::connected();
    lesson.happens(Msg::Resized { wide: false }).happens(Msg::Shown(Panel::Steps));
    lesson.breaks().happens(Msg::Commanded("find;a".into()));
    assert_eq!(lesson.model.panels().selected(), Panel::Talk);
    assert_eq!(lesson.model.draft(), "find;a");
}

fn step(name: &str, goals: &[&str]) -> Step {
    let mut step = Step::new(name);
    goals.iter().for_each(|goal| step.goal(goal));
    step.hint("");
    step
}

fn taught(progress: &str) -> Lesson {
    let mut lesson = Lesson::opened_with(Remembered { progress, ..Remembered::default() });
    lesson.happens(Msg::Taught(vec![
        step("hear", &["greeted", "answered:who"]),
        step("both", &["cut"]),
        step("leave", &["added", "closed", "again"]),
    ]));
    lesson
}

/// The progress that was kept last.
fn kept(lesson: &mut Lesson) -> Option<String> {
    let mut kept = lesson.did().into_iter().filter_map(|effect| match effect {
        Effect::Keep(Shelf::Progress, text) => Some(text),
        _ => None,
    });
    kept.next_back()
}

#[test]
fn the_lesson_hears_of_what_really_happened_and_no_more() {
    let mut lesson = taught("");
    lesson.receives("Welcome!");
    assert_eq!(kept(&mut lesson).as_deref(), Some("hear\nhear greeted"));
    lesson.happens(Msg::Answered { question: "who".into(), right: false });
    assert_eq!(kept(&mut lesson), None);
    lesson.happens(Msg::Answered { question: "who".into(), right: true });
    assert!(lesson.model.lesson().steps()[0].is_done());
    lesson.happens(Msg::WentOn);
    assert!(lesson.did().ends_with(&[Effect::FocusStep]));

    // Two commands in one message are two answers, and only then it counts.
    lesson.happens(Msg::Commanded("add;a;1\nfind;a".into())).receives("a added!");
    assert!(lesson.model.lesson().steps()[1].wants("cut"));
    lesson.receives("1");
    assert!(lesson.model.lesson().steps()[1].is_done());

    // The answers that came before an end count, and a break is no end.
    lesson.happens(Msg::WentOn).sends("exit").breaks();
    lesson.waits(5_000).receives("Welcome!");
    assert!(lesson.model.lesson().open().is_some_and(|step| step.wants("closed")));
    lesson.happens(Msg::Commanded("add;a;1\nexit".into())).receives("a added!");
    assert!(lesson.model.lesson().open().is_some_and(|step| step.wants("added")));
    lesson.happens(Msg::Closed { code: 1000, reason: String::new() });
    let open = lesson.model.lesson().open();
    assert!(open.is_some_and(|step| !step.wants("added") && !step.wants("closed")));
    lesson.happens(Msg::Reconnect).receives("Welcome!");
    assert!(lesson.model.lesson().open().is_some_and(lesson::Step::is_done));
}

#[test]
fn a_wrong_try_gets_a_hint_until_the_next_step() {
    let mut lesson = taught("both\n");
    lesson.receives("Welcome!").sends("find;a").receives("Not Found!");
    assert!(lesson.did().contains(&Effect::Guide));
    assert_eq!(lesson.model.lesson().hint(), Some(""));
    lesson.happens(Msg::WentTo("leave".into()));
    assert_eq!(lesson.model.lesson().hint(), None);
    assert_eq!(kept(&mut lesson).as_deref(), Some("leave"));
}

#[test]
fn the_progress_is_taken_up_and_can_be_dropped() {
    let mut lesson = taught("leave\nboth cut");
    assert_eq!(lesson.model.lesson().keep(), "leave\nboth cut");
    lesson.receives("Welcome!").happens(Msg::StartedOver);
    assert_eq!(kept(&mut lesson).as_deref(), Some("hear\nhear greeted"));
}

#[test]
fn the_page_by_itself_teaches_as_well() {
    let mut lesson = taught("hear\nhear answered:who");
    lesson.breaks().waits(500).breaks();
    assert_eq!(lesson.model.mode(), Mode::Page);
    assert!(lesson.model.lesson().steps()[0].is_done());
    lesson.happens(Msg::WentTo("leave".into())).sends("add;a;1");
    lesson.sends("exit").happens(Msg::Reconnect);
    assert!(lesson.model.lesson().open().is_some_and(lesson::Step::is_done));
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
        let mut model = Model::new(page, true, Language::English, Remembered::default());
        assert_eq!((model.tcp().host.as_str(), model.tcp().port), ("127.0.0.1", 9999));
        let tcp_host = tcp_host.map(ToString::to_string);
        let classroom = Msg::Classroom { host: tcp_host, port: 7 };
        let _ = model.update(classroom, Moment { millis: 0, jitter: 0 });
        assert_eq!((model.tcp().host.as_str(), model.tcp().port), (expected, 7), "{page}");
    }
}

#[test]
fn a_message_can_be_looked_at_until_the_next_one_is_sent() {
    let mut lesson = Lesson::connected();
    lesson.sends("find;a").receives("1").sends("hello").receives("Received hello;");
    let picks = [
        (Pick::On, None),
        (Pick::Back, Some(4)),
        (Pick::Back, Some(3)),
        (Pick::On, Some(4)),
        (Pick::On, None),
        (Pick::Message(0), Some(0)),
        (Pick::Back, Some(0)),
        (Pick::Message(99), None),
        (Pick::Bytes(1), Some(1)),
    ];
    for (pick, picked) in picks {
        lesson.happens(Msg::Picked(pick));
        assert_eq!(lesson.model.picked(), picked, "{pick:?}");
    }
    assert!(lesson.model.panels().shows(Panel::Wire));
    assert_eq!(messages(&lesson.model), (true, vec!["find;a"]));
    lesson.happens(Msg::Picked(Pick::Message(2)));
    assert_eq!(messages(&lesson.model), (false, vec!["find;a", "hello"]));
    lesson.receives("late");
    assert_eq!(lesson.model.picked(), Some(2), "what comes takes nothing away");
    lesson.sends("find;b");
    assert_eq!(lesson.model.picked(), None);
}

#[test]
fn the_program_is_that_of_the_newest_conversation_and_not_endless() {
    let mut lesson = Lesson::connected();
    lesson.sends("find;a").receives("1").sends("exit");
    lesson.happens(Msg::Closed { code: 1000, reason: "bye".to_string() });
    assert_eq!(messages(&lesson.model).1, ["find;a", "exit"], "until there is another one");
    assert_eq!(lesson.model.farewell(), Some(&(1000, "bye".to_string())));
    lesson.presses(Key::Enter).receives("Welcome!");
    assert_eq!(lesson.model.farewell(), None);
    assert_eq!(messages(&lesson.model).1, [""; 0]);
    for n in 0..40 {
        lesson.sends(&n.to_string()).receives("Received n;");
    }
    let (_, texts) = messages(&lesson.model);
    assert_eq!((texts.len(), texts[0], texts[29]), (30, "10", "39"));
}

#[test]
fn the_picture_tells_what_became_of_each_connection() {
    let mut lesson = Lesson::opened();
    let mut picture = Sequence::default();
    picture.follow(&lesson.model);
    assert_eq!(picture.arrows(), []);
    lesson.receives("Welcome!").sends("find;a").receives("1").breaks().breaks().breaks();
    // However late it is looked at.
    picture.follow(&lesson.model);
    lesson.happens(Msg::SwitchedMode).sends("exit");
    picture.follow(&lesson.model);
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
    assert_eq!(lesson.model.farewell(), None, "nothing was on the wire");
    lesson.happens(Msg::Extended);
    assert!(!lesson.model.knows_frames());
}

#[test]
fn attempts_in_vain_leave_one_mark() {
    let mut lesson = Lesson::connected();
    lesson.breaks();
    let before = lesson.model.events().len();
    for _ in 0..5 {
        lesson.waits(8_000).breaks();
    }
    assert_eq!(lesson.model.events().len(), before + 1);
    assert_eq!(lesson.model.events().last().map(|event| &event.what), Some(&What::Failed));
}

/// Where no server is, the page says what one would, byte for byte: in a
/// browser, too.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn the_page_by_itself_answers_the_transcripts() {
    use transcripts::{Action, all};

    let plays = |transcript: &transcripts::Transcript| {
        transcript.stage == Stage::Contacts && !transcript.stream_only
    };
    let mut played = 0;
    for transcript in all().into_iter().filter(plays) {
        let mut lesson = Lesson::alone();
        lesson.did();
        for turn in &transcript.turns {
            let Action::Send(bytes) = &turn.action else { continue };
            // A browser sends text.
            let Ok(text) = str::from_utf8(bytes) else { break };
            let shown = lesson.happens(Msg::Commanded(text.to_string())).shown();
            let replies = shown.iter().skip(1).map(|message| message.text.clone());
            assert_eq!(replies.collect::<Vec<_>>(), turn.replies(), "{}", transcript.name);
            let closed = lesson.model.connection() == Connection::Ended;
            assert_eq!(closed, turn.closed, "{}", transcript.name);
        }
        played += 1;
    }
    assert!(played > 20, "{played}");
}
