//! A way over the network that a test can cut: what is sent waits, nothing is refused and
//! nothing is closed, as with packets that are dropped. It needs no right of root.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Listens for one side and connects to the other one.
pub struct Door {
    pub address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Door {
    /// An open door to what listens, now or later, at an address.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let is_open = open.subscribe();
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(pass_on(from, target, is_open.clone()));
            }
        });
        Door { address, open }
    }

    /// Cuts the way, or mends it: what has waited goes on.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn pass_on(from: TcpStream, target: SocketAddr, mut open: watch::Receiver<bool>) {
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(to) = TcpStream::connect(target).await else { return };
    // Both pass small messages to and fro.
    let _ = from.set_nodelay(true).and(to.set_nodelay(true));
    let (from_there, to_there) = to.into_split();
    let (from_here, to_here) = from.into_split();
    // The first end of either direction ends both.
    tokio::select! {
        _ = one_way(from_here, to_there, open.clone()) => {}
        _ = one_way(from_there, to_here, open) => {}
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut open: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 65_536];
    loop {
        let read = from.read(&mut bytes).await;
        // An end of the connection is not heard of either.
        if open.wait_for(|open| *open).await.is_err() {
            return Ok(());
        }
        match read? {
            0 => return Ok(()),
            length => to.write_all(&bytes[..length]).await?,
        }
    }
}
