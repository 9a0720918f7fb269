//! Talking to a student's server by hand: a WebSocket of the page, bridged to a
//! connection of the relay, or of whatever else understands a [`Talk`]: the playground
//! does, for the servers that run in pages.
//!
//! Each message is one `send`, and what each `recv` brought comes back as one message,
//! so that the page shows it as it shows the classroom's server. An empty message, which
//! no `recv` brings, tells the page that the server has not greeted: it may speak first.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use crate::transport::heartbeat::{Heartbeat, Liveness, PingAction};
use crate::transport::linger::Lingering;

/// Bytes of the longest message, as on the lesson's own WebSocket.
const MAX_MESSAGE: usize = 64 * 1024;

/// Chunks that wait for a page that reads slowly: at 4 KB a `recv`, as many bytes.
const WAITING: usize = 16;

/// Time for the page to take what it is sent.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to greet before the page is told that it has not. Windows
/// tries a port on which nothing listens for 2 s.
const GREETING: Duration = Duration::from_secs(3);

/// The end where there is no server to talk to: neither a `check.py` nor a program.
const GONE: (CloseCode, &str) =
    (CloseCode::Library(api::CLOSED_NO_SERVER), "this server does not run any more");

/// What a page asks of the relay or of a program in a page. The number of a bridge's
/// connection comes from [`Student::next_conn`](crate::relay::pairing::Student::next_conn),
/// where there may be several.
#[derive(Debug)]
pub(crate) enum Talk {
    /// Connect to the server, and tell what comes.
    Open {
        conn: u32,
        heard: mpsc::Sender<Heard>,
    },
    Send {
        conn: u32,
        bytes: Vec<u8>,
    },
    Close {
        conn: u32,
    },
    /// Carry out the checks anew, if that is not being done.
    Check,
}

/// What a bridge is told. Without a last word when the relay is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// What one `recv` brought.
    Chunk(Vec<u8>),
    /// The server ended its side.
    Closed,
    /// The connection broke.
    Reset,
    /// Nothing listens on the server's port.
    Refused,
    /// There is no such server any more.
    Gone,
    /// The checks need the server, which the lesson has serve one client at a time.
    Checking,
}

/// A connection by hand, as the relay's session keeps it.
pub(super) struct Bridge {
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) is_open: bool,
    /// What came before the connection was open.
    pub(super) early: Vec<Vec<u8>>,
}

/// Bytes of messages that may wait until the server listens: one of the longest.
const EARLY: usize = MAX_MESSAGE;

/// Bytes that a message takes beside its text: its place in the list, and the allocator's.
const OF_MESSAGE: usize = 64;

impl Bridge {
    /// Keeps a message until the connection is open. Returns whether there is room.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> bool {
        let waiting: usize = self.early.iter().map(|early| early.len() + OF_MESSAGE).sum();
        let has_room = waiting + bytes.len() <= EARLY;
        if has_room {
            self.early.push(bytes);
        }
        has_room
    }
}

/// Serves a page's WebSocket until one side ends: with what answers [`Talk`]s, and the
/// number of the connection there, if there is a server to talk to.
pub(crate) async fn serve(
    connection: Upgraded,
    server: Option<(mpsc::Sender<Talk>, u32)>,
    heartbeat: Heartbeat,
    stop: &CancellationToken,
) {
    let parts = connection.downcast::<TokioIo<Lingering>>();
    let parts = parts.expect("every connection of ours is of this kind");
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let stream = parts.io.into_inner();
    let read = parts.read_buf.to_vec();
    let mut page =
        WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let (code, reason) = match server {
        None => GONE,
        Some((talk, conn)) => {
            let end = tokio::select! {
                end = converse(&mut page, &talk, conn, heartbeat) => end,
                () = stop.cancelled() => (CloseCode::Away, "the server stops"),
            };
            // What does not take it in time finds the channel of what it hears closed.
            tokio::select! {
                _ = timeout(TIMEOUT, talk.send(Talk::Close { conn })) => {}
                () = stop.cancelled() => drop(talk.try_send(Talk::Close { conn })),
            }
            end
        }
    };
    let frame = CloseFrame { code, reason: reason.into() };
    let closed = timeout(TIMEOUT, async {
        page.close(Some(frame)).await?;
        while page.next().await.is_some_and(|message| message.is_ok()) {}
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    });
    let _ = closed.await;
}

