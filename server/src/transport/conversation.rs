//! One client's conversation, the same over every transport.
//!
//! Chunks of bytes come in from a [`Transport`], replies go out to it. This is
//! the only place where the two transports meet the protocol, so nothing can
//! differ between them but the framing.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use api::Sticky;
use protocol::decoder::SILENCE;
use protocol::{Decoder, ForeignProtocol, Next, Replies, Stage};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::transport::rate_limit::RateLimiter;

/// Most messages answered before their replies are sent. Enough to make a
/// pipelined read one write; at the longest reply (1,034 bytes) 135 KB.
const BATCH: usize = 128;

/// The connection to one client, with its framing: raw TCP or a WebSocket.
pub(crate) trait Transport {
    /// A decoder for what this transport receives, from the first byte on.
    fn decoder(stage: Stage) -> Decoder;

    /// Whether every client on this transport speaks the lesson's protocol for
    /// certain, so that it can be welcomed before it has sent anything.
    const IS_LESSON: bool;

    /// Waits for bytes of the client and feeds them to `decoder`. Must be safe to
    /// cancel: nothing may be lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The connection is of no more use; a Close has been sent if one could.
    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received>;

    /// Sends all `replies` in one go.
    ///
    /// # Errors
    ///
    /// The client is gone, or has not read for too long.
    async fn send(&mut self, replies: &Replies) -> io::Result<()>;

    /// Closes the connection so that every reply sent before still arrives.
    async fn close(self, reason: CloseReason);
}

/// What is told about a conversation while it goes on, and may end it.
pub(crate) trait Observer {
    /// Cancelled when the conversation is to end.
    fn stop(&self) -> &CancellationToken;

    /// Whether it ends for itself, and not because the server stops.
    fn is_removed(&self) -> bool;

    /// What happens on purpose to this client's replies.
    fn sticky(&self) -> Sticky;

    /// A round of messages was answered; the decoder knows what they were.
    fn heard(&self, decoder: &mut Decoder, replies: &Replies);

    /// The client was slowed down.
    fn slowed(&self);
}

/// What came from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Bytes, possibly none of the protocol and possibly the beginning of a
    /// message.
    Chunk,
    /// The client will send no more, but may still be reading.
    End,
}

/// Why the server closes a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The client said `exit`.
    Exit,
    /// The client ended its side first.
    Ended,
    /// The server is stopping.
    Stopping,
    /// The client speaks another protocol. It has not been welcomed.
    Foreign(ForeignProtocol),
}

/// The options of all conversations of a class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConversationOptions {
    pub(crate) stage: Stage,
    /// Waited before each reply, as the lesson's server does so that a class
    /// can watch; zero for at once.
    pub(crate) pause: Duration,
}

/// Welcomes the client, answers it until it leaves or is to stop, and
/// closes the connection.
///
/// The welcome waits for the client's first bytes, [`SILENCE`] at most, where
/// they may be of another protocol: an HTTP client that read `Welcome!` could
/// not read the answer behind it.
///
/// # Errors
///
/// The connection broke. Nothing can be sent to the client; the caller logs it.
pub(crate) async fn converse<T: Transport>(
    mut transport: T,
    book: &Book,
    options: ConversationOptions,
    mut limiter: Option<Box<RateLimiter>>,
    observer: &impl Observer,
) -> io::Result<()> {
    let stop = observer.stop();
    let mut decoder = T::decoder(options.stage);
    let mut replies = Replies::default();
    let mut welcomed = false;
    if T::IS_LESSON {
        welcome(&mut transport).await?;
        welcomed = true;
    }

    let mut stopping = pin!(stop.cancelled());
    let most = if options.pause.is_zero() { BATCH } else { 1 };
    let mut heard = false;
    let mut ended = false;
    let reason = loop {
        replies.clear();
        let most = limiter.as_ref().map_or(most, |limiter| limiter.batch(most, Instant::now()));
        let next = book.answer(&mut decoder, &mut replies, most).await;
        observer.heard(&mut decoder, &replies);
        if let Next::Foreign(protocol) = next {
            break CloseReason::Foreign(protocol);
        }
        let undecided = next == Next::Listen && replies.is_empty() && decoder.is_waiting();
        if !welcomed && heard && !undecided {
            welcome(&mut transport).await?;
            welcomed = true;
        }
        if !replies.is_empty() {
            wait(options.pause, stop).await;
            transport.send(&replies).await?;
        }
        if next == Next::Close {
            break CloseReason::Exit;
        }
        if let Some(limiter) = &mut limiter {
            // A read without a message costs as much as one: a line without end
            // is slowed down, too.
            let pause = limiter.spend(replies.len().max(1), Instant::now());
            if !pause.is_zero() {
                observer.slowed();
                wait(pause, stop).await;
            }
        }
        match next {
            Next::More => continue,
            Next::Listen if ended => break CloseReason::Ended,
            Next::Listen | Next::Close | Next::Foreign(_) => {}
        }

        decoder.compact();
        let silence_means_an_end = !welcomed || decoder.is_waiting();
        let received = tokio::select! {
            // In this order: on a busy machine the rest of a message may have
            // come together with the end of the silence.
            biased;
            () = &mut stopping => break CloseReason::Stopping,
            received = transport.receive(&mut decoder) => received?,
            () = silence(silence_means_an_end) => {
                if !welcomed {
                    welcome(&mut transport).await?;
                    welcomed = true;
                }
                decoder.close();
                continue;
            }
        };
        heard = true;
        if received == Received::End {
            decoder.close();
            ended = true;
        }
    };
    transport.close(reason).await;
    Ok(())
}

/// Waits, but no longer once the server is stopping: it then still answers.
async fn wait(duration: Duration, stop: &CancellationToken) {
    if !duration.is_zero() {
        tokio::select! { () = sleep(duration) => {} () = stop.cancelled() => {} }
    }
}

/// Waits for the end of the [`SILENCE`] that ends a message; for ever, and without a
/// timer, where silence means nothing.
async fn silence(means_an_end: bool) {
    match means_an_end {
        true => sleep(SILENCE).await,
        false => pending().await,
    }
}

async fn welcome(transport: &mut impl Transport) -> io::Result<()> {
    let mut replies = Replies::default();
    replies.push_welcome();
    transport.send(&replies).await
}
