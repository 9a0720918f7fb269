//! Raw TCP: the stream as the lesson's Python sees it.

use std::io;
use std::time::Duration;

use protocol::{Decoder, Replies};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::chunk;
use crate::conversation::{Farewell, Received, Transport};
use crate::linger::linger;

/// A client on raw TCP.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    /// The longest a single write may make no progress.
    patience: Duration,
}

impl Tcp {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Tcp { stream, patience }
    }
}

impl Transport for Tcp {
    async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received> {
        let length = chunk::receive(&mut self.stream, |chunk| decoder.push(chunk)).await?;
        Ok(if length == 0 { Received::End } else { Received::Chunk })
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        let mut rest = replies.as_bytes();
        while !rest.is_empty() {
            // Nearly always it fits at once, and no clock need be set.
            let written = match self.stream.try_write(rest) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    timeout(self.patience, self.stream.write(rest)).await.map_err(|_| {
                        io::Error::new(io::ErrorKind::TimedOut, "the client does not read")
                    })??
                }
                written => written?,
            };
            rest = &rest[written..];
        }
        Ok(())
    }

    async fn close(self, farewell: Farewell) {
        // A client that ended its own side sends nothing more to wait for.
        if farewell != Farewell::Ended {
            linger(self.stream).await;
        }
    }
}
