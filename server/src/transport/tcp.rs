//! The raw TCP transport: the stream as the lesson's Python programs see it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Decoder, ForeignProtocol, Replies, Stage};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::transport::conversation::{CloseReason, Received, Transport};
use crate::transport::linger::{linger, reset_on_close};
use crate::transport::outbox::GAP;
use crate::transport::{chunk, wrong_port};

/// What listens to a conversation, and takes no part in it.
pub(crate) trait Listen: Send {
    /// The client sent a chunk.
    fn received(&mut self, chunk: &[u8]);

    /// The client is sent replies.
    fn answered(&mut self, replies: &Replies);
}

/// A raw TCP connection: the [`Transport`] of Python programs and `nc`.
pub(crate) struct Tcp {
    stream: TcpStream,
    /// The timeout of a write that makes no progress.
    write_timeout: Duration,
    /// Where the HTTP side listens, for a browser that came here.
    http: Arc<SocketAddr>,
    listener: Option<Box<dyn Listen>>,
}

impl Tcp {
    pub(crate) fn new(
        stream: TcpStream,
        write_timeout: Duration,
        http: Arc<SocketAddr>,
        listener: Option<Box<dyn Listen>>,
    ) -> Self {
        Tcp { stream, write_timeout, http, listener }
    }

    /// Responds to a browser with the address of the page.
    async fn send_page_address(&mut self) -> io::Result<()> {
        let here = self.stream.local_addr()?;
        let page = wrong_port::page_address(*self.http, here);
        // A socket that has sent nothing yet takes it at once.
        self.stream.write_all(wrong_port::response_on_lesson_port(page, here).as_bytes()).await
    }

    /// Writes bytes, for as long as the client goes on reading.
    async fn write(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            // Nearly always the socket takes all of it at once: no timer is needed.
            let written = match self.stream.try_write(rest) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match timeout(self.write_timeout, self.stream.write(rest)).await {
                        Ok(written) => written?,
                        Err(_) => {
                            reset_on_close(&self.stream);
                            let why = "the client does not read";
                            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                        }
                    }
                }
                written => written?,
            };
            rest = &rest[written..];
        }
        Ok(())
    }
}

impl Transport for Tcp {
    const IS_LESSON: bool = false;

    fn decoder(stage: Stage) -> Decoder {
        Decoder::for_stream(stage)
    }

    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received> {
        let listener = &mut self.listener;
        let take = |chunk: &mut [u8]| {
            if let Some(listener) = listener {
                listener.received(chunk);
            }
            decoder.push(chunk);
        };
        let length = chunk::receive(&mut self.stream, take).await?;
        if length == chunk::CHUNK {
            decoder.expect_more();
        }
        Ok(if length == 0 { Received::End } else { Received::Chunk })
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        if let Some(listener) = &mut self.listener {
            listener.answered(replies);
        }
        self.write(replies.as_bytes()).await
    }

    async fn send_split(&mut self, replies: &Replies) -> io::Result<()> {
        if let Some(listener) = &mut self.listener {
            listener.answered(replies);
        }
        let (first, second) = split(replies);
        self.write(first).await?;
        // The sockets have TCP_NODELAY, so each write is a packet of its own.
        sleep(GAP).await;
        self.write(second).await
    }

    async fn close(mut self, reason: CloseReason) {
        match reason {
            // A client that ended its own side sends nothing more to wait for.
            CloseReason::Ended => {}
            CloseReason::Foreign(ForeignProtocol::Http) => {
                if self.send_page_address().await.is_ok() {
                    linger(self.stream).await;
                }
            }
            // A TLS client could not read a word.
            CloseReason::Foreign(ForeignProtocol::Tls)
            | CloseReason::Exit
            | CloseReason::Removed
            | CloseReason::Stopping => linger(self.stream).await,
        }
    }
}

/// Cuts replies in the middle, between two characters, so that a beginner's `decode`
/// takes both parts.
fn split(replies: &Replies) -> (&[u8], &[u8]) {
    let bytes = replies.as_bytes();
    let is_inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xC0 == 0x80);
    let middle = bytes.len().div_ceil(2);
    let cut = (middle..bytes.len()).find(|at| !is_inside(at)).unwrap_or(middle);
    bytes.split_at(cut)
}

#[cfg(test)]
mod tests {
    use protocol::Reply;
    use protocol::decoder::Ending;

    use super::*;

    #[test]
    fn replies_are_split_between_two_characters() {
        for (reply, first) in
            [("zhangsan added!", "zhangsan"), ("张三 added!", "张三 "), ("ab", "a"), ("a", "a")]
        {
            let mut replies = Replies::default();
            replies.push(&Reply::Written(reply), Ending::Packet);
            let (one, other) = split(&replies);
            assert_eq!(std::str::from_utf8(one).unwrap(), first, "{reply}");
            assert_eq!([one, other].concat(), reply.as_bytes());
        }
    }
}
