//! The kernel's rules for what comes in, as `nft` and `iptables` print them, and what
//! becomes of a new connection to a port.
//!
//! It knows the conditions of usual firewalls. A rule with any other condition may apply
//! or not, and where that matters the fate is [`Fate::Unknown`]: no guess is told as a fact.

use std::collections::HashMap;

use super::linux::covers;

/// Chains that call each other deeper than this are taken for a loop. The kernel allows 16.
const DEEPEST: usize = 16;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Refused,
    Unknown,
}

/// Whether a rule applies to a new connection that comes over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
    Perhaps,
}

/// What a rule does with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Accept,
    Refuse,
    Call(String),
    Return,
    /// It counts or logs, or does what is not known here.
    Other,
}

/// A rule: the ports it is for, if it names some, and what else it asks for.
#[derive(Clone, Debug)]
struct Rule {
    ports: Option<String>,
    applies: Applies,
    action: Action,
}

impl Rule {
    fn applies_to(&self, port: u16) -> Applies {
        let Some(ports) = &self.ports else { return self.applies };
        let named: Vec<_> = ports.split(',').map(str::trim).filter(|own| !own.is_empty()).collect();
        if named.iter().any(|own| covers(own, port)) {
            return self.applies;
        }
        // The name of a service, a set, or all ports but some.
        let is_plain = |own: &&str| own.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
        if named.iter().all(is_plain) || self.applies == Applies::No {
            return Applies::No;
        }
        Applies::Perhaps
    }
}

/// All chains, by their names.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    chains: HashMap<String, Vec<Rule>>,
    /// Those that new connections enter, and whether they end in a refusal.
    entries: Vec<(String, bool)>,
}

impl Ruleset {
    /// The chains that new connections enter, and whether they end in a refusal.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, bool)> {
        self.entries.iter().map(|(name, refuses)| (name.as_str(), *refuses))
    }

    /// What becomes of a connection to a port in one of the entries.
    pub(super) fn fate(&self, entry: &str, port: u16) -> Fate {
        let refuses = self.entries().any(|(name, refuses)| name == entry && refuses);
        let rest = if refuses { Fate::Refused } else { Fate::Accepted };
        match self.walk(entry, port, 0) {
            (Some(fate), None) => fate,
            (fate, perhaps) => {
                let fate = fate.unwrap_or(rest);
                if perhaps.is_none_or(|perhaps| perhaps == fate) { fate } else { Fate::Unknown }
            }
        }
    }

    /// What a chain decides, if it does, and what a rule before that might have decided
    /// otherwise.
    fn walk(&self, chain: &str, port: u16, depth: usize) -> (Option<Fate>, Option<Fate>) {
        let mut perhaps = None;
        let mut may_be = |fate: Fate| {
            perhaps =
                Some(if perhaps.is_none_or(|other| other == fate) { fate } else { Fate::Unknown });
        };
        let rules = self.chains.get(chain).filter(|_| depth <= DEEPEST);
        for rule in rules.into_iter().flatten() {
            let applies = rule.applies_to(port);
            if applies == Applies::No {
                continue;
            }
            let decided = match &rule.action {
                Action::Accept => Some(Fate::Accepted),
                Action::Refuse => Some(Fate::Refused),
                Action::Other => None,
                Action::Return if applies == Applies::Yes => return (None, perhaps),
                Action::Return => {
                    may_be(Fate::Unknown);
                    None
                }
                Action::Call(name) => {
                    let (decided, might) = self.walk(name, port, depth + 1);
                    might.into_iter().for_each(&mut may_be);
                    decided
                }
            };
            match decided {
                Some(fate) if applies == Applies::Yes => return (Some(fate), perhaps),
                Some(fate) => may_be(fate),
                None => {}
            }
        }
        (None, perhaps)
    }
}

/// `nft list ruleset`.
pub(super) fn nftables(text: &str) -> Ruleset {
    let mut rules = Ruleset::default();
    let (mut table, mut chain) = (String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ") {
            table = name.trim_end_matches([' ', '{']).to_owned();
        } else if let Some(name) = line.strip_prefix("chain ") {
            chain = format!("{table} {}", name.trim_end_matches([' ', '{']));
        } else if line == "}" {
            chain.clear();
        } else if chain.is_empty() || table.starts_with("ip6 ") || table.starts_with("bridge ") {
            // Sets and maps, and what is not for a class's addresses.
        } else if line.starts_with("type ") {
            if line.contains("hook input") {
                rules.entries.push((chain.clone(), line.contains("policy drop")));
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            rules.chains.entry(chain.clone()).or_default().push(nft_rule(line, &table));
        }
    }
    rules
}

