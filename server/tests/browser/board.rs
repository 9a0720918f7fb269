//! The board in a browser, as on a projector.

use std::net::SocketAddr;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::events::EventClient;
use crate::classroom::person::Page;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, get};
use api::Student;
use protocol::homework::checks::CHECKS;
use serde_json::json;

/// What a visit of the board may weigh: one projector in a class, on a cable.
const BUDGET: u64 = 200 * 1024;

/// A projector as it often is.
pub(crate) const PROJECTOR: Visitor = Visitor { width: 1280, height: 720, ..CHINESE };

/// Opens the board, or nothing where the test is skipped.
pub(crate) async fn open(visitor: Visitor, http: SocketAddr) -> Option<Browser> {
    let browser = Browser::start(visitor).await?;
    browser.go(&format!("http://{http}/board")).await;
    await_state(&browser, "live").await;
    Some(browser)
}

pub(crate) async fn await_state(browser: &Browser, state: &str) {
    browser.until(&format!("document.documentElement.dataset.state === '{state}'")).await;
}

/// Waits until an element has this text.
async fn await_text(browser: &Browser, id: &str, text: &str) {
    browser.until(&format!("document.getElementById('{id}').innerText === {}", json!(text))).await;
}

/// Waits until the board counts so many conversations of browsers and of raw TCP
/// clients, and so many contacts.
async fn await_counts(browser: &Browser, pages: u64, clients: u64, contacts: u64) {
    for (id, count) in [
        ("pages", pages),
        ("clients", clients),
        ("online", pages + clients),
        ("contacts-count", contacts),
    ] {
        await_text(browser, id, &count.to_string()).await;
    }
}

/// The modules of the QR code that are drawn dark, in rows as the server says them.
const DRAWN: &str = "
const qr = document.getElementById('qr');
const side = qr.viewBox.baseVal.width - 8;
const rows = Array.from({ length: side }, () => Array(side).fill('0'));
for (const [, x, y, width] of qr.querySelector('path').getAttribute('d').matchAll(/M(\\d+) (\\d+)h(\\d+)v1h-\\3z/g))
  rows[+y].fill('1', +x, +x + +width);
return rows.map(row => row.join(''));";

#[tokio::test]
async fn it_shows_how_to_join_and_follows_who_is_there() {
    let server = TestServer::start().await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    await_text(&browser, "join-url", &server.http.to_string()).await;
    await_text(&browser, "tcp-host", &server.tcp.ip().to_string()).await;
    await_text(&browser, "tcp-port", &server.tcp.port().to_string()).await;
    // A loopback address is of no use to students: the board says so.
    assert_eq!(browser.script("return document.getElementById('only-here').hidden").await, false);
    let board = EventClient::open_board(server.http).await.board().await.unwrap();
    assert!(!board.addresses[0].qr.is_empty());
    assert_eq!(browser.script(DRAWN).await, json!(board.addresses[0].qr));

    await_counts(&browser, 0, 0, 0).await;
    let mut python = server.tcp().await;
    await_counts(&browser, 0, 1, 0).await;
    let page = server.websocket().await;
    await_counts(&browser, 1, 1, 0).await;
    python.send("add;张三;13800138000\n".as_bytes()).await;
    await_counts(&browser, 1, 1, 1).await;
    drop(page);
    await_counts(&browser, 0, 1, 1).await;
    python.send("remove;张三\nexit\n".as_bytes()).await;
    await_counts(&browser, 0, 0, 0).await;
    browser.finish().await;
}

#[tokio::test]
async fn after_a_server_restart_it_is_live_again() {
    let server = TestServer::start().await;
    let http = server.http;
    let Some(browser) = open(PROJECTOR, http).await else { return };
    let client = server.tcp().await;
    await_counts(&browser, 0, 1, 0).await;
    server.stop().await;
    drop(client);
    await_state(&browser, "lost").await;
    let told = "[...document.querySelectorAll('.state > *')].filter(each => \
                each.getClientRects().length).map(each => each.innerText).join()";
    browser.until(&format!("{told}.startsWith('和服务器断开了')")).await;
    await_counts(&browser, 0, 1, 0).await;
    browser.screenshot("board-lost").await;

    let server = TestServer::with(|config| config.http = http).await;
    await_state(&browser, "live").await;
    await_counts(&browser, 0, 0, 0).await;
    await_text(&browser, "tcp-port", &server.tcp.port().to_string()).await;
    browser.finish_but_for("ERR_").await;
}

