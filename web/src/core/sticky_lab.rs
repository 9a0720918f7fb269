//! The lab for sticky packets (粘包): two messages in one stream of bytes, cut
//! in two anywhere, as TCP may.
//!
//! It imitates nothing: the server's own decoder finds the messages and the
//! server's own handler answers them, from a book that is empty at first.

use std::ops::Range;

use protocol::{Decoder, Next, Replies, Stage, answer};

use crate::core::offline::LocalBook;

/// What is sent: an `add` and a `find`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Whether each message has its line end. The connection has spoken in
    /// lines before: what a new one sends first, without a LF in it, is taken
    /// for a whole packet.
    pub lines: bool,
    /// Whether the name is a Chinese one, whose characters can be cut.
    pub chinese: bool,
}

impl Sample {
    /// The stream.
    pub fn text(self) -> String {
        let name = if self.chinese { "张三" } else { "zhangsan" };
        let end = if self.lines { "\n" } else { "" };
        format!("add;{name};13800138000{end}find;{name}{end}")
    }
}

/// The lab as it is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lab {
    /// What is sent.
    pub sample: Sample,
    /// The first byte of the second piece.
    pub split: usize,
    /// Whether the second piece comes only after the silence.
    pub late: bool,
}

impl Lab {
    /// What happens on the server's side, in order.
    ///
    /// A piece without bytes brings no `recv`: on TCP an empty one means that
    /// the other side has closed.
    pub fn play(self) -> Vec<Step> {
        play(&self.sample.text(), self.sample.lines, self.split, self.late)
    }

    /// Whether the cut goes through a character.
    pub fn is_inside_character(self) -> bool {
        let text = self.sample.text();
        !text.is_char_boundary(self.split.min(text.len()))
    }
}

/// What happens on the server's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A `recv` returns these bytes of the stream.
    Recv(Range<usize>),
    /// Nothing came for [`SILENCE`](protocol::decoder::SILENCE).
    Silence,
}

/// What the server makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub event: Event,
    /// The messages that are complete now.
    pub messages: Vec<Message>,
    /// The bytes of the stream that the decoder still holds.
    pub held: Range<usize>,
    /// What it waits for.
    pub waits_for: Option<Rest>,
}

/// A message the decoder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its text; `None` where it is no text, or too long for one.
    pub text: Option<String>,
    /// The answer; `None` to `exit`, and to what stands behind it.
    pub reply: Option<String>,
}

/// What an unfinished message lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Bytes of a character that has been cut.
    OfCharacter,
    /// The end of its line.
    OfLine,
}

/// A piece of the stream as text, with a � for what is left of a character
/// that was cut, as Python's `decode('utf-8', 'replace')` shows it. Plain
/// `decode` refuses such a piece.
pub fn shown(text: &str, piece: Range<usize>) -> String {
    let mut shown = String::new();
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        let cut = start.max(piece.start)..end.min(piece.end);
        if cut == (start..end) {
            shown.push(c);
        } else {
            // The first bytes of a character become one replacement character, the
            // rest of it one for each byte.
            let replacements = if cut.start == start { cut.len().min(1) } else { cut.len() };
            (0..replacements).for_each(|_| shown.push('\u{FFFD}'));
        }
    }
    shown
}

fn play(text: &str, in_lines: bool, split: usize, late: bool) -> Vec<Step> {
    let split = split.min(text.len());
    let mut server = Server::of(text.as_bytes(), in_lines);
    server.receive(0..split);
    if late {
        server.pause();
    }
    server.receive(split..text.len());
    server.pause();
    server.steps
}

/// The server's side of one connection.
struct Server<'a> {
    stream: &'a [u8],
    /// How much of the stream has arrived.
    arrived: usize,
    decoder: Decoder,
    book: LocalBook,
    closed: bool,
    steps: Vec<Step>,
}

impl<'a> Server<'a> {
    fn of(stream: &'a [u8], in_lines: bool) -> Self {
        let mut decoder = Decoder::new(Stage::Contacts);
        if in_lines {
            // A blank line asks for nothing, and says that there are lines.
            decoder.push(b"\n");
            while decoder.next_message().is_some() {}
        }
        let book = LocalBook::default();
        Server { stream, arrived: 0, decoder, book, closed: false, steps: Vec::new() }
    }

