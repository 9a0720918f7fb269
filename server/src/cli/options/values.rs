//! Parsers of the options' values, with an explanation for each invalid one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::cli::options::invalid_option::{InvalidOption, invalid};
use crate::config::PortRange;

/// Where to listen: `--tcp`, `--http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A port, on this computer or, with `--lan`, on all its addresses.
    Port(u16),
    /// An address and a port.
    Address(SocketAddr),
}

impl Endpoint {
    /// The port; 0 stands for any free one.
    pub fn port(self) -> u16 {
        match self {
            Endpoint::Port(port) => port,
            Endpoint::Address(address) => address.port(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Port(port) => write!(f, "{port}"),
            Endpoint::Address(address) => write!(f, "{address}"),
        }
    }
}

/// `10000-10099`, or one port.
pub(super) fn ports(text: &str) -> Result<PortRange, InvalidOption> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(PortRange { first, last }),
        _ => Err(invalid!(
            "请写第一个和最后一个端口，例如 10000-10099",
            "write the first and the last port, like 10000-10099"
        )),
    }
}

/// `CODE=9999`, or any other endpoint behind the `=`.
pub(super) fn room_port(text: &str) -> Result<(String, Endpoint), InvalidOption> {
    let Some((code, address)) = text.split_once('=') else {
        return Err(invalid!("应该写成 代码=9999 这样", "write it like CODE=9999"));
    };
    Ok((code.trim().to_owned(), endpoint(address)?))
}

/// `9999`, `:9999`, `localhost:9999`, `127.0.0.1:9999` or `[::1]:9999`.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, InvalidOption> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::Address(address));
    }
    let port = |port: &str| {
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| port.parse::<u16>().ok()).flatten()
    };
    if let Some(port) = port(text.strip_prefix(':').unwrap_or(text)) {
        return Ok(Endpoint::Port(port));
    }
    if text.contains("://") {
        return Err(invalid!(
            "不要写 http:// 之类的开头，只写端口，或 地址:端口，例如 9999 或 127.0.0.1:9999",
            "leave out the http:// in front; write a port or ADDRESS:PORT, like 9999 or \
             127.0.0.1:9999"
        ));
    }
    if text.parse::<IpAddr>().is_ok() {
        let bracketed = if text.contains(':') { format!("[{text}]") } else { text.to_owned() };
        return Err(invalid!(
            "缺少端口，应该写成 {bracketed}:9999 这样",
            "the port is missing, write it like {bracketed}:9999"
        ));
    }
    if text.strip_prefix('-').unwrap_or(text).parse::<u128>().is_ok() {
        return Err(invalid!(
            "端口是 0 到 65535 的整数",
            "a port is a whole number from 0 to 65535"
        ));
    }
    if let Some((host, digits)) = text.rsplit_once(':')
        && let Some(port) = port(digits)
    {
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(Endpoint::Address((Ipv4Addr::LOCALHOST, port).into()));
        }
        if host.parse::<IpAddr>().is_ok() {
            return Err(invalid!(
                "IPv6 地址要放在方括号里：[{host}]:{port}",
                "an IPv6 address stands in brackets: [{host}]:{port}"
            ));
        }
        if host == "*" {
            return Err(invalid!(
                "要在所有地址上监听，请只写端口 {port}，并加上 --lan",
                "to listen on all addresses give the port {port} alone, together with --lan"
            ));
        }
        return Err(invalid!(
            "“{host}”不是 IP 地址；请只写端口 {port}，或写这台电脑的一个 IP 地址",
            "{host:?} is no IP address; give the port {port} alone, or an IP address of this \
             computer in front of it"
        ));
    }
    Err(invalid!(
        "应该是端口（0 到 65535），或 地址:端口，例如 9999、127.0.0.1:9999 或 [::1]:9999",
        "expected a port (0 to 65535) or ADDRESS:PORT, like 9999, 127.0.0.1:9999 or [::1]:9999"
    ))
}

