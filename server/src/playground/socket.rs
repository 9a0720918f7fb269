//! A socket of a program that runs in a page: the real one behind it.
//!
//! Nothing is kept here: what waits does so in the system's buffers, whose size is
//! set.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::playground::Port;

/// Bytes that wait each way, of which the system takes twice as many for its own
/// bookkeeping: 64 KB.
pub(super) const BUFFER: u32 = 32 * 1024;

/// Bytes that one `recv` takes at most.
const CHUNK: usize = 64 * 1024;

/// A listener of a program.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) port: Port,
    pub(super) closed: CancellationToken,
}

impl Listener {
    /// The next connection, if one comes in time.
    pub(super) async fn accept(
        &self,
        until: Instant,
    ) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        tokio::select! {
            accepted = timeout_at(until, self.listener.accept()) => accepted.ok(),
            () = self.closed.cancelled() => Some(Err(io::ErrorKind::InvalidInput.into())),
        }
    }
}

/// A connection of a program.
#[derive(Debug)]
pub(crate) struct Connection {
    read: Mutex<OwnedReadHalf>,
    write: Mutex<Option<OwnedWriteHalf>>,
    closed: CancellationToken,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Arc<Self> {
        let socket = SockRef::from(&stream);
        let sized = socket
            .set_recv_buffer_size(BUFFER as usize)
            .and_then(|()| socket.set_send_buffer_size(BUFFER as usize))
            .and_then(|()| socket.set_tcp_nodelay(true));
        if let Err(error) = sized {
            tracing::debug!("the system chooses the buffers of a program itself: {error}");
        }
        let (read, write) = stream.into_split();
        Arc::new(Connection {
            read: Mutex::new(read),
            write: Mutex::new(Some(write)),
            closed: CancellationToken::new(),
        })
    }

    /// What has come, at most so many bytes; none at the end of the connection. Nothing
    /// if nothing comes in time.
    pub(super) async fn receive(
        &self,
        most: usize,
        longest: Duration,
    ) -> Option<io::Result<Vec<u8>>> {
        let mut bytes = vec![0; most.min(CHUNK)];
        let read = async {
            let read = self.read.lock().await.read(&mut bytes).await;
            read.map(|length| {
                bytes.truncate(length);
                bytes
            })
        };
        tokio::select! {
            read = timeout(longest, read) => read.ok(),
            () = self.closed.cancelled() => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Sends as much as there is room for. Nothing if there is none in time.
    pub(super) async fn send(&self, bytes: &[u8], longest: Duration) -> Option<io::Result<usize>> {
        let write = async {
            match &mut *self.write.lock().await {
                Some(write) => write.write(bytes).await,
                None => Err(io::ErrorKind::BrokenPipe.into()),
            }
        };
        tokio::select! {
            written = timeout(longest, write) => written.ok(),
            () = self.closed.cancelled() => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Ends our side.
    pub(super) async fn finish(&self) {
        if let Some(mut write) = self.write.lock().await.take() {
            // It fails where the connection is broken already.
            let _ = write.shutdown().await;
        }
    }

    /// Closes it: every request that waits on it is answered at once.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }
}
