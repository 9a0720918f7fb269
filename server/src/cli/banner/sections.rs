//! The sections of the banner: headings, addresses, the warning.

use std::net::SocketAddr;
use std::path::Path;

use unicode_width::UnicodeWidthStr as _;

use crate::join::hosts::{Host, Hosts, on_this_computer};
use crate::join::interfaces::Ranked;
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

/// The start-up message. Displays one address a line, ready to be copied.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// The language to say it in.
    pub language: Language,
    /// Where raw TCP clients connect.
    pub tcp: SocketAddr,
    /// Where browsers connect.
    pub http: SocketAddr,
    /// The teacher's token.
    pub token: &'a str,
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

    /// The board's address for this computer's browser. Where there is a network, an
    /// address of it: the projector shows the address bar, too, and somebody types what
    /// is there.
    pub fn board(&self) -> String {
        let hosts = Hosts { listener: self.http, lan: self.lan, advertised: None }.few().0;
        let on_network = hosts.iter().find(|host| host.opens_in_browser());
        let page = on_network.map(|host| host.url(self.http.port()));
        page.unwrap_or_else(|| self.local_page()) + "board"
    }

    /// The teacher's page for this computer's browser. Where it is reached on loopback it
    /// needs no token, which would stand in the browser's command line.
    pub fn local_teacher(&self) -> String {
        let page = self.local_page();
        match on_this_computer(self.http).is_loopback() {
            true => page + "teacher",
            false => format!("{page}teacher#{}", self.token),
        }
    }

    /// The line with the teacher's page: at an address that a phone reaches as well,
    /// unless that makes it longer than the screen.
    pub(super) fn teacher(&self, columns: usize) -> String {
        let line = |page: &str| {
            let page = format!("{page}teacher#{}", self.token);
            localized!(in self.language; "教师：{page}", "Teacher: {page}")
        };
        let hosts = Hosts { listener: self.http, lan: self.lan, advertised: None }.few().0;
        let on_network = hosts.iter().find(|host| host.opens_in_browser());
        let page = on_network.map(|host| line(&host.url(self.http.port())));
        page.filter(|line| line.width() < columns).unwrap_or_else(|| line(&self.local_page()))
    }

    /// The hosts that students reach a listener at, best first, and how many
    /// less likely ones are left out.
    pub(super) fn hosts(&self, listener: SocketAddr) -> (Vec<Host<'_>>, usize) {
        let hosts = Hosts { listener, lan: self.lan, advertised: self.advertised };
        if self.all { (hosts.all(), 0) } else { hosts.few() }
    }

    /// The sections, each a heading and its lines; `columns` is how wide a line
    /// may be. What is wider comes back apart.
    pub(super) fn addresses(&self, columns: usize) -> (Vec<String>, Vec<String>) {
        let language = self.language;
        let (mut lines, mut wide) = (Vec::new(), Vec::new());
        let mut add = |line: String| {
            if line.width() <= columns { lines.push(line) } else { wide.push(line) }
        };
        add(localized!(in language; "网页（这台电脑）", "The page, on this computer"));
        add(format!("  {}", self.local_page()));
        add(self.board_line(columns));

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

    /// The board's address on this computer, which works without a network as well, and
    /// what it is for if there is room.
    fn board_line(&self, columns: usize) -> String {
        let address = format!("  {}board", self.local_page());
        let explained = localized!(in self.language; "{address}  投影用", "{address}  projector");
        if explained.width() <= columns { explained } else { address }
    }

    /// The warning that the whole network has access; none on loopback.
    pub(super) fn warning(&self) -> Vec<String> {
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

    pub(super) fn title() -> String {
        format!("TCP Classroom {}", env!("CARGO_PKG_VERSION"))
    }

    pub(super) fn stop(&self) -> String {
        localized!(in self.language; "按 Ctrl+C 停止", "Ctrl+C stops")
    }

    /// The contacts, in two lines.
    pub(super) fn contacts(&self) -> [String; 2] {
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
}
