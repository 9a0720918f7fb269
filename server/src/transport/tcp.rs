//! The raw TCP transport: the stream as the lesson's Python programs see it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Decoder, ForeignProtocol, Replies, Stage};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::transport::conversation::{CloseReason, Received, Transport};
use crate::transport::linger::{linger, reset_on_close};
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
        let mut rest = replies.as_bytes();
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
            | CloseReason::Stopping => linger(self.stream).await,
        }
    }
}