#[tokio::test]
async fn it_fits_a_projector_in_both_languages_and_themes() {
    // A name of the longest kind that a class is likely to have.
    let advertised = "classroom.test".to_owned();
    let server = TestServer::with(|config| config.advertise = Some(advertised)).await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    let _clients = server.tcp_clients(12).await;
    await_counts(&browser, 0, 12, 0).await;
    for language in ["zh-CN", "en"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        for (width, height) in [(1280, 720), (1920, 1080)] {
            for dark in [false, true] {
                browser.change_screen(Visitor { width, height, dark, ..PROJECTOR }).await;
                let shade = if dark { "dark" } else { "light" };
                browser.screenshot(&format!("board-{width}-{language}-{shade}")).await;
            }
            // Letters may be higher than their lines, hence only what holds them.
            let scrolls = "return [...document.querySelectorAll('*')].filter(each => \
                           each.clientWidth && !each.matches('.unseen') \
                           && (each.scrollWidth > each.clientWidth + 1 || each.matches(\
                           'html, body, .top, .sheet, section') \
                           && each.scrollHeight > each.clientHeight + 1))\
                           .map(each => each.outerHTML.slice(0, 99))";
            assert_eq!(browser.script(scrolls).await, json!([]), "{language} {width}");
            // From ten metres: on a screen 2 m wide a code of 25 modules that takes 0.36 of
            // it, and 0.47 with its quiet zone, has modules of 28 mm. A phone's preview
            // of 1,920 pixels is 12.7 m wide there, 6.6 mm a pixel, and decoders want
            // three pixels a module.
            let share = "const { width } = document.getElementById('qr').getBoundingClientRect(); \
                         return width / innerWidth";
            assert!(browser.script(share).await.as_f64().unwrap() > 0.45, "{language} {width}");
        }
        browser.click("#language").await;
    }
    browser.finish().await;
}

/// Elements of these whose text is cut.
fn cut(css: &str) -> String {
    format!(
        "return [...document.querySelectorAll({})].filter(each => each.clientWidth && \
         (each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 4))\
         .map(each => each.textContent)",
        json!(css)
    )
}

#[tokio::test]
async fn on_a_phone_the_texts_of_the_buttons_are_whole_in_both_languages() {
    let server = TestServer::start().await;
    let Some(browser) = open(PHONE, server.http).await else { return };
    for language in ["zh-CN", "en"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        assert_eq!(browser.script(&cut(".btn")).await, json!([]), "{language}");
        let sideways = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(browser.script(sideways).await, json!(0), "{language}");
        browser.screenshot(&format!("board-phone-{language}")).await;
        browser.click("#language").await;
    }
    browser.finish().await;
}

#[tokio::test]
async fn all_names_of_steps_can_be_read_and_the_steps_stay_beside_the_lines() {
    let server = TestServer::start().await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    let page = Page::new(&server, 1);
    let _socket = page.websocket().await;
    let steps = Student { steps: 18, step: 3, done: 0b111, ..Student::default() };
    page.reports(&steps).await;
    browser.click("#turn").await;
    browser.until("document.querySelectorAll('#class-steps .name').length === 18").await;
    let teacher = Teacher::of(&server);
    for language in ["zh-CN", "en"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        browser
            .until("document.querySelectorAll('#class-steps .name:not(:empty)').length === 18")
            .await;
        // As in a large school.
        browser
            .script("document.querySelectorAll('#class-steps [data-slot]').forEach(it => it.textContent = '300')")
            .await;
        for (width, height) in [(1280, 720), (1920, 1080)] {
            browser.change_screen(Visitor { width, height, ..PROJECTOR }).await;
            let parts = cut("#class-steps .name, #class-steps b, #class-steps");
            assert_eq!(browser.script(&parts).await, json!([]), "{language} {width}");
            browser.screenshot(&format!("board-steps-{width}-{language}")).await;
        }
        browser.change_screen(PROJECTOR).await;
        teacher.does("show").await;
        browser.until("document.querySelector('.talk').offsetParent").await;
        let bars = "return [...document.querySelectorAll('#class-steps .cells')]\
                    .filter(bar => bar.getBoundingClientRect().width > 20).length";
        assert_eq!(browser.script(bars).await, 18, "{language}");
        assert_eq!(browser.script(&cut(".steps, #class-steps")).await, json!([]), "{language}");
        browser.screenshot(&format!("board-lines-{language}")).await;
        teacher.does("hide").await;
        browser.until("!document.querySelector('.talk').offsetParent").await;
        browser.click("#language").await;
    }
    browser.finish().await;
}

