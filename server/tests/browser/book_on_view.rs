//! The class's book on the page, as a student sees it.

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::port::ReservedPort;
use crate::classroom::{TcpClient, TestServer};
use fantoccini::key::Key;
use serde_json::json;

const ROWS: &str = "[...document.querySelectorAll('#rows > *')]";

/// A raw TCP client that adds each of these, and is told so.
async fn add(server: &TestServer, names: impl Iterator<Item = String>) -> TcpClient {
    let mut client = server.tcp().await;
    let mut names = names.peekable();
    while names.peek().is_some() {
        let some: Vec<String> = names.by_ref().take(1000).collect();
        let lines: String = some.iter().map(|name| format!("add;{name};138{name}\n")).collect();
        let answers: String = some.iter().map(|name| format!("{name} added!\n")).collect();
        client.send(lines.as_bytes()).await;
        client.expect(answers.as_bytes()).await;
    }
    client
}

async fn show_book(browser: &Browser) {
    browser.show("contacts").await;
}

async fn awaits_count(browser: &Browser, count: usize) {
    browser
        .until(&format!("document.querySelector('#book-state b')?.textContent === '{count}'"))
        .await;
}

/// Waits until the list shows exactly as many contacts, in or out of sight.
async fn awaits_rows(browser: &Browser, rows: usize) {
    browser
        .until(&format!("document.getElementById('book').ariaRowCount === '{}'", rows + 1))
        .await;
}

async fn awaits_row(browser: &Browser, name: &str) {
    let name = json!(name);
    browser.until(&format!("{ROWS}.some(row => row.firstChild.textContent === {name})")).await;
}

/// How many rows the document has, all of them in order and filled.
async fn rows_in_the_document(browser: &Browser) -> u64 {
    let rows = browser
        .script(&format!(
            "const rows = {ROWS}; const first = Number(rows[0].ariaRowIndex); \
             return rows.every((row, index) => row.ariaRowIndex === String(first + index) \
             && row.firstChild.textContent && row.lastChild.textContent) && rows.length"
        ))
        .await;
    rows.as_u64().unwrap_or_else(|| panic!("{rows}"))
}

/// Whether the list shows its last, or first, contact, and no blank anywhere.
const FILLED: &str = "(() => { const list = document.getElementById('book').getBoundingClientRect(); \
     const rows = [...document.querySelectorAll('#rows > *')].map(row => row.getBoundingClientRect()); \
     return rows.length && rows[0].top <= list.top + 50 && rows[rows.length - 1].bottom >= list.bottom - 2; })()";

/// Presses a key that scrolls until it has done so: one that comes while the list still
/// moves is lost on Chromium.
async fn press_until(browser: &Browser, key: Key, condition: &str) {
    for _ in 0..100 {
        browser.press(char::from(key)).await;
        browser.drawn().await;
        if browser.script(&format!("return {condition}")).await == json!(true) {
            return;
        }
    }
    panic!("{key:?} does not lead to {condition}");
}

