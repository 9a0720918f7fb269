//! Listeners: all sockets of one port, accepted from as one.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, TcpStream};

use crate::transport::bind;

/// All sockets of one port.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    /// Which socket is asked first next time, so that none is starved.
    next: AtomicUsize,
}

impl Listeners {
    /// Listens on `address`; port 0 takes any free port. `[::]` listens on all
    /// addresses of both families. To be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As the system reports it; [`explain`](super::bind_error::explain) makes a
    /// sentence of it.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::new(bind::bind(address)?)
    }

    fn new(sockets: Vec<Socket>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(|socket| TcpListener::from_std(socket.into()));
        Ok(Listeners { sockets: sockets.collect::<io::Result<_>>()?, next: AtomicUsize::new(0) })
    }

    /// The address listened on; if there are several, `[::]` before `0.0.0.0`,
    /// and these before those of a single interface.
    ///
    /// # Errors
    ///
    /// Never on a bound socket, short of a failure of the system.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.sockets.first().expect("bind makes one at least").local_addr()
    }

    /// Sets the send buffer, in bytes, that accepted sockets inherit.
    pub(crate) fn limit_send_buffers(&self, bytes: usize) {
        for socket in &self.sockets {
            if let Err(error) = SockRef::from(socket).set_send_buffer_size(bytes) {
                tracing::debug!("the system chooses the size of send buffers itself: {error}");
            }
        }
    }

    /// The next connection, on whichever socket it comes. An IPv4 client of a
    /// dual-stack socket has its IPv4 address, not `::ffff:192.168.1.2`.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`]. The sockets stay usable.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.sockets.len();
        let (before, from) = self.sockets.split_at(first);
        let (stream, peer) = poll_fn(|cx| {
            for socket in from.iter().chain(before) {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await?;
        Ok((stream, canonical(peer)))
    }
}

/// The address with a mapped IPv4 address (`::ffff:192.168.1.2`) as plain IPv4.
fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, peer.port())),
        // As it is, with its scope.
        IpAddr::V6(_) => peer,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const ALL: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

    /// Connects and returns whom the server sees, which must be the client.
    async fn seen(listeners: &Listeners, ip: &str) -> SocketAddr {
        let port = listeners.local_addr().unwrap().port();
        let to = SocketAddr::new(ip.parse().unwrap(), port);
        let connect = async {
            let mut client = TcpStream::connect(to).await.unwrap();
            client.write_all(b"!").await.unwrap();
            client
        };
        let (client, accepted) = tokio::join!(connect, listeners.accept());
        let (mut stream, peer) = accepted.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'!', "it is this client's connection");
        assert_eq!(peer, client.local_addr().unwrap());
        peer
    }

    #[tokio::test]
    async fn all_addresses_are_one_port_for_both_families_and_clients_keep_their_own_address() {
        let listeners = Listeners::bind(ALL).unwrap();
        assert_eq!(listeners.sockets.len(), 1, "this system has dual-stack sockets");
        assert_eq!(seen(&listeners, "127.0.0.1").await.ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(seen(&listeners, "::1").await.ip(), Ipv6Addr::LOCALHOST);
    }

    #[tokio::test]
    async fn where_two_sockets_share_the_port_both_are_served() {
        let sockets = bind::without_dual_stack(0).unwrap();
        assert_eq!(sockets.len(), 2);
        let listeners = Listeners::new(sockets).unwrap();
        for _ in 0..3 {
            assert!(seen(&listeners, "127.0.0.1").await.is_ipv4());
            assert!(seen(&listeners, "::1").await.is_ipv6());
        }
    }

    #[test]
    fn an_ipv4_client_of_a_dual_stack_socket_is_shown_by_its_ipv4_address() {
        for (peer, shown) in [
            ("[::ffff:192.168.1.2]:5", "192.168.1.2:5"),
            ("192.168.1.2:5", "192.168.1.2:5"),
            ("[::1]:5", "[::1]:5"),
            ("[fe80::1%3]:5", "[fe80::1%3]:5"),
            ("[2001:db8::1]:5", "[2001:db8::1]:5"),
        ] {
            assert_eq!(canonical(peer.parse().unwrap()).to_string(), shown);
        }
    }
}
