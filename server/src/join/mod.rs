//! How students reach this machine: its addresses, the likeliest first, as URLs
//! and QR codes. The banner and the board show the same ones.
//!
//! `interfaces` reads and ranks the addresses of this machine, `hosts` chooses
//! those that a listener is reached at, `qr` encodes a URL.

pub(crate) mod hosts;
pub mod interfaces;
pub(crate) mod qr;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::JoinAddress;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use self::hosts::{Host, Hosts};
use self::interfaces::{Interface, interfaces, ranked};

/// How long the addresses are taken for current: a Wi-Fi that is joined late is
/// shown before the class has finished asking.
pub(crate) const CURRENT: Duration = Duration::from_secs(10);

/// The most addresses told. At some 1.2 KB each, nearly all of it the QR code, an
/// event stays below 10 KB on a machine full of virtual networks.
const MOST: usize = 8;

/// The addresses of a server that is bound, read from the system when they are
/// asked for and older than [`CURRENT`].
#[derive(Debug)]
pub(crate) struct JoinAddresses {
    listeners: BoundAddresses,
    latest: Mutex<Option<(Instant, Arc<[JoinAddress]>)>>,
}

/// Where a server listens, and what its teacher calls it.
#[derive(Clone, Debug)]
pub(crate) struct BoundAddresses {
    /// Where raw TCP clients connect.
    pub(crate) tcp: SocketAddr,
    /// Where browsers connect.
    pub(crate) http: SocketAddr,
    /// The name or IP address that the teacher chose for students (`--advertise`).
    pub(crate) advertised: Option<String>,
    /// The folder of the page, as `r/CODE/`; empty where the page is at the top.
    pub(crate) folder: String,
}

impl JoinAddresses {
    pub(crate) fn new(listeners: BoundAddresses) -> Self {
        JoinAddresses { listeners, latest: Mutex::new(None) }
    }

    /// The same for one class of many, whose page is in a folder.
    pub(crate) fn of_class(&self, folder: String, tcp: SocketAddr) -> Self {
        Self::new(BoundAddresses { folder, tcp, ..self.listeners.clone() })
    }

    /// The addresses, best first; never empty. Safe to cancel.
    pub(crate) async fn current(&self) -> Arc<[JoinAddress]> {
        // Held while the system is asked, so that many watchers ask it once.
        let mut latest = self.latest.lock().await;
        if let Some((read, addresses)) = &*latest
            && read.elapsed() < CURRENT
        {
            return Arc::clone(addresses);
        }
        // On Windows the system takes milliseconds, too long for a thread that
        // serves others. A machine that does not tell is on no network.
        let read = spawn_blocking(|| interfaces().unwrap_or_default()).await;
        let addresses: Arc<[_]> = self.listeners.join_addresses(&read.unwrap_or_default()).into();
        *latest = Some((Instant::now(), Arc::clone(&addresses)));
        addresses
    }
}

impl BoundAddresses {
    /// How students reach the server on a machine with these interfaces: as the
    /// banner says, or on this computer alone.
    fn join_addresses(&self, interfaces: &[Interface]) -> Vec<JoinAddress> {
        let lan = ranked(interfaces);
        let hosts = |listener| {
            let advertised = self.advertised.as_deref();
            Hosts { listener, lan: &lan, advertised }.all()
        };
        let mut pages = hosts(self.http);
        pages.retain(Host::opens_in_browser);
        if pages.is_empty() {
            pages.push(Host::Address(hosts::on_this_computer(self.http)));
        }
        let tcp = hosts(self.tcp);
        let on_this_computer = Host::Address(hosts::on_this_computer(self.tcp));
        let told = pages.iter().take(MOST).map(|page| {
            let url = page.url(self.http.port()) + &self.folder;
            // The same host, unless raw TCP is served elsewhere.
            let host =
                if tcp.contains(page) { page } else { tcp.first().unwrap_or(&on_this_computer) };
            JoinAddress {
                interface: page
                    .address()
                    .map(|ip| interface_of(ip, interfaces))
                    .unwrap_or_default(),
                host: host.to_string(),
                port: self.tcp.port(),
                qr: qr::encode(&url).map(|code| qr::rows(&code)).unwrap_or_default(),
                url,
            }
        });
        told.collect()
    }
}