/// Whether a flag is on, as environment variables say it. Empty is off.
pub(super) fn switch(text: &str) -> Result<bool, InvalidOption> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "t" => Ok(true),
        "0" | "false" | "no" | "off" | "n" | "f" | "" => Ok(false),
        _ => Err(invalid!(
            "打开写 1、true、yes 或 on，关闭写 0、false、no 或 off",
            "expected 1, true, yes or on, or else 0, false, no or off"
        )),
    }
}

/// What is opened in the browser: `--open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The page, as students have it.
    pub page: bool,
    /// The board, for the projector.
    pub board: bool,
    /// The teacher's page.
    pub teacher: bool,
}

/// `page`, `board`, `teacher`, or several as in `page,board`; the environment may also say it as a [`switch`],
/// as for the page.
pub(super) fn opened(text: &str) -> Result<Opened, InvalidOption> {
    if let Ok(page) = switch(text) {
        return Ok(Opened { page, ..Opened::default() });
    }
    let mut opened = Opened::default();
    for what in text.split(',') {
        match what.trim().to_ascii_lowercase().as_str() {
            "page" => opened.page = true,
            "board" => opened.board = true,
            "teacher" => opened.teacher = true,
            _ => {
                return Err(invalid!(
                    "可以写 page（网页）、board（投影页面）、teacher（教师页面），也可以一起写：\
                     page,board,teacher",
                    "expected page, board, teacher, or several: page,board,teacher"
                ));
            }
        }
    }
    Ok(opened)
}

/// How often `-v` was given; the environment may also say it as a [`switch`].
pub(super) fn verbosity(text: &str) -> Result<u8, InvalidOption> {
    match (text.trim().parse(), switch(text)) {
        (Ok(times), _) => Ok(times),
        (_, Ok(on)) => Ok(on.into()),
        _ => Err(invalid!(
            "应该是 0、1 或 2（也可以写 true 或 false）",
            "expected 0, 1 or 2 (or true or false)"
        )),
    }
}

/// A number within a range.
pub(super) fn number(
    range: RangeInclusive<usize>,
) -> impl Fn(&str) -> Result<usize, InvalidOption> + Clone + Send + Sync + 'static {
    move |text| match text.trim().parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let (least, most) = (range.start(), range.end());
            Err(invalid!(
                "应该是 {least} 到 {most} 的整数",
                "expected a whole number from {least} to {most}"
            ))
        }
    }
}

/// A time within a range, like `500ms`, `20s` or `1m 30s`.
pub(super) fn time(
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, InvalidOption> + Clone + Send + Sync + 'static {
    move |text| match humantime::parse_duration(text) {
        Ok(time) if range.contains(&time) => Ok(time),
        Ok(_) | Err(humantime::DurationError::NumberOverflow) => {
            let (least, most) = (written(*range.start()), written(*range.end()));
            Err(invalid!("应该在 {least} 到 {most} 之间", "expected a time from {least} to {most}"))
        }
        Err(error) => Err(invalid!(
            "时间要写数字和单位，例如 500ms、20s 或 1m",
            "a time is a number and its unit, like 500ms, 20s or 1m ({error})"
        )),
    }
}

/// A time as it is typed: `24h` rather than humantime's `1day`.
fn written(time: Duration) -> String {
    const HOUR: u64 = 60 * 60;
    match (time.as_secs() / HOUR, time.as_secs() % HOUR, time.subsec_nanos()) {
        (hours @ 1.., 0, 0) => format!("{hours}h"),
        _ => humantime::format_duration(time).to_string(),
    }
}

/// A name that browsers may call this server by: `--host-name`.
pub(super) fn host_name(text: &str) -> Result<String, InvalidOption> {
    name(text, "--host-name")
}

/// What students are told to open: `--advertise`.
pub(super) fn advertised(text: &str) -> Result<String, InvalidOption> {
    name(text, "--advertise")
}

