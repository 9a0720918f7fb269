//! Where the connections of a page's program may go.

use std::net::{IpAddr, SocketAddr};

use crate::config::PortRange;

/// Where a program's connections may go.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// Where the lesson is.
    pub(crate) lesson: SocketAddr,
    /// Its port as programs know it.
    pub(crate) port: u16,
    /// The names of this server, that for neighbours first; only for requests with a host.
    pub(crate) hosts: Vec<String>,
    /// Whether this server is on the network, and not on this computer alone.
    pub(crate) is_on_network: bool,
    /// Where its server may listen.
    pub(crate) ports: PortRange,
}

impl Reach {
    /// Whether a name is this computer's, as the page or the lesson's programs call it.
    pub(super) fn is_here(&self, host: &str) -> bool {
        host == "localhost"
            || self.hosts.iter().any(|name| name.eq_ignore_ascii_case(host))
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Limits;

    pub(crate) fn reach() -> Reach {
        Reach {
            lesson: SocketAddr::from(([127, 0, 0, 1], 9999)),
            port: 9999,
            hosts: vec!["classroom.test".to_owned(), "192.168.1.7".to_owned()],
            is_on_network: false,
            ports: Limits::STUDENT_PORTS,
        }
    }

    #[test]
    fn a_name_is_this_computer_only_if_the_page_calls_it_so() {
        for (host, is) in [
            ("127.0.0.1", true),
            ("127.0.0.2", true),
            ("localhost", true),
            ("Classroom.Test", true),
            ("192.168.1.7", true),
            ("192.168.1.1", false),
            ("example.org", false),
            ("", false),
        ] {
            assert_eq!(reach().is_here(host), is, "{host}");
        }
    }
}
