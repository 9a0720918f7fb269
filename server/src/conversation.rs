//! One client's conversation, whatever it came in through.
//!
//! Chunks of bytes come in from a [`Transport`], replies go out to it. This is
//! the only place where the two transports meet the protocol, so nothing can
//! differ between them but the framing of what leaves.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use protocol::decoder::SILENCE;
use protocol::{Decoder, Next, Replies, Stage};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::book::Book;

/// Most messages answered before their replies are sent. Enough to make a
/// pipelined read one write; at the longest reply (1,034 bytes) 135 KB.
const BATCH: usize = 128;

/// A way to a client.
pub(crate) trait Transport {
    /// Waits for the client and feeds what it sent to `decoder`. Must be safe
    /// to cancel: nothing may be lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The connection is of no more use; a farewell has been said if one could.
    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received>;

    /// Sends all `replies` in one go.
    ///
    /// # Errors
    ///
    /// The client is gone, or has not read for too long.
    async fn send(&mut self, replies: &Replies) -> io::Result<()>;

    /// Closes the connection so that every reply sent before still arrives.
    async fn close(self, farewell: Farewell);
}

/// What came from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Bytes, possibly the beginning of a message.
    Chunk,
    /// The client will send no more, but may still be reading.
    End,
}

/// Why the server closes a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The client said `exit`.
    Exit,
    /// The client ended its side first.
    Ended,
    /// The server is stopping.
    Stopping,
}

/// How this server converses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) stage: Stage,
    /// Waited before each reply, as the lesson's server does so that a class
    /// can watch; zero for at once.
    pub(crate) pause: Duration,
}

/// Welcomes the client, answers it until it leaves or `stop` is cancelled, and
/// closes the connection.
///
/// # Errors
///
/// The connection broke. There is nobody left to tell; the caller logs it.
pub(crate) async fn converse(
    mut transport: impl Transport,
    book: &Book,
    manner: Manner,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut decoder = Decoder::new(manner.stage);
    let mut replies = Replies::default();
    replies.push_welcome();
    transport.send(&replies).await?;

    let mut stopping = pin!(stop.cancelled());
    let most = if manner.pause.is_zero() { BATCH } else { 1 };
    let mut ended = false;
    let farewell = loop {
        replies.clear();
        let next = book.answer(&mut decoder, &mut replies, most).await;
        if !replies.is_empty() {
            if !manner.pause.is_zero() {
                // A server that is stopping still answers, but waits no longer.
                tokio::select! { () = sleep(manner.pause) => {} () = stop.cancelled() => {} }
            }
            transport.send(&replies).await?;
        }
        match next {
            Next::Close => break Farewell::Exit,
            // Nothing was executed, and nothing is said.
            Next::Foreign(_) => break Farewell::Ended,
            Next::More | Next::Change => continue,
            Next::Listen if ended => break Farewell::Ended,
            Next::Listen => {}
        }

        decoder.compact();
        let decoder_waits = decoder.is_waiting();
        let silence = async {
            match decoder_waits {
                true => sleep(SILENCE).await,
                false => pending().await,
            }
        };
        let received = tokio::select! {
            // In this order: on a busy machine the rest of a message may have
            // come together with the end of the silence.
            biased;
            () = &mut stopping => break Farewell::Stopping,
            received = transport.receive(&mut decoder) => received?,
            () = silence => {
                decoder.close();
                continue;
            }
        };
        if received == Received::End {
            decoder.close();
            ended = true;
        }
    };
    transport.close(farewell).await;
    Ok(())
}