/// A host's name or IP address, without `http://`, port and path.
fn name(text: &str, flag: &str) -> Result<String, InvalidOption> {
    let text = text.trim();
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = unbracketed.unwrap_or(text).parse::<IpAddr>();
    if let Ok(address) = address {
        if address.is_unspecified() {
            return Err(invalid!(
                "{address} 不是能打开的地址；请写这台电脑的名字或一个 IP 地址",
                "{address} is no address that can be opened; give this computer's name or one \
                 of its IP addresses"
            ));
        }
        return Ok(address.to_string());
    }
    // Of `https://classroom.example:8080/page` the name alone.
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = bare.split_once(':').map_or(bare, |(host, _)| host);
    if bare != text && is_host_name(bare) {
        return Err(invalid!(
            "只写名字，不要 http://、端口和路径：{flag} {bare}",
            "give the name alone, without http://, port and path: {flag} {bare}"
        ));
    }
    if !text.is_ascii() {
        return Err(invalid!(
            "浏览器用 xn-- 开头的写法表示中文名字，请写成那样",
            "browsers write a name with other than Latin letters in a form that begins with \
             xn--; give that form"
        ));
    }
    if !is_host_name(text) {
        return Err(invalid!(
            "应该是一个名字或 IP 地址，例如 classroom.local 或 192.168.1.23；名字由字母、数字、- 和 . 组成",
            "expected a name or an IP address, like classroom.local or 192.168.1.23; a name is \
             made of letters, digits, - and ."
        ));
    }
    Ok(text.to_owned())
}

/// By RFC 1123: labels of 1 to 63 characters, 253 in all. The underscore is not
/// in it, but Windows computers have it in their names.
fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    // A name whose last label is a number is taken for an address by browsers.
    let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(label) && !text.rsplit('.').next().is_some_and(number)
}

