//! The WebSocket: the same conversation for a browser.
//!
//! Each text or binary message is one packet of the protocol; each reply is one
//! text message. Pings tell a silent client from a dead one. What the bytes of
//! a frame mean, [`frames`](super::frames) knows.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::{Decoder, Replies, Stage};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::chunk;
use super::frames::{CloseCode, Frames, Taken};
use crate::transport::conversation::{CloseReason, Received, Transport};
use crate::transport::linger::Lingering;

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

/// When a quiet client is asked for a sign of life, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) ping_every: Duration,
    pub(crate) dead_after: Duration,
}

/// What to do about a client when a ping is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Ping,
    GiveUp,
}

/// The signs of life of one client. It reads no clock; the time is passed in.
#[derive(Clone, Copy, Debug)]
struct Pulse {
    heartbeat: Heartbeat,
    /// When the client counts as dead, unless it is heard before.
    dead_at: Instant,
}

impl Pulse {
    fn new(heartbeat: Heartbeat, now: Instant) -> Self {
        Pulse { heartbeat, dead_at: now + heartbeat.dead_after }
    }

    fn heard(&mut self, now: Instant) {
        self.dead_at = now + self.heartbeat.dead_after;
    }

    /// What to do about a ping that was due at `due`.
    ///
    /// If that is longer ago than the time between two pings, it was the server
    /// that slept (a closed laptop, a stopped process) or did not listen: the
    /// client was not asked, and may have been asleep as well. So it is asked once
    /// more before it is given up.
    fn beat(&mut self, due: Instant, now: Instant) -> Beat {
        if now.saturating_duration_since(due) >= self.heartbeat.ping_every {
            self.dead_at = self.dead_at.max(now + self.heartbeat.ping_every);
        }
        if now >= self.dead_at { Beat::GiveUp } else { Beat::Ping }
    }
}

/// A browser.
#[derive(Debug)]
pub(crate) struct Browser {
    stream: Lingering,
    frames: Frames,
    pings: tokio::time::Interval,
    pulse: Pulse,
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
            pulse: Pulse::new(heartbeat, now),
        }
    }

    /// Sends what is to be sent. What has left is not sent again when the future
    /// is dropped. A browser that does not read makes the stream fail.
    async fn flush(&mut self) -> io::Result<()> {
        while !self.frames.leaving().is_empty() {
            let sent = self.stream.write(self.frames.leaving()).await?;
            self.frames.sent(sent);
        }
        Ok(())
    }

    /// Listens on until the other side says Close, too: what it sent meanwhile
    /// is not answered.
    async fn drain(&mut self) -> io::Result<()> {
        self.flush().await?;
        // Perhaps something is left of what has arrived.
        let mut taken = Ok(Taken::Messages);
        loop {
            let unheard = &mut Decoder::new(Stage::Echo);
            match taken {
                Ok(Taken::Messages) => taken = self.frames.take(&mut [], unheard),
                Ok(Taken::Nothing) => {
                    let take = |chunk: &mut [u8]| taken = self.frames.take(chunk, unheard);
                    if chunk::receive(&mut self.stream, take).await? == 0 {
                        return Ok(());
                    }
                }
                Ok(Taken::Close) | Err(_) => return Ok(()),
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
        let mut taken = self.frames.take(&mut [], decoder);
        while matches!(taken, Ok(Taken::Nothing)) {
            self.flush().await?;
            let take = |chunk: &mut [u8]| taken = self.frames.take(chunk, decoder);
            let length = tokio::select! {
                biased;
                length = chunk::receive(&mut self.stream, take) => length?,
                due = self.pings.tick() => {
                    match self.pulse.beat(due, Instant::now()) {
                        Beat::Ping => self.frames.ping(),
                        Beat::GiveUp => {
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
            self.pulse.heard(Instant::now());
            // A part of a frame or a ping is a chunk, too: a flood of them is
            // slowed down as one of messages is.
            break;
        }
        match taken {
            Ok(Taken::Nothing | Taken::Messages) => Ok(Received::Chunk),
            Ok(Taken::Close) => Ok(Received::End),
            Err(error) => {
                // A browser that is gone needs no Close.
                let _ = timeout(LINGER, self.flush()).await;
                Err(io::Error::other(error))
            }
        }
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        // One write for all: one for each made a busy WebSocket ten times slower.
        replies.iter().for_each(|reply| self.frames.put(reply));
        self.flush().await
    }

    async fn close(mut self, reason: CloseReason) {
        match reason {
            CloseReason::Exit => self.frames.close(CloseCode::Normal, "bye"),
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HEARTBEAT: Heartbeat =
        Heartbeat { ping_every: Duration::from_secs(20), dead_after: Duration::from_secs(60) };

    /// When the client is given up, in seconds from the start, if the pings come
    /// at these times and were due at those.
    fn given_up(heartbeat: Heartbeat, pings: impl IntoIterator<Item = (u32, u32)>) -> Option<u32> {
        let start = Instant::now();
        let mut pulse = Pulse::new(heartbeat, start);
        pings.into_iter().find_map(|(due, now)| {
            let beat = pulse.beat(start + due * SECOND, start + now * SECOND);
            (beat == Beat::GiveUp).then_some(now)
        })
    }

    #[test]
    fn a_silent_client_is_pinged_and_given_up_when_its_time_is_over() {
        let on_time = (1..10).map(|n| (20 * n, 20 * n));
        assert_eq!(given_up(HEARTBEAT, on_time), Some(60));
        // A busy server is a little late.
        let late = (1..10).map(|n| (20 * n, 20 * n + 3));
        assert_eq!(given_up(HEARTBEAT, late), Some(63));
    }

    #[test]
    fn after_the_server_slept_every_client_is_asked_once_more() {
        for slept in [50, 60, 90, 28_800] {
            let woken = (20, 20 + slept);
            assert_eq!(given_up(HEARTBEAT, [woken]), None, "{slept} s");
            let next = 20 + slept + 20;
            assert_eq!(given_up(HEARTBEAT, [woken, (next, next)]), Some(next.max(60)), "{slept} s");
        }
        // Slept again before the answer could come.
        assert_eq!(given_up(HEARTBEAT, [(20, 500), (520, 900)]), None);
        // Pings as rare as death itself.
        let rare = Heartbeat { ping_every: 60 * SECOND, ..HEARTBEAT };
        assert_eq!(given_up(rare, [(60, 300)]), None);
        assert_eq!(given_up(rare, [(60, 60)]), Some(60));
    }

    #[test]
    fn a_client_that_is_heard_after_the_sleep_lives_on() {
        let start = Instant::now();
        let mut pulse = Pulse::new(HEARTBEAT, start);
        assert_eq!(pulse.beat(start + 20 * SECOND, start + 600 * SECOND), Beat::Ping);
        pulse.heard(start + 601 * SECOND);
        assert_eq!(pulse.beat(start + 620 * SECOND, start + 620 * SECOND), Beat::Ping);
        assert_eq!(pulse.beat(start + 640 * SECOND, start + 640 * SECOND), Beat::Ping);
        assert_eq!(pulse.beat(start + 661 * SECOND, start + 661 * SECOND), Beat::GiveUp);
    }
}
