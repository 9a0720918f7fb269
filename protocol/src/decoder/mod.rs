//! Bytes as they arrive → messages.
//!
//! TCP is a stream: one `send` may arrive in pieces, and several may arrive
//! glued together (粘包, sticky packets). The decoder finds the messages in it
//! again. It serves two kinds of client at once:
//!
//! * one that ends every message with a line end, like `nc`: its messages are
//!   **lines**, and so are the replies to them;
//! * one that sends a message, waits for the reply and never sends a line end,
//!   like the lesson's Python: each arrival is a **packet**, complete as it
//!   stands.
//!
//! It reads no clock. Where only time can tell whether a message is over
//! ([`Decoder::is_waiting`]), the caller waits for [`SILENCE`] and then calls
//! [`Decoder::close`].
//!
//! `opening` looks at the first bytes, `framing` finds lines and packets,
//! `second_line` a `remove` on two of them, and `telnet` the commands that are no
//! messages.

mod framing;
mod opening;
mod second_line;
mod telnet;

use std::ops::Range;
use std::time::Duration;

use self::framing::{Frame, Framing, Horizon};
use self::opening::Opening;
use self::telnet::TelnetRun;
use crate::command::{Command, Stage};
use crate::encoding::{self, IAC};
use crate::foreign::{Detector, ForeignProtocol};
use crate::heard::{Heard, Outcome};
use crate::mistake::{Mistake, Reason};

pub use self::framing::Ending;
pub use crate::text::MAX_MESSAGE;

/// How long an unfinished message waits for its rest before it is taken as it
/// stands, as the protocol says. Far more than the gap between two segments of
/// one `send` on a classroom network, and too short for a person to notice.
pub const SILENCE: Duration = Duration::from_millis(50);

/// One message as it was framed, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The text without its line end, or why there is none.
    pub text: Result<&'a str, Mistake<'a>>,
    /// How the message ended.
    pub ending: Ending,
}

impl<'a> Message<'a> {
    /// Parses the message.
    ///
    /// # Errors
    ///
    /// A message that could not be framed keeps its mistake; the others are
    /// those of [`Command::parse`].
    pub fn command(self, stage: Stage) -> Result<Command<'a>, Mistake<'a>> {
        self.text.and_then(|text| Command::parse(text, stage))
    }
}

/// Finds the messages of one connection in the bytes that arrive on it.
///
/// [`push`](Self::push) what arrived, then take messages with
/// [`next_message`](Self::next_message) until there are none. Between two
/// pushes it holds at most two unfinished lines ([`MAX_MESSAGE`] bytes each
/// and their line ends), whatever the client sends.
#[derive(Clone, Debug)]
pub struct Decoder {
    opening: Opening,
    framing: Framing,
    /// Whether this client has been told that it speaks telnet.
    told_telnet: bool,
    /// Where the text of the last message stands; empty if it has none.
    text: Range<usize>,
    /// The messages since they were last asked for.
    heard: Heard,
}

impl Decoder {
    /// A decoder for a connection whose [packets](Self::close) are whole
    /// messages, like a WebSocket. The stage decides whether `remove` and a name
    /// may stand on two lines.
    pub fn new(stage: Stage) -> Self {
        Self::with_opening(stage, Opening::new(None))
    }

    /// A decoder for a raw stream, to which anything may connect: it also tells
    /// whether the client speaks a [foreign protocol](Self::foreign).
    pub fn for_stream(stage: Stage) -> Self {
        Self::with_opening(stage, Opening::new(Some(Detector::default())))
    }

    fn with_opening(stage: Stage, opening: Opening) -> Self {
        let framing = Framing::new(stage);
        Decoder { opening, framing, told_telnet: false, text: 0..0, heard: Heard::default() }
    }

    /// The stage of the messages to come.
    pub fn stage(&self) -> Stage {
        self.framing.stage()
    }

    /// Changes the stage, from the next message on.
    pub fn set_stage(&mut self, stage: Stage) {
        self.framing.set_stage(stage);
    }

