//! What holds for every input, tried on many.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

use proptest::prelude::*;
use protocol::decoder::MAX_MESSAGE;
use protocol::escape::{Escaped, invisibles, is_deceptive};
use protocol::{
    Batch, Book as _, Command, Contacts, Decoder, Next, Replies, Stage, answer, corrected, read,
};

/// Bytes as hostile as they come, with enough of the protocol's own in them to
/// reach every branch.
fn stream() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        4 => prop::sample::select(vec![
            "add;a;1", "find;a", "remove", "remove;a", "exit", "\n", "\r\n", "\r", ";", "；",
            "张三", "a", " ", "\u{1b}[2J", "\u{feff}", "\u{200b}", "👩", "\u{200d}", "\0",
            "add a 1", "ａｄｄ；a；1", "P", "GET", " ", "/ HTTP/1.1", "a\0d\0",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec![
            &b"\xff\xfb\x1f"[..], b"\xff\xfe", b"\xff", b"\xff\xfa\x1f\n", b"\xff\xf0", b"\xff\xf1",
            b"\x16\x03\x01",
        ]).prop_map(<[u8]>::to_vec),
        1 => (1000..3000_usize).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..30)
}

/// Names as people write them, with much in them that shows nothing.
fn shown() -> impl Strategy<Value = String> {
    let invisible = prop::sample::select(vec![
        "\u{200d}",
        "\u{fe0f}",
        "\u{200b}",
        "\u{2028}",
        "\u{3164}",
        "\u{e0067}",
        "\u{20e3}",
    ]);
    let visible = prop::sample::select(vec!["👩", "🚀", "❤", "🏽", "1", "a", "张"]);
    let joined = prop::collection::vec(prop_oneof![2 => visible, 1 => invisible], 1..8);
    prop_oneof!["\\PC{1,20}", joined.prop_map(|pieces| pieces.concat()),]
}

/// The beginning of a connection that is no conversation.
fn foreign_opening() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "GET / HTTP/1.1",
            "POST http://h/ HTTP/1.1",
            "\r\n\nPUT * HTTP/1.1",
            "CONNECT h:1 HTTP/1.1",
            "PRI * HTTP/2.0",
            "OPTIONS hTTps://h/ HTTP/1.0",
        ])
        .prop_map(|line| line.as_bytes().to_vec()),
        (0..=4_u8).prop_map(|version| vec![0x16, 3, version, 0, 200]),
    ]
}

