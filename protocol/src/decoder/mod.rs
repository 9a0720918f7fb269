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

use std::ops::Range;
use std::time::Duration;

use crate::command::{Command, SEPARATOR, Stage, Verb, trim};
use crate::correction::verb_of;
use crate::encoding::{self, IAC, TelnetRun};
use crate::foreign::{Detection, Detector, ForeignProtocol};
use crate::mistake::{Mistake, Reason};

/// The longest message in bytes, its line end not counted: what the lesson's
/// `recv(1024)` takes at once.
pub const MAX_MESSAGE: usize = 1024;

/// How long an unfinished message waits for its rest before it is taken as it
/// stands, as the protocol says. Far more than the gap between two segments of
/// one `send` on a classroom network, and too short for a person to notice.
pub const SILENCE: Duration = Duration::from_millis(50);

/// U+FEFF in UTF-8. PowerShell and editors of Windows put it before what they
/// send; it belongs to the encoding and not to the first message.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How a message ended, and so how its reply must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a LF, or on a connection that uses them: the reply gets one too.
    Line,
    /// With the packet: the reply gets no line end.
    Packet,
}

/// One message as it was framed, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The text without its line end, or why there is none.
    pub text: Result<&'a str, Mistake<'a>>,
    /// How the message ended.
    pub ending: Ending,
}

impl<'a> Message<'a> {
    /// Understands the message.
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
    stage: Stage,
    opening: Opening,
    buffer: Vec<u8>,
    /// Where in `buffer` the first byte stands that no message has taken.
    start: usize,
    /// How many bytes from `start` are known to hold no LF, so that a line
    /// that trickles in is not searched again from its beginning.
    searched: usize,
    /// Whether this connection has ever sent a LF.
    uses_lines: bool,
    /// Whether the message being received is already over [`MAX_MESSAGE`].
    skipping: bool,
    /// Where in `buffer` a message ends without a LF, in order.
    closes: Vec<usize>,
    /// How many of `closes` lie behind.
    passed: usize,
    /// Whether the last chunk may be the beginning of a longer segment.
    continues: bool,
    /// Whether this client has been told that it speaks telnet.
    told_telnet: bool,
}

/// What the first bytes of a connection may still turn out to be.
#[derive(Clone, Debug)]
enum Opening {
    /// Nothing but messages. Nearly every connection is here after one byte.
    Over,
    /// More bytes are needed to tell.
    First {
        /// Whether they may begin with a byte order mark.
        mark: bool,
        /// Absent where they cannot be a foreign protocol.
        detector: Option<Detector>,
    },
    /// They are no conversation: nothing is taken from them.
    Foreign(ForeignProtocol),
}

impl Decoder {
    /// A decoder for a connection whose [packets](Self::close) are whole
    /// messages, like a WebSocket. The stage decides whether `remove` and a name
    /// may stand on two lines.
    pub fn new(stage: Stage) -> Self {
        Self::opening(stage, None)
    }

    /// A decoder for a raw stream, to which anything may connect: it also tells
    /// whether the client speaks a [foreign protocol](Self::foreign).
    pub fn for_stream(stage: Stage) -> Self {
        Self::opening(stage, Some(Detector::default()))
    }

    fn opening(stage: Stage, detector: Option<Detector>) -> Self {
        Decoder {
            stage,
            opening: Opening::First { mark: true, detector },
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            uses_lines: false,
            skipping: false,
            closes: Vec::new(),
            passed: 0,
            continues: false,
            told_telnet: false,
        }
    }

    /// The stage it was made for.
    pub fn stage(&self) -> Stage {
        self.stage
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
        self.continues = false;
        match self.opening {
            Opening::Over => self.buffer.extend_from_slice(chunk),
            _ => self.push_first(chunk),
        }
    }

    /// Says that the last chunk filled the buffer it was read into, so that it
    /// may be the beginning of a segment whose rest the next read brings. A bare
    /// `remove` at its end then waits for its name as an unfinished line does.
    pub fn expect_more(&mut self) {
        self.continues = true;
    }

