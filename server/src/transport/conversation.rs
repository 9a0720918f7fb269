//! One client's conversation, the same over every transport.
//!
//! Chunks of bytes come in from a [`Transport`], replies go out to it. This is
//! the only place where the two transports meet the protocol, so nothing can
//! differ between them but the framing.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use api::Sticky;
use protocol::decoder::SILENCE;
use protocol::{Decoder, ForeignProtocol, Next, Replies, Stage};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::transport::live::LiveOptions;
use crate::transport::outbox::Outbox;
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

    /// Sends all `replies` in two packets, with a short time between them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    async fn send_split(&mut self, replies: &Replies) -> io::Result<()>;

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

    /// A round of messages was answered; the decoder knows what they were. The first
    /// `held` replies are of earlier rounds.
    fn heard(&self, decoder: &mut Decoder, replies: &Replies, held: usize);

    /// The client was slowed down.
    fn slowed(&self);

    /// Who the client is, to be stored with the contacts that it adds where several servers
    /// share them.
    fn author(&self) -> Option<&Arc<str>>;
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
    /// The teacher has ended it.
    Removed,
    /// The client speaks another protocol. It has not been welcomed.
    Foreign(ForeignProtocol),
}

impl CloseReason {
    /// Why a conversation is stopped from outside.
    fn of_stop(observer: &impl Observer) -> Self {
        if observer.is_removed() { CloseReason::Removed } else { CloseReason::Stopping }
    }
}

/// The options of all conversations of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConversationOptions {
    pub(crate) stage: Stage,
    /// Waited before each reply, as the lesson's server does so that a class
    /// can watch; zero for at once.
    pub(crate) pause: Duration,
    /// What happens to replies on purpose.
    pub(crate) sticky: Sticky,
}

impl ConversationOptions {
    /// How many messages are answered before their replies are sent, while `held`
    /// replies wait already: each by itself where each is waited for or split.
    fn at_once(self, held: usize) -> usize {
        match self.sticky {
            _ if !self.pause.is_zero() => 1,
            Sticky::Split => 1,
            Sticky::Joined => 2_usize.saturating_sub(held).max(1),
            Sticky::Off => BATCH,
        }
    }
}

/// The options of the next message: the class's, and what this client has of its own.
fn current(live: &LiveOptions, observer: &impl Observer) -> ConversationOptions {
    let options = live.load();
    match observer.sticky() {
        Sticky::Off => options,
        sticky => ConversationOptions { sticky, ..options },
    }
}

/// A client at the beginning of a conversation.
#[derive(Debug)]
pub(crate) struct Opening<T> {
    pub(crate) transport: T,
    /// None where nothing has been said yet. Boxed, so that a conversation which begins
    /// with its class is no larger for those that do not.
    pub(crate) begun: Option<Box<Begun>>,
}

/// What was said before a client was in its class.
#[derive(Debug)]
pub(crate) struct Begun {
    /// What the client has sent already.
    pub(crate) decoder: Decoder,
    pub(crate) welcomed: bool,
}

impl<T: Transport> Opening<T> {
    /// A client that has sent nothing yet.
    pub(crate) fn new(transport: T) -> Self {
        Opening { transport, begun: None }
    }

    /// The transport, the decoder, and whether the client has been welcomed.
    fn into_parts(self, live: &LiveOptions) -> (T, Decoder, bool) {
        match self.begun {
            Some(begun) => (self.transport, begun.decoder, begun.welcomed),
            None => (self.transport, T::decoder(live.load().stage), false),
        }
    }
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
    opening: Opening<T>,
    book: &Book,
    live: &LiveOptions,
    mut limiter: Option<Box<RateLimiter>>,
    observer: &impl Observer,
) -> io::Result<()> {
    let stop = observer.stop();
    let (mut transport, mut decoder, mut welcomed) = opening.into_parts(live);
    let mut outbox = Outbox::default();
    if T::IS_LESSON && !welcomed {
        welcome(&mut transport).await?;
        welcomed = true;
    }

    let mut stopping = pin!(stop.cancelled());
    let mut heard = false;
    let mut ended = false;
    let reason = loop {
        let options = current(live, observer);
        decoder.set_stage(options.stage);
        let (replies, held) = outbox.begin();
        let most = options.at_once(held);
        let most = limiter.as_ref().map_or(most, |limiter| limiter.batch(most, Instant::now()));
        let next = book.answer(&mut decoder, replies, most, observer.author()).await;
        observer.heard(&mut decoder, replies, held);
        let answered = replies.len() - held;
        if let Next::Foreign(protocol) = next {
            break CloseReason::Foreign(protocol);
        }
        let undecided = next == Next::Listen && answered == 0 && decoder.is_waiting();
        if !welcomed && heard && !undecided {
            welcome(&mut transport).await?;
            welcomed = true;
        }
        if answered > 0 {
            wait(options.pause, stop).await;
        }
        outbox.send(&mut transport, options.sticky, next != Next::Close && !ended).await?;
        if next == Next::Close {
            break CloseReason::Exit;
        }
        slow_down(limiter.as_deref_mut(), answered, observer).await;
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
            () = &mut stopping => break CloseReason::of_stop(observer),
            received = transport.receive(&mut decoder) => received?,
            () = time_up(silence_means_an_end, outbox.waits_until()) => {
                if !welcomed {
                    welcome(&mut transport).await?;
                    welcomed = true;
                }
                if silence_means_an_end {
                    decoder.close();
                }
                continue;
            }
        };
        heard = true;
        if received == Received::End {
            decoder.close();
            ended = true;
        }
    };
    outbox.send_rest(&mut transport).await?;
    transport.close(reason).await;
    Ok(())
}

/// Waits where the client has sent more than it may. A read without a message costs as
/// much as one: a line without end is slowed down, too.
async fn slow_down(limiter: Option<&mut RateLimiter>, answered: usize, observer: &impl Observer) {
    let Some(limiter) = limiter else { return };
    let pause = limiter.spend(answered.max(1), Instant::now());
    if !pause.is_zero() {
        observer.slowed();
        wait(pause, observer.stop()).await;
    }
}

/// Waits, but no longer once the server is stopping: it then still answers.
async fn wait(duration: Duration, stop: &CancellationToken) {
    if !duration.is_zero() {
        tokio::select! { () = sleep(duration) => {} () = stop.cancelled() => {} }
    }
}

/// Waits for the end of the [`SILENCE`] that ends a message, or until a reply that waits
/// for another one has waited enough; for ever, and without a timer, where neither is
/// the case.
async fn time_up(silence_means_an_end: bool, reply_waits_until: Option<Instant>) {
    match (silence_means_an_end, reply_waits_until) {
        (true, _) => sleep(SILENCE).await,
        (false, Some(until)) => sleep_until(until).await,
        (false, None) => pending().await,
    }
}

pub(crate) async fn welcome(transport: &mut impl Transport) -> io::Result<()> {
    let mut replies = Replies::default();
    replies.push_welcome();
    transport.send(&replies).await
}
