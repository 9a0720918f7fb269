//! The WebSocket: the same conversation for a browser.
//!
//! Each text or binary message is one packet of the protocol; each reply is
//! one text message. Pings tell a silent client from a dead one.

use std::io;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::{Decoder, Replies};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_tungstenite::tungstenite;

use crate::conversation::{Farewell, Received, Transport};

/// The longest WebSocket message in bytes. The protocol's own limit is 1,024;
/// this leaves room for a pipeline of lines pasted as one message.
const MAX_MESSAGE: usize = 64 * 1024;

/// Most messages taken in before they are answered, if they are not longer than
/// [`MAX_MESSAGE`] together: more than any page has sent at once.
const AT_ONCE: usize = 128;

/// Bytes read at once. Messages of a classroom are some 30 bytes; the library's
/// own 128 KiB would be held by every one of 50 tabs.
const READ_BUFFER: usize = 2 * 1024;

/// Bytes of replies gathered for one write: a batch of ordinary ones. The room is
/// taken only when it is needed.
const WRITE_BUFFER: usize = 16 * 1024;

/// Bytes of replies that may wait for a slow browser before the connection is
/// given up: a batch of replies at their longest (135 KB) and its framing.
const MAX_WRITE_BUFFER: usize = 256 * 1024;

/// Time for the browser to answer a Close before the connection is dropped.
const LINGER: Duration = Duration::from_secs(1);

/// Sets the sizes of a connection about to be upgraded.
pub(crate) fn configure(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
}

/// When a quiet client is asked for a sign of life, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) ping_every: Duration,
    pub(crate) dead_after: Duration,
}

/// A browser.
pub(crate) struct Browser {
    socket: WebSocket,
    pings: tokio::time::Interval,
    dead_after: Duration,
    last_heard: Instant,
    patience: Duration,
    /// What came behind the last message and was not one.
    next: Option<Incoming>,
}

type Incoming = Option<Result<Message, axum::Error>>;

impl Browser {
    pub(crate) fn new(socket: WebSocket, heartbeat: Heartbeat, patience: Duration) -> Self {
        let now = Instant::now();
        let mut pings = interval_at(now + heartbeat.ping_every, heartbeat.ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Browser {
            socket,
            pings,
            dead_after: heartbeat.dead_after,
            last_heard: now,
            patience,
            next: None,
        }
    }

    /// Feeds the messages that have arrived already, so that they are answered
    /// as one batch and the answers leave in one write.
    fn take_what_is_there(&mut self, decoder: &mut Decoder) {
        for _ in 0..AT_ONCE {
            if decoder.held_bytes() >= MAX_MESSAGE {
                return;
            }
            match self.socket.next().now_or_never() {
                Some(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => {
                    feed(decoder, message);
                }
                other => {
                    self.next = other;
                    return;
                }
            }
        }
    }

    async fn say_close(&mut self, code: u16, reason: &'static str) {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // A browser that is gone needs no farewell.
        let _ = timeout(LINGER, self.socket.send(close)).await;
    }

    /// Waits for the other side's Close, so that the last replies arrive.
    async fn drain(&mut self) {
        let deadline = Instant::now() + LINGER;
        while let Ok(Some(Ok(_))) = timeout_at(deadline, self.socket.next()).await {}
    }
}

impl Transport for Browser {
    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received> {
        loop {
            let message = match self.next.take() {
                Some(incoming) => incoming,
                None => tokio::select! {
                    message = self.socket.next() => message,
                    _ = self.pings.tick() => {
                        if self.last_heard.elapsed() >= self.dead_after {
                            return Err(timed_out("the browser answers no ping"));
                        }
                        let ping = Message::Ping(Default::default());
                        within(self.patience, self.socket.send(ping)).await?;
                        continue;
                    }
                },
            };
            self.last_heard = Instant::now();
            match message {
                None | Some(Ok(Message::Close(_))) => return Ok(Received::End),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    feed(decoder, message);
                    self.take_what_is_there(decoder);
                    return Ok(Received::Chunk);
                }
                Some(Err(error)) => {
                    let error = into_tungstenite(error)?;
                    if let Some((code, reason)) = violation(&error) {
                        self.say_close(code, reason).await;
                    }
                    return Err(io::Error::other(error));
                }
            }
        }
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        // Fed one by one, flushed once: a write for each reply made a busy
        // WebSocket ten times slower.
        let sending = async {
            for reply in replies.iter() {
                self.socket.feed(Message::text(reply)).await?;
            }
            self.socket.flush().await
        };
        within(self.patience, sending).await
    }

    async fn close(mut self, farewell: Farewell) {
        match farewell {
            Farewell::Exit => self.say_close(close_code::NORMAL, "bye").await,
            Farewell::Stopping => self.say_close(close_code::AWAY, "the server stops").await,
            // The answer to the browser's own Close leaves while draining.
            Farewell::Ended => {}
        }
        self.drain().await;
    }
}

/// A message is one packet.
fn feed(decoder: &mut Decoder, message: Message) {
    decoder.push(&message.into_data());
    decoder.close();
}

async fn within(
    patience: Duration,
    sending: impl Future<Output = Result<(), axum::Error>>,
) -> io::Result<()> {
    match timeout(patience, sending).await {
        Ok(sent) => sent.map_err(io::Error::other),
        Err(_) => Err(timed_out("the browser does not read")),
    }
}

fn timed_out(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

fn into_tungstenite(error: axum::Error) -> io::Result<tungstenite::Error> {
    error.into_inner().downcast().map(|error| *error).map_err(io::Error::other)
}

/// The close code RFC 6455 section 7.4.1 names for what the browser did, or
/// nothing where the connection broke by itself.
fn violation(error: &tungstenite::Error) -> Option<(u16, &'static str)> {
    match error {
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => None,
        tungstenite::Error::Protocol(_) => Some((close_code::PROTOCOL, "not as RFC 6455 says")),
        tungstenite::Error::Utf8(_) => Some((close_code::INVALID, "text that is not UTF-8")),
        tungstenite::Error::Capacity(_) => Some((close_code::SIZE, "a message over 64 KiB")),
        _ => None,
    }
}
