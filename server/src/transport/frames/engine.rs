//! tungstenite, for every frame that is not a whole message: fragments, pings,
//! closes, and whatever violates RFC 6455. It reads from the bytes at hand and
//! writes to a buffer; it never sees the network.

use std::io::{self, Read, Write};

use protocol::Decoder;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::next_frame::MAX_MESSAGE;

/// Bytes that tungstenite keeps room for: a ping, a Close. For what is longer it
/// takes more by itself.
const BUFFER: usize = 128;

/// What the frames that have arrived amounted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No message is complete.
    Incomplete,
    /// One message at least was fed to the decoder.
    Messages,
    /// The other side has said Close, and the answer to it is to be sent.
    Close,
}

/// tungstenite's state of one connection.
#[derive(Debug)]
pub(super) struct Engine(WebSocketContext);

impl Engine {
    pub(super) fn new() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Engine(WebSocketContext::new(Role::Server, Some(config)))
    }

    /// Reads all of `bytes`, feeds whole messages to `decoder` and appends what is to
    /// be sent to `outgoing`.
    ///
    /// # Errors
    ///
    /// The other side violated the RFC; [`violation`] says how.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        outgoing: &mut Vec<u8>,
        decoder: &mut Decoder,
    ) -> Result<Outcome, Error> {
        let mut wire = Wire { incoming: bytes, outgoing };
        let mut outcome = Outcome::Incomplete;
        loop {
            match self.0.read(&mut wire) {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    feed(decoder, &message.into_data());
                    outcome = Outcome::Messages;
                }
                Ok(Message::Close(_)) => {
                    // Says that the connection is over, and puts the answer first.
                    let _ = self.0.flush(&mut wire);
                    return Ok(Outcome::Close);
                }
                // A ping is answered by the next call.
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(outcome);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends a Close to `outgoing`, unless there was one.
    pub(super) fn close(&mut self, code: CloseCode, reason: &'static str, outgoing: &mut Vec<u8>) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        // The buffer takes all of it.
        let _ = self.0.close(&mut Wire { incoming: &[], outgoing }, Some(frame));
    }
}

/// What tungstenite takes for the network: the bytes at hand and no more, and
/// room for all that it sends.
pub(super) struct Wire<'f> {
    pub(super) incoming: &'f [u8],
    pub(super) outgoing: &'f mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(room)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Feeds one message to the decoder as one packet.
pub(super) fn feed(decoder: &mut Decoder, message: &[u8]) {
    decoder.push(message);
    decoder.close();
}

/// The close code RFC 6455 section 7.4.1 names for what the other side did, or
/// nothing where the connection broke by itself.
pub(super) fn violation(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "not as RFC 6455 says")),
        Error::Utf8(_) => Some((CloseCode::Invalid, "text that is not UTF-8")),
        Error::Capacity(_) => Some((CloseCode::Size, "a message over 64 KiB")),
        _ => None,
    }
}