    /// The foreign protocol this connection speaks, if it does. The decoder then
    /// yields no message any more, whatever is pushed.
    pub fn foreign(&self) -> Option<ForeignProtocol> {
        match self.opening {
            Opening::Foreign(protocol) => Some(protocol),
            _ => None,
        }
    }

    /// Takes in what one read brought.
    pub fn push(&mut self, chunk: &[u8]) {
        match self.opening {
            Opening::Over => self.framing.push(chunk),
            _ => self.push_first(chunk),
        }
    }

    /// As [`push`](Self::push), as long as it is not known what this connection
    /// speaks.
    #[cold]
    fn push_first(&mut self, chunk: &[u8]) {
        if self.opening.detect(chunk) {
            self.framing = Framing::new(self.stage());
            return;
        }
        self.framing.push(chunk);
        let arrived = self.framing.bytes(0..self.framing.held_bytes());
        let mark = self.opening.mark_length(arrived);
        self.framing.forget_first(mark);
    }

    /// Says that the last chunk filled the buffer it was read into, so that it
    /// may be the beginning of a segment whose rest the next read brings. A bare
    /// `remove` at its end then waits for its name as an unfinished line does.
    pub fn expect_more(&mut self) {
        self.framing.expect_more();
    }

    /// Declares the message being received complete as it stands: the stream
    /// or the WebSocket message has ended, or [`SILENCE`] has passed. What is
    /// pushed after that begins a new one.
    pub fn close(&mut self) {
        if self.framing.close() {
            self.opening.close();
        }
    }

    /// Whether bytes are held back that only more bytes or [`close`](Self::close)
    /// can complete. Meaningful once [`next_message`](Self::next_message) has
    /// returned `None`.
    pub fn is_waiting(&self) -> bool {
        self.framing.is_waiting()
    }

    /// How many bytes it holds that no message has taken.
    pub fn held_bytes(&self) -> usize {
        self.framing.held_bytes()
    }

    /// Gives back the room of the messages taken.
    pub fn compact(&mut self) {
        self.framing.compact();
    }

    /// The next complete message. Blank lines are passed over.
    pub fn next_message(&mut self) -> Option<Message<'_>> {
        let (text, ending) = loop {
            let frame = self.framing.next_frame(self.opening.may_become_foreign())?;
            let ending = frame.ending;
            let Some(text) = frame.text.clone() else {
                self.text = 0..0;
                return Some(Message { text: Err(Mistake::whole(Reason::TooLong)), ending });
            };
            let bytes = self.framing.bytes(text.clone());
            match bytes.first() {
                // Nearly every message begins like this.
                Some(b'!'..=b'~') => break (text, ending),
                Some(&IAC) => match self.take_telnet(&frame, text.start) {
                    Telnet::None => break (text, ending),
                    Telnet::Unfinished => return None,
                    Telnet::Told => {}
                    Telnet::Run(ending) => {
                        self.text = 0..0;
                        let text = Err(Mistake::whole(Reason::Telnet));
                        return Some(Message { text, ending });
                    }
                },
                _ if is_blank(bytes, ending) => {}
                _ => break (text, ending),
            }
        };
        self.text = text.clone();
        let bytes = self.framing.bytes(text);
        let text = str::from_utf8(bytes).map_err(|_| Mistake::whole(encoding::reason(bytes)));
        Some(Message { text, ending })
    }

    /// Notes what the last message was.
    pub(crate) fn note(&mut self, outcome: Outcome) {
        self.heard.note(outcome, &self.text);
    }

    /// What the messages were that [`read`](crate::read) took since this was last
    /// called.
    pub fn take_heard(&mut self) -> Heard {
        let mut heard = std::mem::take(&mut self.heard);
        if heard.messages > 0 {
            heard.last = self.text.clone();
        }
        heard
    }

    /// The last message that was heard, until more bytes are pushed or the decoder is
    /// compacted; empty where it is no text.
    pub fn last_text(&self, heard: &Heard) -> &str {
        self.text_at(&heard.last)
    }

    /// All messages that were heard, with the line ends between them, likewise.
    pub fn all_bytes(&self, heard: &Heard) -> &[u8] {
        self.framing.bytes(heard.from.min(heard.last.end)..heard.last.end)
    }

    /// The last mistake that was heard, likewise.
    pub fn mistake_text(&self, heard: &Heard) -> &str {
        self.text_at(&heard.mistake)
    }

    fn text_at(&self, at: &Range<usize>) -> &str {
        str::from_utf8(self.framing.bytes(at.clone())).unwrap_or_default()
    }

    /// Takes the telnet commands at the beginning of a frame, which begins at
    /// `start`, and gives its rest back. A client negotiates in one go before
    /// anything else, and may go on later by itself: it is told so once.
    #[cold]
    fn take_telnet(&mut self, frame: &Frame, start: usize) -> Telnet {
        let Horizon { end: limit, is_closed } = frame.horizon;
        let run = TelnetRun::at_start_of(self.framing.bytes(start..limit));
        let mut end = start + run.len;
        if run.is_unfinished {
            if !is_closed {
                self.framing.give_back(frame, start);
                return Telnet::Unfinished;
            }
            // A lone FF is not worth the name.
            if limit - end > 1 {
                end = limit;
            }
        }
        if end == start {
            return Telnet::None;
        }
        // The reply to a client that goes on in lines must not stick to the next.
        let goes_on_in_lines = self.framing.bytes(end..limit).contains(&b'\n');
        self.framing.give_back(frame, end);
        match std::mem::replace(&mut self.told_telnet, true) {
            true => Telnet::Told,
            false if frame.used_lines || goes_on_in_lines => Telnet::Run(Ending::Line),
            false => Telnet::Run(Ending::Packet),
        }
    }
}

