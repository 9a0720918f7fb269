//! Raw TCP: the stream as the lesson's Python sees it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use protocol::{Decoder, Replies};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::conversation::{Farewell, Received, Transport};
use crate::linger::linger;

/// Bytes taken from the socket at once: four of the longest messages.
const CHUNK: usize = 4 * 1024;

thread_local! {
    /// Where a read lands before the decoder takes it, one for each worker
    /// thread: an idle connection holds none.
    static ARRIVED: RefCell<[u8; CHUNK]> = const { RefCell::new([0; CHUNK]) };
}

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
        // A read that does not fill the buffer tells tokio that there is no
        // more for now, which saves asking the system once more in vain.
        poll_fn(|cx| {
            ARRIVED.with_borrow_mut(|arrived| {
                let mut arrived = ReadBuf::new(arrived);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut arrived))?;
                if arrived.filled().is_empty() {
                    return Poll::Ready(Ok(Received::End));
                }
                decoder.push(arrived.filled());
                Poll::Ready(Ok(Received::Chunk))
            })
        })
        .await
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
