//! Lessons played through, without a browser.

use super::*;
use crate::words::tests::assert_told_in_both_languages;

/// A page and the clock on the wall.
struct Lesson {
    model: Model,
    now: u64,
    /// What was done since the last look.
    done: Vec<Effect>,
}

impl Lesson {
    fn opened() -> Self {
        Self::opened_with(Remembered::default())
    }

    fn opened_with(remembered: Remembered<'_>) -> Self {
        let model = Model::new("127.0.0.1:8080", Language::English, remembered);
        let mut lesson = Lesson { model, now: 1_000, done: Vec::new() };
        lesson.happens(Msg::Opened);
        lesson
    }

    fn connected() -> Self {
        let mut lesson = Self::opened();
        lesson.receives("Welcome!");
        lesson.done.clear();
        lesson
    }

    fn happens(&mut self, msg: Msg) -> &mut Self {
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
        self.done.extend(effects);
        self
    }

    fn receives(&mut self, text: &str) -> &mut Self {
        self.happens(Msg::Received(text.to_string()))
    }

    fn types(&mut self, text: &str) -> &mut Self {
        self.happens(Msg::Typed { text: text.to_string(), composing: false })
    }

    fn presses(&mut self, key: Key) -> &mut Self {
        self.happens(Msg::Pressed { key, at_end: true, repeated: false })
    }

    fn sends(&mut self, text: &str) -> &mut Self {
        self.types(text).presses(Key::Enter)
    }

    fn breaks(&mut self) -> &mut Self {
        self.happens(Msg::Closed { code: 1006 })
    }

    /// Lets time pass, waking the model whenever it asked for it.
    fn waits(&mut self, millis: u64) -> &mut Self {
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

    fn did(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.done)
    }

    fn transmitted(&mut self) -> Vec<String> {
        let sent = self.did().into_iter();
        sent.filter_map(|effect| match effect {
            Effect::Transmit(text) => Some(text),
            _ => None,
        })
        .collect()
    }

    /// The notes put at messages, with the id of each.
    fn noted(&mut self) -> Vec<(u32, Word)> {
        let done = self.did().into_iter();
        done.filter_map(|effect| match effect {
            Effect::Annotate { id, note, .. } => Some((id, note.word)),
            _ => None,
        })
        .collect()
    }

    fn shown(&mut self) -> Vec<Message> {
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
    assert_eq!(Lesson::connected().happens(Msg::Returned).did(), []);
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
    assert_eq!(lesson.waits(60_000).noted(), [(2, Word::NoteLate)]);
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

    assert_eq!(lesson.happens(Msg::Closed { code: 1000 }).noted(), [(1, Word::NoteEnded)]);
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
    lesson.happens(Msg::Closed { code: 1000 });
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
    let mut lesson = Lesson::opened_with(Remembered { draft: &draft, history: &history });
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
        [Effect::Speak(Language::Chinese), Effect::Keep(Shelf::Language, "zh-CN".to_string()),]
    );
    assert_eq!(
        lesson.happens(Msg::SwitchedTheme { from: Theme::Light }).did(),
        [Effect::Paint(Theme::Dark), Effect::Keep(Shelf::Theme, "dark".to_string())]
    );
}
