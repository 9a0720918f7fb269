//! A port that a test chooses before its server binds it, for a server that cannot
//! say its port or that is started again at the same address.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use listeners::SocketState;
use socket2::{Domain, Socket, Type};

/// A free port, kept until this is dropped: bound, but not listening, so that
/// connections are refused until a server listens on it. Linux lets a server bind a
/// port that is kept so; elsewhere it is released at once, and another process could
/// be quicker.
pub struct ReservedPort {
    pub address: SocketAddr,
    _socket: Option<Socket>,
}

impl ReservedPort {
    /// A port of 127.0.0.1.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("it can be shared");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
        let address = socket.local_addr().expect("it is bound").as_socket().expect("it is IPv4");
        ReservedPort { address, _socket: cfg!(target_os = "linux").then_some(socket) }
    }
}

/// A port for a server that sets no `SO_REUSEADDR` and is started more than once, as a
/// student's is. It lies below the ephemeral ports of all three systems (Linux takes
/// them from 32768), so that no other connection is given it while the server is down,
/// and is this process's own until it ends: the UDP port of the same number, which no
/// test uses otherwise, is the lock.
pub fn student_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).expect("it is below 10,000");
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(offset < 10_000, "no port of 20000 to 29999 is free");
        let port = 20_000 + (first + offset) % 10_000;
        let Ok(lock) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        if can_be_bound(port) {
            std::mem::forget(lock);
            return port;
        }
    }
}

/// Waits until a program listens on a port. Without a connection, which a server that
/// serves one client would take for that one; a port that is only bound refuses.
pub fn until_listening(port: u16) {
    super::wait_until("it listens", || {
        let all = listeners::get_all().expect("the system tells who listens");
        all.iter().any(|it| it.socket.port() == port && it.state == SocketState::Listen)
    });
}

/// Whether a server without `SO_REUSEADDR` can be started there: nothing listens, and
/// no `TIME_WAIT` is left.
pub fn can_be_bound(port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into()).is_ok()
}
