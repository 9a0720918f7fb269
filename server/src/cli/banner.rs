//! What the teacher sees at start: where everything is, and how to stop it.
//!
//! It is laid out for the screen: whatever a teacher must see (the page's
//! address, the TCP address, the whole QR code) is among the last lines, so that
//! it is still there when the first line of the console stands below it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use unicode_width::UnicodeWidthStr as _;

use crate::join::hosts::{Host, Hosts, on_this_computer};
use crate::join::interfaces::Ranked;
use crate::join::qr::encode;
use crate::language::{Language, localized};

/// A terminal's size, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Its width.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
}

impl Screen {
    /// What a terminal that does not say has at least.
    pub const USUAL: Screen = Screen { columns: 80, rows: 24 };
}

/// The lines below the banner that must be on the screen with it: the console's
/// `Waiting for connection...` and the one the cursor is in.
const BELOW: usize = 2;

/// Light squares around a QR code: what the standard asks for, and what phones
/// still read off a screen where there is no room for more.
const QUIET_ZONES: [usize; 2] = [4, 2];

/// The start-up message. Displays one address a line, ready to be copied.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// The language to say it in.
    pub language: Language,
    /// Where raw TCP clients connect.
    pub tcp: SocketAddr,
    /// Where browsers connect.
    pub http: SocketAddr,
    /// The addresses of this machine on the network, best first; used only
    /// when the server listens on all interfaces.
    pub lan: &'a [Ranked],
    /// The name or address that students are to use, if the teacher chose it.
    pub advertised: Option<&'a str>,
    /// Whether to list all addresses, and not only the likely ones.
    pub all: bool,
    /// The file with the contacts, or none if they are in memory only.
    pub data: Option<&'a Path>,
    /// How many contacts there are.
    pub contacts: usize,
    /// The terminal it is shown on; none for a file or a pipe, which gets no QR
    /// code.
    pub screen: Option<Screen>,
}

