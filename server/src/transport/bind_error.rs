//! Bind errors: why an address cannot be listened on, as a sentence that names the
//! port, the cause and the way out.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::port_holder::{self, Holder};
use crate::language::{Language, localized};

/// The operating system, as far as its bind errors differ.
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

/// A failed bind, as much of it as the explanation needs.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: io::ErrorKind,
    code: Option<i32>,
    address: SocketAddr,
}

/// The error of [`bind`](super::bind::bind) as a sentence that names the port, the cause
/// and the way out; `flag` is the option that chooses the address.
pub(crate) fn explain(error: io::Error, address: SocketAddr, flag: &str) -> anyhow::Error {
    let failure = Failure { kind: error.kind(), code: error.raw_os_error(), address };
    let language = Language::of_machine();
    let holder = match failure.kind {
        io::ErrorKind::AddrInUse => port_holder::of(address.port()),
        _ => None,
    };
    let sentence = match holder {
        Some(holder) => held(language, &holder, address, flag),
        None => sentence(language, System::HERE, failure, flag),
    };
    anyhow::Error::new(error).context(sentence)
}

/// A port in use, by a program that is known.
fn held(language: Language, holder: &Holder, address: SocketAddr, flag: &str) -> String {
    let port = address.port();
    let other = Place::beside(address);
    localized!(
        in language;
        "端口 {port} 已被占用：{holder} 正在用它；请先停止那个程序，或者用 {flag} {other} 换一个端口",
        "port {port} is already in use by {holder}; stop that program, or choose another port \
         with {flag} {other}",
    )
}

/// Ports below it are the administrator's on Unix; Linux can move the limit
/// (`net.ipv4.ip_unprivileged_port_start`).
const FIRST_UNPRIVILEGED: u16 = 1024;

fn sentence(language: Language, system: System, failure: Failure, flag: &str) -> String {
    let Failure { kind, code, address } = failure;
    let (ip, port) = (address.ip(), address.port());
    let holder = system.who_holds(port);
    let link_local = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    match kind {
        io::ErrorKind::AddrInUse => {
            let other = Place::beside(address);
            localized!(
                in language;
                "端口 {port} 已被占用，可能是另一个 tcp-classroom，或者课上的 server.py（用 \
                 {holder} 可以看到是哪个程序）；请先停止那个程序，或者用 {flag} {other} 换一个端口",
                "port {port} is already in use, perhaps by another tcp-classroom or by the \
                 lesson's server.py ({holder} shows which program it is); stop that program, or \
                 choose another port with {flag} {other}",
            )
        }
        io::ErrorKind::PermissionDenied => not_permitted(language, system, address, flag),
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

/// The sentence for `EACCES`: a privileged port, or a rule of the system.
fn not_permitted(language: Language, system: System, address: SocketAddr, flag: &str) -> String {
    let port = address.port();
    let holder = system.who_holds(port);
    match system {
        System::Windows => localized!(
            in language;
            "Windows 不让使用端口 {port}：它在保留范围里（多半是 Hyper-V、WSL 或 Docker 保留的，用 \
             netsh interface ipv4 show excludedportrange protocol=tcp 可以列出），或者被别的程序独占（用 \
             {holder} 可以看到）；请用 {flag} 换一个保留范围以外的端口",
            "Windows withholds port {port}: it is in a reserved range (mostly of Hyper-V, WSL or \
             Docker; netsh interface ipv4 show excludedportrange protocol=tcp lists them), or \
             another program has it for itself alone ({holder} shows it); choose a port outside \
             the ranges with {flag}",
        ),
        _ if port < FIRST_UNPRIVILEGED => {
            let high = Place::on(address, if port == 443 { 8443 } else { 8000 + port % 1000 });
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
        _ => {
            let other = Place::beside(address);
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
    }
}

/// A value for `--tcp` or `--http` that is suggested.
enum Place {
    Port(u16),
    At(IpAddr, u16),
}

impl Place {
    /// Another port on an address, which is said again only where it is not the
    /// usual one.
    fn on(address: SocketAddr, port: u16) -> Self {
        let ip = address.ip();
        let usual = ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST);
        if usual { Place::Port(port) } else { Place::At(ip, port) }
    }

    /// The next port on the same address.
    fn beside(address: SocketAddr) -> Self {
        let port = address.port();
        Self::on(address, if port == u16::MAX { port - 1 } else { port + 1 })
    }
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
    use super::*;
    use crate::transport::bind::bind;

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
            (System::Linux, AddrInUse, None, "127.0.0.1:0", &["--tcp 1"]),
            (System::Linux, AddrNotAvailable, Some(99), "203.0.113.9:0", &["--tcp 0"]),
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
            let error = bind(address).unwrap_err();
            let failure = Failure { kind: error.kind(), code: error.raw_os_error(), address };
            let said = sentence(Language::English, System::HERE, failure, "--tcp");
            assert!(said.contains(told), "{address}: {said} ({error})");
        }
    }
}