fn replies_to(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut decoder = Decoder::new(Stage::Contacts);
    let (mut contacts, mut replies) = (Contacts::default(), Replies::default());
    for chunk in chunks {
        decoder.push(chunk);
        if answer(&mut decoder, &mut contacts, &mut replies, usize::MAX) == Next::Close {
            return replies.as_bytes().to_vec();
        }
    }
    decoder.close();
    let _ = answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
    replies.as_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_input_makes_it_panic_or_hold_more_than_two_lines(chunks in stream()) {
        let mut decoder = Decoder::for_stream(Stage::Contacts);
        for chunk in &chunks {
            decoder.push(chunk);
            if chunk.len() % 2 == 0 {
                decoder.expect_more();
            }
            while decoder.next_message().is_some() {}
            decoder.compact();
            // Two lines of the longest, and the line ends that may belong to them.
            prop_assert!(decoder.held_bytes() <= 2 * (MAX_MESSAGE + 2), "{}", decoder.held_bytes());
        }
        decoder.close();
        while decoder.next_message().is_some() {}
        prop_assert!(!decoder.is_waiting());
    }

    #[test]
    fn nothing_behind_a_foreign_opening_is_executed_however_it_is_cut(
        opening in foreign_opening(), body in stream(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..20),
        echo in any::<bool>(),
    ) {
        let mut bytes = opening;
        bytes.extend(b"\r\nHost: h\r\n\r\nadd;m;666\nexit\n");
        bytes.extend(body.concat());
        let mut cuts: Vec<_> =
            cuts.iter().map(|(cut, silent)| (cut.index(bytes.len()), *silent)).collect();
        cuts.push((bytes.len(), true));
        cuts.sort_unstable();
        let mut decoder =
            Decoder::for_stream(if echo { Stage::Echo } else { Stage::Contacts });
        let (mut contacts, mut replies) = (Contacts::default(), Replies::default());
        let (mut from, mut last) = (0, Next::Listen);
        for (to, silent) in cuts {
            decoder.push(&bytes[from..to]);
            from = to;
            last = answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
            if silent {
                decoder.close();
                last = answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
            }
            prop_assert!(decoder.held_bytes() < 16 || last != Next::Listen);
            decoder.compact();
        }
        prop_assert!(matches!(last, Next::Foreign(_)), "{last:?}");
        prop_assert!(contacts.is_empty());
        prop_assert_eq!((decoder.held_bytes(), decoder.is_waiting()), (0, false));
        // Of the request line at most what stood alone before a silence.
        for reply in replies.iter() {
            let is_short = reply.len() <= "Received OPTIONS https:/;".len();
            prop_assert!(is_short || reply.starts_with("Error: "), "{}", reply);
            prop_assert!(!reply.contains("added!"), "{}", reply);
        }
    }

    #[test]
    fn what_no_foreign_protocol_is_is_answered_as_if_nothing_had_looked(chunks in stream()) {
        let mut watched = Decoder::for_stream(Stage::Contacts);
        let mut unwatched = Decoder::new(Stage::Contacts);
        let mut books = (Contacts::default(), Contacts::default());
        let mut replies = (Replies::default(), Replies::default());
        for chunk in &chunks {
            for (decoder, book, replies) in [
                (&mut watched, &mut books.0, &mut replies.0),
                (&mut unwatched, &mut books.1, &mut replies.1),
            ] {
                decoder.push(chunk);
                decoder.close();
                let next = answer(decoder, book, replies, usize::MAX);
                if let Next::Close | Next::Foreign(_) = next {
                    return Ok(());
                }
            }
        }
        prop_assert_eq!(replies.0, replies.1);
    }

    #[test]
    fn a_line_put_right_is_a_command_and_stays_as_it_is(text in "[adefinmorvx;；,， \t张1]{0,30}") {
        if let Some(right) = corrected(&text) {
            let command = Command::parse(&right, Stage::Contacts);
            prop_assert!(!matches!(command, Ok(Command::Say(_)) | Err(_)), "{text} {right}");
            prop_assert_eq!(corrected(&right), Some(right.clone()));
        }
    }

    #[test]
    fn once_lines_are_used_it_does_not_matter_how_the_stream_is_cut(
        chunks in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut whole: Vec<u8> = b"\n".to_vec();
        whole.extend(chunks.concat());
        // A bare `remove` is looked at together with what came with it.
        prop_assume!(!whole.windows(6).any(|bytes| bytes == b"remove"));
        let mut at: Vec<_> = cuts.iter().map(|cut| 1 + cut.index(whole.len())).collect();
        at.extend([1, whole.len()]);
        at.sort_unstable();
        let pieces: Vec<_> = std::iter::once(whole[..1].to_vec())
            .chain(at.windows(2).map(|ends| whole[ends[0]..ends[1]].to_vec()))
            .collect();
        prop_assert_eq!(replies_to(&pieces), replies_to(&[whole]));
    }

    #[test]
    fn every_message_that_is_not_blank_gets_exactly_one_line(line in "[^\n]{0,80}") {
        // A byte order mark at the start of a conversation is dropped.
        let text = line.strip_prefix('\u{feff}').unwrap_or(&line);
        prop_assume!(text.trim() != "exit" && text.trim() != "remove");
        let mut decoder = Decoder::new(Stage::Contacts);
        let (mut contacts, mut replies) = (Contacts::default(), Replies::default());
        decoder.push(format!("{line}\n").as_bytes());
        prop_assert_eq!(
            answer(&mut decoder, &mut contacts, &mut replies, usize::MAX), Next::Listen);
        let blank = text.trim_ascii().is_empty();
        prop_assert_eq!(replies.len(), usize::from(!blank));
        let ends = replies.as_bytes().iter().filter(|&&byte| byte == b'\n').count();
        prop_assert_eq!(ends, replies.len());
    }

    #[test]
    fn what_is_stored_can_always_be_shown_and_found_again(
        name in shown(), phone in "\\PC{1,20}",
    ) {
        let text = format!("add;{name};{phone}");
        if let Ok(Command::Change(change)) = Command::parse(&text, Stage::Contacts) {
            let mut contacts = Contacts::default();
            let added = contacts.apply(&change).to_string();
            prop_assert!(!added.contains(is_deceptive));
            prop_assert_eq!(invisibles(&added).next(), None);
            prop_assert_eq!(Escaped(&added).text(), added.as_str());
            let found = contacts.find(protocol::command::trim(&name)).to_string();
            prop_assert_eq!(found, protocol::command::trim(&phone));
        }
    }

    #[test]
    fn packets_that_come_together_are_answered_as_if_they_came_one_by_one(packets in stream()) {
        let mut together = Decoder::new(Stage::Contacts);
        let mut one_by_one = Decoder::new(Stage::Contacts);
        let mut books = (Contacts::default(), Contacts::default());
        let mut replies = (Replies::default(), Replies::default());
        for packet in &packets {
            together.push(packet);
            together.close();
        }
        let next = answer(&mut together, &mut books.0, &mut replies.0, usize::MAX);
        for packet in &packets {
            one_by_one.push(packet);
            one_by_one.close();
            let each = answer(&mut one_by_one, &mut books.1, &mut replies.1, usize::MAX);
            one_by_one.compact();
            if each == Next::Close {
                prop_assert_eq!(next, Next::Close);
                break;
            }
        }
        prop_assert_eq!(replies.0, replies.1);
    }

    #[test]
    fn a_batch_is_answered_as_its_messages_are(chunk in stream(), first in 0..10_usize) {
        let decoder = || {
            let mut decoder = Decoder::new(Stage::Contacts);
            decoder.push(&chunk.concat());
            decoder.close();
            decoder
        };
        let (mut at_once, mut later) = (decoder(), decoder());
        let mut books = (Contacts::with_limit(2), Contacts::with_limit(2));
        let mut replies = (Replies::default(), Replies::default());
        let next = answer(&mut at_once, &mut books.0, &mut replies.0, usize::MAX);
        // A few are answered at once, the others by way of a batch.
        let mut batch = Batch::default();
        let mut last = answer(&mut later, &mut books.1, &mut replies.1, first);
        if last == Next::More {
            last = read(&mut later, usize::MAX, |request, ending| batch.push(&request, ending));
        }
        batch.answer(&mut books.1, &mut replies.1);
        prop_assert_eq!(last, next);
        prop_assert_eq!(replies.0, replies.1);
    }

    #[test]
    fn a_mistake_points_into_the_message_and_shows_one_that_works(
        text in "(add|find|remove|exit|ａｄｄ|Add)?[adefinmorvx;；,，: \t张\u{200b}\u{feff}\0]{0,30}",
    ) {
        if let Err(mistake) = Command::parse(&text, Stage::Contacts) {
            prop_assert!(text.get(mistake.at.clone()).is_some(), "{mistake:?}");
            let sentence = mistake.reason.to_string();
            prop_assert!(sentence.contains("like "), "{sentence}");
            prop_assert_eq!(invisibles(&sentence).next(), None, "{}", sentence);
            // The longest command in it, and the longest sentence around that.
            prop_assert!(sentence.chars().count() <= 102 + 120, "{}", sentence);
            // It shows a message that works, but for the one in Python's words.
            let works = sentence.rsplit_once("like ").unwrap().1;
            let works = Command::parse(works, Stage::Contacts);
            prop_assert!(!matches!(works, Ok(Command::Say(_)) | Err(_)), "{}", sentence);
        }
    }
}

#[test]
fn a_hundred_megabytes_without_a_line_end_cost_one_error_and_no_memory() {
    let mut decoder = Decoder::new(Stage::Contacts);
    let chunk = [b'a'; 64 * 1024];
    for _ in 0..1600 {
        decoder.push(&chunk);
        assert!(decoder.next_message().is_none());
        decoder.compact();
        assert_eq!(decoder.held_bytes(), 0);
    }
    decoder.push(b"\nfind;a\n");
    let (mut contacts, mut replies) = (Contacts::default(), Replies::default());
    let _ = answer(&mut decoder, &mut contacts, &mut replies, 10);
    let replies: Vec<_> = replies.iter().collect();
    assert!(matches!(replies[..], [error, "Not Found!"] if error.starts_with("Error: ")));
}
