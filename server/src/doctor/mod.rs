//! Doctor: `tcp-classroom doctor` tries what keeps students out and prints the command
//! that mends it.
//!
//! It changes nothing. What it cannot try, a Wi-Fi that keeps its devices apart, it
//! names.

mod firewall;
mod ports;

use std::fmt;
use std::path::Path;

use crate::cli::options::Endpoint;
use crate::control::RunningServer;
use crate::join::hosts::{Host, Hosts};
use crate::join::interfaces::{interfaces, ranked};
use crate::language::{Language, localized};
use crate::terminal::diagnostics;

use self::ports::Port;

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    state: State,
    /// One sentence.
    text: String,
    /// Commands that mend it, to be copied.
    commands: Vec<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    /// Students do not get in for it.
    Wrong,
    /// It could not be found out.
    Unknown,
}

impl Finding {
    fn fine(text: String) -> Self {
        Finding { state: State::Fine, text, commands: Vec::new() }
    }

    fn wrong(text: String, commands: Vec<String>) -> Self {
        Finding { state: State::Wrong, text, commands }
    }

    fn unknown(text: String, commands: Vec<String>) -> Self {
        Finding { state: State::Unknown, text, commands }
    }
}

/// `[ok] text`, and each command on a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.state {
            State::Fine => "[ok]",
            State::Wrong => "[!!]",
            State::Unknown => "[??]",
        };
        write!(f, "{mark} {}", self.text)?;
        self.commands.iter().try_for_each(|command| write!(f, "\n       {command}"))
    }
}

/// Tries everything and says what was found. Returns whether nothing is wrong. Where
/// nothing answers on the page's port, a server that has the book open tells its ports.
pub fn run(tcp: Endpoint, http: Endpoint, book: Option<&Path>, language: Language) -> bool {
    let mut numbers = [tcp.port(), http.port()];
    if !Port::Page(http.port()).answers_here()
        && let Some(running) = book.and_then(RunningServer::of).and_then(|it| it.ports())
        && Port::Page(running.1).answers_here()
    {
        numbers = running.into();
    }
    let [lesson, page] = numbers;
    let interfaces = interfaces().unwrap_or_default();
    let lan = ranked(&interfaces);
    let listener = ([0, 0, 0, 0, 0, 0, 0, 0], page).into();
    let hosts = Hosts { listener, lan: &lan, advertised: None }.few().0;
    let addresses: Vec<_> = hosts.iter().filter_map(Host::address).collect();

    let mut findings = Vec::new();
    for port in [Port::Lesson(lesson), Port::Page(page)] {
        findings.push(port.on_this_computer(language));
        findings.extend(port.on_network(&addresses, language));
    }
    findings.push(network(&hosts, page, language));
    findings.extend(firewall::findings(numbers, language));
    for finding in &findings {
        diagnostics::say(finding);
    }
    diagnostics::say(hints(language));
    findings.iter().all(|finding| finding.state != State::Wrong)
}

/// Whether there is a network, and what students type on it.
fn network(hosts: &[Host<'_>], http: u16, language: Language) -> Finding {
    let pages: Vec<_> =
        hosts.iter().filter(|host| host.opens_in_browser()).map(|host| host.url(http)).collect();
    if pages.is_empty() {
        return Finding::wrong(
            localized!(
                in language;
                "这台电脑没有连上任何网络：请先连上教室的 Wi-Fi，或者打开这台电脑（或手机）的热点，让学生连进来",
                "this computer is on no network: join the classroom's Wi-Fi, or open a hotspot on \
                 this computer or a phone for the students to join"
            ),
            Vec::new(),
        );
    }
    let mut finding = Finding::fine(localized!(
        in language;
        "学生可以试这些地址，第一个最可能：",
        "addresses for students to try, likeliest first:"
    ));
    finding.commands = pages;
    finding
}

/// What cannot be tried from here.
fn hints(language: Language) -> String {
    language
        .pick(
            "\n如果以上都没有问题，学生还是打不开网页：\n\
             \x20 - 学生的设备必须和这台电脑在同一个网络里，手机要关掉移动数据和 VPN。\n\
             \x20 - 很多学校和访客 Wi-Fi 不让设备互相访问（隔离）。用一台手机打开上面的第一个地址试试；\n\
             \x20   打不开，就用这台电脑或手机的热点，让大家都连到热点上。\n\
             \x20 - Windows：把这个网络设为“专用”，公用网络会被防火墙挡住。",
            "\nIf all of that is fine and students still cannot open the page:\n\
             \x20 - Their devices must be on the same network as this computer; on phones turn mobile \
             data and VPNs off.\n\
             \x20 - Many school and guest networks keep devices apart (isolation). Try the first \
             address above\n\
             \x20   on one phone; if it does not open, use a hotspot of this computer or a phone for \
             everybody.\n\
             \x20 - Windows: make this network a private one; the firewall closes public ones.",
        )
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_with_its_commands_below_it() {
        let finding = Finding::wrong("closed".to_owned(), vec!["open it".to_owned()]);
        assert_eq!(finding.to_string(), "[!!] closed\n       open it");
        assert_eq!(Finding::fine("open".to_owned()).to_string(), "[ok] open");
    }

    #[test]
    fn a_computer_on_no_network_is_told_about_hotspots() {
        for language in [Language::Chinese, Language::English] {
            let finding = network(&[], 8080, language);
            assert_eq!(finding.state, State::Wrong);
            assert!(finding.text.contains(language.pick("热点", "hotspot")), "{finding}");
        }
    }
}
