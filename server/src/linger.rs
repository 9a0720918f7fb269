//! Closing a connection so that the last reply still arrives.
//!
//! Closing a socket that has unread bytes makes TCP reset the connection, and
//! the reset can overtake replies the client has not read yet. So the server
//! ends its own side first and listens on for a moment.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

/// How long the server listens on. A reply crosses a classroom in milliseconds.
const TIME: Duration = Duration::from_secs(1);

/// How much it takes in meanwhile: twice the 8 MiB that a page careless enough
/// to paste a picture has been seen to send in one message.
const BYTES: usize = 16 * 1024 * 1024;

/// Ends this side of the connection, then waits, within bounds, for the other.
pub(crate) async fn linger(mut stream: TcpStream) {
    // An error means that the client is gone already.
    if stream.shutdown().await.is_err() {
        return;
    }
    let deadline = Instant::now() + TIME;
    let mut left = BYTES;
    while left > 0 && matches!(timeout_at(deadline, stream.readable()).await, Ok(Ok(()))) {
        match stream.try_read(&mut [0; 8 * 1024]) {
            Ok(0) => return,
            Ok(read) => left = left.saturating_sub(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A stream that lingers when it is dropped before the client has ended its
/// side, and fails when the client has read nothing for too long. For HTTP and
/// WebSockets, whose libraries close by dropping and wait for ever.
#[derive(Debug)]
pub(crate) struct Lingering {
    /// `None` only while being dropped.
    stream: Option<TcpStream>,
    ended: bool,
    patience: Duration,
    /// The end of the patience, while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Lingering { stream: Some(stream), ended: false, patience, stuck: None }
    }

    /// What became of a write, unless the patience is at its end.
    fn within_patience(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        let why = "the browser does not read";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("the stream is taken only when this is dropped"))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let (Some(stream), false, Ok(runtime)) =
            (self.stream.take(), self.ended, Handle::try_current())
        {
            runtime.spawn(linger(stream));
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let read = ready!(self.stream().poll_read(cx, buf));
        self.ended |= read.is_err() || (room > 0 && buf.filled().len() == before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
