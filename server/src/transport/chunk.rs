//! Bytes as they arrive on a socket: one read of them is a chunk.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes taken from a socket at once: four of the longest messages.
pub(crate) const CHUNK: usize = 4 * 1024;

thread_local! {
    /// Where a read lands before it is taken, one for each worker thread: an
    /// idle connection holds none.
    static ARRIVED: RefCell<[u8; CHUNK]> = const { RefCell::new([0; CHUNK]) };
}

/// Waits for the next chunk and hands it to `take`, at once, so that nothing is
/// lost when the future is dropped. An empty one, which is not handed on, is the
/// end. Returns its length in bytes.
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
        ARRIVED.with_borrow_mut(|arrived| {
            let mut arrived = ReadBuf::new(arrived);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut arrived))?;
            let chunk = arrived.filled_mut();
            if !chunk.is_empty() {
                take(chunk);
            }
            Poll::Ready(Ok(chunk.len()))
        })
    })
    .await
}
