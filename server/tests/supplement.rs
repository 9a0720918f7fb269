//! The panels beside the conversation come when one is first opened.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use classroom::TestServer;
use classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use serde_json::json;

const ADD: &str = "add;zhangsan;13800138000";

/// All that one student's visit may download: the server's design allows 120 KB,
/// on a phone and on a desktop.
const BUDGET: u64 = 120 * 1024;

/// What has been downloaded since the page was opened, in bytes as they came,
/// and how often.
const DOWNLOADED: &str = "
const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
return [all.reduce((sum, each) => sum + each.transferSize, 0), all.length,
  all.filter(each => each.name.includes('supplement')).length]";

async fn downloaded(browser: &Browser) -> (u64, u64, u64) {
    serde_json::from_value(browser.script(DOWNLOADED).await).unwrap()
}

/// Opens the page as a phone on a classroom's network does, at an address that
/// Chromium does not trust: so it does not ask for brotli.
async fn visit(visitor: Visitor, server: &TestServer) -> Option<Browser> {
    let browser = Browser::start(visitor).await?;
    browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
    browser.await_state("open").await;
    Some(browser)
}

async fn has_no_panels(browser: &Browser) -> bool {
    browser.script("return document.getElementById('wire-sent')").await.is_null()
}

async fn text_of(browser: &Browser, css: &str) -> String {
    let text = browser.script(&format!("return document.querySelector('{css}').innerText")).await;
    text.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_visit_weighs_at_most_120_kb_on_a_phone_and_on_a_desktop() {
    for visitor in [PHONE, Visitor { language: "en-US", ..PHONE }, CHINESE, ENGLISH] {
        let server = TestServer::start().await;
        let Some(browser) = visit(visitor, &server).await else { return };
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        if visitor.phone {
            browser.show("plan").await;
        }
        browser.click("[aria-current] [data-answer=right]").await;
        browser.click("#next").await;
        browser.until("document.querySelector('[aria-current]').dataset.step === 'address'").await;
        if visitor.phone {
            browser.show("talk").await;
        }
        browser.send("find;zhangsan").await;
        browser.expect("received", "13800138000").await;
        if visitor.phone {
            assert_eq!(downloaded(&browser).await.2, 0, "nobody has opened one");
            assert!(has_no_panels(&browser).await);
        }

        for panel in ["contacts", "wire"] {
            browser.show(panel).await;
        }
        let (bytes, requests, panels) = downloaded(&browser).await;
        println!("{bytes} bytes in {requests} requests, {visitor:?}");
        assert!(bytes > BUDGET / 3 && bytes <= BUDGET, "{bytes} bytes");
        assert_eq!(panels, 3, "program, looks and markup");
        assert!(text_of(&browser, "#wire-sent").await.contains("66"), "the f of find");
        browser.finish().await;
    }
}

#[tokio::test]
async fn a_wide_screen_has_them_at_once_and_nobody_loads_them_twice() {
    let server = TestServer::start().await;
    let Some(browser) = visit(CHINESE, &server).await else { return };
    browser.await_panel().await;
    assert!(!has_no_panels(&browser).await);
    for panel in ["sequence", "sticky", "contacts", "python", "wire"] {
        browser.show(panel).await;
    }
    browser.click("#language").await;
    browser.until("document.title === 'TCP classroom'").await;
    browser.until("document.querySelector('#wire > :last-child').innerText.includes('line')").await;
    assert_eq!(downloaded(&browser).await.2, 3);
    browser.finish().await;
}

#[tokio::test]
async fn each_panel_of_a_phone_tells_what_was_said_before_it_came() {
    for first in ["wire", "sequence", "sticky", "contacts", "python"] {
        let server = TestServer::start().await;
        let Some(browser) = visit(PHONE, &server).await else { return };
        for (command, answer) in
            [("add;张三;12345", "张三 added!"), (ADD, "zhangsan added!"), ("find;张三", "12345")]
        {
            browser.send(command).await;
            browser.expect("received", answer).await;
        }
        // A message is looked at before there is anything to look with.
        browser.click("#message-1 code").await;
        assert!(has_no_panels(&browser).await);
        browser.show(first).await;
        for panel in ["wire", "sequence", "sticky", "contacts", "python"] {
            browser.show(panel).await;
            match panel {
                "wire" => {
                    assert!(text_of(&browser, "#wire-sent .wire").await.contains("张"));
                    let current =
                        "return document.querySelector('#conversation [aria-current]').id";
                    assert_eq!(browser.script(current).await, "message-1");
                }
                "sequence" => {
                    let arrows = "return document.querySelectorAll('[data-arrow]').length";
                    assert_eq!(browser.script(arrows).await, 5 + 7);
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
                    assert_eq!(browser.script(style).await, "72px", "it has its looks");
                }
                _ => assert!(text_of(&browser, "#python-code").await.contains("add;张三;12345")),
            }
            browser.screenshot(&format!("supplement-{first}-{panel}")).await;
        }
        browser.finish().await;
    }
}

#[tokio::test]
async fn panels_that_cannot_be_had_say_so_and_come_by_themselves_later() {
    for (blocked, visitor, missing) in [
        ("*supplement-*.wasm", PHONE, "没有取到"),
        ("*supplement-*.css", ENGLISH, "could not be fetched"),
        ("*supplement.html", PHONE, "没有取到"),
    ] {
        let server = TestServer::start().await;
        let Some(browser) = Browser::start(visitor).await else { return };
        browser.devtools("Network.enable", json!({})).await;
        let block = |pattern: Vec<String>| {
            browser.devtools("Network.setBlockedURLs", json!({ "urls": pattern }))
        };
        block(vec![blocked.to_owned()]).await;
        browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
        browser.await_state("open").await;
        if visitor.phone {
            browser.click("[role=tab][aria-controls=python]").await;
        }
        browser
            .until(&format!("document.querySelector('#absent')?.innerText.includes('{missing}')"))
            .await;
        browser.screenshot(&format!("supplement-missing-{}", visitor.language)).await;
        // In the other language, too; and the page goes on.
        browser.click("#language").await;
        let other =
            if visitor.language == "zh-CN" { "could not be fetched" } else { "没有取到" };
        browser
            .until(&format!("document.querySelector('#absent')?.innerText.includes('{other}')"))
            .await;
        if visitor.phone {
            browser.click("[role=tab][aria-controls=talk]").await;
        }
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        if visitor.phone {
            browser.click("[role=tab][aria-controls=python]").await;
        }

        block(Vec::new()).await;
        browser.await_panel().await;
        let panel = if visitor.phone { "#python-code" } else { "#wire-sent .wire" };
        assert!(!text_of(&browser, panel).await.is_empty());
        let broken = "return document.documentElement.hasAttribute('data-broken')";
        assert_eq!(browser.script(broken).await, false);
        browser.finish_but_for("supplement").await;
    }
}