impl Banner<'_> {
    /// The page's address as this computer's browser opens it.
    pub fn local_page(&self) -> String {
        Host::Address(on_this_computer(self.http)).url(self.http.port())
    }

    /// The hosts that students reach a listener at, best first, and how many
    /// less likely ones are left out.
    fn hosts(&self, listener: SocketAddr) -> (Vec<Host<'_>>, usize) {
        let hosts = Hosts { listener, lan: self.lan, advertised: self.advertised };
        if self.all { (hosts.all(), 0) } else { hosts.few() }
    }

    /// The sections, each a heading and its lines; `columns` is how wide a line
    /// may be. What is wider comes back apart.
    fn addresses(&self, columns: usize) -> (Vec<String>, Vec<String>) {
        let language = self.language;
        let (mut lines, mut wide) = (Vec::new(), Vec::new());
        let mut add = |line: String| {
            if line.width() <= columns { lines.push(line) } else { wide.push(line) }
        };
        add(localized!(in language; "网页（这台电脑）", "The page, on this computer"));
        add(format!("  {}", self.local_page()));

        let port = self.http.port();
        let (hosts, left_out) = self.hosts(self.http);
        let pages: Vec<_> = hosts.iter().filter(|host| host.opens_in_browser()).collect();
        let network = self.http.ip().is_unspecified();
        if !pages.is_empty() {
            add(match pages.len() {
                1 => localized!(in language; "网页（学生）", "The page, for students"),
                _ => localized!(
                    in language;
                    "网页（学生，第一个最可能）",
                    "The page, for students (likeliest first)"
                ),
            });
            for host in &pages {
                add(format!("  {}", host.url(port)));
            }
        } else if !hosts.is_empty() {
            add(localized!(
                in language;
                "这台电脑只有链路本地的 IPv6 地址，浏览器打不开。",
                "Link-local IPv6 only: browsers cannot open it."
            ));
        } else if network {
            add(localized!(
                in language;
                "这台电脑没有连上任何网络，",
                "This computer is on no network,"
            ));
            add(localized!(in language; "学生暂时连不上。", "so students cannot connect yet."));
        }
        if left_out > 0 {
            add(localized!(
                in language;
                "  另有 {left_out} 个地址，--verbose 全部列出",
                "  and {left_out} more, listed with --verbose"
            ));
        }

        add(localized!(in language; "原始 TCP（Python、nc）", "Raw TCP, for Python and nc"));
        let port = self.tcp.port();
        let own = on_this_computer(self.tcp);
        add(format!("  {own} {port}"));
        for host in self.hosts(self.tcp).0 {
            if host != Host::Address(own) {
                add(format!("  {host} {port}"));
            }
        }
        (lines, wide)
    }

    /// What everybody on the network may do; nothing if it is on loopback.
    fn warning(&self) -> Vec<String> {
        let language = self.language;
        if self.tcp.ip().is_loopback() && self.http.ip().is_loopback() {
            return Vec::new();
        }
        // Broken so that it fits beside a QR code on 80 columns.
        localized!(
            in language;
            "注意：这个网络里的每个人都能连进来，\n读写通讯录。请只在教室的网络里这样用。",
            "Note: everyone on this network can read\nand change the contacts. Use it on a\n\
             classroom's network only."
        )
        .lines()
        .map(str::to_owned)
        .collect()
    }

    fn title() -> String {
        format!("TCP Classroom {}", env!("CARGO_PKG_VERSION"))
    }

    fn stop(&self) -> String {
        localized!(in self.language; "按 Ctrl+C 停止", "Ctrl+C stops")
    }

    /// The contacts, in two lines.
    fn contacts(&self) -> [String; 2] {
        let contacts = self.contacts;
        [localized!(in self.language; "通讯录 ({contacts})", "Contacts ({contacts})"), self.data()]
    }

    fn data(&self) -> String {
        match self.data {
            Some(path) => format!("  {}", path.display()),
            None => localized!(
                in self.language;
                "  只在内存里，停止后就没有了",
                "  in memory only, gone when the server stops"
            ),
        }
    }

    /// All lines under each other.
    fn plain(&self) -> Vec<String> {
        let mut lines = vec![Self::title(), String::new()];
        lines.extend(self.addresses(usize::MAX).0);
        lines.extend(self.contacts());
        let warning = self.warning();
        if !warning.is_empty() {
            lines.push(String::new());
            lines.extend(warning);
        }
        lines.extend([String::new(), self.stop()]);
        lines
    }

    /// As [`plain`](Self::plain), with what a teacher must see last and the rest
    /// above it, for a terminal too low for all of it.
    fn low(&self) -> Vec<String> {
        let mut lines = vec![Self::title()];
        lines.extend(self.contacts());
        lines.extend(self.warning());
        lines.extend(self.addresses(usize::MAX).0);
        lines.push(self.stop());
        lines
    }

    /// The QR code at the right of the addresses, and the rest below.
    fn beside(&self, qr: &[QrLine], columns: usize) -> Vec<String> {
        // The last column stays free: some consoles wrap when it is written to.
        let qr_width = qr.first().map_or(0, |line| line.width);
        let width = columns.saturating_sub(INDENT + qr_width + 1);
        let (addresses, wide) = self.addresses(width);
        let mut left = vec![Self::title(), String::new()];
        left.extend(addresses);
        let warning = self.warning();
        if left.len() + warning.len() < qr.len() {
            left.push(String::new());
        }
        left.extend(warning);
        // As near to the text as it goes, on a wide screen.
        let column = left.iter().map(|line| line.width()).max().unwrap_or_default() + INDENT;
        let mut lines = Vec::new();
        for index in 0..left.len().max(qr.len()) {
            let text = left.get(index).map_or("", String::as_str);
            lines.push(match qr.get(index) {
                Some(squares) => {
                    let gap = column.saturating_sub(text.width());
                    format!("{text}{:gap$}{squares}", "")
                }
                None => text.to_owned(),
            });
        }
        if !wide.is_empty() {
            lines.push(localized!(in self.language; "更长的地址", "Longer addresses"));
            lines.extend(wide);
        }
        let [contacts, data] = self.contacts();
        lines.push(format!("{contacts}:{}", &data[1..]));
        lines.push(self.stop());
        lines
    }

    /// The QR code below the addresses.
    fn above(&self, qr: &[QrLine]) -> Vec<String> {
        let mut lines = self.plain();
        let stop = lines.pop();
        lines.extend(qr.iter().map(|squares| format!("{:INDENT$}{squares}", "")));
        lines.extend(stop);
        lines
    }

    /// The lines as they suit the screen best.
    fn lines(&self) -> Vec<String> {
        let Some(screen) = self.screen else { return self.plain() };
        let fits = |lines: &Vec<String>| {
            let rows: usize = lines.iter().map(|line| rows(line, screen.columns)).sum();
            rows + BELOW <= screen.rows && lines.iter().all(|line| !is_cut(line, screen.columns))
        };
        let best = self.hosts(self.http).0.into_iter().find(Host::opens_in_browser);
        let code = best.and_then(|host| encode(&host.url(self.http.port())));
        for qr in code.iter().flat_map(|code| QUIET_ZONES.map(|quiet| draw(code, quiet))) {
            for lines in [self.beside(&qr, screen.columns), self.above(&qr)] {
                if fits(&lines) {
                    return lines;
                }
            }
        }
        let plain = self.plain();
        if fits(&plain) { plain } else { self.low() }
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Spaces in front of a QR code.
const INDENT: usize = 2;

/// A line of a QR code, two rows of squares high. Displays with its colours.
#[derive(Clone, Debug)]
struct QrLine {
    squares: String,
    width: usize,
}

/// Black on white, spelled out: a light terminal would invert it.
const BLACK_ON_WHITE: &str = "\x1b[30;107m";
const COLOURS_OFF: &str = "\x1b[0m";

impl fmt::Display for QrLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BLACK_ON_WHITE}{}{COLOURS_OFF}", self.squares)
    }
}