/// A page's origin: `--allow-origin`.
pub(super) fn origin(text: &str) -> Result<String, InvalidOption> {
    let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match authority.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']) => {
            Ok(text.to_owned())
        }
        _ => Err(invalid!(
            "来源要写成 http://主机 或 http://主机:端口，例如 http://school.example:8081",
            "an origin is written http://HOST or http://HOST:PORT"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn a_port_alone_or_an_address_with_a_port_says_where_to_listen() {
        for (text, shown) in [
            ("9999", "9999"),
            (":9999", "9999"),
            ("0", "0"),
            ("65535", "65535"),
            ("localhost:9999", "127.0.0.1:9999"),
            ("LOCALHOST:1", "127.0.0.1:1"),
            ("127.0.0.1:9999", "127.0.0.1:9999"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:9999", "[::1]:9999"),
            ("[fe80::1%2]:9999", "[fe80::1%2]:9999"),
        ] {
            assert_eq!(endpoint(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_to_listen_is_refused_with_what_would_be() {
        for (text, told) in [
            ("65536", "0 to 65535"),
            ("-1", "0 to 65535"),
            ("127.0.0.1", "127.0.0.1:9999"),
            ("::1", "[::1]:9999"),
            // As an address it is complete, so it lacks a port.
            ("fd00::2:9999", "[fd00::2:9999]:9999"),
            ("1:2:3:4:5:6:7:8:9999", "[1:2:3:4:5:6:7:8]:9999"),
            ("http://127.0.0.1:8080", "http://"),
            ("*:9999", "--lan"),
            ("teacher-pc:9999", "IP address"),
            ("", "like 9999"),
            ("port", "like 9999"),
            ("127.0.0.1:99999", "like 9999"),
            ("+1", "0 to 65535"),
        ] {
            let invalid = endpoint(text).unwrap_err();
            assert!(invalid.text(Language::English).contains(told), "{text}: {invalid}");
            assert_ne!(invalid.chinese, invalid.english);
        }
    }

    #[test]
    fn a_flag_in_the_environment_is_on_or_off_in_the_usual_words() {
        for on in ["1", "true", "TRUE", "yes", "on", " y "] {
            assert_eq!(switch(on), Ok(true), "{on}");
        }
        for off in ["0", "false", "no", "Off", "n", ""] {
            assert_eq!(switch(off), Ok(false), "{off}");
        }
        for neither in ["2", "maybe", "-1", "truefalse", "开"] {
            assert!(switch(neither).is_err(), "{neither}");
        }
        for (text, times) in [("0", 0), ("1", 1), ("2", 2), ("true", 1), ("off", 0), ("", 0)] {
            assert_eq!(verbosity(text), Ok(times), "{text}");
        }
        assert!(verbosity("very").is_err());
    }

    #[test]
    fn what_is_opened_is_named_or_is_the_page() {
        for (text, page, board) in [
            ("page", true, false),
            ("board", false, true),
            ("page,board", true, true),
            ("Board, page", true, true),
            ("1", true, false),
            ("off", false, false),
        ] {
            assert_eq!(opened(text), Ok(Opened { page, board, teacher: false }), "{text}");
        }
        for neither in ["pages", "page;board", "page,", "page,1"] {
            assert!(opened(neither).is_err(), "{neither}");
        }
    }

    #[test]
    fn absurd_numbers_and_times_are_refused_with_their_range() {
        let few = number(1..=10);
        assert_eq!(few("10"), Ok(10));
        for absurd in ["0", "11", "-1", "1.5", "", "18446744073709551616", "ten"] {
            let invalid = few(absurd).unwrap_err();
            assert!(invalid.english.contains("from 1 to 10"), "{absurd}: {invalid}");
            assert!(invalid.chinese.contains("1 到 10"), "{absurd}: {invalid:?}");
        }
        let short = time(Duration::from_millis(100)..=Duration::from_secs(3600));
        assert_eq!(short("1m 30s"), Ok(Duration::from_secs(90)));
        for absurd in ["0s", "99ms", "61m", "18446744073709551615s", "99999999999999999999s"] {
            let invalid = short(absurd).unwrap_err();
            assert!(invalid.english.contains("from 100ms to 1h"), "{absurd}: {invalid}");
            assert!(invalid.chinese.contains("100ms 到 1h"), "{absurd}: {invalid:?}");
        }
        for unknown in ["20", "soon", "", "-1s", "20 seconds of"] {
            assert!(short(unknown).unwrap_err().english.contains("like 500ms"), "{unknown}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_around_it() {
        for good in ["classroom.local", "PC_7", "school.example.", "a", "192.168.1.23", "fd00::2"] {
            assert_eq!(host_name(good).as_deref(), Ok(good));
        }
        assert_eq!(advertised("[fd00::2]").as_deref(), Ok("fd00::2"));
        for (wrapped, told) in [
            ("http://x", "--host-name x"),
            ("https://classroom.local/", "--host-name classroom.local"),
            ("http://classroom.local:8080/page?a#b", "--host-name classroom.local"),
            ("classroom.local:8080", "--host-name classroom.local"),
            ("classroom.local/page", "--host-name classroom.local"),
        ] {
            let invalid = host_name(wrapped).unwrap_err();
            assert!(invalid.english.ends_with(told), "{wrapped}: {invalid}");
            assert!(invalid.chinese.ends_with(told), "{wrapped}: {invalid:?}");
        }
        let long = "a".repeat(64);
        for (bad, told) in [
            ("", "a name or an IP address"),
            ("*", "letters"),
            ("*.example", "letters"),
            ("a b", "letters"),
            ("a..b", "letters"),
            ("-a", "letters"),
            ("192.168.1.256", "letters"),
            ("user@host", "letters"),
            ("http://", "letters"),
            (&long, "letters"),
            ("教室.local", "xn--"),
            ("0.0.0.0", "can be opened"),
            ("::", "can be opened"),
        ] {
            let invalid = advertised(bad).unwrap_err();
            assert!(invalid.english.contains(told), "{bad}: {invalid}");
        }
    }
}
