//! What of the teacher's page is in sight while a whole class is there.

use serde_json::json;

use crate::classroom::TestServer;
use crate::classroom::browser::{CHINESE, PHONE, Visitor};
use crate::teacher::open;

/// A class that fills several screens.
const MANY: usize = 40;

/// Whether all of an element, by its selector, is on the screen and not covered.
fn in_sight(css: &str) -> String {
    format!(
        "(() => {{ const it = document.querySelector({css}), {{ left, top, right, bottom }} = it.getBoundingClientRect(); \
         const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2); \
         return right > left && left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && it.contains(seen) }})()",
        css = json!(css)
    )
}

const PAUSE: &str = "#lead [data-action=pause]";

#[tokio::test]
async fn on_a_phone_the_class_is_led_without_scrolling_past_everybody() {
    let server = TestServer::start().await;
    let Some(browser) = open(PHONE, server.http).await else { return };
    let _clients = server.tcp_clients(MANY).await;
    browser.until(&format!("document.querySelectorAll('#people > li').length === {MANY}")).await;
    browser.until(&in_sight(PAUSE)).await;
    // The other controls are one tap away, and so are the people.
    browser.click("[data-jump=lead-title]").await;
    browser.until(&in_sight("#announcement")).await;
    browser.until(&in_sight(PAUSE)).await;
    browser.screenshot("teacher-phone-controls").await;
    browser.click("[data-jump=people-title]").await;
    browser.until(&in_sight("#people > :first-child .who")).await;
    browser.screenshot("teacher-phone-people").await;
    browser.finish().await;
}

#[tokio::test]
async fn on_a_laptop_what_was_done_last_is_in_sight_beside_every_control() {
    let server = TestServer::start().await;
    let laptop = Visitor { width: 1280, height: 720, ..CHINESE };
    let Some(browser) = open(laptop, server.http).await else { return };
    browser.click("#lead [data-action=freeze]").await;
    browser.until(&in_sight("#journal > :first-child [data-said=did-freeze]")).await;
    browser.click("#lead [data-action=end]").await;
    for seen in ["#confirm", PAUSE, "#journal > :first-child [data-said=did-freeze]"] {
        browser.until(&in_sight(seen)).await;
    }
    browser.finish().await;
}
