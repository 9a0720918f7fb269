//! Requests from a browser on this very computer, which is the teacher's: it leads the
//! class without a token, and what its page shows is copied from the projector.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::JoinAddress;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};

use crate::context::ServerContext;
use crate::host_names::{host_of, single_value};
use crate::http::connection::Connection;

/// What proxies add in front of the names of their headers about the client.
const FORWARDING: [&str; 2] = ["x-forwarded", "x-real-ip"];

/// Whether a request is one of a program on this computer that nothing has passed on. A
/// proxy here would make everybody's requests come from here, and says so: in a header,
/// by the name that was asked for, or by speaking HTTP/1.0 as nginx did for long.
pub(super) fn comes_from_this_computer(
    peer: IpAddr,
    version: Version,
    headers: &HeaderMap,
) -> bool {
    let is_local = |host: &str| {
        let name = host.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(host);
        let address = name.parse::<IpAddr>().map(|ip| ip.to_canonical().is_loopback());
        address.unwrap_or_else(|_| name.eq_ignore_ascii_case("localhost"))
    };
    let names_this = single_value(headers, HOST).and_then(host_of).is_some_and(is_local);
    let is_passed_on = headers.keys().any(|name| {
        *name == FORWARDED
            || *name == VIA
            || FORWARDING.iter().any(|start| name.as_str().starts_with(start))
    });
    peer.to_canonical().is_loopback() && version == Version::HTTP_11 && names_this && !is_passed_on
}

/// The readers of an answer: those who are to use the addresses in it.
///
/// A page that the teacher opens on this computer has an address that is of no use on
/// any other. What it shows is read by the class, so that it is told as the class needs
/// it; on this computer the class's address works, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Other people than the one who asks, who is on this computer.
    Class,
    /// The one who asks, by the address that was asked for.
    Asker,
}

impl Readers {
    fn of(parts: &Parts, server: &ServerContext) -> Self {
        let Some(peer) = parts.extensions.get::<Connection>().map(|connection| connection.peer)
        else {
            return Readers::Asker;
        };
        let is_local = comes_from_this_computer(peer.ip(), parts.version, &parts.headers);
        // Another port is that of a tunnel, which ends where the class may not be.
        if is_local && names_port(&parts.headers, server.http.port()) {
            Readers::Class
        } else {
            Readers::Asker
        }
    }

    /// How the class reaches what listens at `listener`, if the readers are the class
    /// and it is not that address itself.
    async fn join(self, listener: SocketAddr, server: &ServerContext) -> Option<JoinAddress> {
        if self == Readers::Asker || !listener.ip().to_canonical().is_unspecified() {
            return None;
        }
        server.join.current().await.first().cloned()
    }

    /// The host that raw TCP clients connect to; none if the one that was asked for is
    /// as good as any.
    pub(super) async fn tcp_host(self, server: &ServerContext) -> Option<String> {
        let bound = server.tcp.ip().to_canonical();
        if bound.is_unspecified() {
            self.join(server.tcp, server).await.map(|best| best.host)
        } else {
            Some(bound.to_string())
        }
    }

    /// The address of the page, if the one that was asked for is of no use to the class.
    pub(super) async fn page(self, server: &ServerContext) -> Option<String> {
        self.join(*server.http, server).await.map(|best| best.url)
    }
}

impl<S: Sync> FromRequestParts<S> for Readers
where
    Arc<ServerContext>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Readers::of(parts, &Arc::from_ref(state)))
    }
}

/// Whether the host that was asked for is at this port.
fn names_port(headers: &HeaderMap, port: u16) -> bool {
    let authority = single_value(headers, HOST).unwrap_or_default();
    let host = host_of(authority).unwrap_or_default();
    let named = authority.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    named.map_or(port == 80, |named| named.parse() == Ok(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_an_unforwarded_request_that_names_this_computer_comes_from_it() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let comes = |peer, version, pairs: &[(&'static str, &str)]| {
            comes_from_this_computer(peer, version, &headers(pairs))
        };
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.9.9.9"] {
            assert!(comes(here, Version::HTTP_11, &[("host", host)]), "{host}");
        }
        let mapped = "::ffff:127.0.0.1".parse().unwrap();
        assert!(comes(mapped, Version::HTTP_11, &[("host", "localhost")]));
        for pairs in [
            &[][..],
            &[("host", "classroom.test:8080")],
            &[("host", "192.168.1.5:8080")],
            &[("host", "localhost.evil.example")],
            &[("host", "localhost"), ("host", "localhost")],
            &[("host", "localhost"), ("x-forwarded-for", "192.168.1.7")],
            &[("host", "localhost"), ("x-forwarded-proto", "https")],
            &[("host", "localhost"), ("x-real-ip", "192.168.1.7")],
            &[("host", "localhost"), ("forwarded", "for=192.168.1.7")],
            &[("host", "localhost"), ("via", "1.1 proxy")],
        ] {
            assert!(!comes(here, Version::HTTP_11, pairs), "{pairs:?}");
        }
        let local = [("host", "localhost")];
        assert!(!comes(here, Version::HTTP_10, &local));
        assert!(!comes([192, 168, 1, 7].into(), Version::HTTP_11, &local));
    }

    #[test]
    fn a_host_without_a_port_is_at_port_80() {
        for (host, port, expected) in [
            ("localhost:8080", 8080, true),
            ("[::1]:8080", 8080, true),
            ("localhost:9000", 8080, false),
            ("localhost", 8080, false),
            ("[::1]", 80, true),
        ] {
            assert_eq!(names_port(&headers(&[("host", host)]), port), expected, "{host}");
        }
    }
}