/// What stands at the beginning of a frame that begins with IAC.
enum Telnet {
    /// No telnet.
    None,
    /// The beginning of a command.
    Unfinished,
    /// Commands of a client that has been told already.
    Told,
    /// Commands; the reply to them ends so.
    Run(Ending),
}

/// Whether a message asks for nothing. A packet of spaces is not a line: its
/// sender waits for a reply. A packet of nothing was a line end.
fn is_blank(message: &[u8], ending: Ending) -> bool {
    /// Between the two LF of a blank line in UTF-16, the little end first.
    const UTF16_BLANK: &[u8] = b"\0\r\0";
    message.is_empty()
        || ending == Ending::Line && (message.trim_ascii().is_empty() || message == UTF16_BLANK)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages in some packets, each of which has arrived by itself.
    fn messages(packets: &[&str]) -> Vec<String> {
        let mut decoder = Decoder::for_stream(Stage::Contacts);
        let mut messages = Vec::new();
        for packet in packets {
            decoder.push(packet.as_bytes());
            while let Some(message) = decoder.next_message() {
                messages.extend(message.text.map(str::to_owned));
            }
            assert!(!decoder.is_waiting(), "{packet:?}");
        }
        messages
    }

    #[test]
    fn a_packet_that_is_only_a_line_end_of_telnet_asks_for_nothing() {
        assert_eq!(messages(&["\r", "\0", "\r\0", "find;a\r\0"]), ["find;a"]);
        assert_eq!(messages(&["a\0\0", "\0b\r", " \r"]), ["a", "\0b", " "]);
    }

    #[test]
    fn a_bare_remove_waits_for_its_name_only_where_its_read_was_full() {
        let mut decoder = Decoder::for_stream(Stage::Contacts);
        decoder.push(b"remove\n");
        assert_eq!(decoder.next_message().map(|message| message.text), Some(Ok("remove")));
        decoder.push(b"remove\n");
        decoder.expect_more();
        assert_eq!(decoder.next_message(), None);
        assert!(decoder.is_waiting());
        decoder.push(b"zhang");
        assert_eq!(decoder.next_message(), None);
        decoder.push(b"san\nremove\r\n");
        decoder.expect_more();
        assert_eq!(decoder.next_message().map(|message| message.text), Some(Ok("remove;zhangsan")));
        assert_eq!(decoder.next_message(), None);
        decoder.close();
        assert_eq!(decoder.next_message().map(|message| message.text), Some(Ok("remove")));
        assert!(!decoder.is_waiting());
    }
}
