//! What the teacher sees at start: where everything is, and how to stop it.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use crate::language::Language;

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
    pub lan: &'a [Ipv4Addr],
    /// The file with the contacts, or none if they are in memory only.
    pub data: Option<&'a Path>,
    /// How many contacts there are.
    pub contacts: usize,
    /// Whether to draw the QR code: a terminal shows it, a log file does not.
    pub qr: bool,
}

impl Banner<'_> {
    /// The page's address as this computer's browser opens it.
    pub fn local_page(&self) -> String {
        let ip = self.http.ip();
        let ip = if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
        format!("http://{}/", SocketAddr::new(ip, self.http.port()))
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |chinese, english| self.language.pick(chinese, english);
        writeln!(f, "TCP Classroom {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f)?;
        writeln!(f, "{}", say("网页（这台电脑）", "The page, on this computer"))?;
        writeln!(f, "  {}", self.local_page())?;
        let lan = if self.http.ip().is_unspecified() { self.lan } else { &[] };
        if let Some(best) = lan.first() {
            writeln!(
                f,
                "{}",
                say(
                    "网页（学生，第一个最可能）",
                    "The page, for students (the first is the likeliest)"
                )
            )?;
            for address in lan {
                writeln!(f, "  http://{address}:{}/", self.http.port())?;
            }
            if self.qr {
                writeln!(f)?;
                write!(f, "{}", qr(&format!("http://{best}:{}/", self.http.port()))?)?;
            }
        } else if self.http.ip().is_unspecified() {
            writeln!(
                f,
                "{}",
                say(
                    "这台电脑没有连上任何网络，学生暂时连不上。",
                    "This computer is on no network, so students cannot connect yet."
                )
            )?;
        }
        writeln!(f, "{}", say("原始 TCP（Python、nc）", "Raw TCP, for Python and nc"))?;
        let ip = self.tcp.ip();
        if ip.is_unspecified() {
            writeln!(f, "  127.0.0.1 {}", self.tcp.port())?;
            for address in self.lan {
                writeln!(f, "  {address} {}", self.tcp.port())?;
            }
        } else {
            writeln!(f, "  {ip} {}", self.tcp.port())?;
        }
        writeln!(f, "{} ({})", say("通讯录", "Contacts"), self.contacts)?;
        match self.data {
            Some(path) => writeln!(f, "  {}", path.display())?,
            None => writeln!(
                f,
                "  {}",
                say("只在内存里，停止后就没有了", "in memory only, gone when the server stops")
            )?,
        }
        if self.tcp.ip().is_unspecified() || self.http.ip().is_unspecified() {
            writeln!(f)?;
            writeln!(
                f,
                "{}",
                say(
                    "注意：这个网络里的每个人都能连进来，读写通讯录。请只在教室的网络里这样用。",
                    "Note: everyone on this network can connect, read and change the contacts. Use it on a classroom's network only.",
                )
            )?;
        }
        writeln!(f)?;
        writeln!(f, "{}", say("按 Ctrl+C 停止", "Ctrl+C stops"))
    }
}

/// The address as a QR code of half-height blocks, dark on light whatever the
/// terminal's colours: a phone reads it off a projector.
fn qr(address: &str) -> Result<String, fmt::Error> {
    // The lowest correction level gives the largest squares; a screen is clean.
    let code = QrCode::with_error_correction_level(address, EcLevel::L).map_err(|_| fmt::Error)?;
    let squares = code.render::<Dense1x2>().build();
    let mut lines = String::new();
    for line in squares.lines() {
        // Black on white, spelled out: a light terminal would invert it.
        writeln!(lines, "  \x1b[30;107m{line}\x1b[0m")?;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(language: Language, ip: &str, lan: &[Ipv4Addr]) -> String {
        let ip: IpAddr = ip.parse().unwrap();
        let (tcp, http) = (SocketAddr::new(ip, 9999), SocketAddr::new(ip, 8080));
        let data = Some(Path::new("/home/teacher/contacts.db"));
        Banner { language, tcp, http, lan, data, contacts: 7, qr: false }.to_string()
    }

    #[test]
    fn on_this_computer_alone_no_network_address_is_named() {
        let text = banner(Language::English, "127.0.0.1", &[Ipv4Addr::new(192, 168, 1, 23)]);
        assert!(text.contains("\n  http://127.0.0.1:8080/\n"), "{text}");
        assert!(text.contains("\n  127.0.0.1 9999\n"), "{text}");
        assert!(!text.contains("192.168"), "{text}");
        assert!(text.contains("\nContacts (7)\n  /home/teacher/contacts.db\n"), "{text}");
        assert!(text.ends_with("Ctrl+C stops\n"), "{text}");
    }

    #[test]
    fn on_the_network_every_address_stands_on_a_line_of_its_own_and_a_warning_follows() {
        let lan = [Ipv4Addr::new(192, 168, 1, 23), Ipv4Addr::new(10, 0, 0, 5)];
        let text = banner(Language::Chinese, "0.0.0.0", &lan);
        let first = text.find("\n  http://192.168.1.23:8080/\n");
        let second = text.find("\n  http://10.0.0.5:8080/\n");
        assert!(first.is_some() && first < second, "{text}");
        assert!(text.contains("\n  192.168.1.23 9999\n"), "{text}");
        assert!(text.contains("注意") && text.contains("按 Ctrl+C 停止"), "{text}");
    }

    #[test]
    fn the_qr_code_is_as_wide_as_a_phone_can_read_off_a_terminal() {
        let qr = qr("http://192.168.1.23:8080/").unwrap();
        let plain = qr.replace("\x1b[30;107m", "").replace("\x1b[0m", "");
        let widths: Vec<_> = plain.lines().map(|line| line.chars().count()).collect();
        // Version 2 (25 squares), four squares of margin on each side, indented.
        assert!(widths.iter().all(|&width| width == 2 + 25 + 8), "{widths:?}");
    }
}