    /// As [`push`](Self::push), as long as it is not known what this connection
    /// speaks.
    #[cold]
    fn push_first(&mut self, chunk: &[u8]) {
        let Opening::First { mark, detector } = &mut self.opening else { return };
        if let Some(found) = detector.as_mut().map(|detector| detector.detect(chunk)) {
            match found {
                Detection::Undecided => {}
                Detection::None => *detector = None,
                Detection::Found(protocol) => {
                    *self = Self::new(self.stage);
                    self.opening = Opening::Foreign(protocol);
                    return;
                }
            }
        }
        self.buffer.extend_from_slice(chunk);
        // As long as it may come nothing has been taken.
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.buffer.drain(..BYTE_ORDER_MARK.len());
            self.searched = 0;
            *mark = false;
        }
        *mark &= BYTE_ORDER_MARK.starts_with(&self.buffer);
        if !*mark && detector.is_none() {
            self.opening = Opening::Over;
        }
    }

    /// Declares the message being received complete as it stands: the stream
    /// or the WebSocket message has ended, or [`SILENCE`] has passed. What is
    /// pushed after that begins a new one.
    pub fn close(&mut self) {
        let end = self.buffer.len();
        let has_begun = self.skipping || self.held_bytes() > 0;
        if has_begun && self.closes.last() != Some(&end) {
            self.closes.push(end);
        }
        // What is pushed from now on is not the beginning. Whether this is a
        // foreign protocol, time does not tell.
        if let Opening::First { mark, .. } = &mut self.opening
            && has_begun
        {
            *mark = false;
        }
    }

    /// Whether bytes are held back that only more bytes or [`close`](Self::close)
    /// can complete. Meaningful once [`next_message`](Self::next_message) has
    /// returned `None`.
    pub fn is_waiting(&self) -> bool {
        self.skipping || self.held_bytes() > 0
    }

    /// How many bytes it holds that no message has taken.
    pub fn held_bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Gives back the room of the messages taken.
    pub fn compact(&mut self) {
        /// Bytes an idle connection's buffer may keep: a pipeline of some
        /// twenty lines, so that a chatting client allocates nothing and
        /// 10,000 idle ones hold little.
        const KEPT: usize = 512;
        self.closes.drain(..self.passed);
        self.closes.iter_mut().for_each(|close| *close -= self.start);
        self.closes.shrink_to(KEPT / 16);
        self.passed = 0;
        self.buffer.drain(..self.start);
        self.buffer.shrink_to(KEPT);
        self.start = 0;
    }

    /// The next complete message. Blank lines are passed over.
    pub fn next_message(&mut self) -> Option<Message<'_>> {
        let (text, ending) = loop {
            let used_lines = self.uses_lines;
            let (text, ending) = self.next_frame()?;
            let Some(range) = text else {
                return Some(Message { text: Err(Mistake::whole(Reason::TooLong)), ending });
            };
            match self.buffer[range.clone()].first() {
                // Nearly every message begins like this.
                Some(b'!'..=b'~') => break (range, ending),
                Some(&IAC) => match self.take_telnet(&range, used_lines) {
                    Telnet::None => break (range, ending),
                    Telnet::Unfinished => return None,
                    Telnet::Told => {}
                    Telnet::Run(ending) => {
                        let text = Err(Mistake::whole(Reason::Telnet));
                        return Some(Message { text, ending });
                    }
                },
                _ if is_blank(&self.buffer[range.clone()], ending) => {}
                _ => break (range, ending),
            }
        };
        let bytes = &self.buffer[text];
        let text = str::from_utf8(bytes).map_err(|_| Mistake::whole(encoding::reason(bytes)));
        Some(Message { text, ending })
    }

    /// Takes the telnet commands at the beginning of a frame that has been taken,
    /// and gives its rest back. A client negotiates in one go before anything
    /// else, and may go on later by itself: it is told so once.
    #[cold]
    fn take_telnet(&mut self, frame: &Range<usize>, used_lines: bool) -> Telnet {
        // What was closed behind the frame's beginning belongs to it or follows.
        let is_behind = |close: &usize| *close > frame.start;
        let closed_by = self.passed.checked_sub(1).map(|last| self.closes[last]).filter(is_behind);
        let limit = closed_by.unwrap_or_else(|| self.horizon().0);
        let is_closed = closed_by.is_some() || self.horizon().1;
        let arrived = &self.buffer[frame.start..limit];
        let run = TelnetRun::at_start_of(arrived);
        let mut end = frame.start + run.len;
        if run.is_unfinished {
            if !is_closed {
                self.take(frame.start);
                self.uses_lines = used_lines;
                return Telnet::Unfinished;
            }
            // A lone FF is not worth the name.
            if limit - end > 1 {
                end = limit;
            }
        }
        if end == frame.start {
            return Telnet::None;
        }
        // The reply to a client that goes on in lines must not stick to the next.
        let ending = match used_lines || self.buffer[end..limit].contains(&b'\n') {
            true => Ending::Line,
            false => Ending::Packet,
        };
        self.uses_lines = used_lines;
        self.take(end);
        if closed_by.is_some() && end < limit {
            self.passed -= 1;
        }
        match std::mem::replace(&mut self.told_telnet, true) {
            true => Telnet::Told,
            false => Telnet::Run(ending),
        }
    }

    /// Where the next message stands in the buffer, `None` for one that was
    /// too long to keep; and how it ended.
    fn next_frame(&mut self) -> Option<(Option<Range<usize>>, Ending)> {
        if self.start == self.buffer.len() && self.passed == self.closes.len() {
            return None;
        }
        match self.find_line_end(self.start, self.searched) {
            Some(line_end) => {
                self.uses_lines = true;
                if std::mem::take(&mut self.skipping) {
                    self.take(line_end + 1);
                    return Some((None, Ending::Line));
                }
                let line = self.start..self.without_cr(self.start, line_end);
                if line.len() > MAX_MESSAGE {
                    self.take(line_end + 1);
                    return Some((None, Ending::Line));
                }
                match self.second_line(&line, line_end) {
                    SecondLine::None => {
                        self.take(line_end + 1);
                        Some((Some(line), Ending::Line))
                    }
                    SecondLine::Coming => None,
                    SecondLine::Name { end, next } => {
                        // The line end between the two stands for the `;`.
                        self.buffer[line.end..line_end].fill(b' ');
                        self.buffer[line_end] = SEPARATOR as u8;
                        self.take(next);
                        Some((Some(line.start..end), Ending::Line))
                    }
                }
            }
            None => self.unended_frame(),
        }
    }

    /// Where the bytes end that may belong to the next message, and whether
    /// they are all of it.
    fn horizon(&self) -> (usize, bool) {
        match self.closes.get(self.passed) {
            Some(&close) => (close, true),
            None => (self.buffer.len(), false),
        }
    }

    /// What to make of the bytes behind the last LF.
    fn unended_frame(&mut self) -> Option<(Option<Range<usize>>, Ending)> {
        let (end, closed) = self.horizon();
        let rest = self.start..end;
        self.searched = rest.len();
        let ending = if self.uses_lines { Ending::Line } else { Ending::Packet };

        // Two bytes more may be a line end, the CR of one that is still to come.
        let end = self.without_telnet_end(rest.start, rest.end);
        self.skipping |= end - rest.start > MAX_MESSAGE;
        if self.skipping {
            // Only when it is over, and not before, is it answered: a client
            // that waits for the reply may then send its next packet, and no
            // byte of the long one can be taken for it.
            self.take(rest.end);
            self.skipping = !closed;
            self.passed += usize::from(closed);
            return closed.then_some((None, ending));
        }
        if closed {
            self.passed += 1;
            if rest.is_empty() {
                return self.next_frame();
            }
        }
        let complete = closed
            || !(self.uses_lines
                || self.may_become_foreign()
                || ends_inside_character(&self.buffer[rest.clone()]));
        complete.then(|| {
            self.take(rest.end);
            (Some(rest.start..end), ending)
        })
    }

    fn may_become_foreign(&self) -> bool {
        matches!(&self.opening, Opening::First { detector: Some(detector), .. } if detector.has_begun())
    }

    /// The lesson's own notation writes `remove` and its name on two lines.
    fn second_line(&self, line: &Range<usize>, line_end: usize) -> SecondLine {
        let is_remove = is_bare_remove(&self.buffer[line.clone()]);
        let start = line_end + 1;
        let (horizon, closed) = self.horizon();
        if self.stage != Stage::Contacts || !is_remove {
            return SecondLine::None;
        }
        if start == horizon {
            let is_cut = self.continues && !closed;
            return if is_cut { SecondLine::Coming } else { SecondLine::None };
        }
        let found = self.find_line_end(start, 0);
        let line_end = found.unwrap_or(horizon);
        let end = self.without_cr(start, line_end);
        if end - start > MAX_MESSAGE {
            return SecondLine::None;
        }
        if found.is_none() && !closed {
            return SecondLine::Coming;
        }
        match str::from_utf8(&self.buffer[start..end]) {
            Ok(text) if is_name_line(text) => {
                SecondLine::Name { end, next: found.map_or(line_end, |at| at + 1) }
            }
            _ => SecondLine::None,
        }
    }

    fn take(&mut self, next: usize) {
        self.start = next;
        self.searched = 0;
    }

    #[inline]
    fn find_line_end(&self, from: usize, searched: usize) -> Option<usize> {
        let from = from + searched;
        first_lf(&self.buffer[from..self.horizon().0]).map(|at| from + at)
    }

    fn without_cr(&self, start: usize, end: usize) -> usize {
        if self.buffer[start..end].ends_with(b"\r") { end - 1 } else { end }
    }

    /// Without the CR, the NUL or both that end what is not a line: a telnet
    /// client sends CR NUL for Enter.
    fn without_telnet_end(&self, start: usize, end: usize) -> usize {
        match self.buffer[start..end] {
            [.., b'\r' | 0, b'\r' | 0] => end - 2,
            [.., b'\r' | 0] => end - 1,
            _ => end,
        }
    }
}

