//! The firewall of this computer, as far as it lets itself be read, and the command
//! that opens the two ports.
//!
//! Each system's tool is run and its answer read by a function of its own, which is
//! pure: the tests have the tools' real words.

use std::process::Command;

use super::Finding;
use crate::language::{Language, localized};

/// What a tool says about the ports.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// There is such a firewall, and it is off.
    Off,
    /// It lets the ports through.
    Open,
    /// It does not, and this mends it.
    Closed(Vec<String>),
    /// It is on, and does not say; this shows or mends it.
    Unread(Vec<String>),
}

/// What all firewalls found on this system say.
pub(super) fn findings(ports: [u16; 2], language: Language) -> Vec<Finding> {
    let verdicts = verdicts(ports);
    if verdicts.is_empty() {
        let text = localized!(
            in language;
            "防火墙：没有找到可以查询的防火墙",
            "firewall: none was found that could be asked"
        );
        return vec![Finding::fine(text)];
    }
    verdicts.into_iter().map(|(name, verdict)| finding(name, verdict, language)).collect()
}

fn finding(name: &str, verdict: Verdict, language: Language) -> Finding {
    match verdict {
        Verdict::Off => Finding::fine(localized!(
            in language; "防火墙 {name}：已关闭", "firewall {name}: off"
        )),
        Verdict::Open => Finding::fine(localized!(
            in language;
            "防火墙 {name}：允许这两个端口",
            "firewall {name}: lets both ports through"
        )),
        Verdict::Closed(commands) => Finding::wrong(
            localized!(
                in language;
                "防火墙 {name}：挡住了学生；用管理员身份运行：",
                "firewall {name}: keeps students out; as administrator, run:"
            ),
            commands,
        ),
        Verdict::Unread(commands) => Finding::unknown(
            localized!(
                in language;
                "防火墙 {name}：无法读出它的规则；可以这样查看：",
                "firewall {name}: its rules cannot be read; this shows them:"
            ),
            commands,
        ),
    }
}

/// What a command says on standard output, if it is there at all; and whether it
/// succeeded.
fn answer(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    // In English, where a tool knows languages.
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
    let bytes = output.stdout;
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        // netsh speaks the console's code page.
        encoding_rs::GB18030.decode(error.as_bytes()).0.into_owned()
    });
    Some((output.status.success(), text))
}

#[cfg(target_os = "linux")]
fn verdicts(ports: [u16; 2]) -> Vec<(&'static str, Verdict)> {
    let mut found = Vec::new();
    if let Some((true, state)) = answer("firewall-cmd", &["--state"])
        && state.contains("running")
    {
        let opens = |port: u16| {
            answer("firewall-cmd", &[&format!("--query-port={port}/tcp")])
                .is_some_and(|(_, answer)| answer.trim() == "yes")
        };
        found.push(("firewalld", linux::firewalld(ports, ports.map(opens))));
    }
    if let Some((readable, status)) = answer("ufw", &["status"]) {
        let config = std::fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
        found.push(("ufw", linux::ufw(ports, readable.then_some(status.as_str()), &config)));
    }
    // Those two are made of these rules, and say it better.
    if found.iter().all(|(_, verdict)| *verdict == Verdict::Off) {
        match (answer("nft", &["list", "ruleset"]), answer("iptables", &["-S"])) {
            (Some((true, rules)), _) => found.push(("nftables", linux::nftables(ports, &rules))),
            (_, Some((true, rules))) => found.push(("iptables", linux::iptables(ports, &rules))),
            (Some(_), _) | (_, Some(_)) => {
                let command = "sudo tcp-classroom doctor".to_owned();
                found.push(("nftables", Verdict::Unread(vec![command])));
            }
            (None, None) => {}
        }
    }
    found
}

#[cfg(windows)]
fn verdicts(ports: [u16; 2]) -> Vec<(&'static str, Verdict)> {
    let Some((true, profile)) = answer("netsh", &["advfirewall", "show", "currentprofile"]) else {
        return Vec::new();
    };
    let program = std::env::current_exe().unwrap_or_default().display().to_string();
    let all = ["advfirewall", "firewall", "show", "rule", "name=all", "dir=in", "verbose"];
    let rules = answer("netsh", &all).map(|(_, rules)| rules).unwrap_or_default();
    vec![("Windows Defender", windows::netsh(ports, &profile, &rules, &program))]
}

