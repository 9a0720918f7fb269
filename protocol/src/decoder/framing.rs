//! Framing: the bytes of a stream → lines and packets.

use std::ops::Range;

use super::second_line::{is_bare_remove, is_name};
use crate::command::Stage;
use crate::text::{MAX_MESSAGE, SEPARATOR};

/// How a message ended, and so how its reply must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a LF, or on a connection that uses them: the reply gets one too.
    Line,
    /// With the packet: the reply gets no line end.
    Packet,
}

/// The bytes of a connection, and where in them its frames end.
#[derive(Clone, Debug)]
pub(super) struct Framing {
    /// Decides whether `remove` and a name may stand on two lines.
    stage: Stage,
    buffer: Vec<u8>,
    /// Where in `buffer` the first byte stands that no frame has taken.
    start: usize,
    /// How many bytes from `start` are known to hold no LF, so that a line
    /// that trickles in is not searched again from its beginning.
    searched: usize,
    /// Whether this connection has ever sent a LF.
    uses_lines: bool,
    /// Whether the frame being received is already over [`MAX_MESSAGE`].
    skipping: bool,
    /// Where in `buffer` a frame ends without a LF, in order.
    closes: Vec<usize>,
    /// How many of `closes` lie behind.
    passed: usize,
    /// Whether the last chunk may be the beginning of a longer segment.
    continues: bool,
}

/// A frame that has been taken.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where its text stands in the buffer; `None` if it was too long to keep.
    pub(super) text: Option<Range<usize>>,
    pub(super) ending: Ending,
    /// The bytes that may belong to it.
    pub(super) horizon: Horizon,
    /// Whether the connection had used lines before it.
    pub(super) used_lines: bool,
    /// Whether it ended with a close.
    took_close: bool,
}

/// Where the bytes end that may belong to the next frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    pub(super) end: usize,
    /// Whether they are all of it.
    pub(super) is_closed: bool,
}

