//! The addresses students can reach this machine at, the likeliest first.

use std::net::{IpAddr, Ipv4Addr};

/// A network interface's name and one of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As the system calls it: `eth0`, `en0`, `Wi-Fi`.
    pub name: String,
    /// One of its addresses.
    pub address: IpAddr,
}

/// The interfaces of this machine.
///
/// # Errors
///
/// The system does not tell; there is then nothing to show.
pub fn interfaces() -> std::io::Result<Vec<Interface>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces
        .into_iter()
        .map(|interface| Interface { address: interface.ip(), name: interface.name })
        .collect())
}

/// The IPv4 addresses in the order in which a classroom should try them: the
/// ranges that home and school routers give out first, virtual and VPN
/// adapters last. Loopback and self-assigned addresses are left out.
pub fn ranked(interfaces: &[Interface]) -> Vec<Ipv4Addr> {
    let mut ranked: Vec<_> = interfaces
        .iter()
        .filter_map(|Interface { name, address }| match address {
            IpAddr::V4(address) if !address.is_loopback() && !address.is_link_local() => {
                Some((is_virtual(name), range_rank(*address), *address))
            }
            _ => None,
        })
        .collect();
    ranked.sort();
    ranked.dedup_by_key(|entry| entry.2);
    ranked.into_iter().map(|(_, _, address)| address).collect()
}

/// 192.168 is what most routers give out, then 10, then 172.16 to 172.31, where
/// container networks live, too. Carrier-grade NAT (100.64/10) is mostly a VPN.
fn range_rank(address: Ipv4Addr) -> u8 {
    match address.octets() {
        [192, 168, ..] => 0,
        [10, ..] => 1,
        [172, 16..=31, ..] => 2,
        [100, 64..=127, ..] => 4,
        _ => 3,
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

    #[test]
    fn the_classroom_network_comes_before_virtual_adapters_and_vpns() {
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("vEthernet (WSL)", "192.168.96.1"),
            ("tailscale0", "100.100.1.2"),
            ("utun3", "10.8.0.2"),
            ("eth1", "172.16.3.4"),
            ("eth0", "10.0.0.5"),
            ("Wi-Fi", "192.168.1.23"),
            ("Ethernet 2", "169.254.7.7"),
            ("cell", "100.70.0.1"),
            ("eth2", "203.0.113.9"),
            ("wlan0", "fe80::1"),
            ("alias", "192.168.1.23"),
        ]
        .map(|(name, address)| Interface {
            name: name.to_owned(),
            address: address.parse().unwrap(),
        });
        let expected = [
            "192.168.1.23",
            "10.0.0.5",
            "172.16.3.4",
            "203.0.113.9",
            "100.70.0.1",
            "192.168.96.1",
            "10.8.0.2",
            "172.17.0.1",
            "100.100.1.2",
        ];
        let ranked: Vec<_> = ranked(&interfaces).iter().map(ToString::to_string).collect();
        assert_eq!(ranked, expected);
    }
}
