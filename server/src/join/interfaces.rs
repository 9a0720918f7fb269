//! Network interfaces: the addresses of this machine, ranked by how likely students
//! reach it at them.

use std::collections::HashSet;
use std::net::IpAddr;

/// A network interface's name and one of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As the system calls it: `eth0`, `en0`, `Wi-Fi`.
    pub name: String,
    /// One of its addresses.
    pub address: IpAddr,
    /// Whether it is connected to something.
    pub up: bool,
}

/// An address of this machine, and whether a student is likely to reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranked {
    /// The address.
    pub address: IpAddr,
    /// Whether it is of a network a classroom may be on, as opposed to a virtual
    /// machine's, a VPN's, or one that is not connected.
    pub likely: bool,
}

/// The interfaces of this machine.
///
/// # Errors
///
/// The system does not tell; there is then nothing to show.
pub fn interfaces() -> std::io::Result<Vec<Interface>> {
    use if_addrs::IfOperStatus::{Down, LowerLayerDown, NotPresent};
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces
        .into_iter()
        .map(|interface| Interface {
            address: interface.ip(),
            up: !matches!(interface.oper_status, Down | LowerLayerDown | NotPresent),
            name: interface.name,
        })
        .collect())
}

/// The addresses in the order in which a classroom should try them: IPv4 before
/// IPv6; the ranges that home and school routers give out first, virtual and VPN
/// adapters last. Loopback is left out, and so are link-local (self-assigned)
/// addresses unless there are no others.
pub fn ranked(interfaces: &[Interface]) -> Vec<Ranked> {
    let of = |link_local: bool| {
        let mut ranked: Vec<_> = interfaces
            .iter()
            .filter(|interface| is_link_local(interface.address) == link_local)
            .filter(|interface| !interface.address.is_loopback())
            .map(|Interface { name, address, up }| {
                let unlikely = !up || is_virtual(name) || is_usually_virtual(*address);
                (address.is_ipv6(), unlikely, range_rank(*address), *address)
            })
            .collect();
        ranked.sort();
        // An address that is on two interfaces is listed once, at its best.
        let mut seen = HashSet::new();
        ranked.retain(|entry| seen.insert(entry.3));
        let ranked = ranked.into_iter();
        ranked.map(|(_, unlikely, _, address)| Ranked { address, likely: !unlikely }).collect()
    };
    let routable: Vec<_> = of(false);
    if routable.is_empty() { of(true) } else { routable }
}

/// Whether an address is self-assigned and holds on one cable or Wi-Fi only. A
/// browser cannot open the IPv6 ones at all: a URL cannot name their interface.
pub fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// 192.168 is what most routers give out, then 10, then 172.16 to 172.31, where
/// container networks live, too. Carrier-grade NAT (100.64/10) is mostly a VPN.
/// Of IPv6, a global address before a unique local one (fc00::/7), and the
/// tunnels of old last: 6to4 (2002::/16) and Teredo (2001::/32).
fn range_rank(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [192, 168, ..] => 0,
            [10, ..] => 1,
            [172, 16..=31, ..] => 2,
            [100, 64..=127, ..] => 4,
            _ => 3,
        },
        IpAddr::V6(address) => match address.segments() {
            [0x2002, ..] | [0x2001, 0, ..] => 2,
            _ if address.is_unique_local() => 1,
            _ => 0,
        },
    }
}

