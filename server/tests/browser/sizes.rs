//! Small screens, large letters and zoom: nothing that leads through the page
//! vanishes (WCAG 2.2, 1.4.4 and 1.4.10).

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, Visitor};
use crate::classroom::student::OPEN;
use serde_json::json;

/// The default letters of a browser, and letters twice as large, in pixels.
const LETTERS: [u32; 2] = [16, 32];

/// A browser's window.
struct Window {
    phone: bool,
    letters: u32,
    /// The widths and heights that it is given one after the other.
    sizes: &'static [(u32, u32)],
}

const WINDOWS: [Window; 4] = [
    // 1280x800 at 200 %, and 1280x1024 at 400 %.
    Window { phone: false, letters: LETTERS[0], sizes: &[(640, 400), (320, 256)] },
    // A window of the usual size with letters twice as large.
    Window { phone: false, letters: LETTERS[1], sizes: &[(1280, 800)] },
    // Phones on their side, and a phone with its keyboard open.
    Window { phone: true, letters: LETTERS[0], sizes: &[(844, 390), (667, 375), (390, 400)] },
    // A phone with large letters.
    Window { phone: true, letters: LETTERS[1], sizes: &[(390, 844)] },
];

/// What is seen of a panel, all at once: with 98 of them each question counts.
const SEEN: &str = "
const [open, ways] = arguments;
const visible = css => [...document.querySelectorAll(css)].filter(each => each.offsetParent);
return {
  steps: visible(open).length,
  now: visible('#now').length,
  tabs: visible('[role=tab]').length,
  writes: visible('#send').length,
  // What is not wholly within the window, or has more in it than it shows.
  cut_off: visible(ways).filter(each => {
    const box = each.getBoundingClientRect();
    return box.left < 0 || box.top < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1
      || box.height < 24 || each.scrollWidth > each.clientWidth + 1;
  }).map(each => each.outerHTML.slice(0, 99) + JSON.stringify(each.getBoundingClientRect())),
  sideways: document.documentElement.scrollWidth - innerWidth,
}";

/// See [`SEEN`].
#[derive(Debug, serde::Deserialize)]
struct Seen {
    steps: u32,
    now: u32,
    tabs: u32,
    writes: u32,
    cut_off: Vec<String>,
    sideways: f64,
}

async fn seen(browser: &Browser) -> Seen {
    let ways = "[role=tab], #now, header button, #send, #command";
    let seen = browser.call(SEEN, &[json!(OPEN), json!(ways)]).await;
    serde_json::from_value(seen).unwrap()
}

#[tokio::test]
async fn the_way_through_the_page_is_there_at_every_size() {
    let server = TestServer::start().await;
    for Window { phone, letters, sizes } in WINDOWS {
        let (width, height) = sizes[0];
        let first = Visitor { width, height, phone, ..CHINESE };
        let Some(browser) = Browser::start(first).await else { return };
        let fonts = json!({ "fontSizes": { "standard": letters, "fixed": letters } });
        browser.devtools("Page.setFontSizes", fonts).await;
        let page = format!("http://{}/", server.http);
        for &(width, height) in sizes {
            browser.set_screen(Visitor { width, height, ..first }).await;
            // As on a first visit, without the panel that was open last.
            browser.go(&format!("{page}healthz")).await;
            browser.script("localStorage.clear(); sessionStorage.clear()").await;
            browser.go(&page).await;
            browser.await_state("open").await;
            // The page opens on the step, with the place to write below it.
            assert_eq!(seen(&browser).await.steps, 1, "{width}x{height} {letters}px");
            for (language, title) in [("zh", "TCP 课堂"), ("en", "TCP classroom")] {
                browser.until(&format!("document.title === '{title}'")).await;
                let here = format!("{width}x{height} {letters}px {language}");
                every_panel_is_reached(&browser, &here).await;
                browser.click("#language").await;
            }
        }
        // A text has no icon, and a Chromium with a window of its own asks for one.
        browser.finish_but_for("favicon.ico").await;
    }
}

/// Opens one panel after the other.
async fn every_panel_is_reached(browser: &Browser, here: &str) {
    for panel in ["plan", "wire", "sequence", "sticky", "contacts", "python", "program", "talk"] {
        browser.show(panel).await;
        browser.settle().await;
        browser.screenshot(&format!("size-{panel}-{here}")).await;
        let seen = seen(browser).await;
        assert_eq!(seen.tabs, 8, "{here} {panel}");
        let steps = if panel == "plan" { seen.steps } else { seen.now };
        assert_eq!(steps, 1, "{here} {panel}");
        let writes = u32::from(panel == "plan" || panel == "talk");
        assert_eq!(seen.writes, writes, "{here} {panel}");
        assert!(seen.cut_off.is_empty(), "{here} {panel}: {seen:?}");
        assert_eq!(seen.sideways, 0.0, "{here} {panel}");
    }
    // There is room for the newest message.
    let room = "return document.getElementById('conversation').clientHeight / \
                parseFloat(getComputedStyle(document.documentElement).fontSize)";
    let room = browser.script(room).await.as_f64().unwrap();
    assert!(room >= 2.25, "{here}: {room} rem");
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
            browser.click(&format!("[data-step={step}] .step")).await;
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
