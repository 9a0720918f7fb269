//! Refusals: what a client is told that is not admitted.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::transport::linger::linger;

/// Why a connection is not let in. Shown to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ServerFull,
    AddressFull,
    /// One class of many has as many conversations as it may have.
    ClassFull,
    /// The teacher lets no new clients in.
    DoorClosed,
    /// The teacher has blocked the address.
    Blocked,
    /// The port's class is archived or deleted.
    ClassOver,
    /// The database with the classes does not answer.
    DatabaseAway,
    /// The balancer before this server does not say whose connection it is.
    NoHeader,
}

impl Refusal {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::ServerFull => "this server has too many connections, try again later",
            Refusal::AddressFull => {
                "your computer has too many open connections, close some and try again"
            }
            Refusal::ClassFull => "this class has too many connections, try again later",
            Refusal::DoorClosed => "your teacher lets nobody in at the moment, ask to be let in",
            Refusal::Blocked => {
                "your teacher has blocked your computer for up to five minutes, ask your teacher"
            }
            Refusal::ClassOver => "this class is over",
            Refusal::NoHeader => {
                "the balancer before this server does not say whose connection this is, which \
                 its operator has to switch on"
            }
            Refusal::DatabaseAway => "the server's database does not answer for now, try again",
        }
    }
}

/// Tells a raw TCP client why it is not let in.
pub(crate) async fn refuse_raw_tcp(stream: TcpStream, peer: SocketAddr, refusal: Refusal) {
    refuse(stream, peer, refusal, format!("Error: {}\n", refusal.reason())).await;
}

/// Tells a browser why it is not let in.
pub(crate) async fn refuse_http(stream: TcpStream, peer: SocketAddr, refusal: Refusal) {
    let reason = refusal.reason();
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n\
         content-type: text/plain\r\ncontent-length: {}\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    refuse(stream, peer, refusal, response).await;
}

async fn refuse(mut stream: TcpStream, peer: SocketAddr, refusal: Refusal, told: String) {
    tracing::warn!(%peer, "refused a connection: {}", refusal.reason());
    // A fresh socket takes a line at once; if not, the client is gone.
    if stream.write_all(told.as_bytes()).await.is_ok() {
        linger(stream).await;
    }
}