fn nft_rule(line: &str, table: &str) -> Rule {
    let mut words = line.split_whitespace().peekable();
    let mut rule = Rule { ports: None, applies: Applies::Yes, action: Action::Other };
    while let Some(word) = words.next() {
        match word {
            "accept" => rule.action = Action::Accept,
            "drop" | "reject" => {
                rule.action = Action::Refuse;
                break;
            }
            "return" => rule.action = Action::Return,
            "jump" | "goto" => {
                rule.action = Action::Call(format!("{table} {}", words.next().unwrap_or_default()));
            }
            "counter" | "packets" | "bytes" | "log" => {}
            "comment" | "prefix" => break_quoted(&mut words),
            "level" => drop(words.next()),
            "tcp" if words.peek() == Some(&"dport") => {
                words.next();
                rule.ports = Some(value(&mut words));
            }
            "ct" if words.next() == Some("state") => {
                let states = value(&mut words);
                // A map from states to verdicts has them for connections that are not new.
                if states == "vmap" {
                    value(&mut words);
                }
                narrow(&mut rule, if states.contains("new") { Applies::Yes } else { Applies::No });
            }
            "iif" | "iifname" => {
                let interface = value(&mut words);
                narrow(
                    &mut rule,
                    if interface.trim_matches('"') == "lo" {
                        Applies::No
                    } else {
                        Applies::Perhaps
                    },
                );
            }
            "udp" | "icmp" | "icmpv6" | "ip6" => {
                value(&mut words);
                value(&mut words);
                narrow(&mut rule, Applies::No);
            }
            "meta" if words.peek() == Some(&"l4proto") => {
                words.next();
                let kinds = value(&mut words);
                narrow(&mut rule, if kinds.contains("tcp") { Applies::Yes } else { Applies::No });
            }
            _ if word.chars().all(|c| c.is_ascii_digit()) => {}
            _ => narrow(&mut rule, Applies::Perhaps),
        }
    }
    rule
}

/// The value of a condition: a word, or what stands in braces, without them.
fn value<'w>(words: &mut impl Iterator<Item = &'w str>) -> String {
    let first = words.next().unwrap_or_default();
    if first != "{" {
        return first.to_owned();
    }
    words.take_while(|word| *word != "}").collect::<Vec<_>>().join(" ")
}

/// Passes over a text in quotes.
fn break_quoted<'w>(words: &mut impl Iterator<Item = &'w str>) {
    let first = words.next().unwrap_or_default();
    if first.len() < 2 || !first.ends_with('"') {
        words.find(|word| word.ends_with('"'));
    }
}

/// A rule applies only where all its conditions do.
fn narrow(rule: &mut Rule, condition: Applies) {
    rule.applies = match (rule.applies, condition) {
        (Applies::No, _) | (_, Applies::No) => Applies::No,
        (Applies::Perhaps, _) | (_, Applies::Perhaps) => Applies::Perhaps,
        _ => Applies::Yes,
    };
}

/// `iptables -S`.
pub(super) fn iptables(text: &str) -> Ruleset {
    let mut rules = Ruleset::default();
    let refuses =
        text.lines().any(|line| matches!(line.trim(), "-P INPUT DROP" | "-P INPUT REJECT"));
    rules.entries.push(("INPUT".to_owned(), refuses));
    for line in text.lines().map(str::trim) {
        if let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|rest| rest.split_once(' '))
        {
            rules.chains.entry(chain.to_owned()).or_default().push(iptables_rule(rule));
        }
    }
    rules
}

