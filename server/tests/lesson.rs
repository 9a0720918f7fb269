//! The lesson, as a student goes through it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use classroom::TestServer;
use classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, StaticHost, Visitor};
use fantoccini::key::Key;
use serde_json::{Value, json};

/// The step that is open.
const OPEN: &str = "#steps > [aria-current=step]";

/// How a student sends what a step shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hand {
    /// By a press on the button.
    Presses,
    /// By writing it.
    Types,
}

/// Scrolls to something and presses it, as a student does.
async fn press(browser: &Browser, css: &str) {
    browser.element(css).await;
    let scroll = format!("document.querySelector('{css}').scrollIntoView({{ block: 'center' }})");
    browser.script(&scroll).await;
    browser.click(css).await;
}

async fn open_step(browser: &Browser) -> Value {
    browser.script(&format!("return document.querySelector('{OPEN}').dataset.step")).await
}

async fn expect_open(browser: &Browser, step: &str) {
    browser.until(&format!("document.querySelector('{OPEN}')?.dataset.step === '{step}'")).await;
}

/// The names of the steps that are done.
async fn done(browser: &Browser) -> Value {
    browser
        .script(
            "return [...document.querySelectorAll('#steps > [data-done=true]')]\
             .map(each => each.dataset.step)",
        )
        .await
}

/// Sends one of the open step's commands and waits for all its answers.
async fn send(browser: &Browser, hand: Hand, index: usize, command: &str) {
    let before = browser.messages().await.len();
    if hand == Hand::Types && !command.contains('\n') {
        browser.send(command).await;
    } else {
        press(browser, &format!("{OPEN} > .try:nth-of-type({})", index + 1)).await;
    }
    if command == "exit" {
        browser.await_state("closed").await;
        browser.click("#reconnect").await;
        browser.expect("received", "Welcome!").await;
    } else {
        let after = before + 1 + command.split('\n').count();
        browser
            .until(&format!("document.getElementById('conversation').children.length === {after}"))
            .await;
    }
}

/// Does what the open step asks for, in the order in which it stands there.
async fn follow(browser: &Browser, hand: Hand) {
    let all = |attribute: &str| {
        let script = format!(
            "return [...document.querySelectorAll('{OPEN} [data-{attribute}]')]\
             .map(each => each.dataset.{attribute})"
        );
        async move { serde_json::from_value::<Vec<String>>(browser.script(&script).await).unwrap() }
    };
    for (index, command) in all("command").await.iter().enumerate() {
        send(browser, hand, index, command).await;
        show_steps(browser).await;
    }
    if all("goal").await.contains(&"split".to_owned()) {
        press(browser, &format!("{OPEN} [href=\"#sticky\"]")).await;
        browser.until("!document.getElementById('sticky').hidden").await;
        press(browser, "#lab-chinese").await;
        // Into 张, behind `add;`.
        browser
            .script(
                "const slider = document.getElementById('lab-split'); slider.value = 5; \
                 slider.dispatchEvent(new Event('input', { bubbles: true }))",
            )
            .await;
        show_steps(browser).await;
    }
    for right in ["wrong", "right"] {
        let answers = format!("{OPEN} [data-answer={right}]");
        let count =
            browser.script(&format!("return document.querySelectorAll('{answers}').length")).await;
        for _ in 0..count.as_u64().unwrap() {
            // Which are the ones not pressed yet.
            press(browser, &format!("{answers}:not([aria-pressed])")).await;
        }
        // Each explains itself.
        let silent = format!(
            "return [...document.querySelectorAll('{answers} + [data-why]')]\
             .filter(each => !each.offsetParent).length"
        );
        assert_eq!(browser.script(&silent).await, 0);
    }
    browser.until(&format!("document.querySelector('{OPEN}').dataset.done === 'true'")).await;
}

/// Brings the steps to the front, where there is room for one panel only.
async fn show_steps(browser: &Browser) {
    let hidden = browser.script("return document.getElementById('plan').hidden").await;
    if hidden == json!(true) {
        browser.click("#now").await;
    }
}

