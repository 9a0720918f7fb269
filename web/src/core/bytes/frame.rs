//! WebSocket frame: what stands before a message on the wire.

use crate::core::message::Direction;

/// The WebSocket frame around a message, RFC 6455 section 5.2.
///
/// A page is shown messages, not frames; but on a connection without
/// extensions, as this server's are, what stands before a message of a
/// classroom's length can only be this. Browsers cut messages into several
/// frames from about 64 KiB on, where this server takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 1 for a text, 8 for a Close.
    pub opcode: u8,
    /// Who says it. What a browser says is masked.
    pub direction: Direction,
    /// The length of what it carries, in bytes.
    pub payload: usize,
}

/// A field of a frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Which.
    pub name: FieldName,
    /// Its bytes; `None` where the browser keeps one to itself.
    pub bytes: Vec<Option<u8>>,
}

/// The fields of a frame's header, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldName {
    /// The bit FIN, three bits that are 0, and four of opcode.
    Opcode,
    /// The bit MASK and seven of length: up to 125 it is the length, else 126
    /// or 127 and the length follows.
    Length,
    /// The length in two bytes, or in eight.
    LongLength,
    /// What each byte of the message is changed with on its way, four random
    /// bytes that only the browser knows.
    Key,
}

/// The opcode of a text.
const TEXT: u8 = 1;

/// The opcode of a Close.
const CLOSE: u8 = 8;

/// The first bit of the first byte: nothing of this message follows.
const FIN: u8 = 0x80;

/// The first bit of the second byte: there is a masking key.
const MASK: u8 = 0x80;

impl Frame {
    /// The frame around a text of `payload` bytes.
    pub fn text(direction: Direction, payload: usize) -> Self {
        Frame { opcode: TEXT, direction, payload }
    }

    /// The Close a server sent, and what it carried: nothing, or the code and
    /// the reason. `None` where there was none: the connection broke.
    pub fn close(code: u16, reason: &str) -> Option<(Self, Vec<u8>)> {
        /// What browsers say of a Close without a code, and of no Close
        /// (RFC 6455 section 7.4.1).
        const WITHOUT_CODE: u16 = 1005;
        const NONE: [u16; 2] = [1006, 1015];
        if NONE.contains(&code) {
            return None;
        }
        let mut carried = Vec::new();
        if code != WITHOUT_CODE {
            carried.extend(code.to_be_bytes());
            carried.extend(reason.bytes());
        }
        let payload = carried.len();
        Some((Frame { opcode: CLOSE, direction: Direction::Received, payload }, carried))
    }

    /// Whether what it carries is masked: a browser must, a server must not.
    pub fn is_masked(self) -> bool {
        self.direction == Direction::Sent
    }

    /// Its header.
    pub fn fields(self) -> Vec<Field> {
        let long = (self.payload as u64).to_be_bytes();
        let (length, skipped) = match self.payload {
            0..126 => (self.payload as u8, 8),
            126..0x1_0000 => (126, 6),
            _ => (127, 0),
        };
        let mask = if self.is_masked() { MASK } else { 0 };
        let known = |name, bytes: &[u8]| Field {
            name,
            bytes: bytes.iter().map(|&byte| Some(byte)).collect(),
        };
        let mut fields = vec![
            known(FieldName::Opcode, &[FIN | self.opcode]),
            known(FieldName::Length, &[mask | length]),
        ];
        let long = &long[skipped..];
        if !long.is_empty() {
            fields.push(known(FieldName::LongLength, long));
        }
        if self.is_masked() {
            fields.push(Field { name: FieldName::Key, bytes: vec![None; 4] });
        }
        fields
    }

    /// How many bytes it takes in all.
    pub fn bytes(self) -> usize {
        self.fields().iter().map(|field| field.bytes.len()).sum::<usize>() + self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::bytes::hex;

    fn header(frame: Frame) -> String {
        let bytes: Vec<_> = frame
            .fields()
            .into_iter()
            .flat_map(|field| field.bytes)
            .map(|byte| byte.map_or("??".to_string(), hex))
            .collect();
        bytes.join(" ")
    }

    #[test]
    fn a_frame_shows_every_byte_but_the_key_that_only_the_browser_knows() {
        use Direction::{Received, Sent};
        for (direction, payload, expected) in [
            (Received, 8, "81 08"),
            (Sent, 4, "81 84 ?? ?? ?? ??"),
            (Received, 0, "81 00"),
            (Received, 125, "81 7D"),
            (Received, 126, "81 7E 00 7E"),
            (Sent, 0xFFFF, "81 FE FF FF ?? ?? ?? ??"),
            (Received, 0x1_0000, "81 7F 00 00 00 00 00 01 00 00"),
        ] {
            let frame = Frame::text(direction, payload);
            assert_eq!(header(frame), expected);
            assert_eq!(frame.bytes(), payload + expected.split(' ').count());
        }
    }

    #[test]
    fn a_close_carries_its_code_and_reason_and_a_break_is_no_frame() {
        let (frame, carried) = Frame::close(1000, "bye").unwrap();
        assert_eq!((header(frame), frame.bytes()), ("88 05".to_string(), 7));
        assert_eq!(carried, b"\x03\xE8bye");
        let (frame, carried) = Frame::close(1005, "").unwrap();
        assert_eq!((header(frame), carried), ("88 00".to_string(), Vec::new()));
        assert_eq!(Frame::close(1006, ""), None);
    }
}
