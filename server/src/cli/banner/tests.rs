//! The banner on terminals of many sizes, read as a phone and a teacher read it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::layout::BELOW;
use super::qr_lines::{BLACK_ON_WHITE, COLOURS_OFF, rows, shown_width};
use super::{Banner, Screen};
use crate::join::hosts::Host;
use crate::join::interfaces::{Interface, Ranked, ranked};
use crate::language::Language;

const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
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
        token: TOKEN,
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
    assert!(text.contains("\n  http://127.0.0.1:8080/board  projector\n"), "{text}");
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
            for (language, data) in LANGUAGES
                .into_iter()
                .flat_map(|language| [None, Some(HOME), Some(&long)].map(|data| (language, data)))
            {
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
                let here = "http://127.0.0.1:8080/";
                for must in [page, here.into(), format!("{here}board"), format!("{best} 9999")] {
                    assert!(text.contains(&format!("  {must}")), "{must}:\n{text}");
                }
                assert!(text.contains(&format!("/teacher#{TOKEN}")), "{text}");
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
                    let taken = super::qr_lines::rows(line, columns);
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
            let pages: Vec<_> = text.lines().filter(|line| line.starts_with("  http://")).collect();
            assert!(pages[1].contains("/board"), "{text}");
            assert_eq!(pages[2].trim(), page, "{text}");
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

#[test]
fn the_board_is_opened_at_an_address_that_students_can_type() {
    for (ip, lan_addresses, board) in [
        ("::", &["192.168.1.5", "10.0.0.5"][..], "http://192.168.1.5:8080/board"),
        ("::", &["fe80::5", "2001:db8::5"], "http://[2001:db8::5]:8080/board"),
        ("::", &["fe80::5"], "http://127.0.0.1:8080/board"),
        ("::", &[], "http://127.0.0.1:8080/board"),
        ("127.0.0.1", &["192.168.1.5"], "http://127.0.0.1:8080/board"),
        ("192.168.1.7", &["192.168.1.5"], "http://192.168.1.7:8080/board"),
    ] {
        let lan = lan(lan_addresses);
        // What is advertised may be out of this computer's reach, as behind a router.
        let advertised = Some("classroom.test");
        let banner = Banner { advertised, ..banner(Language::English, ip, &lan) };
        assert_eq!(banner.board(), board, "{ip} {lan_addresses:?}");
    }
}
