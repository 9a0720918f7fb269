//! The sockets the server listens on.
//!
//! One address is one socket, with one exception: `[::]` stands for all
//! addresses of both families. That is a dual-stack socket where the system has
//! them, two sockets on the same port where it has not, and IPv4 alone on a
//! machine without IPv6.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::language::{Language, localized};

/// Connections that the kernel completes while the accept loop is busy: a class
/// of 60 that opens the page at once, six connections each, and as much again
/// for its Python programs. The system may grant less (`somaxconn`).
const BACKLOG: i32 = 1024;

/// How often another free port is tried when the one that was free in one
/// family is taken in the other. Each try fails with a chance of about the
/// share of ports in use, which is a few percent.
const FREE_PORT_TRIES: usize = 16;

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
    /// As the system reports it; [`explain`] makes a sentence of it.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let sockets = match address.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => everywhere(address.port(), listen)?,
            _ => vec![listen(address, Family::of(address))?],
        };
        let sockets: io::Result<_> = sockets.into_iter().map(into_tokio).collect();
        Ok(Listeners { sockets: sockets?, next: AtomicUsize::new(0) })
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

/// The address as its owner writes it: IPv4 where it is IPv4.
fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, peer.port())),
        // As it is, with its scope.
        IpAddr::V6(_) => peer,
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
    let interfaces = crate::join::interfaces::interfaces().unwrap_or_default();
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

fn into_tokio(socket: Socket) -> io::Result<TcpListener> {
    TcpListener::from_std(socket.into())
}

/// The system, as far as its reasons for withholding a port differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Linux,
    Mac,
    Windows,
    Other,
}

impl System {
    const HERE: System = if cfg!(any(target_os = "linux", target_os = "android")) {
        System::Linux
    } else if cfg!(target_os = "macos") {
        System::Mac
    } else if cfg!(windows) {
        System::Windows
    } else {
        System::Other
    };

    /// The command that shows which program listens on a port.
    fn who_holds(self, port: u16) -> String {
        match self {
            System::Linux => format!("ss -ltnp sport = :{port}"),
            System::Windows => format!("netstat -ano | findstr :{port}"),
            System::Mac | System::Other => format!("lsof -nP -iTCP:{port} -sTCP:LISTEN"),
        }
    }

    /// `EAFNOSUPPORT`: there is no IPv6. std has no kind for it.
    fn no_such_family(self) -> i32 {
        match self {
            System::Linux => 97,
            System::Mac | System::Other => 47,
            System::Windows => 10047,
        }
    }
}

/// What became of a try to listen, as much as the explanation needs.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: io::ErrorKind,
    code: Option<i32>,
    address: SocketAddr,
}

/// The error of [`Listeners::bind`] as a sentence that names the port, the cause
/// and the way out; `flag` is the option that chooses the address.
pub(crate) fn explain(error: io::Error, address: SocketAddr, flag: &str) -> anyhow::Error {
    let failure = Failure { kind: error.kind(), code: error.raw_os_error(), address };
    let sentence = sentence(Language::of_machine(), System::HERE, failure, flag);
    anyhow::Error::new(error).context(sentence)
}

/// Ports below it are the administrator's on Unix; Linux can move the limit
/// (`net.ipv4.ip_unprivileged_port_start`).
const FIRST_UNPRIVILEGED: u16 = 1024;