/// A QR code as half-height blocks, dark on light whatever the terminal's
/// colours, with `quiet` light squares around it.
fn draw(code: &QrCode, quiet: usize) -> Vec<QrLine> {
    let squares = code.render::<Dense1x2>().quiet_zone(false).build();
    let width = code.width() + 2 * quiet;
    let blank = || QrLine { squares: " ".repeat(width), width };
    let margin = " ".repeat(quiet);
    let mut lines: Vec<_> = (0..quiet / 2).map(|_| blank()).collect();
    lines.extend(
        squares.lines().map(|line| QrLine { squares: format!("{margin}{line}{margin}"), width }),
    );
    lines.extend((0..quiet / 2).map(|_| blank()));
    lines
}

/// A line's width on a terminal: colours take no room.
fn shown_width(line: &str) -> usize {
    line.replace(BLACK_ON_WHITE, "").replace(COLOURS_OFF, "").width()
}

/// The rows that a line takes on a terminal that wraps it.
fn rows(line: &str, columns: usize) -> usize {
    shown_width(line).div_ceil(columns.max(1)).max(1)
}

/// Whether a terminal would wrap a line in the middle of a QR code.
fn is_cut(line: &str, columns: usize) -> bool {
    line.contains(BLACK_ON_WHITE) && rows(line, columns) > 1
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::join::interfaces::{Interface, ranked};

    const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];
    const HOME: &str = "/home/teacher/.local/share/tcp-classroom/contacts.db";

    fn lan(addresses: &[&str]) -> Vec<Ranked> {
        let interfaces: Vec<_> = addresses
            .iter()
            .map(|address| Interface {
                name: "eth0".to_owned(),
                address: address.parse().unwrap(),
                up: true,
            })
            .collect();
        ranked(&interfaces)
    }

    fn banner<'a>(language: Language, ip: &str, lan: &'a [Ranked]) -> Banner<'a> {
        let ip: IpAddr = ip.parse().unwrap();
        Banner {
            language,
            tcp: SocketAddr::new(ip, 9999),
            http: SocketAddr::new(ip, 8080),
            lan,
            advertised: None,
            all: false,
            data: Some(Path::new(HOME)),
            contacts: 7,
            screen: None,
        }
    }

    /// What a phone reads off the QR code in a banner, if there is one.
    fn scanned(text: &str) -> Option<String> {
        let rows: Vec<Vec<[bool; 2]>> = text
            .lines()
            .filter_map(|line| line.split_once(BLACK_ON_WHITE)?.1.split_once(COLOURS_OFF))
            .map(|(squares, _)| {
                let halves = |square| match square {
                    '█' => [true, true],
                    '▀' => [true, false],
                    '▄' => [false, true],
                    ' ' => [false, false],
                    other => panic!("{other:?} in a QR code"),
                };
                squares.chars().map(halves).collect()
            })
            .collect();
        // Four pixels a square, and the dark terminal around it.
        const PIXELS: usize = 4;
        const AROUND: usize = 4 * PIXELS;
        let (width, height) = (rows.first()?.len() * PIXELS, rows.len() * 2 * PIXELS);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(
            width + 2 * AROUND,
            height + 2 * AROUND,
            |x, y| {
                let inside =
                    (AROUND..AROUND + width).contains(&x) && (AROUND..AROUND + height).contains(&y);
                if !inside {
                    return 0;
                }
                let (x, y) = ((x - AROUND) / PIXELS, (y - AROUND) / PIXELS);
                if rows[y / 2][x][y % 2] { 0 } else { 255 }
            },
        );
        let grids = image.detect_grids();
        Some(grids.first()?.decode().ok()?.1)
    }

    /// Rows of the terminal when the console has said that it is waiting.
    fn rows_in_all(text: &str, screen: Screen) -> usize {
        text.lines().map(|line| rows(line, screen.columns)).sum::<usize>() + BELOW
    }

    #[test]
    fn on_this_computer_alone_no_network_address_is_named() {
        let lan = lan(&["192.168.1.23"]);
        let text = banner(Language::English, "127.0.0.1", &lan).to_string();
        assert!(text.contains("\n  http://127.0.0.1:8080/\n"), "{text}");
        assert!(text.contains("\n  127.0.0.1 9999\n"), "{text}");
        assert!(!text.contains("192.168") && !text.contains("Note"), "{text}");
        assert!(text.contains(&format!("\nContacts (7)\n  {HOME}\n")), "{text}");
        assert!(text.ends_with("Ctrl+C stops\n"), "{text}");
    }

    #[test]
    fn on_the_network_every_address_stands_on_a_line_of_its_own_and_a_warning_follows() {
        let lan = lan(&["10.0.0.5", "2001:db8::5", "192.168.1.23"]);
        let text = banner(Language::Chinese, "::", &lan).to_string();
        let at = |line: &str| text.find(&format!("\n  {line}\n"));
        let first = at("http://192.168.1.23:8080/");
        let second = at("http://10.0.0.5:8080/");
        let third = at("http://[2001:db8::5]:8080/");
        assert!(first.is_some() && first < second && second < third, "{text}");
        for tcp in ["127.0.0.1 9999", "192.168.1.23 9999", "2001:db8::5 9999"] {
            assert!(at(tcp).is_some(), "{tcp}: {text}");
        }
        assert!(text.contains("注意") && text.contains("按 Ctrl+C 停止"), "{text}");
        assert_eq!(scanned(&text), None, "a file gets no QR code");
    }

    #[test]
    fn a_server_without_ipv6_names_no_ipv6_address() {
        let lan = lan(&["192.168.1.23", "2001:db8::5"]);
        let text = banner(Language::English, "0.0.0.0", &lan).to_string();
        assert!(text.contains("192.168.1.23") && !text.contains("2001:db8"), "{text}");
    }

    #[test]
    fn it_says_on_no_network_only_when_there_is_no_address_at_all() {
        for language in LANGUAGES {
            let none = language.pick("没有连上任何网络", "is on no network");
            let says = |ip: &str, addresses: &[&str]| {
                banner(language, ip, &lan(addresses)).to_string().contains(none)
            };
            assert!(says("::", &[]) && says("0.0.0.0", &["127.0.0.1"]));
            // Not reachable where this server listens, so none for the class.
            assert!(says("0.0.0.0", &["2001:db8::5"]));
            assert!(!says("::", &["2001:db8::5"]));
            assert!(!says("::", &["169.254.7.7"]));
            assert!(!says("::", &["192.168.56.1"]));
            assert!(!says("127.0.0.1", &[]));
        }
        let cable = lan(&["fe80::5"]);
        let text = banner(Language::English, "::", &cable).to_string();
        assert!(text.contains("browsers cannot open it"), "{text}");
        assert!(text.contains("\n  fe80::5 9999\n") && !text.contains("http://[fe80"), "{text}");
    }

    #[test]
    fn what_a_teacher_must_see_fits_the_usual_screens_with_the_whole_qr_code() {
        let one: &[&str] = &["192.168.1.23"];
        let seven: &[&str] = &[
            "192.168.56.1",
            "172.17.0.1",
            "10.0.0.5",
            "192.168.100.123",
            "172.16.3.4",
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            "fd12:3456:789a:8d3:1319:8a2e:370:7348",
        ];
        let only_v6: &[&str] = &["2001:db8:85a3:8d3:1319:8a2e:370:7348"];
        let long = format!("/home/{}/contacts.db", "teacher/".repeat(14));
        for (columns, rows) in [(80, 24), (120, 30), (200, 50)] {
            for (addresses, best) in [
                (one, "192.168.1.23"),
                (seven, "192.168.100.123"),
                (only_v6, "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
            ] {
                for (language, data) in LANGUAGES.into_iter().flat_map(|language| {
                    [None, Some(HOME), Some(&long)].map(|data| (language, data))
                }) {
                    let screen = Screen { columns, rows };
                    let lan = lan(addresses);
                    let mut banner = banner(language, "::", &lan);
                    banner.data = data.map(Path::new);
                    banner.contacts = 10_000;
                    banner.screen = Some(screen);
                    let text = banner.to_string();
                    let page = Host::Address(best.parse().unwrap()).url(8080);
                    assert!(rows_in_all(&text, screen) <= rows, "{columns} {rows}:\n{text}");
                    assert_eq!(scanned(&text).as_deref(), Some(page.as_str()), "{text}");
                    for must in [page, "http://127.0.0.1:8080/".into(), format!("{best} 9999")] {
                        assert!(text.contains(&format!("  {must}")), "{must}:\n{text}");
                    }
                    assert!(data.is_none_or(|data| text.contains(data)), "{text}");
                    assert!(text.contains("Ctrl+C"), "{text}");
                    for line in text.lines().filter(|line| !line.contains(&long)) {
                        assert!(shown_width(line) < columns, "{line}");
                    }
                }
            }
        }
    }

    #[test]
    fn on_a_smaller_screen_there_is_no_qr_code_and_the_addresses_are_still_there() {
        let lan = lan(&["192.168.1.23", "10.0.0.5", "2001:db8::5"]);
        for language in LANGUAGES {
            for (columns, rows) in [(80, 16), (60, 20), (40, 24), (40, 15), (80, 12)] {
                let mut banner = banner(language, "::", &lan);
                banner.screen = Some(Screen { columns, rows });
                let text = banner.to_string();
                assert!(!text.contains(BLACK_ON_WHITE), "{columns} {rows}:\n{text}");
                // Counted from the bottom, as a terminal scrolls.
                let lines: Vec<_> = text.lines().collect();
                let mut left = rows - BELOW;
                let seen: Vec<_> = lines
                    .iter()
                    .rev()
                    .take_while(|line| {
                        let taken = super::rows(line, columns);
                        let fits = taken <= left;
                        left = left.saturating_sub(taken);
                        fits
                    })
                    .collect();
                for must in ["  http://192.168.1.23:8080/", "  192.168.1.23 9999"] {
                    assert!(seen.contains(&&must), "{columns} {rows} {must}:\n{text}");
                }
            }
        }
    }

    #[test]
    fn on_a_narrow_and_high_screen_the_qr_code_stands_below_the_addresses() {
        let lan = lan(&["192.168.1.23"]);
        let mut banner = banner(Language::English, "::", &lan);
        let screen = Screen { columns: 50, rows: 45 };
        banner.screen = Some(screen);
        let text = banner.to_string();
        assert_eq!(scanned(&text).as_deref(), Some("http://192.168.1.23:8080/"), "{text}");
        assert!(rows_in_all(&text, screen) <= screen.rows, "{text}");
    }

    #[test]
    fn of_many_interfaces_a_few_are_named_and_all_when_asked_for() {
        let many = lan(&[
            "192.168.56.1",
            "192.168.122.1",
            "172.17.0.1",
            "192.168.1.23",
            "192.168.2.23",
            "192.168.3.23",
            "2001:db8::5",
        ]);
        for language in LANGUAGES {
            let mut banner = banner(language, "::", &many);
            let text = banner.to_string();
            for shown in ["//192.168.1.23:", "//192.168.2.23:", "//[2001:db8::5]:"] {
                assert!(text.contains(shown), "{text}");
            }
            for hidden in ["192.168.3.23", "192.168.56.1", "172.17.0.1"] {
                assert!(!text.contains(hidden), "{text}");
            }
            assert!(text.contains('4') && text.contains("--verbose"), "{text}");
            banner.all = true;
            let text = banner.to_string();
            for lan in &many {
                assert!(text.contains(&format!("  {} 9999\n", lan.address)), "{text}");
            }
            assert!(!text.contains("--verbose"), "{text}");
        }
    }

    #[test]
    fn what_is_advertised_comes_first_and_is_what_the_qr_code_says() {
        let lan = lan(&["192.168.1.23", "10.0.0.5"]);
        for (advertised, page) in [
            ("classroom.local", "http://classroom.local:8080/"),
            ("10.0.0.5", "http://10.0.0.5:8080/"),
            ("fd00::2", "http://[fd00::2]:8080/"),
        ] {
            // Also on loopback: a proxy or a tunnel may be in front.
            for ip in ["::", "127.0.0.1"] {
                let mut banner = banner(Language::English, ip, &lan);
                banner.advertised = Some(advertised);
                let text = banner.to_string();
                let pages: Vec<_> =
                    text.lines().filter(|line| line.starts_with("  http://")).collect();
                assert_eq!(pages[1].trim(), page, "{text}");
                assert_eq!(text.matches(page).count(), 1, "{text}");
                assert!(text.contains(&format!("\n  {advertised} 9999\n")), "{text}");
                banner.screen = Some(Screen::USUAL);
                assert_eq!(scanned(&banner.to_string()).as_deref(), Some(page));
            }
        }
    }

    #[test]
    fn a_single_address_of_the_network_is_for_students_and_warned_about() {
        let text = banner(Language::English, "192.168.1.23", &[]).to_string();
        assert!(text.contains("for students\n  http://192.168.1.23:8080/\n"), "{text}");
        assert_eq!(text.matches("192.168.1.23 9999").count(), 1, "{text}");
        assert!(text.contains("Note: everyone"), "{text}");
    }
}
