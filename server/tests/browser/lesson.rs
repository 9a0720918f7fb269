//! The lesson on the page: its steps, hints and progress.

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE};
use crate::classroom::port::ReservedPort;
use crate::classroom::static_host::StaticHost;
use crate::classroom::student::{Hand, OPEN, done, expect_open, follow, open_step, walk};
use fantoccini::key::Key;
use serde_json::json;

#[tokio::test]
async fn a_student_without_a_server_finishes_the_lesson_on_a_phone() {
    let Some(host) = StaticHost::start() else { return };
    let Some(browser) = Browser::start(PHONE).await else { return };
    browser.go(&host.address).await;
    browser.await_state("offline").await;
    walk(&browser, Hand::Presses).await;
    browser.screenshot("steps-all-phone").await;
    browser.finish_after_a_loss().await;
}

#[tokio::test]
async fn the_progress_survives_a_reload_and_a_restart_of_the_server() {
    let port = ReservedPort::new();
    let http = port.address;
    let server = TestServer::with(|config| config.http = http).await;
    let Some(browser) = Browser::open(ENGLISH, http).await else { return };
    follow(&browser, Hand::Presses).await;
    browser.click("#next").await;
    follow(&browser, Hand::Presses).await;
    // A step that is done is open after a reload, too, and so is its answer.
    browser.go(&format!("http://{http}/")).await;
    browser.await_state("open").await;
    assert_eq!(open_step(&browser).await, "address");
    assert_eq!(done(&browser).await, json!(["roles", "address"]));
    browser
        .until(&format!("document.querySelector('{OPEN} [data-answer=right] + *').offsetParent"))
        .await;
    browser.click("#language").await;
    browser.until("document.documentElement.lang === 'zh-CN'").await;
    assert_eq!(done(&browser).await, json!(["roles", "address"]));
    assert_eq!(open_step(&browser).await, "address");
    browser.click("#next").await;

    server.stop().await;
    browser.until("document.getElementById('connection').dataset.state !== 'open'").await;
    let server = TestServer::with(|config| config.http = http).await;
    browser.await_state("open").await;
    assert_eq!(open_step(&browser).await, "echo");
    follow(&browser, Hand::Presses).await;
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    assert_eq!(done(&browser).await, json!(["roles", "address", "echo"]));

    // The next student begins again.
    browser.click("#again summary").await;
    browser.click("#start-over").await;
    expect_open(&browser, "roles").await;
    assert_eq!(done(&browser).await, json!([]));
    browser.until("!document.querySelector('#steps [aria-pressed], #again[open]')").await;
    browser.go(&format!("http://{http}/")).await;
    browser.await_state("open").await;
    assert_eq!(done(&browser).await, json!([]));
    browser.finish_after_a_loss().await;
}

#[tokio::test]
async fn steps_are_skipped_and_revisited_by_mouse_and_by_keyboard() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(CHINESE, server.http).await else { return };
    let focused = "return document.activeElement.closest('[data-step]')?.dataset.step";
    browser.click("#skip").await;
    expect_open(&browser, "address").await;
    assert_eq!(browser.script(focused).await, "address");
    follow(&browser, Hand::Presses).await;
    browser.click("[data-step=homework] .step").await;
    expect_open(&browser, "homework").await;
    // With the arrow of the keyboard's Tab back to what was skipped.
    browser.script("document.querySelector('[data-step=roles] .step').focus()").await;
    browser.press(char::from(Key::Enter)).await;
    expect_open(&browser, "roles").await;
    follow(&browser, Hand::Presses).await;
    browser.click("#next").await;
    expect_open(&browser, "echo").await;
    // A done one can be read again, and leads on to what is left.
    browser.click("[data-step=address] .step").await;
    expect_open(&browser, "address").await;
    browser.click("#next").await;
    expect_open(&browser, "echo").await;
    assert_eq!(done(&browser).await, json!(["roles", "address"]));
    browser.finish().await;
}

#[tokio::test]
async fn a_wrong_try_gets_a_hint_that_names_the_mistake() {
    let seen = "[...document.querySelectorAll('#step-hint, #now-title')]\
                .filter(each => each.offsetParent).map(each => each.innerText).join()";
    for (visitor, echo, mistake) in [
        (CHINESE, "没有英文的", "Error 说了错在哪里"),
        (PHONE, "没有英文的", "Error 说了错在哪里"),
        (ENGLISH, "Without an English ;", "the Error says why"),
    ] {
        let server = TestServer::start().await;
        let Some(browser) = Browser::open(visitor, server.http).await else { return };
        browser.script("document.querySelector('[data-step=find] .step').click()").await;
        browser.send("zhangsan").await;
        browser.until(&format!("{seen}.includes('{echo}')")).await;
        browser.send("find;").await;
        browser.until(&format!("{seen}.includes('{mistake}')")).await;
        browser.screenshot(&format!("hint-{}-{}", visitor.width, visitor.language)).await;
        browser.send("add;wangwu;7").await;
        browser.send("find;wangwu").await;
        browser.expect("received", "7").await;
        browser.until(&format!("document.querySelector('{OPEN}').dataset.done === 'true'")).await;
        let hint = browser.script(&format!("return {seen}")).await;
        assert!(!hint.as_str().unwrap().contains(mistake), "{hint}");
        browser.finish().await;
    }
}

#[tokio::test]
async fn the_lesson_names_the_real_addresses_and_leads_to_the_panels() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    let step = browser.script(&format!("return document.querySelector('{OPEN}').innerText")).await;
    assert!(step.as_str().unwrap().contains(&server.http.to_string()), "{step}");
    let blanks = "return [...document.querySelectorAll('#steps [data-slot]')]\
                  .filter(each => !each.textContent).map(each => each.outerHTML)";
    assert_eq!(browser.script(blanks).await, json!([]));
    browser.click("[data-step=bytes] .step").await;
    browser.click("[role=tab][aria-controls=python]").await;
    browser.click("[data-step=bytes] [href=\"#wire\"]").await;
    browser.until("!document.getElementById('wire').hidden").await;
    browser.until("document.activeElement.id === 'tab-wire'").await;
    assert_eq!(browser.script("return location.hash").await, "");
    browser.finish().await;
}

#[tokio::test]
async fn a_browser_that_stores_nothing_has_the_lesson_all_the_same() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    let refuse = "for (const name of ['localStorage', 'sessionStorage']) \
                  Object.defineProperty(window, name, \
                  { get() { throw new DOMException('no', 'SecurityError') } })";
    browser.devtools("Page.enable", json!({})).await;
    let source = json!({ "source": refuse });
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", source).await;
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    follow(&browser, Hand::Presses).await;
    browser.click("#next").await;
    expect_open(&browser, "address").await;
    browser.finish().await;
}
