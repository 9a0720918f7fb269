//! WebSocket framing (RFC 6455) on the server's side: frames into messages, replies
//! into frames.
//!
//! It moves no bytes; the [transport](crate::transport::websocket) does. Nearly every
//! message is one whole frame, and those are parsed where they lie, without a
//! copy or an allocation for each (`next_frame`). Everything else goes through
//! tungstenite (`engine`).

mod engine;
mod next_frame;

use protocol::Decoder;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use self::engine::{Engine, feed, violation};
use self::next_frame::{NextFrame, unmask};

pub(crate) use self::engine::Outcome;
pub(crate) use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Bytes of replies that a quiet connection keeps room for: twenty ordinary
/// ones, so that a chatting browser allocates nothing and 10,000 idle ones hold
/// little.
const KEPT: usize = 512;

/// The framing state of one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    engine: Engine,
    /// Whether the engine has the beginning of a message, and waits for the rest.
    in_fragments: bool,
    /// Bytes that were received and not parsed: none, or a part of a frame.
    incoming: Vec<u8>,
    /// Frames to be sent.
    outgoing: Vec<u8>,
}

impl Frames {
    /// The framing of a connection that has just become a WebSocket; these bytes
    /// came with the handshake.
    pub(crate) fn new(incoming: &[u8]) -> Self {
        Frames {
            engine: Engine::new(),
            in_fragments: false,
            incoming: incoming.to_vec(),
            outgoing: Vec::new(),
        }
    }

    /// Parses a chunk and feeds the messages that are complete to `decoder`,
    /// each as one packet. After [`Outcome::Messages`] there may be more: an empty
    /// chunk asks for it.
    ///
    /// # Errors
    ///
    /// The other side violated the RFC. The Close that says so is to be sent;
    /// what came before the violation has been fed earlier.
    pub(crate) fn receive(
        &mut self,
        chunk: &mut [u8],
        decoder: &mut Decoder,
    ) -> Result<Outcome, Error> {
        // Nearly always a chunk is made of whole frames, and is not kept.
        let outcome = if self.incoming.is_empty() {
            let (at, outcome) = self.parse(chunk, decoder);
            self.incoming.extend_from_slice(&chunk[at..]);
            outcome
        } else {
            let mut incoming = std::mem::take(&mut self.incoming);
            incoming.extend_from_slice(chunk);
            let (at, outcome) = self.parse(&mut incoming, decoder);
            if at < incoming.len() {
                incoming.drain(..at);
                self.incoming = incoming;
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

    /// How many bytes were parsed, and what they amounted to.
    fn parse(
        &mut self,
        bytes: &mut [u8],
        decoder: &mut Decoder,
    ) -> (usize, Result<Outcome, Error>) {
        let mut parsed = Outcome::Incomplete;
        let mut at = 0;
        let outcome = loop {
            match NextFrame::parse(bytes, at, self.in_fragments) {
                NextFrame::Incomplete => break Ok(parsed),
                NextFrame::Message { mask, payload, is_text } => {
                    let (end, payload) = (payload.end, &mut bytes[payload]);
                    unmask(payload, mask);
                    if is_text && let Err(error) = str::from_utf8(payload) {
                        if parsed == Outcome::Messages {
                            // It is looked at again when those are answered.
                            unmask(payload, mask);
                            break Ok(parsed);
                        }
                        break Err(Error::Utf8(error.to_string()));
                    }
                    feed(decoder, payload);
                    parsed = Outcome::Messages;
                    at = end;
                }
                // What came before it is answered before.
                NextFrame::Other { .. } if parsed == Outcome::Messages => break Ok(parsed),
                NextFrame::Other { end, in_fragments } => {
                    let read = self.engine.read(&bytes[at..end], &mut self.outgoing, decoder);
                    self.in_fragments = in_fragments;
                    at = end;
                    match read {
                        Ok(Outcome::Incomplete) => {}
                        Ok(Outcome::Messages) => parsed = Outcome::Messages,
                        read => break read,
                    }
                }
            }
        };
        (at, outcome)
    }

    /// Appends a reply to what is to be sent.
    pub(crate) fn push_reply(&mut self, reply: &str) {
        self.push_header(OpCode::Data(Data::Text), reply.len());
        self.outgoing.extend_from_slice(reply.as_bytes());
    }

    /// Appends a ping.
    pub(crate) fn push_ping(&mut self) {
        self.push_header(OpCode::Control(Control::Ping), 0);
    }

    fn push_header(&mut self, opcode: OpCode, length: usize) {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        header.format(length as u64, &mut self.outgoing).expect("a Vec takes all of it");
    }

    /// Appends a Close, unless there was one.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &'static str) {
        self.engine.close(code, reason, &mut self.outgoing);
    }

    /// What is to be sent.
    pub(crate) fn outgoing(&self) -> &[u8] {
        &self.outgoing
    }

    /// Forgets the first bytes of what is to be sent: they have been.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.outgoing.drain(..bytes);
        self.outgoing.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketContext};

    use super::engine::Wire;
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
    type Observed = (Vec<Option<String>>, Vec<u8>, Result<bool, String>);

    fn observed(mut decoder: Decoder, outgoing: Vec<u8>, end: Result<Outcome, Error>) -> Observed {
        let mut messages = Vec::new();
        while let Some(message) = decoder.next_message() {
            messages.push(message.text.ok().map(str::to_owned));
        }
        // tungstenite says of the same text more than we do.
        let end = end.map(|outcome| outcome != Outcome::Close);
        (messages, outgoing, end.map_err(|error| format!("{:?}", violation(&error))))
    }

    fn ours<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Observed {
        let (mut frames, mut decoder) = (Frames::new(&[]), Decoder::new(protocol::Stage::Echo));
        let mut end = Ok(Outcome::Incomplete);
        'all: for chunk in chunks {
            end = frames.receive(&mut chunk.to_vec(), &mut decoder);
            loop {
                match end {
                    Ok(Outcome::Messages) => end = frames.receive(&mut [], &mut decoder),
                    Ok(Outcome::Incomplete) => break,
                    Ok(Outcome::Close) | Err(_) => break 'all,
                }
            }
        }
        observed(decoder, frames.outgoing, end)
    }