#[tokio::test]
async fn ten_thousand_contacts_are_a_few_rows_and_every_one_is_found() {
    let server = TestServer::start().await;
    let mut client = add(&server, (0..10_000).map(|number| format!("n{number:05}"))).await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    show_book(&browser).await;
    awaits_count(&browser, 10_000).await;
    awaits_rows(&browser, 10_000).await;
    browser.until(FILLED).await;
    assert!(rows_in_the_document(&browser).await < 60);

    // By keyboard, from the search with Tab.
    browser.click("#search").await;
    let press = async |key: Key| browser.press(char::from(key)).await;
    press(Key::Tab).await;
    assert_eq!(browser.script("return document.activeElement.id").await, "book");
    let row = |name: &str| {
        format!(
            "[...document.querySelectorAll('#rows > *')].some(row => row.firstChild.textContent === '{name}')"
        )
    };
    press_until(&browser, Key::End, &row("n09999")).await;
    browser.until(FILLED).await;
    assert!(rows_in_the_document(&browser).await < 60);
    let half_a_page = "(list => list.scrollTop < list.scrollHeight - 1.5 * list.clientHeight)\
                       (document.getElementById('book'))";
    press_until(&browser, Key::PageUp, half_a_page).await;
    browser.until(FILLED).await;
    press_until(&browser, Key::Home, &row("n00000")).await;
    browser.until(FILLED).await;

    browser.type_into("#search", "N0777").await;
    awaits_rows(&browser, 10).await;
    awaits_count(&browser, 10).await;
    awaits_row(&browser, "n07777").await;

    // What somebody else changes is there at once, and marked.
    client.send(b"add;n07770;12345\n").await;
    browser.until("document.querySelector('#rows > .fresh')?.textContent === 'n0777012345'").await;
    client.send(b"remove;n07777\n").await;
    awaits_rows(&browser, 9).await;
    browser.until("document.querySelector('#book-latest s')?.textContent === 'n07777'").await;
    let erased = String::from(char::from(Key::Backspace)).repeat("N0777".len());
    browser.type_into("#search", &erased).await;
    awaits_rows(&browser, 9_999).await;
    client.send(b"add;n0777x;1\n").await;
    awaits_rows(&browser, 10_000).await;

    // A page holds no more; the rest is found by asking the server.
    client.send(b"add;n0777y;1\n").await;
    browser.until("document.getElementById('book-hint').textContent.includes('too many')").await;
    awaits_count(&browser, 10_001).await;
    awaits_rows(&browser, 10_000).await;
    browser.finish().await;
}

#[tokio::test]
async fn another_panel_and_back_and_the_book_is_as_it_is_now() {
    let server = TestServer::start().await;
    let mut client = add(&server, (0..40).map(|number| format!("n{number}"))).await;
    let Some(browser) = Browser::open(PHONE, server.http).await else { return };
    show_book(&browser).await;
    awaits_rows(&browser, 40).await;
    browser.click("[role=tab][aria-controls=talk]").await;
    client.send("add;张三;13800138000\n".as_bytes()).await;
    client.expect("张三 added!\n".as_bytes()).await;
    show_book(&browser).await;
    awaits_rows(&browser, 41).await;
    // And the student's own.
    browser.click("[role=tab][aria-controls=talk]").await;
    browser.send("add;李四;12345").await;
    browser.expect("received", "李四 added!").await;
    show_book(&browser).await;
    awaits_rows(&browser, 42).await;
    browser.type_into("#search", "李").await;
    awaits_rows(&browser, 1).await;
    awaits_row(&browser, "李四").await;
    browser.finish().await;
}

#[tokio::test]
async fn after_a_server_restart_the_book_is_the_new_server_s() {
    let port = ReservedPort::new();
    let http = port.address;
    let server = TestServer::with(|config| config.http = http).await;
    let _client = add(&server, ["gone".to_owned(), "stays".to_owned()].into_iter()).await;
    let Some(browser) = Browser::open(CHINESE, http).await else { return };
    show_book(&browser).await;
    awaits_rows(&browser, 2).await;
    server.stop().await;
    browser.until("document.getElementById('book-state').dataset.said === 'book-silent'").await;
    awaits_rows(&browser, 2).await;

    let server = TestServer::with(|config| config.http = http).await;
    let names = ["new".to_owned(), "stays".to_owned(), "新".to_owned()];
    let mut client = add(&server, names.into_iter()).await;
    browser.until("document.getElementById('book-state').dataset.said === 'book-live'").await;
    awaits_rows(&browser, 3).await;
    let names =
        browser.script(&format!("return {ROWS}.map(row => row.firstChild.textContent)")).await;
    assert_eq!(names, json!(["new", "stays", "新"]));
    client.send(b"remove;new\n").await;
    awaits_rows(&browser, 2).await;
    browser.finish_but_for("ERR_CONNECTION_REFUSED").await;
}

