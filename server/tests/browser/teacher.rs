//! The teacher's page in a browser. What each click does is in `teacher_actions` and
//! `teacher_rows`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use api::Student;
use protocol::homework::checks::CHECKS;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::homework::{HomeworkPage, RealCheck, right_server};
use crate::classroom::person::Page;
use crate::classroom::port::ReservedPort;
use crate::classroom::{TcpClient, TestServer};

/// The row of a raw TCP client.
pub(crate) const RAW: &str = "#people > :not([data-state=gone]):has([data-said=kind-raw])";

/// Where the raw TCP client is, so that its address can be blocked alone.
pub(crate) const ELSEWHERE: [u8; 4] = [127, 0, 0, 3];

/// Opens the teacher's page, or nothing where the test is skipped.
pub(crate) async fn open(visitor: Visitor, http: SocketAddr) -> Option<Browser> {
    let browser = Browser::start(visitor).await?;
    browser.go(&format!("http://{http}/teacher")).await;
    await_access(&browser, "granted").await;
    Some(browser)
}

async fn await_access(browser: &Browser, access: &str) {
    browser.until(&format!("document.documentElement.dataset.access === '{access}'")).await;
    if access == "granted" {
        browser.until("document.documentElement.dataset.state === 'live'").await;
    }
}

/// A raw TCP client at another computer.
pub(crate) async fn tcp_from_elsewhere(server: &TestServer) -> TcpClient {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ELSEWHERE, 0).into()).unwrap();
    TcpClient { stream: socket.connect(server.tcp).await.unwrap() }
}

/// The texts on the page and in its templates, by their keys.
const TEXTS: &str = "
const texts = {};
for (const part of [document, ...[...document.querySelectorAll('template')].map(each => each.content)])
  for (const each of part.querySelectorAll('[data-said]')) texts[each.dataset.said] = each.textContent.trim();
return texts;";

async fn texts(browser: &Browser) -> BTreeMap<String, String> {
    serde_json::from_value(browser.script(TEXTS).await).unwrap()
}

#[tokio::test]
async fn it_is_in_both_languages_and_fits_a_laptop_and_a_phone() {
    let server = TestServer::start().await;
    let Some(browser) = open(ENGLISH, server.http).await else { return };
    let _clients = server.tcp_clients(3).await;
    let mut tcp = tcp_from_elsewhere(&server).await;
    tcp.expect(b"Welcome!").await;
    tcp.send("add；lisi；13800138000\n".as_bytes()).await;
    let mut mended = server.tcp().await;
    for message in ["find；wangwu\n", "find;wangwu\n"] {
        mended.send(message.as_bytes()).await;
        mended.line().await;
    }
    browser.await_element("#people > :nth-child(5)").await;
    browser.await_element("[data-said=cause-fullwidth-semicolon]").await;
    browser.await_element("[data-recovered] [data-said=cause-fullwidth-semicolon]").await;
    let last = "return document.querySelector('[data-recovered] .last').innerText";
    let last = browser.script(last).await.as_str().unwrap().to_owned();
    assert!(last.contains("find;wangwu") && last.contains("find；wangwu"), "{last}");
    browser.click("[data-action=stage-echo]").await;
    browser.await_element("[data-said=did-stage-echo]").await;
    let mut found = Vec::new();
    for language in ["en", "zh-CN"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        found.push(texts(&browser).await);
        for (name, visitor) in
            [("laptop", Visitor { width: 1280, height: 720, ..CHINESE }), ("phone", PHONE)]
        {
            for dark in [false, true] {
                browser.change_screen(Visitor { dark, ..visitor }).await;
                let shade = if dark { "dark" } else { "light" };
                browser.screenshot(&format!("teacher-{name}-{language}-{shade}")).await;
            }
            // On a laptop its two columns scroll, on a phone the page does.
            let scrolls = "const { scrollWidth, scrollHeight } = document.documentElement; \
                           return [scrollWidth > innerWidth, scrollHeight > innerHeight]";
            let expected = json!([false, name == "phone"]);
            assert_eq!(browser.script(scrolls).await, expected, "{language} {name}");
        }
        browser.change_screen(CHINESE).await;
        browser.click("#language").await;
    }
    let [english, chinese] = &found[..] else { panic!("{found:?}") };
    assert!(english.len() > 70, "{english:?}");
    assert_eq!(english.keys().collect::<Vec<_>>(), chinese.keys().collect::<Vec<_>>());
    for (key, text) in english {
        assert!(!text.is_empty() && !chinese[key].is_empty(), "{key}");
        // A name that is the same everywhere.
        assert!(*text != chinese[key] || key == "kind-raw", "{key}: {text}");
    }
    browser.finish().await;
}

#[tokio::test]
async fn elsewhere_it_opens_with_the_token_only_and_leads_the_class_with_it() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(CHINESE).await else { return };
    // As a tunnel or a proxy passes it on: not from this computer.
    let headers = json!({ "headers": { "X-Forwarded-For": "192.168.1.7" } });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setExtraHTTPHeaders", headers).await;
    let page = format!("http://{}/teacher", server.http);
    browser.go(&page).await;
    await_access(&browser, "denied").await;
    let seen = "return [...document.querySelectorAll('.granted')].some(each => each.offsetParent)";
    assert_eq!(browser.script(seen).await, false);
    let told = "return document.querySelector('.denied').innerText";
    let told = browser.script(told).await.as_str().unwrap().to_owned();
    assert!(told.contains("127.0.0.1") && told.contains('#'), "{told}");

    // What follows `#` loads nothing by itself, and is taken all the same.
    browser.go(&format!("{page}#{}x", server.token)).await;
    await_access(&browser, "denied").await;
    browser.go(&format!("{page}#{}", server.token)).await;
    await_access(&browser, "granted").await;
    browser.click("[data-action=freeze]").await;
    browser.await_element("[data-said=did-freeze]").await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\n").await;
    assert!(tcp.line().await.contains("frozen"));
    // Nothing that the server was asked for has the token in its address.
    let asked = "return performance.getEntriesByType('resource').map(each => each.name).join()";
    let asked = browser.script(asked).await.as_str().unwrap().to_owned();
    assert!(asked.contains("/api/teacher") && !asked.contains(&server.token), "{asked}");
    browser.finish_but_for("401").await;
}