    fn receive(&mut self, piece: Range<usize>) {
        let bytes = &self.stream[piece.clone()];
        if !bytes.is_empty() {
            self.decoder.push(bytes);
            self.arrived = piece.end;
            self.note(Event::Recv(piece));
        }
    }

    /// Silence means something only while a message is unfinished.
    fn pause(&mut self) {
        if self.decoder.is_waiting() {
            self.decoder.close();
            self.note(Event::Silence);
        }
    }

    fn note(&mut self, event: Event) {
        let messages = self.messages();
        let held = self.arrived - self.decoder.held_bytes()..self.arrived;
        let bytes = &self.stream[held.clone()];
        let waits_for = self.decoder.is_waiting().then(|| match str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => Rest::OfCharacter,
            _ => Rest::OfLine,
        });
        self.steps.push(Step { event, messages, held, waits_for });
    }

    /// Takes what is complete: once to look at it, once to answer it.
    fn messages(&mut self) -> Vec<Message> {
        let mut copy = self.decoder.clone();
        let mut texts = Vec::new();
        while let Some(message) = copy.next_message() {
            texts.push(message.text.ok().map(str::to_string));
        }
        let mut replies = Replies::default();
        if self.closed {
            self.decoder = copy;
        } else {
            let next = answer(&mut self.decoder, &mut self.book, &mut replies, usize::MAX);
            self.closed = next == Next::Close;
            // What follows an exit is not read.
            while self.decoder.next_message().is_some() {}
        }
        let mut replies = replies.iter().map(str::to_string);
        texts.into_iter().map(|text| Message { text, reply: replies.next() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::samples::TEXTS;

    fn labs() -> impl Iterator<Item = Lab> {
        let samples = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(lines, chinese)| Sample { lines, chinese });
        samples.into_iter().flat_map(|sample| {
            (0..=sample.text().len())
                .flat_map(move |split| [false, true].map(|late| Lab { sample, split, late }))
        })
    }

    fn pieces(steps: &[Step]) -> Vec<Range<usize>> {
        let piece = |step: &Step| match &step.event {
            Event::Recv(piece) => Some(piece.clone()),
            Event::Silence => None,
        };
        steps.iter().filter_map(piece).collect()
    }

    fn messages(steps: &[Step]) -> Vec<(&str, &str)> {
        fn or_none(text: &Option<String>) -> &str {
            text.as_deref().unwrap_or("-")
        }
        let messages = steps.iter().flat_map(|step| &step.messages);
        messages.map(|message| (or_none(&message.text), or_none(&message.reply))).collect()
    }

    fn lab(lines: bool, chinese: bool, split: usize, late: bool) -> Lab {
        Lab { sample: Sample { lines, chinese }, split, late }
    }

    #[test]
    fn the_pieces_are_the_whole_and_nothing_is_held_in_the_end() {
        for lab in labs() {
            let text = lab.sample.text();
            let steps = lab.play();
            let joined: Vec<u8> = pieces(&steps)
                .into_iter()
                .flat_map(|piece| text.as_bytes()[piece].to_vec())
                .collect();
            assert_eq!(joined, text.as_bytes(), "{lab:?}");
            assert!(pieces(&steps).iter().all(|piece| !piece.is_empty()));
            let last = steps.last().unwrap();
            assert_eq!((last.waits_for, last.held.len()), (None, 0), "{lab:?}");
            for step in &steps {
                assert_eq!(step.waits_for.is_some(), !step.held.is_empty(), "{lab:?}");
            }
        }
    }

    #[test]
    fn lines_are_found_again_wherever_the_stream_is_cut() {
        for lab in labs().filter(|lab| lab.sample.lines && !lab.late) {
            let text = lab.sample.text();
            let (add, find) = text.trim_end().split_once('\n').unwrap();
            let added = ["zhangsan added!", "张三 added!"][usize::from(lab.sample.chinese)];
            assert_eq!(messages(&lab.play()), [(add, added), (find, "13800138000")], "{lab:?}");
        }
    }

    #[test]
    fn without_line_ends_two_messages_stick_together_or_one_is_torn() {
        let whole = lab(false, false, 0, false).play();
        let error = "Error: add takes a name and a phone, like add;zhangsan;13800138000";
        assert_eq!(messages(&whole), [("add;zhangsan;13800138000find;zhangsan", error)]);
        assert_eq!((whole.len(), &whole[0].event), (1, &Event::Recv(0..37)));
        let lucky = lab(false, false, 24, false).play();
        assert_eq!(
            messages(&lucky),
            [("add;zhangsan;13800138000", "zhangsan added!"), ("find;zhangsan", "13800138000")]
        );
        let torn = lab(false, false, 16, false).play();
        let torn = messages(&torn);
        assert_eq!(torn[0], ("add;zhangsan;138", "zhangsan added!"));
        assert_eq!(torn[1].0, "00138000find;zhangsan");
        assert!(torn[1].1.starts_with("Error: there is no command 00138000find"));
    }

    #[test]
    fn a_cut_character_waits_for_its_rest_and_after_the_silence_is_no_text() {
        let text = lab(false, true, 5, false).sample.text();
        for (split, shown_first, shown_second) in
            [(5, "add;\u{FFFD}", "\u{FFFD}\u{FFFD}三;1"), (6, "add;\u{FFFD}", "\u{FFFD}三;1")]
        {
            let in_time = lab(false, true, split, false);
            assert!(in_time.is_inside_character());
            let steps = in_time.play();
            assert_eq!(steps[0].waits_for, Some(Rest::OfCharacter));
            assert_eq!((steps[0].messages.len(), steps[0].held.clone()), (0, 0..split));
            assert_eq!(messages(&steps).len(), 1);
            assert_eq!(messages(&steps)[0].0, text);
            assert_eq!(shown(&text, 0..split), shown_first);
            assert!(shown(&text, split..text.len()).starts_with(shown_second));

            let steps = lab(false, true, split, true).play();
            assert_eq!(steps[1].event, Event::Silence);
            let refused = &steps[1].messages[0];
            assert_eq!(refused.text, None);
            assert!(refused.reply.as_deref().unwrap().starts_with("Error: this is not UTF-8"));
        }
        assert!(!lab(false, true, 7, false).is_inside_character());
        assert!(!lab(false, true, 9999, false).is_inside_character());
    }

    #[test]
    fn any_piece_is_shown_as_a_decoder_that_replaces_shows_it() {
        for text in TEXTS {
            for start in 0..=text.len() {
                for end in start..=text.len() {
                    let expected = String::from_utf8_lossy(&text.as_bytes()[start..end]);
                    assert_eq!(shown(text, start..end), expected, "{text:?} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn half_a_line_waits_for_its_end_until_it_is_too_late() {
        let steps = lab(true, false, 16, false).play();
        assert_eq!((steps[0].waits_for, steps[0].held.clone()), (Some(Rest::OfLine), 0..16));
        let steps = lab(true, false, 16, true).play();
        assert_eq!(steps[1].event, Event::Silence);
        assert_eq!(
            messages(&steps)[..2],
            [("add;zhangsan;138", "zhangsan added!"), ("00138000", "Received 00138000;")]
        );
    }

    #[test]
    fn any_text_can_be_cut_anywhere() {
        let long = "张".repeat(400);
        for text in TEXTS.into_iter().chain([&*long, "add;a;1\nexit\nfind;a\n"]) {
            for split in 0..=text.len() {
                for (in_lines, late) in [(false, false), (false, true), (true, false), (true, true)]
                {
                    let steps = play(text, in_lines, split, late);
                    let bytes: usize = pieces(&steps).into_iter().map(|piece| piece.len()).sum();
                    assert_eq!(bytes, text.len(), "{text:?} {split}");
                    assert!(steps.last().is_none_or(|step| step.waits_for.is_none()));
                }
            }
        }
        let steps = play("add;a;1\nexit\nfind;a\n", true, 8, false);
        assert_eq!(messages(&steps), [("add;a;1", "a added!"), ("exit", "-"), ("find;a", "-")]);
    }
}
