//! Lingering close: closing a connection so that the last reply still arrives.
//!
//! Closing a socket that has unread bytes makes TCP reset the connection, and
//! the reset can overtake replies the client has not read yet. So the server
//! ends its own side first and reads on for a moment.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

/// How long the server reads on after it has ended its side. A reply crosses a
/// classroom in milliseconds.
const TIME: Duration = Duration::from_secs(1);

/// The most bytes that are read meanwhile: twice the 8 MiB that a page careless enough
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

/// Makes closing the connection a reset (`SO_LINGER` of 0): what was sent and not
/// read is thrown away. For a client that does not read or is gone: the kernel
/// would keep its replies for minutes.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    // If it fails the connection is broken, and nothing is kept for it.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Whether an HTTP connection is now a stream of events without end. Set by the
/// request's handler, read by the connection.
pub(crate) type IsEventStream = Arc<AtomicBool>;

/// The send buffer of a stream of events in bytes (the kernel doubles it, for its
/// own bookkeeping): an ordinary event is below 200 bytes, and what is in the
/// kernel cannot be taken back.
const WATCHER_SEND_BUFFER: usize = 8 * 1024;

/// A stream with a lingering close on drop, unless the client has ended its side, and
/// with a timeout on writes for clients that do not read. For HTTP and
/// WebSockets, whose libraries close by dropping and wait for ever.
#[derive(Debug)]
pub(crate) struct Lingering {
    /// `None` only while being dropped.
    stream: Option<TcpStream>,
    /// Bytes read from the stream before this was made, and not read from this yet.
    first: Vec<u8>,
    ended: bool,
    write_timeout: Duration,
    /// The write timeout; it runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    event_stream: IsEventStream,
    /// Whether the options of a watcher's socket are set.
    is_watcher: bool,
}

impl Lingering {
    /// `first` was read from the stream already.
    pub(crate) fn new(
        stream: TcpStream,
        first: Vec<u8>,
        write_timeout: Duration,
        event_stream: IsEventStream,
    ) -> Self {
        Lingering {
            stream: Some(stream),
            first,
            ended: false,
            write_timeout,
            stuck: None,
            event_stream,
            is_watcher: false,
        }
    }

    /// The client is gone: dropping this now resets the connection.
    pub(crate) fn abandon(&mut self) {
        self.ended = true;
        reset_on_close(&self.stream());
    }

    /// A watcher's events are few, so without its reading them it could take an
    /// hour until a write fails. The kernel keeps little for it, and gives the
    /// connection up by itself when some of that stays unread too long. The page
    /// of a laptop that was only asleep watches anew and misses nothing.
    fn prepare_for_watcher(&mut self) {
        self.is_watcher = true;
        let write_timeout = self.write_timeout;
        let stream = self.stream();
        let socket = SockRef::from(&*stream);
        // Where they fail or do not exist the write timeout remains.
        let _ = socket.set_send_buffer_size(WATCHER_SEND_BUFFER);
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(write_timeout));
        #[cfg(not(target_os = "linux"))]
        let _ = write_timeout;
    }

    /// Applies the write timeout to the outcome of a write.
    fn with_write_timeout(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if !self.is_watcher && self.event_stream.load(Ordering::Relaxed) {
            self.prepare_for_watcher();
        }
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let write_timeout = self.write_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(stuck.as_mut().poll(cx));
        self.abandon();
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
        if !self.first.is_empty() {
            let taken = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first[..taken]);
            self.first.drain(..taken);
            self.first.shrink_to_fit();
            return Poll::Ready(Ok(()));
        }
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
        self.with_write_timeout(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        self.with_write_timeout(cx, written)
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
