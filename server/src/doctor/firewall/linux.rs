//! Linux: firewalld and ufw, which say what they do, and the kernel's rules.

use super::Verdict;
use super::rules::{self, Fate, Ruleset};

/// `firewall-cmd --query-port` of each port.
pub(super) fn firewalld(ports: [u16; 2], open: [bool; 2]) -> Verdict {
    let closed = ports.iter().zip(open).filter(|(_, open)| !open);
    let options: Vec<_> = closed.map(|(port, _)| format!("--add-port={port}/tcp")).collect();
    match options.is_empty() {
        true => Verdict::Open,
        // Without --permanent it ends with the next start of the computer.
        false => Verdict::Closed(vec![format!("sudo firewall-cmd {}", options.join(" "))]),
    }
}

/// `ufw status`, which needs root, or else its configuration.
pub(super) fn ufw(ports: [u16; 2], status: Option<&str>, config: &str) -> Verdict {
    let allow = || vec![format!("sudo ufw allow {},{}/tcp", ports[0], ports[1])];
    let Some(status) = status else {
        let is_on = config.lines().any(|line| line.trim() == "ENABLED=yes");
        return match is_on {
            true => Verdict::Unread(vec!["sudo ufw status".to_owned()]),
            false => Verdict::Off,
        };
    };
    if status.contains("inactive") {
        return Verdict::Off;
    }
    let allows = |port: u16| {
        status.lines().filter(|line| line.contains("ALLOW")).any(|line| {
            let to = line.split_whitespace().next().unwrap_or_default();
            let (list, kind) = to.split_once('/').unwrap_or((to, "tcp"));
            kind == "tcp" && (to == "Anywhere" || list.split(',').any(|own| covers(own, port)))
        })
    };
    if ports.into_iter().all(allows) { Verdict::Open } else { Verdict::Closed(allow()) }
}

/// Whether `8080` or `8000:9999` or `8000-9999` has a port in it.
pub(super) fn covers(written: &str, port: u16) -> bool {
    let range = written.split_once(':').or_else(|| written.split_once('-'));
    match range {
        Some((from, to)) => {
            from.parse().is_ok_and(|from: u16| from <= port)
                && to.parse().is_ok_and(|to: u16| port <= to)
        }
        None => written.parse() == Ok(port),
    }
}

/// `iptables -S`.
pub(super) fn iptables(ports: [u16; 2], rules: &str) -> Verdict {
    let [tcp, http] = ports;
    let open =
        format!("sudo iptables -I INPUT -p tcp -m multiport --dports {tcp},{http} -j ACCEPT");
    verdict(ports, &rules::iptables(rules), |_| open.clone(), "sudo iptables -S")
}

/// `nft list ruleset`.
pub(super) fn nftables(ports: [u16; 2], rules: &str) -> Verdict {
    let [tcp, http] = ports;
    let open = |chain: &str| {
        format!("sudo nft insert rule {chain} tcp dport '{{ {tcp}, {http} }}' accept")
    };
    verdict(ports, &rules::nftables(rules), open, "sudo nft list ruleset")
}

/// What becomes of both ports; the commands that let them in where they are refused, and
/// the one that shows the rules.
fn verdict(ports: [u16; 2], rules: &Ruleset, open: impl Fn(&str) -> String, show: &str) -> Verdict {
    let fates: Vec<_> = ports
        .into_iter()
        .flat_map(|port| rules.entries().map(move |(chain, _)| (chain, rules.fate(chain, port))))
        .collect();
    let mut closed: Vec<_> = fates
        .iter()
        .filter(|(_, fate)| *fate == Fate::Refused)
        .map(|(chain, _)| open(chain))
        .collect();
    closed.sort_unstable();
    closed.dedup();
    if !closed.is_empty() {
        Verdict::Closed(closed)
    } else if fates.iter().any(|(_, fate)| *fate == Fate::Unknown) {
        Verdict::Unread(vec![show.to_owned()])
    } else {
        Verdict::Open
    }
}
