//! Raw TCP: the stream as the lesson's Python sees it.

use std::io;
use std::time::Duration;

use protocol::{Decoder, Replies};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::conversation::{Farewell, Received, Transport};
use crate::linger::linger;

/// Bytes taken from the socket at once: four of the longest messages. It stands
/// on the stack while it is filled, so an idle connection holds none of it.
const CHUNK: usize = 4 * 1024;

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
        loop {
            self.stream.readable().await?;
            let mut chunk = [0; CHUNK];
            match self.stream.try_read(&mut chunk) {
                Ok(0) => return Ok(Received::End),
                Ok(read) => {
                    decoder.push(&chunk[..read]);
                    return Ok(Received::Chunk);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn send(&mut self, replies: &Replies) -> io::Result<()> {
        let mut rest = replies.as_bytes();
        while !rest.is_empty() {
            let written =
                timeout(self.patience, self.stream.write(rest)).await.map_err(|_| {
                    io::Error::new(io::ErrorKind::TimedOut, "the client does not read")
                })??;
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
