//! The corpus, on the pure core: no socket, no clock.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

use protocol::{Contacts, Decoder, ForeignProtocol, Next, Replies, answer};
use transcripts::{Action, Transcript, all};

/// A server without a network.
struct Core {
    decoder: Decoder,
    contacts: Contacts,
    foreign: Option<ForeignProtocol>,
}

impl Core {
    fn new(transcript: &Transcript) -> Self {
        Core {
            decoder: Decoder::for_stream(transcript.stage),
            contacts: Contacts::default(),
            foreign: None,
        }
    }

    /// Answers all there is, up to an `exit`.
    fn answer(&mut self, got: &mut Vec<u8>, closed: &mut bool) {
        while !*closed {
            let mut replies = Replies::default();
            let next = answer(&mut self.decoder, &mut self.contacts, &mut replies, 100);
            got.extend(replies.as_bytes());
            match next {
                Next::More => {}
                Next::Listen => return,
                Next::Close => *closed = true,
                Next::Foreign(protocol) => {
                    self.foreign = Some(protocol);
                    *closed = true;
                }
            }
        }
    }
}

#[track_caller]
fn assert_answer(name: &str, got: &[u8], expected: &[u8]) {
    assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(expected), "{name}");
}

/// Plays a conversation as it is written, each segment in the pieces that
/// `cut` makes of it.
fn check(transcript: &Transcript, cut: impl Fn(&[u8]) -> Vec<Vec<u8>>) {
    let name = &transcript.name;
    let mut core = Core::new(transcript);
    for turn in &transcript.turns {
        let (mut got, mut closed) = (Vec::new(), false);
        if let Action::Send(bytes) = &turn.action {
            for piece in cut(bytes) {
                core.decoder.push(&piece);
                core.answer(&mut got, &mut closed);
            }
        }
        // A client that still waits for its answer lets the silence pass.
        let satisfied = got == turn.answer && closed == turn.closed;
        if !satisfied || !matches!(turn.action, Action::Send(_)) {
            core.decoder.close();
            core.answer(&mut got, &mut closed);
        }
        assert_answer(name, &got, &turn.answer);
        let closed = closed || turn.action == Action::End;
        assert_eq!(closed, turn.closed, "{name}: closed");
        assert_eq!(core.foreign, turn.foreign, "{name}");
        assert!(core.foreign.is_none() || core.contacts.is_empty(), "{name}");
    }
}

#[test]
fn every_transcript_is_answered_byte_for_byte() {
    for transcript in all() {
        check(&transcript, |bytes| vec![bytes.to_vec()]);
    }
}

#[test]
fn a_transcript_of_lines_split_at_every_byte_is_answered_the_same() {
    let mut splits = 0;
    for transcript in all() {
        let [turn] = &transcript.turns[..] else { continue };
        let Action::Send(bytes) = &turn.action else { continue };
        let Some(first_line) = bytes.iter().position(|&byte| byte == b'\n') else { continue };
        for at in first_line + 1..bytes.len() {
            // A bare `remove` at the end of a segment is complete: the name
            // must begin in the same one.
            if last_line_is_remove(&bytes[..at]) {
                continue;
            }
            splits += 1;
            check(&transcript, |bytes| vec![bytes[..at].to_vec(), bytes[at..].to_vec()]);
        }
    }
    assert!(splits > 4_000, "{splits}");
}

#[test]
fn lines_that_trickle_in_byte_by_byte_are_answered_the_same() {
    for transcript in all() {
        let [turn] = &transcript.turns[..] else { continue };
        let Action::Send(bytes) = &turn.action else { continue };
        let Some(first_line) = bytes.iter().position(|&byte| byte == b'\n') else { continue };
        if (first_line..bytes.len()).any(|at| last_line_is_remove(&bytes[..=at])) {
            continue;
        }
        check(&transcript, |bytes| {
            let (first, rest) = bytes.split_at(first_line + 1);
            std::iter::once(first.to_vec()).chain(rest.iter().map(|&byte| vec![byte])).collect()
        });
    }
}

#[test]
fn a_packet_split_inside_a_character_is_answered_the_same() {
    let mut splits = 0;
    for transcript in all() {
        let sent: Vec<_> = transcript
            .turns
            .iter()
            .filter_map(|turn| match &turn.action {
                Action::Send(bytes) => str::from_utf8(bytes).ok(),
                _ => None,
            })
            .collect();
        if sent.len() != transcript.turns.len() || sent.iter().any(|text| text.contains('\n')) {
            continue;
        }
        let longest = sent.iter().map(|text| text.len()).max().unwrap_or_default();
        for at in 1..longest {
            let inside = |bytes: &[u8]| {
                str::from_utf8(bytes)
                    .is_ok_and(|text| at < text.len() && !text.is_char_boundary(at))
            };
            if !sent.iter().any(|text| inside(text.as_bytes())) {
                continue;
            }
            splits += 1;
            check(&transcript, |bytes| match inside(bytes) {
                true => vec![bytes[..at].to_vec(), bytes[at..].to_vec()],
                false => vec![bytes.to_vec()],
            });
        }
    }
    assert!(splits > 500, "{splits}");
}

fn last_line_is_remove(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else { return false };
    let line = lines.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    line.trim_ascii() == b"remove"
}
