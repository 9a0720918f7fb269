//! Binding: the sockets that listen on one address.
//!
//! One address is one socket, with one exception: `[::]` stands for all
//! addresses of both families. That is a dual-stack socket where the system has
//! them, two sockets on the same port where it has not, and IPv4 alone on a
//! machine without IPv6.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel completes while the accept loop is busy: a class
/// of 60 that opens the page at once, six connections each, and as much again
/// for its Python programs. The system may grant less (`somaxconn`).
const BACKLOG: i32 = 1024;

/// How often another free port is tried when the one that was free in one
/// family is taken in the other. Each try fails with a chance of about the
/// share of ports in use, which is a few percent.
const FREE_PORT_TRIES: usize = 16;

/// Listens on `address`; port 0 takes any free port. `[::]` is all addresses of both
/// families.
///
/// # Errors
///
/// As the system reports it.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Vec<Socket>> {
    match address.ip() {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => everywhere(address.port(), listen),
        _ => Ok(vec![listen(address, Family::of(address))?]),
    }
}

/// The families that one socket serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    /// IPv6, and IPv4 through mapped addresses.
    Both,
}

impl Family {
    fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

/// Listens on all addresses, with as few sockets as the system allows.
/// `listen` is a parameter for the tests' sake: it plays systems without
/// dual-stack sockets, and without IPv6.
fn everywhere(
    port: u16,
    listen: impl Fn(SocketAddr, Family) -> io::Result<Socket>,
) -> io::Result<Vec<Socket>> {
    let all_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match listen(all_v6, Family::Both) {
        Ok(socket) => return Ok(vec![socket]),
        Err(error) if is_withheld(&error) => return Err(error),
        // No dual-stack sockets, or no IPv6.
        Err(_) => {}
    }
    for _ in 0..FREE_PORT_TRIES {
        let v6 = match listen(all_v6, Family::V6) {
            Ok(v6) => v6,
            Err(error) if is_withheld(&error) => return Err(error),
            Err(_) => return Ok(vec![listen((Ipv4Addr::UNSPECIFIED, port).into(), Family::V4)?]),
        };
        let taken = v6.local_addr()?.as_socket().map_or(port, |address| address.port());
        match listen((Ipv4Addr::UNSPECIFIED, taken).into(), Family::V4) {
            Ok(v4) => return Ok(vec![v6, v4]),
            Err(error) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Whether it is the port that is refused, and not the family.
fn is_withheld(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

fn listen(address: SocketAddr, family: Family) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    match family {
        Family::V4 => {}
        Family::V6 => socket.set_only_v6(true)?,
        Family::Both => {
            socket.set_only_v6(false)?;
            // OpenBSD has no dual-stack sockets and need not say so when asked.
            if socket.only_v6()? {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
    }
    // Start again while connections of the last run are in TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(windows)]
    set_exclusive_address_use(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Sets `SO_EXCLUSIVEADDRUSE`: while this socket is open, no other binds its port.
///
/// Without it Windows lets another program listen on `127.0.0.1:9999` although this
/// one listens on `0.0.0.0:9999`, and hands that program the connections: a student's
/// `server.py` would slip underneath. (On Unix the default is what this option does,
/// and `SO_REUSEADDR` is harmless; on Windows that option would give the port away.)
///
/// # Errors
///
/// As the system reports it.
#[cfg(windows)]
#[expect(unsafe_code, reason = "neither std nor tokio nor socket2 can set this option")]
fn set_exclusive_address_use(socket: &Socket) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket as _;

    use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOL_SOCKET, setsockopt};

    let on = 1_i32;
    // SAFETY: the socket is open, and the pointer and length are those of `on`, which
    // outlives the call.
    let result = unsafe {
        setsockopt(
            socket.as_raw_socket() as usize,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            (&raw const on).cast(),
            size_of_val(&on) as i32,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// As on a system without dual-stack sockets.
#[cfg(test)]
pub(crate) fn without_dual_stack(port: u16) -> io::Result<Vec<Socket>> {
    everywhere(port, |address, family| match family {
        Family::Both => Err(io::ErrorKind::Unsupported.into()),
        _ => listen(address, family),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_dual_stack_sockets_two_share_the_port() {
        let sockets = without_dual_stack(0).unwrap();
        let address = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap();
        let [v6, v4] = &sockets[..] else { panic!("{sockets:?}") };
        assert!(address(v6).is_ipv6() && address(v4).is_ipv4());
        assert_eq!(address(v6).port(), address(v4).port());
    }

    #[test]
    fn without_ipv6_the_port_is_listened_on_with_ipv4() {
        for code in [97, 99] {
            let v4_only = |address, family| match family {
                Family::V4 => listen(address, family),
                _ => Err(io::Error::from_raw_os_error(code)),
            };
            let sockets = everywhere(0, v4_only).unwrap();
            let [socket] = &sockets[..] else { panic!("{sockets:?}") };
            assert!(socket.local_addr().unwrap().as_socket().unwrap().ip().is_ipv4());
        }
    }

    #[test]
    fn a_port_that_is_taken_in_one_family_is_not_shared() {
        for ip in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
            let address = SocketAddr::new(ip.parse().unwrap(), 0);
            let holder = std::net::TcpListener::bind(address).unwrap();
            let port = holder.local_addr().unwrap().port();
            let error = everywhere(port, listen).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{ip}");
        }
    }

    #[test]
    fn on_a_free_port_a_number_that_is_taken_in_the_other_family_is_not_insisted_on() {
        let tries = std::cell::Cell::new(0);
        let unlucky = |address, family| match family {
            Family::Both => Err(io::ErrorKind::Unsupported.into()),
            Family::V4 if tries.replace(tries.get() + 1) < 3 => {
                Err(io::ErrorKind::AddrInUse.into())
            }
            _ => listen(address, family),
        };
        assert_eq!(everywhere(0, unlucky).unwrap().len(), 2);
        assert_eq!(tries.get(), 4);
        let taken = |address, family| match family {
            Family::V6 => listen(address, family),
            _ => Err(io::ErrorKind::AddrInUse.into()),
        };
        assert_eq!(everywhere(0, taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_port_that_is_held_cannot_be_taken_on_a_single_address() {
        let sockets = everywhere(0, listen).unwrap();
        let port = sockets[0].local_addr().unwrap().as_socket().unwrap().port();
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            let address = SocketAddr::new(ip, port);
            assert!(std::net::TcpListener::bind(address).is_err(), "{ip}");
            // As Python's `SO_REUSEADDR`, which means another thing on Windows.
            let other = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            other.set_reuse_address(true).unwrap();
            let taken = other.bind(&address.into()).and_then(|()| other.listen(1));
            assert!(taken.is_err(), "{ip}");
        }
    }
}