/// Goes through all the steps.
async fn walk(browser: &Browser, hand: Hand) {
    show_steps(browser).await;
    let names = browser
        .script(
            "return [...document.querySelectorAll('#steps > li')].map(each => each.dataset.step)",
        )
        .await;
    let names: Vec<String> = serde_json::from_value(names).unwrap();
    assert!(names.len() > 15, "{names:?}");
    for (index, name) in names.iter().enumerate() {
        assert_eq!(open_step(browser).await, json!(name));
        follow(browser, hand).await;
        assert_eq!(done(browser).await, json!(names[..=index]));
        if index + 1 < names.len() {
            press(browser, "#next").await;
        }
    }
    browser.until("document.getElementById('guide').dataset.told === 'all'").await;
    let count = format!("{0} / {0}", names.len());
    assert_eq!(browser.script("return document.getElementById('done').textContent").await, count);
}

async fn walk_with_a_server(visitor: Visitor, hand: Hand) {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(visitor, server.http).await else { return };
    walk(&browser, hand).await;
    browser.screenshot(&format!("steps-all-{}-{}", visitor.width, visitor.language)).await;
    browser.finish().await;
}

async fn walk_without_a_server(visitor: Visitor, hand: Hand) {
    let Some(host) = StaticHost::start() else { return };
    let Some(browser) = Browser::start(visitor).await else { return };
    browser.go(&host.address).await;
    browser.await_state("offline").await;
    walk(&browser, hand).await;
    browser.finish_but_for("WebSocket connection to").await;
}

#[tokio::test]
async fn a_student_finishes_the_lesson_in_chinese() {
    walk_with_a_server(CHINESE, Hand::Presses).await;
}

#[tokio::test]
async fn a_student_finishes_the_lesson_in_english() {
    walk_with_a_server(ENGLISH, Hand::Types).await;
}

#[tokio::test]
async fn a_student_finishes_the_lesson_on_a_phone() {
    walk_with_a_server(PHONE, Hand::Presses).await;
}

#[tokio::test]
async fn a_student_without_a_server_finishes_the_lesson_in_chinese() {
    walk_without_a_server(CHINESE, Hand::Types).await;
}

#[tokio::test]
async fn a_student_without_a_server_finishes_the_lesson_in_english() {
    walk_without_a_server(ENGLISH, Hand::Presses).await;
}

#[tokio::test]
async fn the_progress_survives_a_reload_and_a_restart_of_the_server() {
    let server = TestServer::start().await;
    let http = server.http;
    let Some(browser) = Browser::open(ENGLISH, http).await else { return };
    follow(&browser, Hand::Presses).await;
    press(&browser, "#next").await;
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
    press(&browser, "#next").await;

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
    press(&browser, "#again summary").await;
    press(&browser, "#start-over").await;
    expect_open(&browser, "roles").await;
    assert_eq!(done(&browser).await, json!([]));
    browser.until("!document.querySelector('#steps [aria-pressed], #again[open]')").await;
    browser.go(&format!("http://{http}/")).await;
    browser.await_state("open").await;
    assert_eq!(done(&browser).await, json!([]));
    browser.finish_but_for("WebSocket connection to").await;
}

#[tokio::test]
async fn steps_are_skipped_and_revisited_by_mouse_and_by_keyboard() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(CHINESE, server.http).await else { return };
    let focused = "return document.activeElement.closest('[data-step]')?.dataset.step";
    press(&browser, "#skip").await;
    expect_open(&browser, "address").await;
    assert_eq!(browser.script(focused).await, "address");
    follow(&browser, Hand::Presses).await;
    press(&browser, "[data-step=homework] .step").await;
    expect_open(&browser, "homework").await;
    // With the arrow of the keyboard's Tab back to what was skipped.
    browser.script("document.querySelector('[data-step=roles] .step').focus()").await;
    let title = browser.client.active_element().await.unwrap();
    title.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
    expect_open(&browser, "roles").await;
    follow(&browser, Hand::Presses).await;
    press(&browser, "#next").await;
    expect_open(&browser, "echo").await;
    // A done one can be read again, and leads on to what is left.
    press(&browser, "[data-step=address] .step").await;
    expect_open(&browser, "address").await;
    press(&browser, "#next").await;
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
    let step = browser.element(OPEN).await.text().await.unwrap();
    assert!(step.contains(&server.http.to_string()), "{step}");
    let blanks = "return [...document.querySelectorAll('#steps [data-slot]')]\
                  .filter(each => !each.textContent).map(each => each.outerHTML)";
    assert_eq!(browser.script(blanks).await, json!([]));
    press(&browser, "[data-step=bytes] .step").await;
    press(&browser, "[role=tab][aria-controls=python]").await;
    press(&browser, "[data-step=bytes] [href=\"#wire\"]").await;
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
    press(&browser, "#next").await;
    expect_open(&browser, "address").await;
    browser.finish().await;
}