fn sentence(language: Language, system: System, failure: Failure, flag: &str) -> String {
    let Failure { kind, code, address } = failure;
    let (ip, port) = (address.ip(), address.port());
    let other = port.checked_add(1).unwrap_or(port - 1);
    // The address is said again only where it is not the usual one.
    let usual = ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST);
    let another = |port| if usual { Place::Port(port) } else { Place::At(ip, port) };
    let holder = system.who_holds(port);
    let link_local = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    match kind {
        io::ErrorKind::AddrInUse => {
            let other = another(other);
            localized!(
                in language;
                "端口 {port} 已被占用，可能是另一个 tcp-classroom，或者课上的 server.py（用 \
                 {holder} 可以看到是哪个程序）；请先停止那个程序，或者用 {flag} {other} 换一个端口",
                "port {port} is already in use, perhaps by another tcp-classroom or by the \
                 lesson's server.py ({holder} shows which program it is); stop that program, or \
                 choose another port with {flag} {other}",
            )
        }
        io::ErrorKind::PermissionDenied if system == System::Windows => localized!(
            in language;
            "Windows 不让使用端口 {port}：它在保留范围里（多半是 Hyper-V、WSL 或 Docker 保留的，用 \
             netsh interface ipv4 show excludedportrange protocol=tcp 可以列出），或者被别的程序独占（用 \
             {holder} 可以看到）；请用 {flag} 换一个保留范围以外的端口",
            "Windows withholds port {port}: it is in a reserved range (mostly of Hyper-V, WSL or \
             Docker; netsh interface ipv4 show excludedportrange protocol=tcp lists them), or \
             another program has it for itself alone ({holder} shows it); choose a port outside \
             the ranges with {flag}",
        ),
        io::ErrorKind::PermissionDenied if port < FIRST_UNPRIVILEGED => {
            let high = another(if port == 443 { 8443 } else { 8000 + port % 1000 });
            let grant = match system {
                System::Linux => "sudo setcap cap_net_bind_service=+ep tcp-classroom",
                _ => "sudo tcp-classroom",
            };
            localized!(
                in language;
                "端口 {port} 小于 1024，使用它需要管理员的特权（{grant}）；请用 {flag} {high} \
                 换一个 1024 以上的端口",
                "port {port} is below 1024 and takes an administrator's privilege \
                 ({grant}); choose a port from 1024 up with {flag} {high}",
            )
        }
        io::ErrorKind::PermissionDenied => {
            let other = another(other);
            let rules = match system {
                System::Linux => {
                    "SELinux, AppArmor, a container, sysctl net.ipv4.ip_unprivileged_port_start"
                }
                _ => "a firewall, a sandbox",
            };
            localized!(
                in language;
                "系统的规则不让使用端口 {port}（{rules}）；请用 {flag} {other} 换一个端口",
                "a rule of this system reserves port {port} ({rules}); choose another port with \
                 {flag} {other}",
            )
        }
        io::ErrorKind::AddrNotAvailable => localized!(
            in language;
            "{ip} 不是这台电脑的地址；请只写端口 {flag} {port}（只有这台电脑能连接），或者再加上 \
             --lan（所有地址）",
            "{ip} is not an address of this computer; give the port alone, {flag} {port}, for \
             this computer only, or together with --lan for all its addresses",
        ),
        _ if code == Some(system.no_such_family()) => localized!(
            in language;
            "这台电脑没有 IPv6，不能使用 {ip}；请用 IPv4 地址，例如 {flag} 127.0.0.1:{port}",
            "this computer has no IPv6, so it has no {ip}; use an IPv4 address, like \
             {flag} 127.0.0.1:{port}",
        ),
        io::ErrorKind::InvalidInput if link_local => localized!(
            in language;
            "{ip} 是链路本地地址，要写明网络接口的编号，例如 {flag} [{ip}%2]:{port}",
            "{ip} is a link-local address and needs the number of its network interface, like \
             {flag} [{ip}%2]:{port}",
        ),
        _ => localized!(
            in language;
            "不能在 {address} 上监听（{flag}）",
            "cannot listen on {address} ({flag})",
        ),
    }
}

