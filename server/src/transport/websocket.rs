//! The WebSocket transport, for browsers.
//!
//! Each text or binary message is one packet of the protocol; each reply is one
//! text message. Pings tell a silent client from a dead one. The framing is in
//! [`frames`](super::frames).

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::{Decoder, Replies, Stage};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::transport::chunk;
use crate::transport::conversation::{CloseReason, Received, Transport};
use crate::transport::frames::{CloseCode, Frames, Outcome};
use crate::transport::heartbeat::{Heartbeat, Liveness, PingAction};
use crate::transport::linger::Lingering;
use crate::transport::outbox::GAP;
use crate::transport::refusal::Refusal;

/// Time for the browser to answer a Close before the connection is dropped.
const LINGER: Duration = Duration::from_secs(1);

/// The answer to a browser that asks for a WebSocket, and where the connection
/// will be once it has left.
///
/// # Errors
///
/// It did not ask as RFC 6455 says.
pub(crate) fn accept(request: Request) -> Result<(Response, OnUpgrade), tungstenite::Error> {
    let response = create_response_with_body(&request, Body::empty)?;
    Ok((response, hyper::upgrade::on(request)))
}

/// A WebSocket that is open: the [`Transport`] of a browser.
#[derive(Debug)]
pub(crate) struct Browser {
    stream: Lingering,
    frames: Frames,
    pings: tokio::time::Interval,
    liveness: Liveness,
}

impl Browser {
    pub(crate) fn new(connection: Upgraded, heartbeat: Heartbeat) -> Self {
        let parts = connection.downcast::<TokioIo<Lingering>>();
        let parts = parts.expect("every connection of ours is of this kind");
        let now = Instant::now();
        let mut pings = interval_at(now + heartbeat.ping_every, heartbeat.ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Browser {
            stream: parts.io.into_inner(),
            frames: Frames::new(&parts.read_buf),
            pings,
            liveness: Liveness::new(heartbeat, now),
        }
    }

    /// Sends the outgoing frames. Safe to cancel: what has been sent is not sent
    /// again. A browser that does not read makes the stream fail.
    async fn flush(&mut self) -> io::Result<()> {
        while !self.frames.outgoing().is_empty() {
            let sent = self.stream.write(self.frames.outgoing()).await?;
            self.frames.sent(sent);
        }
        Ok(())
    }

    /// Sends the first `count` bytes of the outgoing frames.
    async fn flush_first(&mut self, mut count: usize) -> io::Result<()> {
        while count > 0 {
            let sent = self.stream.write(&self.frames.outgoing()[..count]).await?;
            self.frames.sent(sent);
            count -= sent;
        }
        Ok(())
    }

    /// Accepts the conversation and closes it at once: a browser sees a Close, and
    /// neither status nor body of a handshake that was refused.
    pub(crate) async fn refuse(mut self, refusal: Refusal) {
        let code = match refusal {
            Refusal::Blocked => CloseCode::from(api::CLOSED_BLOCKED),
            Refusal::DoorClosed => CloseCode::from(api::CLOSED_DOOR),
            Refusal::ServerFull
            | Refusal::AddressFull
            | Refusal::ClassFull
            | Refusal::ClassOver
            | Refusal::DatabaseAway
            // On raw TCP only.
            | Refusal::NoHeader => CloseCode::Again,
        };
        self.frames.close(code, refusal.reason());
        let _ = timeout(LINGER, self.drain()).await;
    }

    /// Reads until the other side says Close, too: what it sent meanwhile is
    /// dropped unanswered.
    async fn drain(&mut self) -> io::Result<()> {
        self.flush().await?;
        // Whole messages may be left of what has been received.
        let mut outcome = Ok(Outcome::Messages);
        loop {
            let ignored = &mut Decoder::new(Stage::Echo);
            match outcome {
                Ok(Outcome::Messages) => outcome = self.frames.receive(&mut [], ignored),
                Ok(Outcome::Incomplete) => {
                    let take = |chunk: &mut [u8]| outcome = self.frames.receive(chunk, ignored);
                    if chunk::receive(&mut self.stream, take).await? == 0 {
                        return Ok(());
                    }
                }
                Ok(Outcome::Close) | Err(_) => return Ok(()),
            }
        }
    }
}

impl Transport for Browser {
    /// It has asked for a WebSocket, and only this server's page may.
    const IS_LESSON: bool = true;

    fn decoder(stage: Stage) -> Decoder {
        Decoder::new(stage)
    }

    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received> {
        // What came with the handshake, or behind the last messages.
        let mut outcome = self.frames.receive(&mut [], decoder);
        while matches!(outcome, Ok(Outcome::Incomplete)) {
            self.flush().await?;
            let take = |chunk: &mut [u8]| outcome = self.frames.receive(chunk, decoder);
            let length = tokio::select! {
                biased;
                length = chunk::receive(&mut self.stream, take) => length?,
                due = self.pings.tick() => {
                    match self.liveness.on_ping_due(due, Instant::now()) {
                        PingAction::Ping => self.frames.push_ping(),
                        PingAction::GiveUp => {
                            self.stream.abandon();
                            let why = "the browser answers no ping";
                            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                        }
                    }
                    continue;
                }
            };
            if length == 0 {
                return Ok(Received::End);
            }
            self.liveness.heard(Instant::now());
            // A part of a frame or a ping is a chunk, too: a flood of them is
            // slowed down as one of messages is.
            break;
        }
        match outcome {
            Ok(Outcome::Incomplete | Outcome::Messages) => Ok(Received::Chunk),
            Ok(Outcome::Close) => Ok(Received::End),
            Err(error) => {
                // A browser that is gone needs no Close.
                let _ = timeout(LINGER, self.flush()).await;
                Err(io::Error::other(error))
            }
        }
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        // One write for all: one for each made a busy WebSocket ten times slower.
        replies.iter().for_each(|reply| self.frames.push_reply(reply));
        self.flush().await
    }

    /// The frames are split, and not the messages: the browser gets each reply whole.
    async fn send_split(&mut self, replies: &Replies) -> io::Result<()> {
        replies.iter().for_each(|reply| self.frames.push_reply(reply));
        self.flush_first(self.frames.outgoing().len().div_ceil(2)).await?;
        sleep(GAP).await;
        self.flush().await
    }

    async fn close(mut self, reason: CloseReason) {
        match reason {
            CloseReason::Exit => self.frames.close(CloseCode::Normal, "bye"),
            CloseReason::Removed => {
                let code = CloseCode::from(api::CLOSED_BY_TEACHER);
                self.frames.close(code, "your teacher has ended this conversation");
            }
            CloseReason::Stopping => self.frames.close(CloseCode::Away, "the server stops"),
            // A browser that said Close waits for the answer, and then for the
            // end. What is foreign never came this far.
            CloseReason::Ended | CloseReason::Foreign(_) => {
                let _ = timeout(LINGER, self.flush()).await;
                return;
            }
        }
        let _ = timeout(LINGER, self.drain()).await;
    }
}
