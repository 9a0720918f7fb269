//! What holds for every input, tried on many.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

use proptest::prelude::*;
use protocol::decoder::MAX_MESSAGE;
use protocol::escape::is_deceptive;
use protocol::{Book as _, Command, Contacts, Decoder, Next, Replies, Stage, answer};

/// Bytes as hostile as they come, with enough of the protocol's own in them to
/// reach every branch.
fn stream() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        4 => prop::sample::select(vec![
            "add;a;1", "find;a", "remove", "remove;a", "exit", "\n", "\r\n", "\r", ";", "；",
            "张三", "a", " ", "\u{1b}[2J",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => (1000..3000_usize).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..30)
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
        let mut decoder = Decoder::new(Stage::Contacts);
        for chunk in &chunks {
            decoder.push(chunk);
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
        prop_assume!(line.trim() != "exit" && line.trim() != "remove");
        let mut decoder = Decoder::new(Stage::Contacts);
        let (mut contacts, mut replies) = (Contacts::default(), Replies::default());
        decoder.push(format!("{line}\n").as_bytes());
        prop_assert_eq!(
            answer(&mut decoder, &mut contacts, &mut replies, usize::MAX), Next::Listen);
        let blank = line.trim_ascii().is_empty();
        prop_assert_eq!(replies.len(), usize::from(!blank));
        let ends = replies.as_bytes().iter().filter(|&&byte| byte == b'\n').count();
        prop_assert_eq!(ends, replies.len());
    }

    #[test]
    fn what_is_stored_can_always_be_shown_and_found_again(
        name in "\\PC{1,20}", phone in "\\PC{1,20}",
    ) {
        let text = format!("add;{name};{phone}");
        if let Ok(Command::Change(change)) = Command::parse(&text, Stage::Contacts) {
            let mut contacts = Contacts::default();
            let added = contacts.apply(&change).map(|reply| reply.to_string());
            prop_assert!(!added.unwrap().contains(is_deceptive));
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
    fn messages_taken_back_are_taken_again_the_same(chunk in stream(), taken in 0..10_usize) {
        let mut decoder = Decoder::new(Stage::Contacts);
        decoder.push(&chunk.concat());
        decoder.close();
        let take = |decoder: &mut Decoder| -> Vec<String> {
            std::iter::from_fn(|| decoder.next_message().map(|message| format!("{message:?}")))
                .collect()
        };
        let _ = (0..taken).find(|_| decoder.next_message().is_none());
        let mark = decoder.mark();
        let first = take(&mut decoder);
        decoder.rewind(mark);
        let again = take(&mut decoder);
        prop_assert_eq!(first, again);
    }

    #[test]
    fn a_mistake_points_into_the_message(text in "[adefinmorvx;； \t张]{0,30}") {
        if let Err(mistake) = Command::parse(&text, Stage::Contacts) {
            prop_assert!(text.get(mistake.at.clone()).is_some(), "{mistake:?}");
            let sentence = mistake.reason.to_string();
            prop_assert!(sentence.contains("like "), "{sentence}");
            prop_assert!(!sentence.contains(is_deceptive), "{sentence}");
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
