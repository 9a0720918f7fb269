//! A line: the conversation of a page with a program of this class, as the bridge asks
//! for it, on a TCP connection to the port where the program listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::playground::socket::Connection;
use crate::playground::{Asker, Playground};
use crate::relay::bridge::{Heard, Talk};

/// Conversations of pages that one program has at once, as many as it can have sockets.
pub(super) const TALKS: usize = 16;

/// Bytes that one `recv` takes, as `check.py` does.
const CHUNK: usize = 4 * 1024;

/// Time for a program to be connected to, and to take what it is sent once nothing more
/// has room: 64 KB wait before.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Requests of the bridge that wait. One message of 64 KB is as much as waits elsewhere.
const WAITING: usize = 1;

/// Which program a page wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one that the page runs itself.
    Own,
    /// Whichever listens on a port.
    Port(u16),
}

/// A conversation that may begin.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    closed: CancellationToken,
    talks: mpsc::Receiver<Talk>,
    _room: OwnedSemaphorePermit,
}

impl Playground {
    /// A conversation of a page with a program, and where the bridge asks for it; none if
    /// no such program listens, if the page may not reach it, or if it has no room.
    pub(crate) fn line(
        &self,
        target: Target,
        asker: Asker<'_>,
    ) -> Option<(mpsc::Sender<Talk>, Line)> {
        let table = self.table();
        let mut servers = table.servers.iter();
        let (port, server) = servers.find(|(port, server)| match target {
            Target::Own => server.is_of(asker) && !server.closed.is_cancelled(),
            Target::Port(wanted) => **port == wanted && self.lets_in(server, asker),
        })?;
        let room = Arc::clone(&server.talks).try_acquire_owned().ok()?;
        let (talk, talks) = mpsc::channel(WAITING);
        let line = Line {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
            closed: server.closed.clone(),
            talks,
            _room: room,
        };
        Some((talk, line))
    }
}

impl Line {
    /// Holds the conversation until one side ends it.
    pub(crate) async fn hold(self) {
        let Line { address, closed, mut talks, _room } = self;
        let Some(Talk::Open { heard, .. }) = talks.recv().await else { return };
        let last = match timeout(TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => pass_on(stream, &mut talks, &heard).await,
            _ => Some(Heard::Gone),
        };
        // A bridge that waits to hand over what the page sends would not take the last word.
        drop(talks);
        // A program that has ended closes its listener before its connections.
        let last = last.map(|last| if closed.is_cancelled() { Heard::Gone } else { last });
        if let Some(last) = last {
            let _ = heard.send(last).await;
        }
    }
}

/// Passes bytes on both ways. Returns how the program ended it, or nothing if the page did.
async fn pass_on(
    stream: TcpStream,
    talks: &mut mpsc::Receiver<Talk>,
    heard: &mpsc::Sender<Heard>,
) -> Option<Heard> {
    let connection = Connection::new(stream);
    let read = async {
        loop {
            // The program's bytes wait in its socket until the page has taken the others.
            let room = heard.reserve().await.ok()?;
            match connection.receive(CHUNK, Duration::MAX).await {
                Some(Ok(bytes)) if bytes.is_empty() => return Some(Heard::Closed),
                Some(Ok(bytes)) => room.send(Heard::Chunk(bytes)),
                Some(Err(_)) => return Some(Heard::Reset),
                None => {}
            }
        }
    };
    let write = async {
        while let Some(Talk::Send { bytes, .. }) = talks.recv().await {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                match connection.send(rest, TIMEOUT).await {
                    Some(Ok(length)) => rest = &rest[length..],
                    Some(Err(_)) => {
                        // What came before the break is still to be read, by a bridge that
                        // does so only when what the page sends is taken from it.
                        while let Some(Talk::Send { .. }) = talks.recv().await {}
                        return None;
                    }
                    None => return Some(Heard::Reset),
                }
            }
        }
        None
    };
    tokio::select! {
        last = read => last,
        last = write => last,
    }
}