#[cfg(target_os = "macos")]
fn verdicts(_: [u16; 2]) -> Vec<(&'static str, Verdict)> {
    const TOOL: &str = "/usr/libexec/ApplicationFirewall/socketfilterfw";
    let Some((true, state)) = answer(TOOL, &["--getglobalstate"]) else { return Vec::new() };
    let program = std::env::current_exe().unwrap_or_default().display().to_string();
    let all = answer(TOOL, &["--getblockall"]).map(|(_, all)| all).unwrap_or_default();
    let own = answer(TOOL, &["--getappblocked", &program]).map(|(_, own)| own);
    let own = own.unwrap_or_default();
    vec![("macOS", mac::socketfilterfw(&state, &all, &own, &program))]
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn verdicts(_: [u16; 2]) -> Vec<(&'static str, Verdict)> {
    Vec::new()
}

#[cfg(any(target_os = "linux", test))]
mod linux;
#[cfg(any(target_os = "linux", test))]
mod rules;

#[cfg(any(windows, test))]
mod windows {
    use super::Verdict;

    /// `netsh advfirewall show currentprofile`, and the rules for what comes in. Windows
    /// in Chinese answers in Chinese.
    pub(super) fn netsh(ports: [u16; 2], profile: &str, rules: &str, program: &str) -> Verdict {
        let state = profile.lines().find(|line| {
            let word = line.split_whitespace().next().unwrap_or_default();
            matches!(word, "State" | "状态")
        });
        // Another language, or no firewall of Windows' own: whether it is on is not known.
        let Some(state) = state else {
            let shows = ["show currentprofile", "firewall show rule name=all dir=in"];
            return Verdict::Unread(shows.map(|what| format!("netsh advfirewall {what}")).into());
        };
        if state.ends_with("OFF") || state.ends_with("关闭") {
            return Verdict::Off;
        }
        let [tcp, http] = ports;
        let add = format!(
            "netsh advfirewall firewall add rule name=\"tcp-classroom\" dir=in action=allow \
             protocol=TCP localport={tcp},{http}"
        );
        let program = program.to_lowercase();
        let rules = rules.replace('\r', "");
        let own: Vec<_> = rules
            .split("\n\n")
            .filter(|rule| {
                let rule = rule.to_lowercase();
                let names_ports = ports.iter().all(|port| rule.contains(&port.to_string()));
                !program.is_empty() && rule.contains(&program) || names_ports
            })
            .filter(|rule| {
                !rule.lines().any(|line| is_answer(line, &["Enabled", "已启用"], &["No", "否"]))
            })
            .collect();
        let says = |words: &[&str]| {
            let is_action = |line: &str| is_answer(line, &["Action", "操作"], words);
            own.iter().any(|rule| rule.lines().any(is_action))
        };
        // Who clicks "Cancel" when Windows asks gets a rule that blocks, which wins.
        if says(&["Block", "阻止"]) {
            let delete =
                format!("netsh advfirewall firewall delete rule name=all program=\"{program}\"");
            return Verdict::Closed(vec![delete, add]);
        }
        if says(&["Allow", "允许"]) { Verdict::Open } else { Verdict::Closed(vec![add]) }
    }

    /// Whether a line is one of these names and one of these values: `Action:   Allow`.
    fn is_answer(line: &str, names: &[&str], values: &[&str]) -> bool {
        let pair = line.split_once([':', '：']);
        pair.is_some_and(|(name, value)| {
            names.contains(&name.trim()) && values.contains(&value.trim())
        })
    }
}

#[cfg(any(target_os = "macos", test))]
mod mac {
    use super::Verdict;

    /// `socketfilterfw` with `--getglobalstate`, `--getblockall` and `--getappblocked`.
    pub(super) fn socketfilterfw(state: &str, all: &str, own: &str, program: &str) -> Verdict {
        const TOOL: &str = "sudo /usr/libexec/ApplicationFirewall/socketfilterfw";
        if state.contains("State = 0") || state.contains("disabled") {
            return Verdict::Off;
        }
        if all.to_lowercase().contains("enabled") {
            return Verdict::Closed(vec![format!("{TOOL} --setblockall off")]);
        }
        if own.to_lowercase().contains("blocked") {
            return Verdict::Closed(vec![format!("{TOOL} --unblockapp \"{program}\"")]);
        }
        if own.to_lowercase().contains("permitted") {
            return Verdict::Open;
        }
        Verdict::Unread(vec![format!("{TOOL} --listapps"), format!("{TOOL} --add \"{program}\"")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: [u16; 2] = [9999, 8080];

    #[test]
    fn ufw_is_read_from_its_status_or_its_configuration() {
        let closed = Verdict::Closed(vec!["sudo ufw allow 9999,8080/tcp".to_owned()]);
        let active = "Status: active\n\nTo                         Action      From\n\
                      --                         ------      ----\n";
        for (rules, verdict) in [
            ("", closed.clone()),
            ("22/tcp                     ALLOW       Anywhere\n", closed.clone()),
            ("8080,9999/tcp              ALLOW       Anywhere\n", Verdict::Open),
            ("8000:9999/tcp              ALLOW       Anywhere\n", Verdict::Open),
            (
                "8080                       ALLOW       Anywhere\n9999  ALLOW IN  Anywhere",
                Verdict::Open,
            ),
            ("8080,9999/udp              ALLOW       Anywhere\n", closed.clone()),
            ("8080,9999/tcp              DENY        Anywhere\n", closed),
            ("Anywhere                   ALLOW       192.168.0.0/16\n", Verdict::Open),
        ] {
            let status = format!("{active}{rules}");
            assert_eq!(linux::ufw(PORTS, Some(&status), ""), verdict, "{rules}");
        }
        assert_eq!(linux::ufw(PORTS, Some("Status: inactive\n"), ""), Verdict::Off);
        assert_eq!(linux::ufw(PORTS, None, "ENABLED=no\n"), Verdict::Off);
        let unread = linux::ufw(PORTS, None, "# on boot\nENABLED=yes\n");
        assert_eq!(unread, Verdict::Unread(vec!["sudo ufw status".to_owned()]));
    }

    #[test]
    fn firewalld_is_told_the_ports_that_it_lacks() {
        assert_eq!(linux::firewalld(PORTS, [true, true]), Verdict::Open);
        let command = "sudo firewall-cmd --add-port=8080/tcp".to_owned();
        assert_eq!(linux::firewalld(PORTS, [true, false]), Verdict::Closed(vec![command]));
    }

    #[test]
    fn windows_is_read_in_both_languages_and_a_rule_that_blocks_is_deleted() {
        let program = r"C:\class\tcp-classroom.exe";
        for (names, on, off) in [
            (["State", "Enabled", "Program", "Action", "Yes", "Allow", "Block"], "ON", "OFF"),
            (["状态", "已启用", "程序", "操作", "是", "允许", "阻止"], "启用", "关闭"),
        ] {
            let [state, enabled, named, action, yes, allow, block] = names;
            let profile = |value| format!("\r\nX:\r\n-----\r\n{state}               {value}\r\n");
            let profile = |value| profile(value).replace('\r', "");
            let rule = |what| {
                format!(
                    "\r\n{enabled}:       {yes}\r\n{named}:    {}\r\n{action}:     {what}\r\n\r\n",
                    program.to_uppercase()
                )
            };
            let netsh = |value, rules: &str| windows::netsh(PORTS, &profile(value), rules, program);
            assert_eq!(netsh(off, ""), Verdict::Off);
            assert!(matches!(windows::netsh(PORTS, "", "", program), Verdict::Unread(_)));
            let Verdict::Closed(add) = netsh(on, "") else { panic!("{on}") };
            assert!(add[0].ends_with("localport=9999,8080"), "{add:?}");
            assert_eq!(netsh(on, &rule(allow)), Verdict::Open);
            let Verdict::Closed(mend) = netsh(on, &(rule(block) + &rule(allow))) else {
                panic!("{on}")
            };
            assert!(mend[0].contains("delete rule") && mend[0].contains(&program.to_lowercase()));
            assert_eq!(mend[1], add[0]);
        }
    }

    #[test]
    fn a_mac_s_firewall_is_read_for_everybody_and_for_this_program() {
        let mac = |state, all, own| mac::socketfilterfw(state, all, own, "/opt/tcp-classroom");
        let on = "Firewall is enabled. (State = 1)";
        assert_eq!(mac("Firewall is disabled. (State = 0)", "", ""), Verdict::Off);
        let none = "Firewall has block all state set to disabled.";
        assert_eq!(mac(on, none, "The app /opt/tcp-classroom is permitted"), Verdict::Open);
        for (all, own, mend) in [
            ("Firewall has block all state set to enabled.", "", "--setblockall off"),
            (none, "Incoming connections to the application are blocked", "--unblockapp"),
        ] {
            let Verdict::Closed(commands) = mac(on, all, own) else { panic!("{all} {own}") };
            assert!(commands[0].contains(mend), "{commands:?}");
        }
        assert!(matches!(mac(on, none, "The app is not part of the firewall"), Verdict::Unread(_)));
    }
}
