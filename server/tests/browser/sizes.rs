//! Small screens, large letters and zoom: nothing that leads through the page
//! vanishes (WCAG 2.2, 1.4.4 and 1.4.10).

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, Visitor};
use crate::classroom::student::{OPEN, press};
use serde_json::json;

/// The default letters of a browser, and letters twice as large, in pixels.
const LETTERS: [u32; 2] = [16, 32];

/// What is not wholly within the window, or has more in it than it shows, of the
/// elements that a selector fits and that are not hidden.
const CUT_OFF: &str = "
return [...document.querySelectorAll(arguments[0])].filter(each => each.offsetParent).filter(each => {
  const box = each.getBoundingClientRect();
  return box.left < 0 || box.top < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1
    || box.height < 24 || each.scrollWidth > each.clientWidth + 1;
}).map(each => each.outerHTML.slice(0, 99) + JSON.stringify(each.getBoundingClientRect()))";

async fn cut_off(browser: &Browser, css: &str) -> serde_json::Value {
    browser.client.execute(CUT_OFF, vec![json!(css)]).await.unwrap()
}

async fn visible(browser: &Browser, css: &str) -> serde_json::Value {
    let script = "return [...document.querySelectorAll(arguments[0])].filter(each => each.offsetParent).length";
    browser.client.execute(script, vec![json!(css)]).await.unwrap()
}

#[tokio::test]
async fn the_way_through_the_page_is_there_at_every_size() {
    let server = TestServer::start().await;
    for (width, height, phone, letters) in [
        // 1280x800 at 200 %, and a window of that size with letters twice as large.
        (640, 400, false, LETTERS[0]),
        (1280, 800, false, LETTERS[1]),
        // Phones on their side, a phone with its keyboard open, and one with large
        // letters.
        (844, 390, true, LETTERS[0]),
        (667, 375, true, LETTERS[0]),
        (390, 400, true, LETTERS[0]),
        (390, 844, true, LETTERS[1]),
        // 1280x1024 at 400 %.
        (320, 256, false, LETTERS[0]),
    ] {
        for language in ["zh-CN", "en-US"] {
            let visitor = Visitor { language, width, height, phone, dark: false };
            let Some(browser) = Browser::start(visitor).await else { return };
            let sizes = json!({ "fontSizes": { "standard": letters, "fixed": letters } });
            browser.devtools("Page.setFontSizes", sizes).await;
            browser.go(&format!("http://{}/", server.http)).await;
            browser.await_state("open").await;
            let here = format!("{width}x{height} {letters}px {language}");

            // It opens on the step, with the place to write below it.
            assert_eq!(visible(&browser, OPEN).await, 1, "{here}");
            for panel in ["plan", "wire", "sequence", "sticky", "contacts", "python", "talk"] {
                browser.show(panel).await;
                browser.settle().await;
                browser.screenshot(&format!("size-{panel}-{here}")).await;
                assert_eq!(visible(&browser, "[role=tab]").await, 7, "{here}");
                let step = if panel == "plan" { OPEN } else { "#now" };
                assert_eq!(visible(&browser, step).await, 1, "{here} {panel}");
                let writes = u64::from(panel == "plan" || panel == "talk");
                assert_eq!(visible(&browser, "#send").await, writes, "{here} {panel}");
                let ways = "[role=tab], #now, header button, #send, #command";
                assert_eq!(cut_off(&browser, ways).await, json!([]), "{here} {panel}");
                let sideways = "return document.documentElement.scrollWidth - innerWidth";
                assert_eq!(browser.script(sideways).await, 0, "{here} {panel}");
            }
            // There is room for the newest message.
            let room = "return document.getElementById('conversation').clientHeight / \
                        parseFloat(getComputedStyle(document.documentElement).fontSize)";
            let room = browser.script(room).await.as_f64().unwrap();
            assert!(room >= 2.25, "{here}: {room} rem");
            browser.finish().await;
        }
    }
}

/// Whether all of an element is in sight: within the window and under nothing else.
const IN_SIGHT: &str = "(each => {
  const box = each.getBoundingClientRect();
  return [box.top + 2, (box.top + box.bottom) / 2, box.bottom - 2].every(y =>
    each.contains(document.elementFromPoint((box.left + box.right) / 2, y)));
})";

#[tokio::test]
async fn the_explanation_of_an_answer_is_in_sight() {
    let server = TestServer::start().await;
    for (width, height, phone) in [(1280, 640, false), (390, 600, true), (844, 390, true)] {
        let visitor = Visitor { width, height, phone, ..CHINESE };
        let Some(browser) = Browser::open(visitor, server.http).await else { return };
        for step in ["roles", "address", "arguments", "structure"] {
            press(&browser, &format!("[data-step={step}] .step")).await;
            let answers = format!("document.querySelectorAll('{OPEN} [data-answer]')");
            let count = browser.script(&format!("return {answers}.length")).await;
            for index in 0..count.as_u64().unwrap() {
                // As low in the window as it can be pressed.
                browser
                    .script(&format!("{answers}[{index}].scrollIntoView({{block: 'end'}})"))
                    .await;
                browser.script(&format!("{answers}[{index}].click()")).await;
                let why = format!("{answers}[{index}].nextElementSibling");
                let seen = browser.script(&format!("return {IN_SIGHT}({why})")).await;
                browser.screenshot(&format!("why-{width}-{step}-{index}")).await;
                assert_eq!(seen, true, "{width}x{height} {step} {index}");
            }
        }
        browser.finish().await;
    }
}
