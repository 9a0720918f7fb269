//! Forwarded requests: whose a request is that comes by a balancer or a proxy.
//!
//! `X-Forwarded-For` is believed of the addresses that the one who runs the server names
//! (`--trust-proxy`) and of no others: anybody can write it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address from which a request came to the first of the trusted proxies; none if it
/// came from no proxy that is trusted, or that proxy does not say.
///
/// Each proxy appends the address that it sees. So the last one in the list that is no
/// proxy of ours is true, and what stands before it the client may have written.
pub(super) fn client_behind(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.contains(&address.to_canonical());
    if !is_trusted(&peer) {
        return None;
    }
    let values = headers.get_all(X_FORWARDED_FOR).iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap_or_default()).collect();
    for address in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        // Behind something that is no address nothing is certain.
        let address = address.trim().parse::<IpAddr>().ok()?;
        if !is_trusted(&address) {
            return Some(address.to_canonical());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_have_seen_themselves() {
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let client = |peer: &str, values: &[&str]| {
            let pairs = values.iter().map(|value| (X_FORWARDED_FOR, value.parse().unwrap()));
            client_behind(peer.parse().unwrap(), &pairs.collect(), &trusted)
        };
        let phone = Some("192.168.1.7".parse().unwrap());
        assert_eq!(client("10.0.0.1", &["192.168.1.7"]), phone);
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:192.168.1.7"]), phone);
        assert_eq!(client("10.0.0.1", &["1.2.3.4, 192.168.1.7 , 10.0.0.2"]), phone);
        assert_eq!(client("10.0.0.1", &["1.2.3.4", "192.168.1.7,10.0.0.2"]), phone);
        assert_eq!(client("10.0.0.3", &["192.168.1.7"]), None, "a client writes it");
        for nothing in [&[][..], &[""], &["10.0.0.2"], &["1.2.3.4, unknown"], &["1.2.3.4:80"]] {
            assert_eq!(client("10.0.0.1", nothing), None, "{nothing:?}");
        }
    }
}