/// The table of the homework: each row's name and the states of its checks.
const RESULTS: &str = "
return [...document.querySelectorAll('#homework > tr')].map(row =>
  [row.cells[0].innerText, row.cells[1].innerText, [...row.cells].slice(2).map(cell => cell.dataset.check).join('')]);";

/// A student has checked its program in the page: that row's cells are told as well.
async fn a_third_one_checks_in_the_page(server: &TestServer, browser: &Browser) {
    let third = Page::new(server, 3);
    third.reports(&Student { name: "Li".to_owned(), ..Student::default() }).await;
    let own = "f".to_owned() + &"s".repeat(CHECKS.len() - 1);
    assert_eq!(third.says_checked(&own).await.status, 204);
    browser.until("document.querySelectorAll('#homework > tr').length === 3").await;
    let results: Vec<(String, String, String)> =
        serde_json::from_value(browser.script(RESULTS).await).unwrap();
    let (_, passed, states) = &results[2];
    assert!(passed.starts_with("0/") && passed.ends_with(" 网页里检查的"), "{results:?}");
    assert_eq!(*states, own);
}

#[tokio::test]
async fn the_homework_is_a_table_of_students_and_checks_for_eyes_and_for_screen_readers() {
    let server = TestServer::start().await;
    let Some(browser) = open(CHINESE, server.http).await else { return };
    browser.click("button[data-filter=homework]").await;
    browser.until("!document.getElementById('no-homework').hidden").await;
    let hidden = "return document.getElementById('results').hidden";
    assert_eq!(browser.script(hidden).await, true);

    let mut kept = Vec::new();
    for (number, name, program) in [
        (1, "小明", None),
        (
            2,
            "Wang",
            Some("import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', PORT)\n"),
        ),
    ] {
        let page = Page::new(&server, number);
        page.reports(&Student { name: name.to_owned(), ..Student::default() }).await;
        let socket = page.websocket().await;
        let folder = tempfile::tempdir().unwrap();
        let port = ReservedPort::new().address.port();
        let source = program.map_or_else(
            || right_server(port),
            |program| program.replace("PORT", &port.to_string()),
        );
        std::fs::write(folder.path().join("server.py"), source).unwrap();
        let mut homework = HomeworkPage::open(server.http, &page.key).await;
        let code = homework.last.code.clone();
        let mut check = RealCheck::start(server.http, folder.path(), "server.py", &code).await;
        homework.result().await;
        check.end().await;
        kept.push((socket, homework, folder));
    }
    // The last that is known of each.
    for row in ["tr:first-child > [data-check=f]", "tr:nth-child(2) > [data-check=f]"] {
        browser.await_element(&format!("#homework > {row}")).await;
    }
    let results: Vec<(String, String, String)> =
        serde_json::from_value(browser.script(RESULTS).await).unwrap();
    let [(first, passed, states), (second, none, failed)] = &results[..] else {
        panic!("{results:?}")
    };
    a_third_one_checks_in_the_page(&server, &browser).await;
    assert_eq!((&**first, &**second), ("小明", "Wang"));
    let (passed, of) = passed.split_once('/').unwrap();
    assert!(passed == of && states.starts_with("pppp"), "{results:?}");
    assert!(none.starts_with("0/") && failed.starts_with('f'), "{results:?}");

    // A table: headers of rows and columns, and a word for each sign, in both languages.
    let head = "return [...document.querySelectorAll('#results thead th[scope=col]')].map(it => it.innerText)";
    let cell = "return document.querySelector('#homework > tr > [data-check=f]').textContent";
    for (language, title, told) in
        [("zh-CN", "能连上", "没通过"), ("en", "accepts a connection", "not passed")]
    {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        let heads: Vec<String> = serde_json::from_value(browser.script(head).await).unwrap();
        assert_eq!(heads.len(), states.len() + 2);
        assert_eq!(heads[2], title);
        assert!(browser.script(cell).await.as_str().unwrap().ends_with(told), "{told}");
        browser.screenshot(&format!("teacher-homework-{language}")).await;
        // On a phone the table scrolls in itself, and names stay in sight.
        browser.change_screen(PHONE).await;
        let scrolls = "const table = document.getElementById('results'), name = table.querySelector('tbody th'); \
                       table.scrollLeft = 1000; \
                       return [document.documentElement.scrollWidth > innerWidth, \
                               table.scrollLeft > 0, name.getBoundingClientRect().left >= 0]";
        assert_eq!(browser.script(scrolls).await, json!([false, true, true]), "{language}");
        browser.screenshot(&format!("teacher-homework-phone-{language}")).await;
        browser.change_screen(CHINESE).await;
        // By keyboard, too.
        let focus = "const table = document.getElementById('results'); table.focus(); return document.activeElement === table";
        assert_eq!(browser.script(focus).await, true);
        browser.click("#language").await;
    }
    browser.click("button[data-filter=all]").await;
    browser.until("!document.getElementById('results').offsetParent").await;
    browser.finish().await;
}
