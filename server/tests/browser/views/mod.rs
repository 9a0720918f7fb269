//! What no terminal shows: bytes, arrows, sticky packets and the program, as
//! the page draws them.

mod lab;

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use fantoccini::key::Key;
use serde_json::{Value, json};

async fn show(browser: &Browser, panel: &str) {
    browser.show(panel).await;
}

/// The cells of bytes within an element, as the student reads them.
async fn bytes(browser: &Browser, within: &str) -> Vec<String> {
    let cells = browser
        .script(&format!(
            "return [...document.querySelectorAll('{within} .ch > i')].map(each => each.innerText)"
        ))
        .await;
    serde_json::from_value(cells).unwrap()
}

fn hex(bytes: &[u8]) -> Vec<String> {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The header of a frame around a text, and the text, as the student reads it.
fn framed(text: &str, masked: bool) -> Vec<String> {
    let length = text.len();
    let mask = if masked { 0x80 } else { 0 };
    let mut head = match length {
        0..126 => hex(&[0x81, mask | length as u8]),
        _ => hex(&[0x81, mask | 126, (length >> 8) as u8, length as u8]),
    };
    if masked {
        head.extend(["··"; 4].map(str::to_owned));
    }
    head.extend(hex(text.as_bytes()));
    head
}

async fn text_of(browser: &Browser, css: &str) -> String {
    let text = browser.script(&format!("return document.querySelector('{css}').innerText")).await;
    text.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_bytes_shown_are_the_bytes_sent() {
    let (_server, browser) = open!(CHINESE);
    browser.keys("add;张三；138").await;
    assert_eq!(bytes(&browser, "#wire-draft").await, hex("add;张三；138".as_bytes()));
    assert!(text_of(&browser, "#wire-draft small").await.ends_with("16 B"));
    browser.clear("#command").await;
    for (sent, received) in [
        ("add;张三;13800138000", "张三 added!"),
        ("find;张三", "13800138000"),
        ("é 👍🏽 \u{202e}", "Received é 👍🏽 <U+202E>;"),
    ] {
        browser.send(sent).await;
        browser.expect("received", received).await;
        assert_eq!(bytes(&browser, "#wire-sent").await, framed(sent, true));
        let received = received.replace("<U+202E>", "\u{202e}");
        assert_eq!(bytes(&browser, "#wire-received").await, framed(&received, false));
        assert_eq!(bytes(&browser, "#wire-draft").await, [""; 0]);
        let tcp = text_of(&browser, "#wire-sent samp[data-slot=text]").await;
        assert_eq!(tcp.trim_end(), hex(format!("{sent}\n").as_bytes()).join(" "));
    }
    browser.send("exit").await;
    browser.await_state("closed").await;
    let close = ["88", "05", "03", "E8", "62", "79", "65"];
    assert_eq!(bytes(&browser, "#wire-received").await, close);
    browser.screenshot("wire-close").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_frame_says_its_length_in_one_byte_up_to_125_and_then_in_two() {
    let (_server, browser) = open!(ENGLISH);
    // An answer is ten bytes longer: its boundary is met too.
    for length in [1, 115, 116, 124, 125, 126, 127, 200] {
        let text = "x".repeat(length);
        let reply = format!("Received {text};");
        browser.send(&text).await;
        browser.expect("received", &reply).await;
        for (block, text, masked) in [("#wire-sent", text, true), ("#wire-received", reply, false)]
        {
            let shown = bytes(&browser, block).await;
            let mut expected = framed(&text, masked);
            // The end of a long text is only counted.
            let head = expected.len() - text.len();
            expected.truncate(head + 128);
            assert_eq!(shown, expected, "{length}");
            let rest = text.len().saturating_sub(128);
            let shown = text_of(&browser, &format!("{block} .wire")).await;
            assert_eq!(shown.contains(&format!("+{rest} B")), rest > 0, "{shown}");
        }
    }
    browser.finish().await;
}

#[tokio::test]
async fn every_panel_fits_every_screen_in_both_languages() {
    // Width, height, and whether the theme is dark.
    let desktops = [(1440, 900, false), (1280, 720, true)];
    let phones = [(390, 844, true), (320, 568, false)];
    for (phone, screens) in [(false, desktops), (true, phones)] {
        for language in ["zh-CN", "en-US"] {
            let screens = screens.map(|(width, height, dark)| Visitor {
                language,
                width,
                height,
                phone,
                dark,
            });
            let (_server, browser) = open!(screens[0]);
            for (command, answer) in [
                (ADD, "zhangsan added!"),
                ("find;zhangsan", "13800138000"),
                ("add;张三;12345", "张三 added!"),
                ("find;lisi", "Not Found!"),
            ] {
                browser.send(command).await;
                browser.expect("received", answer).await;
            }
            browser.keys("add;张三；13800138000").await;
            for panel in ["wire", "sequence", "sticky", "python"] {
                show(&browser, panel).await;
                if panel == "sequence" {
                    browser.click("[data-arrow]:last-child").await;
                }
                if panel == "sticky" {
                    set_split(&browser, 5).await;
                }
                for screen in screens {
                    browser.change_screen(screen).await;
                    fits(&browser, panel, screen).await;
                }
            }
            browser.finish().await;
        }
    }
}

/// Fails unless a panel is as wide as its screen.
async fn fits(browser: &Browser, panel: &str, screen: Visitor) {
    let Visitor { language, width, .. } = screen;
    browser.settle().await;
    browser.screenshot(&format!("view-{panel}-{width}-{language}")).await;
    let scrolls = browser
        .script(&format!(
            "return [...document.querySelectorAll('main > section:not([hidden]) *')]\
             .filter(each => each.getBoundingClientRect().right > {width})\
             .map(each => each.outerHTML.slice(0, 99)).slice(0, 9)"
        ))
        .await;
    assert_eq!(scrolls, json!([]), "{panel} {screen:?}");
}

async fn set_split(browser: &Browser, split: usize) {
    browser
        .script(&format!(
            "const slider = document.getElementById('lab-split'); slider.value = {split}; \
             slider.dispatchEvent(new Event('input', {{ bubbles: true }}))"
        ))
        .await;
}

#[tokio::test]
async fn a_message_of_the_conversation_can_be_looked_at() {
    let (_server, browser) = open!(ENGLISH);
    for (sent, received) in [(ADD, "zhangsan added!"), ("find;zhangsan", "13800138000")] {
        browser.send(sent).await;
        browser.expect("received", received).await;
    }
    browser.click("#message-1 code").await;
    assert_eq!(bytes(&browser, "#wire-sent").await, framed(ADD, true));
    assert_eq!(
        browser.script("return document.getElementById('wire-received').hidden").await,
        true
    );
    let current = "return document.querySelector('#conversation [aria-current]')?.id";
    assert_eq!(browser.script(current).await, "message-1");

    // The same by keyboard, in the conversation and in the panel.
    let into_log = async |key: Key| {
        browser.type_into("#conversation", &char::from(key).to_string()).await;
    };
    into_log(Key::Down).await;
    assert_eq!(bytes(&browser, "#wire-received").await, framed("zhangsan added!", false));
    into_log(Key::Up).await;
    into_log(Key::Up).await;
    assert_eq!(bytes(&browser, "#wire-received").await, framed("Welcome!", false));
    // A greeting has no line end on raw TCP.
    let tcp = text_of(&browser, "#wire-received samp[data-slot=text]").await;
    assert_eq!(tcp.trim_end(), hex(b"Welcome!").join(" "));
    browser.click("[data-pick=on]").await;
    assert_eq!(browser.script(current).await, "message-1");
    browser.screenshot("view-picked").await;

    // Its program alone, and then all of it again.
    show(&browser, "python").await;
    let code = text_of(&browser, "#python-code").await;
    assert!(code.contains(ADD) && !code.contains("find;"), "{code}");
    browser.click("#python-whole").await;
    assert!(text_of(&browser, "#python-code").await.contains("find;zhangsan"));
    assert_eq!(browser.script(current).await, Value::Null);

    // What is sent next is looked at again.
    show(&browser, "wire").await;
    browser.click("#message-1 code").await;
    browser.send("hello").await;
    browser.expect("received", "Received hello;").await;
    assert_eq!(bytes(&browser, "#wire-sent").await, framed("hello", true));
    assert_eq!(bytes(&browser, "#wire-received").await, framed("Received hello;", false));
    browser.finish().await;
}

#[tokio::test]
async fn on_a_phone_the_size_of_a_message_leads_to_its_bytes() {
    let (_server, browser) = open!(PHONE);
    browser.show("talk").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#message-0 [data-look]").await;
    assert_eq!(bytes(&browser, "#wire-received").await, framed("Welcome!", false));
    browser.finish().await;
}

#[tokio::test]
async fn what_did_not_leave_the_page_has_no_frame() {
    let (_server, browser) = open!(ENGLISH);
    browser.click("#mode").await;
    browser.await_state("offline").await;
    browser.send("find;a").await;
    browser.expect("received", "Not Found!").await;
    assert_eq!(bytes(&browser, "#wire-sent").await, hex(b"find;a"));
    assert_eq!(bytes(&browser, "#wire-received").await, hex(b"Not Found!"));
    assert!(text_of(&browser, "#wire-sent").await.contains("not one byte leaves"));
    browser.screenshot("view-wire-page").await;

    show(&browser, "sequence").await;
    browser.send("exit").await;
    browser.await_state("closed").await;
    // The five of the opening, the greeting, Close; and then without a server
    // the greeting, the question, its answer, exit and the end.
    assert_eq!(arrows(&browser).await, (12, 5, 5));
    browser.click("[data-arrow]:last-child").await;
    assert!(text_of(&browser, "#arrow-bytes").await.contains("not one byte leaves"));
    browser.screenshot("view-sequence-page").await;
    browser.finish().await;
}

/// How many arrows there are, how many of them are out of sight, and how many were
/// never on the wire.
async fn arrows(browser: &Browser) -> (u64, u64, u64) {
    let counted = browser
        .script(
            "return ['[data-arrow]', '[data-arrow].dots', '[data-arrow].self']\
             .map(arrows => document.querySelectorAll('#arrows ' + arrows).length)",
        )
        .await;
    serde_json::from_value(counted).unwrap()
}

#[tokio::test]
async fn the_picture_has_an_arrow_for_all_that_was_sent_and_shows_its_bytes() {
    let (server, browser) = open!(ENGLISH);
    show(&browser, "sequence").await;
    assert_eq!(arrows(&browser).await, (6, 5, 0));
    for (sent, received) in [(ADD, "zhangsan added!"), ("find;zhangsan", "13800138000")] {
        browser.send(sent).await;
        browser.expect("received", received).await;
    }
    assert_eq!(arrows(&browser).await, (10, 5, 0));

    // By mouse, and by keyboard.
    browser.click("[data-arrow='6']").await;
    assert_eq!(bytes(&browser, "#arrow-bytes").await, framed(ADD, true));
    browser.script("document.querySelector('#arrows [tabindex=\"0\"]').focus()").await;
    assert_eq!(bytes(&browser, "#arrow-bytes").await, framed("13800138000", false));
    let press = async |key: Key| browser.press(char::from(key)).await;
    press(Key::Up).await;
    assert_eq!(bytes(&browser, "#arrow-bytes").await, framed("find;zhangsan", true));
    browser.script("document.querySelector('[data-arrow=\"1\"]').focus()").await;
    assert!(text_of(&browser, "#arrow-bytes").await.contains("shakes hands"));
    browser.screenshot("view-sequence-handshake").await;

    // Only the newest stay, and they stay in their place.
    let place = "return document.querySelector('[data-arrow=\"9\"]').getAttribute('transform')";
    let before = browser.script(place).await;
    for n in 0..22 {
        browser.send(&format!("hello {n}")).await;
        browser.expect("received", &format!("Received hello {n};")).await;
    }
    assert_eq!(arrows(&browser).await, (50, 1, 0));
    assert_eq!(browser.script(place).await, before);

    // A panel that is not seen is drawn when it is.
    show(&browser, "wire").await;
    browser.send("exit").await;
    browser.await_state("closed").await;
    show(&browser, "sequence").await;
    browser.click("[data-arrow]:last-child").await;
    let close = ["88", "05", "03", "E8", "62", "79", "65"];
    assert_eq!(bytes(&browser, "#arrow-bytes").await, close);

    browser.click("#reconnect").await;
    browser.await_state("open").await;
    server.stop().await;
    browser.until("document.getElementById('connection').dataset.state !== 'open'").await;
    let says = "document.querySelector('#arrows').textContent.includes('Close 1001')";
    browser.until(says).await;
    browser.until("document.querySelector('#arrows .gone') !== null").await;
    let last = "document.querySelector('[data-arrow]:last-child').textContent";
    browser.until(&format!("{last} === 'nobody answered'")).await;
    browser.screenshot("view-sequence-gone").await;
    browser.finish_but_for("ERR_CONNECTION_REFUSED").await;
}

#[tokio::test]
async fn the_program_is_copied_as_it_stands_even_where_the_browser_does_not_trust_the_address() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
    browser.await_state("open").await;
    browser.send("add;张三;1").await;
    browser.expect("received", "张三 added!").await;
    show(&browser, "python").await;
    let port = server.tcp.port();
    let code = "document.getElementById('python-code').textContent";
    browser.until(&format!("{code}.includes(\"('127.0.0.1', {port})\")")).await;
    browser
        .script(
            "const area = document.createElement('textarea'); \
             area.id = 'pasted'; \
             document.querySelector('.top').append(area)",
        )
        .await;
    let paste = format!("{}v", char::from(Key::Control));
    for (code, expected) in [
        (
            "python-code",
            format!(
                "import socket\n\n\
             s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)\n\
             s.connect(('127.0.0.1', {port}))\n\
             print(s.recv(1024).decode('utf-8'))\n\
             s.send('add;张三;1'.encode('utf-8'))\n\
             print(s.recv(1024).decode('utf-8'))\n\
             s.send('exit'.encode('utf-8'))\n\
             s.close()"
            ),
        ),
        ("nc-code", format!("printf '%s\\n' 'add;张三;1' 'exit' | nc 127.0.0.1 {port}")),
    ] {
        let button = format!("[data-copy={code}]");
        browser.click(&button).await;
        let says = format!("document.querySelector('{button}').textContent");
        browser.until(&format!("{says} === 'Copied ✓'")).await;
        browser.script("document.getElementById('pasted').value = ''").await;
        browser.element("#pasted").await.send_keys(&paste).await.unwrap();
        let pasted = browser.script("return document.getElementById('pasted').value").await;
        assert_eq!(pasted.as_str().unwrap().trim_end(), expected);
    }
    browser.send("find;张三").await;
    browser.expect("received", "1").await;
    assert_eq!(text_of(&browser, "[data-copy=nc-code]").await, "Copy");
    browser.finish().await;
}

#[tokio::test]
async fn each_panel_of_a_phone_tells_what_was_said_before_it_was_opened() {
    const PANELS: [&str; 5] = ["wire", "sequence", "sticky", "contacts", "python"];
    for (index, _) in PANELS.iter().enumerate() {
        let (_server, browser) = open!(PHONE);
        browser.show("talk").await;
        for (command, answer) in
            [("add;张三;12345", "张三 added!"), (ADD, "zhangsan added!"), ("find;张三", "12345")]
        {
            browser.send(command).await;
            browser.expect("received", answer).await;
        }
        browser.click("#message-1 code").await;
        // Each is the first that is opened, and once they all follow.
        let all = if index == 0 { PANELS.len() } else { index + 1 };
        for &panel in &PANELS[index..all] {
            show(&browser, panel).await;
            match panel {
                "wire" => {
                    assert!(text_of(&browser, "#wire-sent .wire").await.contains("张"));
                    let current =
                        "return document.querySelector('#conversation [aria-current]').id";
                    assert_eq!(browser.script(current).await, "message-1");
                }
                "sequence" => {
                    assert_eq!(arrows(&browser).await.0, 5 + 7);
                    browser.click("[data-arrow]:last-child").await;
                    assert!(text_of(&browser, "#arrow-bytes").await.contains("12345"));
                }
                "sticky" => {
                    browser.click("#lab-lines").await;
                    browser
                        .until("document.querySelectorAll('#lab-steps .cut').length === 2")
                        .await;
                }
                "contacts" => {
                    browser.until("document.querySelectorAll('#rows > *').length === 2").await;
                    let style = "return getComputedStyle(document.getElementById('rows')).height";
                    assert_eq!(browser.script(style).await, "72px", "two rows of 36 pixels");
                }
                _ => assert!(text_of(&browser, "#python-code").await.contains("add;张三;12345")),
            }
        }
        browser.finish().await;
    }
}

#[tokio::test]
async fn the_panels_are_said_again_in_the_other_language() {
    let (_server, browser) = open!(CHINESE);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#language").await;
    browser.until("document.title === 'TCP classroom'").await;
    for (panel, says) in [
        ("wire", "One cell is one byte"),
        ("sequence", "Time runs down the page"),
        ("sticky", "Two messages that stick together"),
        ("contacts", "1 in all"),
        ("python", "This conversation in Python"),
    ] {
        show(&browser, panel).await;
        browser
            .until(&format!("document.getElementById('{panel}').innerText.includes('{says}')"))
            .await;
    }
    browser.finish().await;
}