/// Moves messages both ways. Returns why it ended.
async fn converse(
    page: &mut WebSocketStream<Lingering>,
    talk: &mpsc::Sender<Talk>,
    conn: u32,
    heartbeat: Heartbeat,
) -> (CloseCode, &'static str) {
    let (heard, mut hears) = mpsc::channel(WAITING);
    if talk.send(Talk::Open { conn, heard }).await.is_err() {
        return GONE;
    }
    let now = Instant::now();
    let mut liveness = Liveness::new(heartbeat, now);
    let mut pings = interval_at(now + heartbeat.ping_every, heartbeat.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unfinished = Vec::new();
    let greeting = sleep_until(now + GREETING);
    tokio::pin!(greeting);
    let mut is_silent = true;
    loop {
        tokio::select! {
            message = page.next() => {
                let bytes = match message {
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message.into_data(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        return (CloseCode::Normal, "bye");
                    }
                    Some(Ok(_)) => {
                        liveness.heard(Instant::now());
                        continue;
                    }
                };
                liveness.heard(Instant::now());
                // Where it fails the server has ended, and what it said last is still to be
                // heard.
                let _ = talk.send(Talk::Send { conn, bytes: bytes.to_vec() }).await;
            }
            () = &mut greeting, if is_silent => {
                is_silent = false;
                if page.send(Message::text("")).await.is_err() {
                    return (CloseCode::Away, "the page does not read");
                }
            }
            heard = hears.recv() => {
                is_silent = false;
                let text = match heard {
                    Some(Heard::Chunk(bytes)) => text_of(&mut unfinished, &bytes),
                    Some(Heard::Closed) => return (CloseCode::Normal, "bye"),
                    Some(Heard::Reset) => return (CloseCode::Error, "the connection was reset"),
                    Some(Heard::Refused) => return (CloseCode::Again, "nothing listens there"),
                    Some(Heard::Checking) => return (CloseCode::Again, "the checks are running"),
                    Some(Heard::Gone) | None => return GONE,
                };
                if let Some(text) = text
                    && !matches!(timeout(TIMEOUT, page.send(Message::text(text))).await, Ok(Ok(())))
                {
                    return (CloseCode::Away, "the page does not read");
                }
            }
            due = pings.tick() => {
                if liveness.on_ping_due(due, Instant::now()) == PingAction::GiveUp
                    || page.send(Message::Ping(Vec::new().into())).await.is_err()
                {
                    return (CloseCode::Away, "the page answers no ping");
                }
            }
        }
    }
}

/// A chunk as text. The beginning of a character at its end waits for the rest; other
/// bytes that are no UTF-8 become U+FFFD, since a text message has no room for them.
fn text_of(unfinished: &mut Vec<u8>, bytes: &[u8]) -> Option<String> {
    unfinished.extend_from_slice(bytes);
    let begins_character = |&back: &usize| {
        let tail = &unfinished[unfinished.len() - back..];
        str::from_utf8(tail)
            .is_err_and(|error| error.error_len().is_none() && error.valid_up_to() == 0)
    };
    let back = (1..=unfinished.len().min(3)).find(begins_character).unwrap_or(0);
    let whole = unfinished.len() - back;
    let rest = unfinished.split_off(whole);
    let text = String::from_utf8_lossy(unfinished).into_owned();
    *unfinished = rest;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_two_chunks_bring_is_whole_and_what_is_no_text_is_marked() {
        for (chunks, texts) in [
            (&["张三".as_bytes()][..], &[Some("张三")][..]),
            (&[b"a\xe5", b"\xbc", b"\xa0b"], &[Some("a"), None, Some("张b")]),
            (&[b"\xd5\xc5!"], &[Some("\u{fffd}\u{fffd}!")]),
            (&[b"\xe5\xbc\xa0\xe5", b"\xbc\xa0"], &[Some("张"), Some("张")]),
            (&["a张".as_bytes(), b"\xf0\x9f", b"\x98\x80"], &[Some("a张"), None, Some("😀")]),
        ] {
            let mut unfinished = Vec::new();
            let read: Vec<_> = chunks.iter().map(|chunk| text_of(&mut unfinished, chunk)).collect();
            let read: Vec<_> = read.iter().map(|text| text.as_deref()).collect();
            assert_eq!(read, texts, "{chunks:?}");
        }
    }
}