/// Whether an address is one that a virtual adapter has by default, whatever the
/// adapter is called. Such an adapter is often just "Ethernet 2".
fn is_usually_virtual(address: IpAddr) -> bool {
    /// The host's own address in the default network of:
    const HOSTS: [[u8; 4]; 9] = [
        [192, 168, 56, 1],  // VirtualBox, host-only
        [192, 168, 99, 1],  // docker-machine and minikube on VirtualBox
        [192, 168, 49, 1],  // minikube on Docker
        [192, 168, 122, 1], // libvirt (QEMU, virt-manager)
        [192, 168, 64, 1],  // macOS virtual machines (vmnet)
        [10, 0, 75, 1],     // Docker for Windows on Hyper-V
        [10, 0, 3, 1],      // LXC
        [10, 211, 55, 2],   // Parallels, shared
        [10, 37, 129, 2],   // Parallels, host-only
    ];
    match address {
        IpAddr::V4(address) => match address.octets() {
            // Docker: the bridge, and one network after the other from there on.
            [172, 17..=31, 0, 1] => true,
            // This machine is VirtualBox's guest behind NAT: out, but not in.
            [10, 0, 2, 15] => true,
            octets => HOSTS.contains(&octets),
        },
        // Tailscale's range.
        IpAddr::V6(address) => address.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

/// Whether an interface is one that no student is connected to: containers,
/// virtual machines, VPNs and tunnels, by the names their makers give them.
fn is_virtual(name: &str) -> bool {
    const PREFIXES: [&str; 16] = [
        "docker",
        "br-",
        "veth",
        "virbr",
        "vmnet",
        "vboxnet",
        "vethernet",
        "virtualbox",
        "vmware",
        "tun",
        "tap",
        "utun",
        "wg",
        "zt",
        "tailscale",
        "ppp",
    ];
    let name = name.to_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || ["vpn", "hyper-v", "wsl", "loopback"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, address: &str) -> Interface {
        Interface { name: name.to_owned(), address: address.parse().unwrap(), up: true }
    }

    fn shown(interfaces: &[Interface]) -> Vec<String> {
        ranked(interfaces).iter().map(|ranked| ranked.address.to_string()).collect()
    }

    #[test]
    fn the_classroom_network_comes_before_virtual_adapters_and_vpns() {
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("docker0", "172.17.0.1"),
            ("vEthernet (WSL)", "192.168.96.1"),
            ("tailscale0", "100.100.1.2"),
            ("utun3", "10.8.0.2"),
            ("eth1", "172.16.3.4"),
            ("eth0", "10.0.0.5"),
            ("wlan0", "fd12:3456::5"),
            ("wlan0", "2001:db8::5"),
            ("tailscale0", "fd7a:115c:a1e0::7"),
            ("Wi-Fi", "192.168.1.23"),
            ("Ethernet 2", "169.254.7.7"),
            ("cell", "100.70.0.1"),
            ("eth2", "203.0.113.9"),
            ("wlan0", "fe80::1"),
            ("alias", "192.168.1.23"),
            ("vmnet8", "10.0.0.5"),
        ]
        .map(|(name, address)| interface(name, address));
        let expected = [
            ("192.168.1.23", true),
            ("10.0.0.5", true),
            ("172.16.3.4", true),
            ("203.0.113.9", true),
            ("100.70.0.1", true),
            ("192.168.96.1", false),
            ("10.8.0.2", false),
            ("172.17.0.1", false),
            ("100.100.1.2", false),
            ("2001:db8::5", true),
            ("fd12:3456::5", true),
            ("fd7a:115c:a1e0::7", false),
        ]
        .map(|(address, likely)| Ranked { address: address.parse().unwrap(), likely });
        assert_eq!(ranked(&interfaces), expected);
    }

    #[test]
    fn an_adapter_whose_name_says_nothing_ranks_last_by_a_virtual_adapter_s_usual_address() {
        for usual in [
            "192.168.56.1",
            "192.168.99.1",
            "192.168.122.1",
            "172.17.0.1",
            "172.18.0.1",
            "172.31.0.1",
            "10.0.75.1",
            "10.211.55.2",
            "10.0.2.15",
        ] {
            let interfaces = [interface("Ethernet 2", usual), interface("Ethernet", "203.0.113.9")];
            assert_eq!(shown(&interfaces), ["203.0.113.9", usual]);
            assert_eq!(shown(&interfaces[..1]), [usual], "better than none");
        }
        // A neighbour in the same range is an ordinary address, and so is the one
        // of a Windows hotspot, which a class may well be on.
        for ordinary in ["192.168.56.2", "192.168.1.1", "172.16.0.1", "172.17.0.9", "192.168.137.1"]
        {
            let interfaces = [interface("eth1", "203.0.113.9"), interface("eth0", ordinary)];
            assert_eq!(shown(&interfaces)[0], ordinary);
        }
    }

    #[test]
    fn link_local_addresses_are_named_only_when_there_are_no_others() {
        let alone = [
            interface("lo", "127.0.0.1"),
            interface("e", "fe80::1"),
            interface("e", "169.254.7.7"),
        ];
        assert_eq!(shown(&alone), ["169.254.7.7", "fe80::1"]);
        let with_ipv6 = [&alone[..], &[interface("e", "2001:db8::5")]].concat();
        assert_eq!(shown(&with_ipv6), ["2001:db8::5"]);
        assert!(shown(&alone[..1]).is_empty(), "on no network");
    }

    #[test]
    fn an_interface_without_a_cable_is_not_the_likely_one() {
        let mut interfaces = [interface("eth0", "192.168.1.9"), interface("wlan0", "10.0.0.5")];
        interfaces[0].up = false;
        assert_eq!(shown(&interfaces), ["10.0.0.5", "192.168.1.9"]);
    }
}