/// The name of the interface that has an address; empty if none has.
fn interface_of(ip: IpAddr, interfaces: &[Interface]) -> String {
    let found = interfaces.iter().find(|interface| interface.address == ip);
    found.map(|interface| interface.name.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERFACES: [(&str, &str); 6] = [
        ("lo", "127.0.0.1"),
        ("docker0", "172.17.0.1"),
        ("wlan0", "192.168.1.5"),
        ("eth0", "10.0.0.5"),
        ("wlan0", "2001:db8::5"),
        ("wlan0", "fe80::5"),
    ];

    fn told(
        http: &str,
        tcp: &str,
        advertised: Option<&str>,
        interfaces: &[(&str, &str)],
    ) -> Vec<JoinAddress> {
        let bound = BoundAddresses {
            tcp: tcp.parse().unwrap(),
            http: http.parse().unwrap(),
            advertised: advertised.map(ToOwned::to_owned),
            folder: String::new(),
        };
        let interfaces: Vec<_> = interfaces
            .iter()
            .map(|(name, address)| Interface {
                name: (*name).to_owned(),
                address: address.parse().unwrap(),
                up: true,
            })
            .collect();
        bound.join_addresses(&interfaces)
    }

    /// Interface, URL, host and port of each.
    fn texts(addresses: &[JoinAddress]) -> Vec<String> {
        addresses
            .iter()
            .map(|JoinAddress { interface, url, host, port, .. }| {
                format!("{interface} {url} {host} {port}")
            })
            .collect()
    }

    #[test]
    fn on_the_network_all_addresses_are_told_best_first() {
        let told = told("[::]:8080", "[::]:9999", None, &INTERFACES);
        assert_eq!(
            texts(&told),
            [
                "wlan0 http://192.168.1.5:8080/ 192.168.1.5 9999",
                "eth0 http://10.0.0.5:8080/ 10.0.0.5 9999",
                "docker0 http://172.17.0.1:8080/ 172.17.0.1 9999",
                "wlan0 http://[2001:db8::5]:8080/ 2001:db8::5 9999",
            ]
        );
        for address in &told {
            let rows = &address.qr;
            assert!(rows.len() >= 21, "the smallest QR code has 21 modules a side");
            let square = |row: &String| {
                row.len() == rows.len() && row.bytes().all(|module| matches!(module, b'0' | b'1'))
            };
            assert!(rows.iter().all(square), "{rows:?}");
            // The finder pattern in the corner.
            assert!(rows[0].starts_with("11111110") && rows[1].starts_with("10000010"), "{rows:?}");
        }
    }

    #[test]
    fn there_is_always_an_address() {
        for (http, expected) in [
            ("127.0.0.1:8080", "lo http://127.0.0.1:8080/ 127.0.0.1 9999"),
            ("192.168.1.5:8080", "wlan0 http://192.168.1.5:8080/ 127.0.0.1 9999"),
            ("[::1]:8080", " http://[::1]:8080/ 127.0.0.1 9999"),
        ] {
            assert_eq!(texts(&told(http, "127.0.0.1:9999", None, &INTERFACES)), [expected]);
        }
        let on_no_network = told("[::]:8080", "[::]:9999", None, &INTERFACES[..1]);
        assert_eq!(texts(&on_no_network), ["lo http://127.0.0.1:8080/ 127.0.0.1 9999"]);
        let link_local = told("[::]:8080", "[::]:9999", None, &[("eth0", "fe80::5")]);
        assert_eq!(link_local[0].url, "http://127.0.0.1:8080/", "no browser opens fe80::5");
        assert_eq!(told("[::]:8080", "[::]:9999", None, &[])[0].url, "http://127.0.0.1:8080/");
    }

    #[test]
    fn what_is_advertised_comes_first() {
        for listener in ["127.0.0.1", "[::]"] {
            let (http, tcp) = (format!("{listener}:8080"), format!("{listener}:9999"));
            let told = told(&http, &tcp, Some("classroom.local"), &INTERFACES);
            let expected = " http://classroom.local:8080/ classroom.local 9999";
            assert_eq!(texts(&told)[0], expected, "{listener}");
        }
        let known = told("[::]:8080", "[::]:9999", Some("10.0.0.5"), &INTERFACES);
        assert_eq!(texts(&known)[0], "eth0 http://10.0.0.5:8080/ 10.0.0.5 9999");
        assert_eq!(known.len(), 4, "and is not told twice");
    }

    #[test]
    fn raw_tcp_clients_are_sent_where_raw_tcp_is_served() {
        for (tcp, hosts) in [
            ("127.0.0.1:9999", ["127.0.0.1"; 4]),
            ("10.0.0.5:9999", ["10.0.0.5"; 4]),
            ("0.0.0.0:9999", ["192.168.1.5", "10.0.0.5", "172.17.0.1", "192.168.1.5"]),
        ] {
            let told = told("[::]:8080", tcp, None, &INTERFACES);
            assert!(told.iter().map(|address| &address.host).eq(&hosts), "{tcp}: {told:?}");
        }
    }

    #[test]
    fn a_machine_full_of_networks_tells_the_best_few() {
        let names: Vec<_> = (1..=20).map(|number| format!("192.168.{number}.5")).collect();
        let interfaces: Vec<_> = names.iter().map(|address| ("eth", address.as_str())).collect();
        assert_eq!(told("[::]:8080", "[::]:9999", None, &interfaces).len(), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_is_asked_again_when_the_addresses_are_old() {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (advertised, folder) = Default::default();
        let bound =
            BoundAddresses { tcp: loopback(9999), http: loopback(8080), advertised, folder };
        let join = JoinAddresses::new(bound);
        let first = join.current().await;
        let in_folder = join.of_class("r/k7m2/".to_owned(), loopback(9998)).current().await;
        assert_eq!(in_folder[0].url, "http://127.0.0.1:8080/r/k7m2/");
        assert!(Arc::ptr_eq(&first, &join.current().await));
        tokio::time::advance(CURRENT).await;
        assert!(!Arc::ptr_eq(&first, &join.current().await));
    }
}