#[tokio::test]
async fn who_practises_offline_has_a_book_of_their_own() {
    let server = TestServer::start().await;
    let _client = add(&server, ["zhangsan".to_owned()].into_iter()).await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    show_book(&browser).await;
    awaits_rows(&browser, 1).await;
    browser.click("#mode").await;
    browser.await_state("offline").await;
    awaits_rows(&browser, 0).await;
    browser.until("document.getElementById('book-hint').textContent.includes('Nobody yet')").await;
    browser.screenshot("book-empty").await;
    browser.send("add;张三;1").await;
    awaits_row(&browser, "张三").await;
    browser.send("remove;张三").await;
    awaits_rows(&browser, 0).await;
    browser.click("#mode").await;
    awaits_row(&browser, "zhangsan").await;
    browser.finish().await;
}

#[tokio::test]
async fn names_from_the_network_stay_text() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    show_book(&browser).await;
    let mut client = server.tcp().await;
    let name = "<img src=x onerror=alert(1)><b>bold</b>";
    client.send(format!("add;{name};1\n").as_bytes()).await;
    client.expect(format!("{name} added!\n").as_bytes()).await;
    awaits_row(&browser, name).await;
    client.send(format!("add;{name};2\n").as_bytes()).await;
    browser.until("document.querySelector('#book-latest mark')?.textContent.includes('<b>')").await;
    let elements = "return document.querySelectorAll('#contacts img, #contacts code b').length";
    assert_eq!(browser.script(elements).await, 0);
    browser.finish().await;
}

#[tokio::test]
async fn it_fits_every_screen() {
    for (phone, sizes) in [(true, [(320, 568), (390, 844)]), (false, [(1280, 720), (1440, 900)])] {
        for language in ["zh-CN", "en-US"] {
            let screens = sizes.into_iter().flat_map(|(width, height)| {
                [false, true].map(|dark| Visitor { language, width, height, phone, dark })
            });
            let server = TestServer::start().await;
            let names =
                ["王伟", "zhangsan", "chenyu", "李梅", "zhaolei", "sunli"].map(ToOwned::to_owned);
            let mut client = add(&server, names.into_iter()).await;
            let others = (0..54).map(|number| format!("student{number}"));
            client.send(format!("add;{};{}\n", "长".repeat(64), "1".repeat(32)).as_bytes()).await;
            let _client = add(&server, others).await;
            let first = screens.clone().next().unwrap();
            let Some(browser) = Browser::open(first, server.http).await else { return };
            show_book(&browser).await;
            awaits_rows(&browser, 61).await;
            for (number, screen) in screens.enumerate() {
                browser.change_screen(screen).await;
                let phone = format!("1890000987{number}");
                client.send(format!("add;chenyu;{phone}\n").as_bytes()).await;
                let fresh = "document.querySelector('.fresh')?.textContent";
                browser.until(&format!("{fresh} === 'chenyu{phone}'")).await;
                fits(&browser, screen).await;
            }
            browser.finish().await;
        }
    }
}

/// Fails unless the list fills its place and nothing in it is wider than that.
async fn fits(browser: &Browser, screen: Visitor) {
    browser.until(FILLED).await;
    let Visitor { language, width, dark, .. } = screen;
    let shade = if dark { "dark" } else { "light" };
    browser.settle().await;
    browser.screenshot(&format!("book-{width}-{language}-{shade}")).await;
    let scrolls = browser
        .script(
            "return [...document.querySelectorAll('#contacts, #contacts *')]\
             .filter(each => each.scrollWidth > each.clientWidth && each.clientWidth \
             && !each.matches('code, .unseen'))\
             .map(each => each.outerHTML.slice(0, 99))",
        )
        .await;
    assert_eq!(scrolls, json!([]), "{screen:?}");
}