/// A value for `--tcp` or `--http`.
enum Place {
    Port(u16),
    At(IpAddr, u16),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Place::Port(port) => write!(f, "{port}"),
            Place::At(ip, port) => write!(f, "{}", SocketAddr::new(ip, port)),
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn without_dual_stack_sockets_two_share_the_port_and_both_are_served() {
        let two = |address, family| match family {
            Family::Both => Err(io::ErrorKind::Unsupported.into()),
            _ => listen(address, family),
        };
        let sockets = everywhere(0, two).unwrap();
        let sockets: Vec<_> = sockets.into_iter().map(|s| into_tokio(s).unwrap()).collect();
        let ports: Vec<_> = sockets.iter().map(|s| s.local_addr().unwrap().port()).collect();
        assert!(ports.len() == 2 && ports[0] == ports[1], "{ports:?}");
        let listeners = Listeners { sockets, next: AtomicUsize::new(0) };
        for _ in 0..3 {
            assert!(seen(&listeners, "127.0.0.1").await.is_ipv4());
            assert!(seen(&listeners, "::1").await.is_ipv6());
        }
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

    #[test]
    fn a_withheld_port_is_explained_with_what_holds_it_and_the_way_out() {
        use io::ErrorKind::{AddrInUse, AddrNotAvailable, InvalidInput, Other, PermissionDenied};
        let netsh = "netsh interface ipv4 show excludedportrange protocol=tcp";
        for (system, kind, code, address, told) in [
            (System::Linux, AddrInUse, None, "127.0.0.1:9999", &["--tcp 10000", "ss -ltnp"][..]),
            (System::Linux, AddrInUse, None, "[::]:9999", &["--tcp 10000"]),
            (System::Linux, AddrInUse, None, "127.0.0.1:65535", &["--tcp 65534"]),
            (System::Linux, AddrInUse, None, "192.168.1.5:9999", &["--tcp 192.168.1.5:10000"]),
            (System::Linux, AddrInUse, None, "[fd00::2]:9999", &["--tcp [fd00::2]:10000"]),
            (System::Mac, AddrInUse, None, "127.0.0.1:9999", &["lsof -nP -iTCP:9999"]),
            (System::Windows, AddrInUse, None, "127.0.0.1:9999", &["netstat -ano | findstr :9999"]),
            (
                System::Linux,
                PermissionDenied,
                Some(13),
                "127.0.0.1:80",
                &["1024", "setcap", "8080"],
            ),
            (System::Linux, PermissionDenied, Some(13), "0.0.0.0:1023", &["1024", "--tcp 8023"]),
            (System::Mac, PermissionDenied, Some(13), "127.0.0.1:443", &["sudo", "--tcp 8443"]),
            (System::Other, PermissionDenied, Some(13), "127.0.0.1:7", &["sudo", "--tcp 8007"]),
            (System::Linux, PermissionDenied, Some(13), "127.0.0.1:1024", &["SELinux", "1025"]),
            (System::Linux, PermissionDenied, Some(1), "127.0.0.1:9999", &["port_start"]),
            (System::Mac, PermissionDenied, Some(13), "127.0.0.1:9999", &["firewall", "10000"]),
            (System::Windows, PermissionDenied, Some(10013), "127.0.0.1:9999", &[netsh, "Hyper-V"]),
            (System::Windows, PermissionDenied, Some(10013), "[::]:80", &[netsh, "findstr :80"]),
            (
                System::Linux,
                AddrNotAvailable,
                Some(99),
                "203.0.113.9:9999",
                &["--tcp 9999", "--lan"],
            ),
            (System::Linux, Other, Some(97), "[::1]:9999", &["IPv6", "--tcp 127.0.0.1:9999"]),
            (System::Windows, Other, Some(10047), "[::1]:9999", &["IPv6"]),
            (System::Mac, Other, Some(47), "[fd00::2]:9999", &["IPv6"]),
            (System::Linux, InvalidInput, Some(22), "[fe80::1]:9999", &["[fe80::1%2]:9999"]),
            (System::Linux, Other, Some(24), "127.0.0.1:9999", &["127.0.0.1:9999", "--tcp"]),
        ] {
            let failure = Failure { kind, code, address: address.parse().unwrap() };
            for language in [Language::Chinese, Language::English] {
                let said = sentence(language, system, failure, "--tcp");
                let port = failure.address.port().to_string();
                assert!(said.contains(&port) && !said.contains('\n'), "{said}");
                assert_eq!(said.is_ascii(), language == Language::English, "{said}");
                for part in told {
                    assert!(said.contains(part), "{system:?} {address}: no {part:?} in {said}");
                }
            }
        }
    }

    #[test]
    fn what_the_system_really_says_is_understood() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for (address, told) in [
            (taken.local_addr().unwrap(), "in use"),
            ("203.0.113.9:9".parse().unwrap(), "not an address of this computer"),
            ("[fe80::1]:9999".parse().unwrap(), "link-local"),
        ] {
            let error = listen(address, Family::of(address)).unwrap_err();
            let failure = Failure { kind: error.kind(), code: error.raw_os_error(), address };
            let said = sentence(Language::English, System::HERE, failure, "--tcp");
            assert!(said.contains(told), "{address}: {said} ({error})");
        }
    }
}
