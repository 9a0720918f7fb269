//! A port that a test chooses before its server binds it, for a server that cannot
//! say its port or that is started again at the same address.

use std::net::SocketAddr;

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