fn iptables_rule(line: &str) -> Rule {
    let mut words = line.split_whitespace();
    let mut rule = Rule { ports: None, applies: Applies::Yes, action: Action::Other };
    while let Some(word) = words.next() {
        match word {
            "-j" | "-g" => {
                rule.action = match words.next().unwrap_or_default() {
                    "ACCEPT" => Action::Accept,
                    "DROP" | "REJECT" => Action::Refuse,
                    "RETURN" => Action::Return,
                    "LOG" | "NFLOG" => Action::Other,
                    name => Action::Call(name.to_owned()),
                };
                // What follows is how it refuses or logs.
                break;
            }
            "-m" => drop(words.next()),
            "--comment" => break_quoted(&mut words),
            "-p" => {
                let is_tcp = matches!(words.next(), Some("tcp" | "all"));
                narrow(&mut rule, if is_tcp { Applies::Yes } else { Applies::No });
            }
            "--dport" | "--dports" => rule.ports = words.next().map(str::to_owned),
            "--ctstate" | "--state" => {
                let is_new = words.next().is_some_and(|states| states.contains("NEW"));
                narrow(&mut rule, if is_new { Applies::Yes } else { Applies::No });
            }
            "-i" => {
                let is_own = words.next() == Some("lo");
                narrow(&mut rule, if is_own { Applies::No } else { Applies::Perhaps });
            }
            _ => narrow(&mut rule, Applies::Perhaps),
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::linux;

    const PORTS: [u16; 2] = [9999, 8080];

    #[test]
    fn iptables_is_followed_rule_by_rule_and_chain_by_chain() {
        let mend = "sudo iptables -I INPUT -p tcp -m multiport --dports 9999,8080 -j ACCEPT";
        let closed = Verdict::Closed(vec![mend.to_owned()]);
        let unread = Verdict::Unread(vec!["sudo iptables -S".to_owned()]);
        let centos = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
                      -A INPUT -p icmp -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n\
                      -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n\
                      -A INPUT -j REJECT --reject-with icmp-host-prohibited\n";
        let ports = "-A INPUT -p tcp -m multiport --dports 9999,8080 -j ACCEPT\n";
        for (policy, rules, verdict) in [
            ("ACCEPT", "", Verdict::Open),
            ("DROP", "-A INPUT -i lo -j ACCEPT\n", closed.clone()),
            ("ACCEPT", centos, closed.clone()),
            ("ACCEPT", &format!("{ports}{centos}"), Verdict::Open),
            // Too late.
            ("ACCEPT", &format!("{centos}{ports}"), closed.clone()),
            ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 9999 -j DROP\n", closed.clone()),
            ("ACCEPT", "-A INPUT -p udp -m udp --dport 9999 -j DROP\n", Verdict::Open),
            ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j DROP\n", Verdict::Open),
            (
                "DROP",
                "-N lan\n-A INPUT -m comment --comment \"the class\" -j lan\n\
                 -A lan -p tcp -m tcp --dport 8000:9999 -j ACCEPT\n",
                Verdict::Open,
            ),
            // Whether these are the class's addresses is not known.
            ("DROP", "-A INPUT -s 192.168.0.0/16 -j ACCEPT\n", unread.clone()),
            ("ACCEPT", "-A INPUT -s 10.0.0.0/8 -j DROP\n", unread),
            ("DROP", "-N a\n-A INPUT -j a\n-A a -j a\n", closed),
        ] {
            let rules = format!("-P INPUT {policy}\n{rules}");
            assert_eq!(linux::iptables(PORTS, &rules), verdict, "{rules}");
        }
    }

    #[test]
    fn nftables_is_followed_rule_by_rule_and_chain_by_chain() {
        let chain = |policy: &str, rules: &str| {
            format!(
                "table inet filter {{\n\tset ours {{\n\t\ttype inet_service\n\t\telements = {{ 22 }}\n\t}}\n\
                 \tchain lan {{\n\t\tmeta l4proto tcp tcp dport {{ 9999, 8080 }} counter packets 0 bytes 0 accept\n\t}}\n\
                 \tchain input {{\n\t\ttype filter hook input priority filter; policy {policy};\n\
                 \t\tct state established,related accept\n\t\tiifname \"lo\" accept\n{rules}\n\t}}\n\
                 \tchain output {{\n\t\ttype filter hook output priority filter; policy drop;\n\t}}\n}}\n"
            )
        };
        let mend = "sudo nft insert rule inet filter input tcp dport '{ 9999, 8080 }' accept";
        let closed = Verdict::Closed(vec![mend.to_owned()]);
        let unread = Verdict::Unread(vec!["sudo nft list ruleset".to_owned()]);
        for (policy, rules, verdict) in [
            ("accept", "", Verdict::Open),
            ("drop", "tcp dport 22 accept", closed.clone()),
            ("drop", "tcp dport { 8080, 9999 } accept", Verdict::Open),
            ("drop", "tcp dport 8000-9999 accept", Verdict::Open),
            ("drop", "tcp dport @ours accept", unread.clone()),
            ("drop", "counter packets 0 bytes 0 jump lan", Verdict::Open),
            ("drop", "ip saddr 192.168.0.0/16 accept", unread.clone()),
            ("accept", "tcp dport 9999 drop", closed.clone()),
            ("accept", "udp dport 9999 drop", Verdict::Open),
            ("accept", "tcp dport 22 counter packets 4 bytes 240 drop", Verdict::Open),
            (
                "accept",
                "counter packets 0 bytes 0 reject with icmpx admin-prohibited",
                closed.clone(),
            ),
            ("accept", "tcp dport { 9999, 8080 } ct state new accept\nreject", Verdict::Open),
            ("accept", "ct state vmap { established : accept, invalid : drop }", Verdict::Open),
            ("accept", "ip saddr 10.0.0.0/8 drop", unread),
            ("drop", "log prefix \"to accept it\" accept", Verdict::Open),
        ] {
            assert_eq!(linux::nftables(PORTS, &chain(policy, rules)), verdict, "{policy}: {rules}");
        }
        assert_eq!(linux::nftables(PORTS, ""), Verdict::Open);
        // Of another family.
        let six = "table ip6 filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n";
        assert_eq!(linux::nftables(PORTS, six), Verdict::Open);
    }
}
