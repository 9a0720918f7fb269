//! Which hosts a listener is reached at, the likeliest first.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::join::interfaces::{Ranked, is_link_local};

/// Hosts that are shown unless all are asked for. The first is the right one
/// nearly always; more than a few push each other off the screen.
const SHOWN: usize = 3;

/// What the hosts of one listener are found from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts<'a> {
    /// Where the server listens.
    pub(crate) listener: SocketAddr,
    /// The addresses of this machine on the network, best first; used only when
    /// the server listens on all interfaces.
    pub(crate) lan: &'a [Ranked],
    /// The name or address that students are to use, if the teacher chose it.
    pub(crate) advertised: Option<&'a str>,
}

impl<'a> Hosts<'a> {
    /// All of them; none if the listener is for this computer alone.
    pub(crate) fn all(&self) -> Vec<Host<'a>> {
        self.with(&self.served())
    }

    /// A few likely ones, and how many are left out.
    pub(crate) fn few(&self) -> (Vec<Host<'a>>, usize) {
        let served = self.served();
        let shown = few(&served);
        (self.with(&shown), served.len() - shown.len())
    }

    /// The addresses of the network that the listener is reached at.
    fn served(&self) -> Vec<&'a Ranked> {
        let ip = self.listener.ip();
        if !ip.is_unspecified() {
            return Vec::new();
        }
        self.lan.iter().filter(|lan| ip.is_ipv6() || lan.address.is_ipv4()).collect()
    }

    fn with(&self, lan: &[&'a Ranked]) -> Vec<Host<'a>> {
        let ip = self.listener.ip();
        let mut hosts: Vec<_> = self.advertised.map(Host::of).into_iter().collect();
        // On one address only; on loopback it is for this computer alone.
        let single = (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip);
        for address in single.into_iter().chain(lan.iter().map(|lan| lan.address)) {
            let host = Host::Address(address);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

/// Of the addresses served, the few that are shown: likely ones, if there are
/// any, and at least one of each family.
fn few<'a>(served: &[&'a Ranked]) -> Vec<&'a Ranked> {
    let mut likely: Vec<_> = served.iter().copied().filter(|lan| lan.likely).collect();
    if likely.is_empty() {
        likely = served.iter().copied().take(1).collect();
    }
    let is_v4 = |lan: &&&Ranked| lan.address.is_ipv4();
    let v6 = likely.iter().find(|lan| lan.address.is_ipv6()).copied();
    let v4 = likely.iter().filter(is_v4).take(SHOWN - usize::from(v6.is_some())).copied();
    v4.chain(v6).collect()
}

/// The address at which a program on this computer reaches a listener.
pub(crate) fn on_this_computer(listener: SocketAddr) -> IpAddr {
    let ip = listener.ip();
    if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip }
}

/// What a student types to reach this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl<'a> Host<'a> {
    fn of(text: &'a str) -> Self {
        text.parse().map_or(Host::Name(text), Host::Address)
    }

    /// The address of the page on this host.
    pub(crate) fn url(&self, port: u16) -> String {
        match self {
            Host::Address(ip) => format!("http://{}/", SocketAddr::new(*ip, port)),
            Host::Name(name) => format!("http://{name}:{port}/"),
        }
    }

    /// The IP address, if it is one and not a name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Host::Address(ip) => Some(*ip),
            Host::Name(_) => None,
        }
    }

    /// Whether a URL can name it: that of a link-local IPv6 address would have to
    /// name an interface, too.
    pub(crate) fn opens_in_browser(&self) -> bool {
        !matches!(self, Host::Address(ip) if ip.is_ipv6() && is_link_local(*ip))
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(ip) => write!(f, "{ip}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}