impl Framing {
    pub(super) fn new(stage: Stage) -> Self {
        Framing {
            stage,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            uses_lines: false,
            skipping: false,
            closes: Vec::new(),
            passed: 0,
            continues: false,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.continues = false;
        self.buffer.extend_from_slice(chunk);
    }

    /// As [`Decoder::expect_more`](super::Decoder::expect_more).
    pub(super) fn expect_more(&mut self) {
        self.continues = true;
    }

    /// Forgets the first bytes. None may have been taken.
    pub(super) fn forget_first(&mut self, length: usize) {
        if length > 0 {
            self.buffer.drain(..length);
            self.searched = 0;
        }
    }

    /// Ends the frame being received, if one has begun. Returns whether it has.
    pub(super) fn close(&mut self) -> bool {
        let end = self.buffer.len();
        let has_begun = self.is_waiting();
        if has_begun && self.closes.last() != Some(&end) {
            self.closes.push(end);
        }
        has_begun
    }

    /// Whether there are bytes that no frame has taken.
    pub(super) fn is_waiting(&self) -> bool {
        self.skipping || self.held_bytes() > 0
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// As [`Decoder::compact`](super::Decoder::compact).
    pub(super) fn compact(&mut self) {
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

    /// Takes the next complete frame. Bytes without a line end are none as long
    /// as `may_grow`, unless they are closed.
    pub(super) fn next_frame(&mut self, may_grow: bool) -> Option<Frame> {
        if self.start == self.buffer.len() && self.passed == self.closes.len() {
            return None;
        }
        let horizon = self.horizon();
        let from = self.start + self.searched;
        match first_lf(&self.buffer[from..horizon.end]) {
            Some(at) => self.take_line(from + at, horizon),
            None => self.take_unended(may_grow, horizon),
        }
    }

    /// Gives back what a frame took from `at` on.
    pub(super) fn give_back(&mut self, frame: &Frame, at: usize) {
        self.take(at);
        self.uses_lines = frame.used_lines;
        if frame.took_close && at < frame.horizon.end {
            self.passed -= 1;
        }
    }

    fn horizon(&self) -> Horizon {
        match self.closes.get(self.passed) {
            Some(&close) => Horizon { end: close, is_closed: true },
            None => Horizon { end: self.buffer.len(), is_closed: false },
        }
    }

    /// Takes the line that ends with the LF at `line_end`, and its second one.
    fn take_line(&mut self, line_end: usize, horizon: Horizon) -> Option<Frame> {
        let used_lines = std::mem::replace(&mut self.uses_lines, true);
        let line =
            |text| Frame { text, ending: Ending::Line, horizon, used_lines, took_close: false };
        let text = self.start..self.without_cr(self.start, line_end);
        if std::mem::take(&mut self.skipping) || text.len() > MAX_MESSAGE {
            self.take(line_end + 1);
            return Some(line(None));
        }
        match self.second_line(&text, line_end, horizon) {
            SecondLine::None => {
                self.take(line_end + 1);
                Some(line(Some(text)))
            }
            SecondLine::Coming => None,
            SecondLine::Name { end, next } => {
                // The line end between the two stands for the `;`.
                self.buffer[text.end..line_end].fill(b' ');
                self.buffer[line_end] = SEPARATOR as u8;
                self.take(next);
                Some(line(Some(text.start..end)))
            }
        }
    }

    /// Takes the bytes behind the last LF, if they are complete.
    fn take_unended(&mut self, may_grow: bool, horizon: Horizon) -> Option<Frame> {
        let Horizon { end: rest_end, is_closed } = horizon;
        let start = self.start;
        self.searched = rest_end - start;
        let used_lines = self.uses_lines;
        let ending = if used_lines { Ending::Line } else { Ending::Packet };
        let frame = |text| Frame { text, ending, horizon, used_lines, took_close: is_closed };

        // Two bytes more may be a line end, the CR of one that is still to come.
        let end = self.without_telnet_end(start, rest_end);
        self.skipping |= end - start > MAX_MESSAGE;
        if self.skipping {
            // Only when it is over, and not before, is it answered: a client
            // that waits for the reply may then send its next packet, and no
            // byte of the long one can be taken for it.
            self.take(rest_end);
            self.skipping = !is_closed;
            self.passed += usize::from(is_closed);
            return is_closed.then(|| frame(None));
        }
        if is_closed {
            self.passed += 1;
            if start == rest_end {
                return self.next_frame(may_grow);
            }
        } else if used_lines || may_grow || ends_inside_character(&self.buffer[start..rest_end]) {
            return None;
        }
        self.take(rest_end);
        Some(frame(Some(start..end)))
    }

    /// What follows a bare `remove`, whose line ends at `line_end`.
    fn second_line(&self, line: &Range<usize>, line_end: usize, horizon: Horizon) -> SecondLine {
        if !is_bare_remove(&self.buffer[line.clone()]) || self.stage != Stage::Contacts {
            return SecondLine::None;
        }
        let start = line_end + 1;
        if start == horizon.end {
            let is_cut = self.continues && !horizon.is_closed;
            return if is_cut { SecondLine::Coming } else { SecondLine::None };
        }
        let found = first_lf(&self.buffer[start..horizon.end]).map(|at| start + at);
        let line_end = found.unwrap_or(horizon.end);
        let end = self.without_cr(start, line_end);
        if end - start > MAX_MESSAGE {
            return SecondLine::None;
        }
        if found.is_none() && !horizon.is_closed {
            return SecondLine::Coming;
        }
        match is_name(&self.buffer[start..end]) {
            true => SecondLine::Name { end, next: found.map_or(line_end, |at| at + 1) },
            false => SecondLine::None,
        }
    }

    fn take(&mut self, next: usize) {
        self.start = next;
        self.searched = 0;
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

/// What follows a bare `remove` in the same segment.
enum SecondLine {
    /// Nothing, or a line that is no name.
    None,
    /// The beginning of a line.
    Coming,
    /// A name up to `end`; the next frame begins at `next`.
    Name { end: usize, next: usize },
}

/// Where the first LF stands. Eight bytes at once, which the compiler makes one
/// comparison: this looks at every byte that arrives. Sixteen would find nothing
/// to compare in `find;zhangsan`.
#[inline]
fn first_lf(bytes: &[u8]) -> Option<usize> {
    let has_lf = |block: &[u8; 8]| block.iter().fold(false, |found, &byte| found | (byte == b'\n'));
    let (blocks, _) = bytes.as_chunks();
    let whole = blocks.iter().take_while(|block| !has_lf(block)).count();
    // A packet has no LF at all. Its last block may overlap the one before; looking
    // at it saves the search byte by byte.
    if whole == blocks.len() && bytes.last_chunk().is_some_and(|last| !has_lf(last)) {
        return None;
    }
    let before = 8 * whole;
    bytes[before..].iter().position(|&byte| byte == b'\n').map(|at| before + at)
}

/// Whether the bytes are text so far and stop in the middle of a character.
fn ends_inside_character(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|last| !last.is_ascii())
        && str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

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
