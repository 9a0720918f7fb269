//! Parsing one frame (RFC 6455, section 5.2) where it lies, without a copy.

use std::io::Cursor;
use std::ops::Range;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// The longest WebSocket message in bytes. The protocol's own limit is 1,024;
/// this leaves room for a pipeline of lines pasted as one message.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// What stands first among some bytes.
#[derive(Debug)]
pub(super) enum NextFrame {
    /// A part of a frame.
    Incomplete,
    /// A whole message in one frame.
    Message { mask: [u8; 4], payload: Range<usize>, is_text: bool },
    /// Anything else, up to `end`; and whether a message in fragments is then
    /// under way.
    Other { end: usize, in_fragments: bool },
}

impl NextFrame {
    /// The frame that begins at `at`. `in_fragments` tells whether a message in
    /// fragments is under way.
    #[inline]
    pub(super) fn parse(bytes: &[u8], at: usize, in_fragments: bool) -> Self {
        match NextFrame::short_message(bytes, at) {
            Some(message) if !in_fragments => message,
            _ if at == bytes.len() => NextFrame::Incomplete,
            _ => NextFrame::parse_any(bytes, at, in_fragments),
        }
    }

    /// The whole message of at most 125 bytes that begins at `at`, if there is one:
    /// nearly all that a class sends. Its header is always six bytes. Without this
    /// branch the header costs 200 instructions, a tenth of a message's.
    #[inline]
    fn short_message(bytes: &[u8], at: usize) -> Option<Self> {
        /// Final, no extension, and the opcode.
        const TEXT: u8 = 0x81;
        const BINARY: u8 = 0x82;
        /// Masked; the other bits are the length, above 125 that of a longer header.
        const MASKED: u8 = 0x80;
        let &[kind @ (TEXT | BINARY), length @ MASKED..=0xFD, a, b, c, d, ref rest @ ..] =
            &bytes[at..]
        else {
            return None;
        };
        let length = usize::from(length - MASKED);
        let start = at + 6;
        (length <= rest.len()).then(|| NextFrame::Message {
            mask: [a, b, c, d],
            payload: start..start + length,
            is_text: kind == TEXT,
        })
    }

    /// As [`parse`](Self::parse), for every frame there can be.
    fn parse_any(bytes: &[u8], at: usize, in_fragments: bool) -> Self {
        // What is no frame, or too long for one, need not be complete.
        let rest = NextFrame::Other { end: bytes.len(), in_fragments: false };
        let mut cursor = Cursor::new(&bytes[at..]);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return NextFrame::Incomplete,
            Err(_) => return rest,
        };
        let Some(length) = usize::try_from(length).ok().filter(|&length| length <= MAX_MESSAGE)
        else {
            return rest;
        };
        let start = at + cursor.position() as usize;
        let payload = start..start + length;
        if payload.end > bytes.len() {
            return NextFrame::Incomplete;
        }
        match header {
            FrameHeader {
                is_final: true,
                rsv1: false,
                rsv2: false,
                rsv3: false,
                opcode: OpCode::Data(kind @ (Data::Text | Data::Binary)),
                mask: Some(mask),
            } if !in_fragments => NextFrame::Message { mask, payload, is_text: kind == Data::Text },
            header => {
                let is_data = matches!(header.opcode, OpCode::Data(_));
                let in_fragments = if is_data { !header.is_final } else { in_fragments };
                NextFrame::Other { end: payload.end, in_fragments }
            }
        }
    }
}

/// Takes a mask off, or puts it on again (section 5.3).
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (fours, rest) = payload.as_chunks_mut();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}
