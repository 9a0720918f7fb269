//! The teacher's page in a browser. What each click does is in `teacher_actions` and
//! `teacher_rows`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpSocket;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::student::press;
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
    browser.element("#people > :nth-child(4)").await;
    browser.element("[data-said=cause-fullwidth-semicolon]").await;
    press(&browser, "[data-action=stage-echo]").await;
    browser.element("[data-said=did-stage-echo]").await;
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
        press(&browser, "#language").await;
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
    press(&browser, "[data-action=freeze]").await;
    browser.element("[data-said=did-freeze]").await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\n").await;
    assert!(tcp.line().await.contains("frozen"));
    // Nothing that the server was asked for has the token in its address.
    let asked = "return performance.getEntriesByType('resource').map(each => each.name).join()";
    let asked = browser.script(asked).await.as_str().unwrap().to_owned();
    assert!(asked.contains("/api/teacher") && !asked.contains(&server.token), "{asked}");
    browser.finish_but_for("401").await;
}
