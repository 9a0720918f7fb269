//! RFC 6455 frames → messages, and replies → frames, on the server's side.
//!
//! It moves no bytes; the [transport](crate::transport::websocket) does. Nearly every
//! message is one whole frame, and those are taken here as they lie, without a
//! copy or an allocation for each. Everything else (fragments, pings, closes,
//! and whatever violates the RFC) is for tungstenite to judge.

use std::io::{self, Cursor, Read, Write};
use std::ops::Range;

use protocol::Decoder;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, error::ProtocolError};

pub(crate) use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The longest WebSocket message in bytes. The protocol's own limit is 1,024;
/// this leaves room for a pipeline of lines pasted as one message.
const MAX_MESSAGE: usize = 64 * 1024;

/// Bytes that tungstenite keeps room for: a ping, a Close. For what is longer it
/// takes more by itself.
const ENGINE_BUFFER: usize = 128;

/// Bytes of replies that a quiet connection keeps room for: twenty ordinary
/// ones, so that a chatting browser allocates nothing and 10,000 idle ones hold
/// little.
const KEPT: usize = 512;

/// What came of the frames that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// No message is complete.
    Nothing,
    /// One message at least was fed to the decoder.
    Messages,
    /// The other side has said Close, and the answer to it is to be sent.
    Close,
}

/// The frames of one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Judges all that is not a whole message in one frame.
    engine: WebSocketContext,
    /// Whether it has the beginning of a message, and waits for the rest.
    in_fragments: bool,
    /// What has arrived and was not taken: nothing, or a part of a frame.
    arrived: Vec<u8>,
    leaving: Vec<u8>,
}

impl Frames {
    /// The frames of a connection that has just become a WebSocket; these bytes
    /// came with the handshake.
    pub(crate) fn new(arrived: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(ENGINE_BUFFER)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Frames {
            engine: WebSocketContext::new(Role::Server, Some(config)),
            in_fragments: false,
            arrived: arrived.to_vec(),
            leaving: Vec::new(),
        }
    }

    /// Takes in a chunk and feeds the messages that are complete to `decoder`,
    /// each as one packet. After [`Taken::Messages`] there may be more: an empty
    /// chunk asks for it.
    ///
    /// # Errors
    ///
    /// The other side violated the RFC. The Close that says so is to be sent;
    /// what came before the violation has been taken earlier.
    pub(crate) fn take(&mut self, chunk: &mut [u8], decoder: &mut Decoder) -> Result<Taken, Error> {
        // Nearly always a chunk is made of whole frames, and is not kept.
        let outcome = if self.arrived.is_empty() {
            let (at, outcome) = self.take_from(chunk, decoder);
            self.arrived.extend_from_slice(&chunk[at..]);
            outcome
        } else {
            let mut arrived = std::mem::take(&mut self.arrived);
            arrived.extend_from_slice(chunk);
            let (at, outcome) = self.take_from(&mut arrived, decoder);
            if at < arrived.len() {
                arrived.drain(..at);
                self.arrived = arrived;
            }
            outcome
        };
        if let Err(error) = &outcome
            && let Some((code, reason)) = violation(error)
        {
            self.close(code, reason);
        }
        outcome
    }

    /// How many bytes were taken, and what came of them.
    fn take_from(
        &mut self,
        bytes: &mut [u8],
        decoder: &mut Decoder,
    ) -> (usize, Result<Taken, Error>) {
        let mut taken = Taken::Nothing;
        let mut at = 0;
        let outcome = loop {
            match self.front(bytes, at) {
                Front::Part => break Ok(taken),
                Front::Message { mask, payload, is_text } => {
                    let (end, payload) = (payload.end, &mut bytes[payload]);
                    unmask(payload, mask);
                    if is_text && let Err(error) = str::from_utf8(payload) {
                        if taken == Taken::Messages {
                            // It is looked at again when those are answered.
                            unmask(payload, mask);
                            break Ok(taken);
                        }
                        break Err(Error::Utf8(error.to_string()));
                    }
                    feed(decoder, payload);
                    taken = Taken::Messages;
                    at = end;
                }
                // What came before it is answered before.
                Front::Other { .. } if taken == Taken::Messages => break Ok(taken),
                Front::Other { end, in_fragments } => {
                    let judged = self.judge(&bytes[at..end], decoder);
                    self.in_fragments = in_fragments;
                    at = end;
                    match judged {
                        Ok(Taken::Nothing) => {}
                        Ok(Taken::Messages) => taken = Taken::Messages,
                        judged => break judged,
                    }
                }
            }
        };
        (at, outcome)
    }

