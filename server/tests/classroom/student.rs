//! A student who goes through the lesson on the page.

use serde_json::{Value, json};

use super::browser::Browser;

/// The step that is open.
pub const OPEN: &str = "#steps > [aria-current=step]";

/// How a student sends what a step shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hand {
    /// By a press on the button.
    Presses,
    /// By writing it, key by key only where the step asks for that.
    Types,
}

/// How one command is sent.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Button,
    Keys,
    /// As a paste, which takes a tenth of the time.
    AtOnce,
}

/// The name of the step that is open.
pub async fn open_step(browser: &Browser) -> Value {
    browser.script(&format!("return document.querySelector('{OPEN}').dataset.step")).await
}

/// Waits until a step is open.
pub async fn expect_open(browser: &Browser, step: &str) {
    browser.until(&format!("document.querySelector('{OPEN}')?.dataset.step === '{step}'")).await;
}

/// The names of the steps that are done.
pub async fn done(browser: &Browser) -> Value {
    browser
        .script(
            "return [...document.querySelectorAll('#steps > [data-done=true]')]\
             .map(each => each.dataset.step)",
        )
        .await
}

/// Sends one of the open step's commands and waits for all its answers.
async fn send(browser: &Browser, how: How, index: usize, command: &str) {
    let before = browser.messages().await.len();
    if how == How::Keys && !command.contains('\n') {
        browser.send_by_keys(command).await;
    } else if how == How::AtOnce && !command.contains('\n') {
        browser.send(command).await;
    } else {
        browser.click(&format!("{OPEN} > .try:nth-of-type({})", index + 1)).await;
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
pub async fn follow(browser: &Browser, hand: Hand) {
    let all = |attribute: &str| {
        let script = format!(
            "return [...document.querySelectorAll('{OPEN} [data-{attribute}]')]\
             .map(each => each.dataset.{attribute})"
        );
        async move { serde_json::from_value::<Vec<String>>(browser.script(&script).await).unwrap() }
    };
    let (commands, goals) = (all("command").await, all("goal").await);
    let is_to_be_written = goals.contains(&"own".to_owned());
    let how = match hand {
        Hand::Presses => How::Button,
        Hand::Types if is_to_be_written => How::Keys,
        Hand::Types => How::AtOnce,
    };
    for (index, command) in commands.iter().enumerate() {
        send(browser, how, index, command).await;
        show_steps(browser).await;
    }
    // What was only pressed is to be written as well.
    if is_to_be_written && hand == Hand::Presses {
        for (index, command) in commands.iter().enumerate() {
            if !command.contains('\n') {
                browser.element("#command").await.clear().await.unwrap();
                send(browser, How::Keys, index, command).await;
                show_steps(browser).await;
            }
        }
    }
    if goals.contains(&"split".to_owned()) {
        browser.click(&format!("{OPEN} [href=\"#sticky\"]")).await;
        browser.until("!document.getElementById('sticky').hidden").await;
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
            browser.click(&format!("{answers}:not([aria-pressed])")).await;
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
pub async fn show_steps(browser: &Browser) {
    let hidden = browser.script("return document.getElementById('plan').hidden").await;
    if hidden == json!(true) {
        browser.show("plan").await;
    }
}

/// Goes through all the steps but the last, the homework, which takes a server of the
/// student's own.
pub async fn walk(browser: &Browser, hand: Hand) {
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
        if name == "homework" {
            break;
        }
        follow(browser, hand).await;
        assert_eq!(done(browser).await, json!(names[..=index]));
        browser.click("#next").await;
    }
    expect_open(browser, "homework").await;
    let count = format!("{} / {}", names.len() - 1, names.len());
    assert_eq!(browser.script("return document.getElementById('done').textContent").await, count);
}
