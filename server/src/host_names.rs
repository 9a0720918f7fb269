//! Which requests are for this server, by their `Host`, and which pages may talk to
//! it, by their `Origin`: protection from DNS rebinding and cross-site WebSockets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// The names this server goes by, and the pages that may talk to it.
#[derive(Clone, Debug)]
pub struct HostNames {
    names: BTreeSet<String>,
    origins: BTreeSet<String>,
}

impl HostNames {
    /// `localhost`, this machine's own name and its `.local` form, and `names`;
    /// IP addresses always count as own. `origins` are pages of other servers
    /// that may open the WebSocket, as `http://HOST[:PORT]`.
    pub fn new(names: &[String], origins: &[String]) -> Self {
        let machine = gethostname::gethostname().to_string_lossy().to_lowercase();
        let local = format!("{}.local", machine.trim_end_matches(".local"));
        let own = ["localhost".to_owned(), machine, local];
        HostNames {
            names: own.into_iter().chain(names.iter().map(|name| normal_name(name))).collect(),
            origins: origins.iter().map(|origin| normal_origin(origin)).collect(),
        }
    }

    /// Whether a request is for this server. `X-Forwarded-Host` and its like do
    /// not count: any client can send them.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> HostCheck {
        let Some(host) = single_value(headers, HOST).filter(|host| self.is_own_authority(host))
        else {
            return HostCheck::Foreign;
        };
        // `GET http://HOST/ HTTP/1.1` names the host twice (RFC 9112, section 3.2.2).
        match uri.authority() {
            None => HostCheck::Own,
            Some(authority) if !self.is_own_authority(authority.as_str()) => HostCheck::Foreign,
            Some(authority) => {
                let normal = |authority: &str| normal_origin(&format!("http://{authority}"));
                match normal(authority.as_str()) == normal(host) {
                    true => HostCheck::Own,
                    false => HostCheck::Contradiction,
                }
            }
        }
    }

    fn is_own_authority(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        address.unwrap_or(host).parse::<IpAddr>().is_ok() || self.names.contains(&normal_name(host))
    }

    /// A browser names the page's origin; it must be exactly this server's, or
    /// one allowed. A script names none. `null` (a file, a sandbox) is no origin.
    pub(crate) fn is_allowed_origin(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(ORIGIN) {
            return true;
        }
        let Some(origin) = single_value(headers, ORIGIN) else { return false };
        let own = single_value(headers, HOST).map(|host| normal_origin(&format!("http://{host}")));
        let origin = origin.to_ascii_lowercase();
        Some(&origin) == own.as_ref() || self.origins.contains(&origin)
    }
}

/// Which server a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostCheck {
    /// This one.
    Own,
    /// Another one, or it does not say.
    Foreign,
    /// Two different names of this one.
    Contradiction,
}

/// A header's value if it stands there once and is text.
pub(crate) fn single_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// `HOST` of `HOST[:PORT]`; nothing if it is neither.
pub(crate) fn host_of(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    let port_fits =
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (port_fits && !host.is_empty()).then_some(host)
}

fn normal_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// As browsers write it: lower case, no final `/`, no default port.
fn normal_origin(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    match origin.strip_prefix("http://") {
        Some(authority) => format!("http://{}", authority.strip_suffix(":80").unwrap_or(authority)),
        None => origin.strip_suffix(":443").unwrap_or(&origin).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn check(hosts: &HostNames, pairs: &[(&'static str, &str)]) -> HostCheck {
        hosts.check(&Uri::from_static("/"), &headers(pairs))
    }

    #[test]
    fn an_address_with_a_host_in_it_must_be_of_the_host_in_the_header() {
        use HostCheck::{Contradiction, Foreign, Own};
        let hosts = HostNames::new(&[], &[]);
        for (uri, host, expected) in [
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", Own),
            ("http://LOCALHOST:80/", "localhost", Own),
            ("http://evil.example/", "127.0.0.1:8080", Foreign),
            ("http://evil.example:8080/api/contacts", "localhost:8080", Foreign),
            ("http://127.0.0.1:8080/", "evil.example", Foreign),
            ("https://evil.example/", "localhost", Foreign),
            ("http://user@127.0.0.1/", "127.0.0.1", Foreign),
            // CONNECT
            ("evil.example:443", "localhost", Foreign),
            ("http://127.0.0.1:8081/", "127.0.0.1:8080", Contradiction),
            ("http://localhost/", "127.0.0.1", Contradiction),
        ] {
            let checked = hosts.check(&uri.parse().unwrap(), &headers(&[("host", host)]));
            assert_eq!(checked, expected, "{uri} {host}");
        }
    }

    #[test]
    fn only_addresses_and_own_names_are_own_hosts() {
        let hosts = HostNames::new(&["classroom.test".into()], &[]);
        for own in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.168.1.23:8080",
            "[::1]:8080",
            "localhost",
            "localhost:8080",
            "LOCALHOST.",
            "classroom.test:8080",
            "Classroom.Test",
        ] {
            assert_eq!(check(&hosts, &[("host", own)]), HostCheck::Own, "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":8080",
            "127.0.0.1:port",
            "127.0.0.1:99999",
            "[::1",
            "user@127.0.0.1",
            "localhost:8080:1",
        ] {
            assert_eq!(check(&hosts, &[("host", foreign)]), HostCheck::Foreign, "{foreign}");
        }
        assert_eq!(check(&hosts, &[]), HostCheck::Foreign);
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(check(&hosts, &twice), HostCheck::Foreign);
        // Any client can send these.
        let forwarded = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
        assert_eq!(check(&hosts, &forwarded), HostCheck::Foreign);
    }

    #[test]
    fn this_machine_s_own_name_is_an_own_host() {
        let machine = gethostname::gethostname().to_string_lossy().into_owned();
        let hosts = HostNames::new(&[], &[]);
        assert!(hosts.is_own_authority(&format!("{machine}:8080")));
        assert!(
            hosts.is_own_authority(&format!("{}.local:8080", machine.trim_end_matches(".local")))
        );
    }

    #[test]
    fn a_page_must_be_of_exactly_this_origin_or_an_allowed_one() {
        let hosts = HostNames::new(&[], &["https://school.example/".into()]);
        let allowed = |origin: &str| {
            hosts.is_allowed_origin(&headers(&[("host", "127.0.0.1:8080"), ("origin", origin)]))
        };
        assert!(allowed("http://127.0.0.1:8080"));
        assert!(allowed("https://school.example"));
        for foreign in [
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:8081",
            "https://127.0.0.1:8080",
            "http://localhost:8080",
            "http://evil.example",
            "http://127.0.0.1:8080.evil.example",
            "https://school.example.evil.example",
            "http://school.example",
            "file://",
        ] {
            assert!(!allowed(foreign), "{foreign:?}");
        }
        assert!(hosts.is_allowed_origin(&headers(&[("host", "127.0.0.1:8080")])), "a script");
        let on_port_80 = headers(&[("host", "127.0.0.1:80"), ("origin", "http://127.0.0.1")]);
        assert!(hosts.is_allowed_origin(&on_port_80));
    }
}