    /// Adds a reply to what is to be sent.
    pub(crate) fn put(&mut self, reply: &str) {
        self.put_header(OpCode::Data(Data::Text), reply.len());
        self.leaving.extend_from_slice(reply.as_bytes());
    }

    /// Adds a question for a sign of life.
    pub(crate) fn ping(&mut self) {
        self.put_header(OpCode::Control(Control::Ping), 0);
    }

    /// Adds a Close, unless there was one.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let mut wire = Wire { arrived: &[], leaving: &mut self.leaving };
        // The wire takes all of it.
        let _ = self.engine.close(&mut wire, Some(frame));
    }

    /// What is to be sent.
    pub(crate) fn leaving(&self) -> &[u8] {
        &self.leaving
    }

    /// So many bytes of it have been.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.leaving.drain(..bytes);
        self.leaving.shrink_to(KEPT);
    }

    fn put_header(&mut self, opcode: OpCode, length: usize) {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        header.format(length as u64, &mut self.leaving).expect("a Vec takes all of it");
    }

    /// What stands at a place among some bytes.
    fn front(&self, bytes: &[u8], at: usize) -> Front {
        // What is no frame, or too long for one, need not be complete.
        let rest = Front::Other { end: bytes.len(), in_fragments: false };
        let mut cursor = Cursor::new(&bytes[at..]);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Front::Part,
            Err(_) => return rest,
        };
        let Some(length) = usize::try_from(length).ok().filter(|&length| length <= MAX_MESSAGE)
        else {
            return rest;
        };
        let start = at + cursor.position() as usize;
        let payload = start..start + length;
        if payload.end > bytes.len() {
            return Front::Part;
        }
        match header {
            FrameHeader {
                is_final: true,
                rsv1: false,
                rsv2: false,
                rsv3: false,
                opcode: OpCode::Data(kind @ (Data::Text | Data::Binary)),
                mask: Some(mask),
            } if !self.in_fragments => {
                Front::Message { mask, payload, is_text: kind == Data::Text }
            }
            header => {
                let is_data = matches!(header.opcode, OpCode::Data(_));
                let in_fragments = if is_data { !header.is_final } else { self.in_fragments };
                Front::Other { end: payload.end, in_fragments }
            }
        }
    }

    /// Has tungstenite look at some bytes.
    fn judge(&mut self, bytes: &[u8], decoder: &mut Decoder) -> Result<Taken, Error> {
        let mut wire = Wire { arrived: bytes, leaving: &mut self.leaving };
        let mut taken = Taken::Nothing;
        loop {
            match self.engine.read(&mut wire) {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    feed(decoder, &message.into_data());
                    taken = Taken::Messages;
                }
                Ok(Message::Close(_)) => {
                    // Says that the connection is over, and puts the answer first.
                    let _ = self.engine.flush(&mut wire);
                    return Ok(Taken::Close);
                }
                // A ping is answered by the next call.
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(taken);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What stands first among some bytes.
#[derive(Debug)]
enum Front {
    /// A part of a frame.
    Part,
    /// A whole message in one frame.
    Message { mask: [u8; 4], payload: Range<usize>, is_text: bool },
    /// Anything else, up to `end`; and whether a message in fragments is then
    /// under way.
    Other { end: usize, in_fragments: bool },
}

/// What tungstenite takes for the network: the bytes at hand and no more, and
/// room for all that it sends.
struct Wire<'f> {
    arrived: &'f [u8],
    leaving: &'f mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.arrived.read(room)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.leaving.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message is one packet.
fn feed(decoder: &mut Decoder, message: &[u8]) {
    decoder.push(message);
    decoder.close();
}

/// Takes a mask off, or puts it on again (section 5.3).
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (fours, rest) = payload.as_chunks_mut();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// The close code RFC 6455 section 7.4.1 names for what the other side did, or
/// nothing where the connection broke by itself.
fn violation(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "not as RFC 6455 says")),
        Error::Utf8(_) => Some((CloseCode::Invalid, "text that is not UTF-8")),
        Error::Capacity(_) => Some((CloseCode::Size, "a message over 64 KiB")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a frame as a client writes it, whatever is wrong with it.
    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let opcode = OpCode::Data(Data::Text);
        let mut bytes = Vec::new();
        let header = FrameHeader { opcode, mask, ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut bytes).unwrap();
        bytes[0] = first;
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        unmask(&mut bytes[start..], mask.unwrap_or_default());
        bytes
    }

    /// Frames of all kinds, most of them such that the conversation goes on.
    fn some_frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            20 => Just(0x81),
            6 => Just(0x82),
            6 => prop_oneof![Just(0x01), Just(0x80), Just(0x00)],
            6 => prop_oneof![Just(0x89), Just(0x8A)],
            1 => Just(0x88),
            1 => any::<u8>(),
        ];
        let payload = prop_oneof![
            8 => "(add;张?[a-z]{0,3};[0-9]{1,3}\n?){0,3}".prop_map(String::into_bytes),
            2 => proptest::collection::vec(any::<u8>(), 0..4),
            1 => (120_usize..132).prop_map(|length| vec![b'x'; length]),
            1 => Just(b"\x03\xe8bye".to_vec()),
        ];
        let mask = prop_oneof![40 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
        (first, mask, payload).prop_map(|(first, mask, payload)| frame(first, mask, &payload))
    }

    /// What came of some bytes: the messages, what was said to the other side, and
    /// whether the connection goes on.
    type Outcome = (Vec<Option<String>>, Vec<u8>, Result<bool, String>);

    fn outcome(mut decoder: Decoder, leaving: Vec<u8>, end: Result<Taken, Error>) -> Outcome {
        let mut messages = Vec::new();
        while let Some(message) = decoder.next_message() {
            messages.push(message.text.ok().map(str::to_owned));
        }
        // tungstenite says of the same text more than we do.
        let end = end.map(|taken| taken != Taken::Close);
        (messages, leaving, end.map_err(|error| format!("{:?}", violation(&error))))
    }

    fn ours<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Outcome {
        let (mut frames, mut decoder) = (Frames::new(&[]), Decoder::new(protocol::Stage::Echo));
        let mut end = Ok(Taken::Nothing);
        'all: for chunk in chunks {
            end = frames.take(&mut chunk.to_vec(), &mut decoder);
            loop {
                match end {
                    Ok(Taken::Messages) => end = frames.take(&mut [], &mut decoder),
                    Ok(Taken::Nothing) => break,
                    Ok(Taken::Close) | Err(_) => break 'all,
                }
            }
        }
        outcome(decoder, frames.leaving, end)
    }

    /// tungstenite alone.
    fn theirs(bytes: &[u8]) -> Outcome {
        let (mut frames, mut decoder) = (Frames::new(&[]), Decoder::new(protocol::Stage::Echo));
        let end = frames.judge(bytes, &mut decoder);
        if let Err(error) = &end
            && let Some((code, reason)) = violation(error)
        {
            frames.close(code, reason);
        }
        outcome(decoder, frames.leaving, end)
    }

    proptest! {
        #[test]
        fn whatever_arrives_however_it_is_cut_means_what_tungstenite_takes_it_for(
            frames in proptest::collection::vec(some_frame(), 1..12),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = frames.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
            prop_assert_eq!(ours(chunks), theirs(&bytes));
        }
    }

    #[test]
    fn a_reply_is_a_frame_that_tungstenite_reads() {
        let mut frames = Frames::new(&[]);
        let replies = ["", "Welcome!", &"长".repeat(300)];
        replies.iter().for_each(|reply| frames.put(reply));
        let mut client = WebSocketContext::new(Role::Client, None);
        let mut wire = Wire { arrived: frames.leaving(), leaving: &mut Vec::new() };
        for reply in replies {
            assert_eq!(client.read(&mut wire).unwrap(), Message::text(reply));
        }
    }

    #[test]
    fn what_comes_before_a_violation_is_answered_before_it_is_judged() {
        for (first, payload) in [(0xC1, &b"x"[..]), (0x81, b"\xff")] {
            let mut frames = Frames::new(&[]);
            let mut decoder = Decoder::new(protocol::Stage::Echo);
            let good = frame(0x81, Some([0; 4]), b"hello");
            let mut chunk = [good, frame(first, Some([9; 4]), payload)].concat();
            assert_eq!(frames.take(&mut chunk, &mut decoder).unwrap(), Taken::Messages);
            assert_eq!(frames.leaving(), b"");
            assert!(frames.take(&mut [], &mut decoder).is_err());
            assert_eq!(frames.leaving()[0], 0x88);
        }
    }

    #[test]
    fn a_connection_at_rest_keeps_no_bytes_of_what_arrived() {
        let mut frames = Frames::new(&[]);
        let mut decoder = Decoder::new(protocol::Stage::Echo);
        let bytes = frame(0x81, Some([1, 2, 3, 4]), &[b'x'; 5_000]);
        let (mut head, mut tail) = (bytes[..7].to_vec(), bytes[7..].to_vec());
        assert_eq!(frames.take(&mut head, &mut decoder).unwrap(), Taken::Nothing);
        assert_eq!(frames.arrived.len(), 7);
        assert_eq!(frames.take(&mut tail, &mut decoder).unwrap(), Taken::Messages);
        assert_eq!(frames.arrived.capacity(), 0);
    }
}