    /// tungstenite alone.
    fn theirs(bytes: &[u8]) -> Observed {
        let (mut frames, mut decoder) = (Frames::new(&[]), Decoder::new(protocol::Stage::Echo));
        let end = frames.engine.read(bytes, &mut frames.outgoing, &mut decoder);
        if let Err(error) = &end
            && let Some((code, reason)) = violation(error)
        {
            frames.close(code, reason);
        }
        observed(decoder, frames.outgoing, end)
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
        replies.iter().for_each(|reply| frames.push_reply(reply));
        let mut client = WebSocketContext::new(Role::Client, None);
        let mut wire = Wire { incoming: frames.outgoing(), outgoing: &mut Vec::new() };
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
            assert_eq!(frames.receive(&mut chunk, &mut decoder).unwrap(), Outcome::Messages);
            assert_eq!(frames.outgoing(), b"");
            assert!(frames.receive(&mut [], &mut decoder).is_err());
            assert_eq!(frames.outgoing()[0], 0x88);
        }
    }

    #[test]
    fn a_connection_at_rest_keeps_no_bytes_of_what_arrived() {
        let mut frames = Frames::new(&[]);
        let mut decoder = Decoder::new(protocol::Stage::Echo);
        let bytes = frame(0x81, Some([1, 2, 3, 4]), &[b'x'; 5_000]);
        let (mut head, mut tail) = (bytes[..7].to_vec(), bytes[7..].to_vec());
        assert_eq!(frames.receive(&mut head, &mut decoder).unwrap(), Outcome::Incomplete);
        assert_eq!(frames.incoming.len(), 7);
        assert_eq!(frames.receive(&mut tail, &mut decoder).unwrap(), Outcome::Messages);
        assert_eq!(frames.incoming.capacity(), 0);
    }
}
