//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::transport::listen::Listeners;

/// How long to wait before accepting again after the system refused, for
/// example because this process is out of file descriptors. Long enough not to
/// spin, short enough not to be noticed once it is over.
const BACKOFF: Duration = Duration::from_millis(100);

/// How long accepting must have gone well before a failure is said again. At
/// the edge of the limit it fails and succeeds in turn.
const QUIET: Duration = Duration::from_secs(60);

/// Accepts connections and hands each to `handle` until `stop` is cancelled.
/// No error ends it.
pub(crate) async fn accept_loop(
    listeners: Listeners,
    stop: CancellationToken,
    mut handle: impl FnMut(TcpStream, SocketAddr),
) {
    let mut failed: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listeners.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Replies are small and someone waits for each. If this fails
                // the connection is broken, and its first read will say so.
                let _ = stream.set_nodelay(true);
                handle(stream, peer);
            }
            // The client gave up before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if failed.replace(Instant::now()).is_none_or(|failed| failed.elapsed() > QUIET) {
                    tracing::warn!(
                        "cannot accept connections for now ({error}), trying on; \
                         open connections are not affected"
                    );
                }
                tokio::select! { () = sleep(BACKOFF) => {} () = stop.cancelled() => return }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_the_accept_loop_is_not_swallowed() {
        let listener = Listeners::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let panics = |_, _| panic!("on purpose");
        let accepting = tokio::spawn(accept_loop(listener, CancellationToken::new(), panics));
        let _client = TcpStream::connect(address).await.unwrap();
        assert!(accepting.await.unwrap_err().is_panic());
    }
}
