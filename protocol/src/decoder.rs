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

use crate::command::{Command, FULL_WIDTH_SEPARATOR, SEPARATOR, Stage, Verb, trim};
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
#[derive(Debug)]
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
}

/// What the first bytes of a connection may still turn out to be.
#[derive(Debug)]
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

/// A place in a decoder's input to [go back](Decoder::rewind) to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    start: usize,
    skipping: bool,
    passed: usize,
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
        match self.opening {
            Opening::Over => self.buffer.extend_from_slice(chunk),
            _ => self.push_first(chunk),
        }
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

    /// Where the next message begins.
    pub fn mark(&self) -> Mark {
        Mark { start: self.start, skipping: self.skipping, passed: self.passed }
    }

    /// Takes back the messages since `mark`, so that they can be taken again.
    /// That this connection uses lines, once seen, stays seen.
    pub fn rewind(&mut self, mark: Mark) {
        if self.foreign().is_some() {
            return;
        }
        self.take(mark.start);
        self.skipping = mark.skipping;
        self.passed = mark.passed;
    }

    /// Gives back the room of the messages taken. Earlier [`Mark`]s no longer
    /// hold.
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
            let (text, ending) = self.next_frame()?;
            // A blank line asks for nothing. A blank packet is not a line: its
            // sender waits for a reply.
            let blank = text.as_ref().is_some_and(|text| {
                ending == Ending::Line && self.buffer[text.clone()].trim_ascii().is_empty()
            });
            if !blank {
                break (text, ending);
            }
        };
        let text = match text {
            None => Err(Mistake::whole(Reason::TooLong)),
            Some(range) => {
                str::from_utf8(&self.buffer[range]).map_err(|_| Mistake::whole(Reason::NotUtf8))
            }
        };
        Some(Message { text, ending })
    }

    /// Where the next message stands in the buffer, `None` for one that was
    /// too long to keep; and how it ended.
    fn next_frame(&mut self) -> Option<(Option<Range<usize>>, Ending)> {
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

        // One byte more may be the CR of a line end that is still to come.
        self.skipping |= self.without_cr(rest.start, rest.end) - rest.start > MAX_MESSAGE;
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
                || rest.is_empty()
                || self.may_become_foreign()
                || ends_inside_character(&self.buffer[rest.clone()]));
        complete.then(|| {
            self.take(rest.end);
            let end =
                if self.uses_lines { self.without_cr(rest.start, rest.end) } else { rest.end };
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
        if self.stage != Stage::Contacts || !is_remove || start == horizon {
            return SecondLine::None;
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

    fn find_line_end(&self, from: usize, searched: usize) -> Option<usize> {
        let from = from + searched;
        self.buffer[from..self.horizon().0]
            .iter()
            .position(|&byte| byte == b'\n')
            .map(|at| from + at)
    }

    fn without_cr(&self, start: usize, end: usize) -> usize {
        if self.buffer[start..end].ends_with(b"\r") { end - 1 } else { end }
    }
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

fn is_name_line(text: &str) -> bool {
    let text = trim(text);
    !text.is_empty()
        && !text.contains([SEPARATOR, FULL_WIDTH_SEPARATOR])
        && Verb::named(text).is_none()
}

/// Whether the bytes are text so far and stop in the middle of a character.
fn ends_inside_character(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
