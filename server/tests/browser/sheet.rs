//! The pictures of the teacher's sheet, `docs/before-class.*.md`: what the program
//! really says, on a screen of the usual size. They are left in
//! `target/screenshots`; copied to `docs/` when the start-up message has changed.
use std::path::Path;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, Visitor};
use tcp_classroom::cli::banner::{Banner, Screen};
use tcp_classroom::join::interfaces::Ranked;
use tcp_classroom::language::Language;

/// The message at the start in a class on a usual network.
fn banner(language: Language, data: &Path) -> String {
    let lan = [Ranked { address: "192.168.1.23".parse().unwrap(), likely: true }];
    Banner {
        language,
        tcp: "[::]:9999".parse().unwrap(),
        http: "[::]:8080".parse().unwrap(),
        token: "0123456789abcdef0123456789abcdef",
        lan: &lan,
        advertised: None,
        all: false,
        data: Some(data),
        contacts: 0,
        screen: Some(Screen::USUAL),
    }
    .to_string()
}

/// A console's text as HTML, every character in a cell of its own as on a console.
/// Its only colours are those of the QR code, whose squares are drawn: fonts leave
/// gaps between them.
fn as_html(console: &str) -> String {
    let mut pieces = console.split("\u{1b}[");
    let mut html = cells(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (code, rest) = piece.split_once('m').unwrap();
        html += if code == "0" { "</b>" } else { "<b>" };
        html += &cells(rest);
    }
    html
}

fn cells(text: &str) -> String {
    let cell = |char: char| match char {
        '\n' => "\n".to_owned(),
        '█' | '▀' | '▄' => format!("<i class=u{:x}></i>", u32::from(char)),
        wide if wide >= '\u{2e80}' => format!("<i class=wide>{wide}</i>"),
        '<' => "<i>&lt;</i>".to_owned(),
        char => format!("<i>{char}</i>"),
    };
    text.chars().map(cell).collect()
}

const STYLE: &str = "\
    body { margin: 0; background: #0c0c0c; }
    pre { font: 16px/20px 'DejaVu Sans Mono', 'WenQuanYi Zen Hei Mono', monospace; \
          color: #ddd; margin: 12px; }
    i { display: inline-block; width: 9.5px; height: 20px; font-style: normal; \
        vertical-align: top; }
    .wide { width: 19px; }
    b { font-weight: normal; }
    b i { background: #fff; }
    b .u2588 { background: #000; }
    b .u2580 { background: linear-gradient(#000 50%, #fff 50%); }
    b .u2584 { background: linear-gradient(#fff 50%, #000 50%); }";

#[tokio::test]
async fn the_window_looks_as_on_the_teacher_s_sheet() {
    for (visitor, language, name, data) in [
        (
            CHINESE,
            Language::Chinese,
            "zh",
            r"C:\Users\王老师\AppData\Roaming\tcp-classroom\contacts.db",
        ),
        (
            ENGLISH,
            Language::English,
            "en",
            r"C:\Users\lee\AppData\Roaming\tcp-classroom\contacts.db",
        ),
    ] {
        let visitor = Visitor { width: 800, height: 450, ..visitor };
        let Some(browser) = Browser::start(visitor).await else { return };
        let text = format!("{}Waiting for connection...", banner(language, Path::new(data)));
        let text = as_html(&text);
        let html = format!("<!doctype html><meta charset=utf-8><style>{STYLE}</style><pre>{text}");
        let address = format!("data:text/html;charset=utf-8,{}", encoded(&html));
        browser.go(&address).await;
        browser.screenshot(&format!("before-class-window.{name}")).await;
        browser.finish().await;
    }
}

/// Every byte but letters and digits percent-encoded, as a `data:` address wants.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
