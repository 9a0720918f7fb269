//! Binding: the sockets that listen on one address.
//!
//! One address is one socket, with one exception: `[::]` stands for all
//! addresses of both families. That is a dual-stack socket where the system has
//! them, two sockets on the same port where it has not, and IPv4 alone on a
//! machine without IPv6.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::join::interfaces;

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
    // These come first: on Windows a socket on all addresses may be added to
    // those on single ones, whatever they are.
    let guards = if cfg!(windows) { guards(port, own_addresses(), &listen)? } else { Vec::new() };
    let mut sockets = both_families(port, listen)?;
    sockets.extend(guards);
    Ok(sockets)
}

fn both_families(
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

/// Whether the port itself is refused, in whatever family it is asked for.
fn is_withheld(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

/// On Windows, sockets on each single address beside the one on all addresses.
///
/// Without an option Windows lets another program of the same user listen on
/// `127.0.0.1:9999` although this one listens on `0.0.0.0:9999`, and hands that
/// program the connections: a student's `server.py` slips underneath. What
/// forbids it is `SO_EXCLUSIVEADDRUSE`, which neither std, tokio nor socket2 can
/// set without `unsafe`. By Microsoft's table ("Using SO_REUSEADDR and
/// SO_EXCLUSIVEADDRUSE") a socket on a single address needs no option: a second
/// one on that address is refused with and without `SO_REUSEADDR`. So each
/// address gets its own socket. It also finds a program that was there before.
fn guards(
    port: u16,
    addresses: Vec<IpAddr>,
    listen: impl Fn(SocketAddr, Family) -> io::Result<Socket>,
) -> io::Result<Vec<Socket>> {
    if port == 0 {
        // A random port is no program's usual one.
        return Ok(Vec::new());
    }
    let mut guards = Vec::new();
    for address in addresses {
        let address = SocketAddr::new(address, port);
        match listen(address, Family::of(address)) {
            Ok(socket) => guards.push(socket),
            Err(error) if is_withheld(&error) => return Err(error),
            // The interface is down, or the address has just gone.
            Err(_) => {}
        }
    }
    Ok(guards)
}

/// The addresses that other programs of this computer listen on. Link-local IPv6
/// ones need their scope and are not worth it.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = interfaces::interfaces().unwrap_or_default();
    let others = interfaces.into_iter().map(|interface| interface.address);
    let mut addresses: Vec<_> = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        .into_iter()
        .chain(others)
        .filter(|address: &IpAddr| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
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
    // On Unix: start again while connections of the last run are in TIME_WAIT.
    // On Windows the same option would let others take the port; see `guards`.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
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
    fn guards_hold_each_single_address_and_find_a_program_that_is_there_already() {
        let loopback = || vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let error = guards(port, loopback(), listen).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(holder);
        let gone = IpAddr::from([203, 0, 113, 9]);
        let held = guards(port, [loopback(), vec![gone]].concat(), listen).unwrap();
        assert_eq!(held.len(), 2, "an address that is gone is no reason not to start");
        for ip in loopback() {
            assert!(std::net::TcpListener::bind(SocketAddr::new(ip, port)).is_err(), "{ip}");
        }
        assert!(guards(0, loopback(), listen).unwrap().is_empty());
        assert!(own_addresses().starts_with(&[IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    }
}
