//! Chunks: the bytes of one read of a socket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The most bytes in a chunk: four of the longest messages.
pub(crate) const CHUNK: usize = 4 * 1024;

thread_local! {
    /// The read buffer, one for each worker thread: an idle connection holds none.
    static BUFFER: RefCell<[u8; CHUNK]> = const { RefCell::new([0; CHUNK]) };
}

/// Waits for the next chunk and passes it to `take`. Returns its length in bytes; 0 is
/// the end of the stream, and nothing is passed. Safe to cancel: `take` is called in
/// the same poll as the read, so nothing is lost when the future is dropped.
///
/// # Errors
///
/// The connection broke.
pub(crate) async fn receive(
    stream: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&mut [u8]),
) -> io::Result<usize> {
    // A read that does not fill the buffer tells tokio that there is no more
    // for now, which saves asking the system once more in vain.
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
            let chunk = buffer.filled_mut();
            if !chunk.is_empty() {
                take(chunk);
            }
            Poll::Ready(Ok(chunk.len()))
        })
    })
    .await
}