#[tokio::test]
async fn the_help_names_this_server_s_ports_and_fits_the_screen() {
    let server = TestServer::start().await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    browser.click("#nobody").await;
    let (http, tcp) = (server.http.port(), server.tcp.port());
    for language in ["zh-CN", "en"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        let help = browser.script("return document.getElementById('help').innerText").await;
        let help = help.as_str().unwrap();
        assert!(help.contains(&format!("ufw allow {http},{tcp}/tcp")), "{help}");
        assert!(help.contains(&format!("--add-port={http}/tcp --add-port={tcp}/tcp")), "{help}");
        assert_eq!(browser.script(&cut("#help, #help kbd")).await, json!([]), "{language}");
        browser.screenshot(&format!("board-help-{language}")).await;
        browser.click("#language").await;
    }
    browser.finish().await;
}

#[tokio::test]
async fn the_switches_are_those_of_the_student_s_page() {
    let server = TestServer::start().await;
    let Some(browser) = open(ENGLISH, server.http).await else { return };
    await_text(&browser, "join-title", "Scan, or open in a browser").await;
    browser.click("#language").await;
    await_text(&browser, "join-title", "扫码，或者在浏览器里打开").await;
    browser.click("#theme").await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;
    // And it is one choice for both pages.
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    let chosen = "const { lang, dataset } = document.documentElement; return [lang, dataset.theme]";
    assert_eq!(browser.script(chosen).await, json!(["zh-CN", "dark"]));
    browser.finish().await;
}

#[tokio::test]
async fn neither_page_loads_the_other_one_s_program() {
    let server = TestServer::start().await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    let loaded = "
        const all = [...performance.getEntriesByType('navigation'), \
                     ...performance.getEntriesByType('resource')];
        return [all.reduce((sum, each) => sum + each.transferSize, 0), all.map(each => each.name)]";
    let (bytes, names): (u64, Vec<String>) =
        serde_json::from_value(browser.script(loaded).await).unwrap();
    println!("{bytes} bytes: {names:?}");
    assert!(bytes <= BUDGET, "{bytes} bytes");
    assert!(!names.iter().any(|name| name.contains("student")), "{names:?}");
    browser.finish().await;
    assert!(!get(server.http, "/", "").await.text().contains("board-"));
}

#[tokio::test]
async fn it_is_locked_down_as_the_student_s_page() {
    let server = TestServer::start().await;
    let (page, board) = (get(server.http, "/", "").await, get(server.http, "/board", "").await);
    assert_eq!((page.status, board.status), (200, 200));
    for header in ["content-security-policy", "content-type", "cache-control"] {
        assert_eq!(board.header(header), page.header(header), "{header}");
    }
    let foreign = "GET /board HTTP/1.1\r\nHost: rebound.test";
    assert_eq!(crate::classroom::http(server.http, foreign).await.status, 403);
}

#[tokio::test]
async fn homework_that_a_page_has_checked_is_on_the_wall_and_marked() {
    let server = TestServer::start().await;
    let Some(browser) = open(PROJECTOR, server.http).await else { return };
    let letters = |state: &str| state.repeat(CHECKS.len());
    for (number, checks) in [(1, letters("f")), (2, letters("p"))] {
        let page = Page::new(&server, number);
        page.reports(&Student { name: format!("n{number}"), ..Student::default() }).await;
        assert_eq!(page.says_checked(&checks).await.status, 204);
    }
    browser.click("#turn").await;
    browser.until("document.querySelectorAll('#homework > li').length === 2").await;
    // The best first, which does not tell whose it is.
    let wall = "return [...document.querySelectorAll('#homework > li')].map(it => it.innerText)";
    let required = CHECKS.iter().filter(|check| check.required).count();
    let expected = json!(["✓ 网页里检查", format!("0/{required} 网页里检查")]);
    assert_eq!(browser.script(wall).await, expected);
    await_text(&browser, "works-count", "1 / 2 通过").await;
    browser.screenshot("board-homework-in-page").await;
    browser.finish().await;
}