/// Where the first LF stands. Sixteen bytes at once, which the compiler makes one
/// comparison: this looks at every byte that arrives.
#[inline]
fn first_lf(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    let has_lf =
        |block: &&[u8; 16]| block.iter().fold(false, |found, &byte| found | (byte == b'\n'));
    let before = 16 * blocks.iter().take_while(|block| !has_lf(block)).count();
    bytes[before..].iter().position(|&byte| byte == b'\n').map(|at| before + at)
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

/// What follows a bare `remove` in the same segment.
enum SecondLine {
    /// Nothing, or a line that is no name.
    None,
    /// The beginning of a line.
    Coming,
    /// A name up to `end`; the next message begins at `next`.
    Name { end: usize, next: usize },
}

fn is_bare_remove(line: &[u8]) -> bool {
    let word = Verb::Remove.word().as_bytes();
    let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if graphic(line.first()) && graphic(line.last()) {
        // Nothing to trim: nearly every line is told apart here.
        return line == word;
    }
    str::from_utf8(line).is_ok_and(|text| trim(text).as_bytes() == word)
}

/// Whether a line is a name: neither a command nor what was meant as one. With
/// a wide semicolon in it, it is one if `remove;` takes it.
fn is_name_line(text: &str) -> bool {
    !trim(text).is_empty()
        && match Command::parse(text, Stage::Contacts) {
            Ok(command) => matches!(command, Command::Say(_)),
            Err(Mistake { reason: Reason::FullWidthSeparator { .. }, .. }) => {
                !text.contains(SEPARATOR) && verb_of(text).is_none()
            }
            Err(_) => false,
        }
}

/// Whether the bytes are text so far and stop in the middle of a character.
fn ends_inside_character(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|last| !last.is_ascii())
        && str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
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

    #[test]
    fn a_line_end_is_found_wherever_it_stands() {
        for length in 0..70 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(first_lf(&bytes), None);
            for at in 0..length {
                bytes[at] = b'\n';
                assert_eq!(first_lf(&bytes), Some(at));
                bytes[length - 1] = b'\n';
                assert_eq!(first_lf(&bytes), Some(at));
                bytes[length - 1] = b'x';
                bytes[at] = b'x';
            }
        }
    }
}
