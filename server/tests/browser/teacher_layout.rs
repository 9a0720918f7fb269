//! What of the teacher's page is in sight while a whole class is there.

use api::Student;
use fantoccini::key::Key;
use serde_json::json;

use crate::classroom::TestServer;
use crate::classroom::browser::{CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::person::Page;
use crate::teacher::{open, tcp_from_elsewhere};

/// A class that fills several screens.
const MANY: usize = 40;

/// Whether all of an element, by its selector, is on the screen and not covered.
fn in_sight(css: &str) -> String {
    format!(
        "(() => {{ const it = document.querySelector({css}); if (!it) return false; \
         const {{ left, top, right, bottom }} = it.getBoundingClientRect(); \
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

/// How many rows of people are wholly in sight, and the highest of them.
const ROWS: &str = "
const column = document.querySelector('.col').getBoundingClientRect();
const rows = [...document.querySelectorAll('#people > li')].map(row => row.getBoundingClientRect());
const seen = rows.filter(row => row.top >= column.top && row.bottom <= column.bottom);
return [seen.length, Math.max(...seen.map(row => row.height))];";

/// The state of each row, from the top.
const STATES: &str = "[...document.querySelectorAll('#people > li')].map(row => row.dataset.state)";

#[tokio::test]
async fn on_a_laptop_ten_people_are_in_sight_and_who_is_stuck_is_first() {
    let server = TestServer::start().await;
    let laptop = Visitor { width: 1280, height: 720, ..ENGLISH };
    let Some(browser) = open(laptop, server.http).await else { return };
    let _clients = server.tcp_clients(MANY).await;
    let page = Page::new(&server, 1);
    let _socket = page.websocket().await;
    let name = "Maximiliane-Alexandra 王小明".to_owned();
    let done = 0b1_1111_1111_1111;
    let (seat, steps, step) = ("row 12, seat 7".to_owned(), 18, 14);
    page.reports(&Student { name, seat, steps, step, done, ..Student::default() }).await;
    let mut stuck = tcp_from_elsewhere(&server).await;
    stuck.expect(b"Welcome!").await;
    for _ in 0..5 {
        stuck.send(b"ADD;zhangsan;13800138000\n").await;
        stuck.line().await;
    }
    let count = MANY + 2;
    browser.until(&format!("{STATES}.length === {count} && {STATES}[0] === 'struggling'")).await;
    for language in ["en", "zh-CN"] {
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        let (seen, highest): (usize, f64) =
            serde_json::from_value(browser.script(ROWS).await).unwrap();
        assert!(seen >= 10 && highest <= 48.0, "{language}: {seen} rows, {highest} px");
        browser.screenshot(&format!("teacher-rows-{language}")).await;
        browser.click("#language").await;
    }
    // By keyboard: the one who came last is then last.
    browser.until("document.documentElement.lang === 'en'").await;
    browser.element("#sort").await.send_keys("order").await.unwrap();
    browser.until(&format!("{STATES}.lastIndexOf('struggling') === {count} - 1")).await;
    // The first of the choices.
    let home = char::from(Key::Home).to_string();
    browser.element("#sort").await.send_keys(&home).await.unwrap();
    browser.until(&format!("{STATES}[0] === 'struggling'")).await;
    drop(stuck);
    browser.until(&format!("{STATES}.lastIndexOf('gone') === {count} - 1")).await;
    browser.finish().await;
}

/// Says that the list is scrolled, without an end, as a wheel does.
const SCROLL: &str = "
window.scrolling = setInterval(() => document.querySelector('.col').dispatchEvent(new Event('scroll')), 5);";

/// Remembers the least place that a row had which is struggling.
const WATCH: &str = "
window.least = Infinity;
window.watching = new MutationObserver(() => {
  const place = [...document.querySelectorAll('#people > li')].findIndex(row => row.dataset.state === 'struggling');
  if (place >= 0) least = Math.min(least, place);
});
watching.observe(document.getElementById('people'), { childList: true, subtree: true, attributes: true });";

/// A browser without a screen says that there is none.
const HAS_A_MOUSE: &str = "
const real = matchMedia;
window.matchMedia = query => query === '(hover:hover)' ? { matches: true } : real(query);";

const SORT_AS_THEY_CAME: &str = "
const sort = document.getElementById('sort');
sort.value = 'came';
sort.dispatchEvent(new Event('change', { bubbles: true }));";

#[tokio::test]
async fn rows_keep_their_places_while_they_are_scrolled_or_pointed_at() {
    let server = TestServer::start().await;
    let laptop = Visitor { width: 1280, height: 720, ..ENGLISH };
    let Some(browser) = open(laptop, server.http).await else { return };
    let mut clients = server.tcp_clients(MANY).await;
    browser.until(&format!("document.querySelectorAll('#people > li').length === {MANY}")).await;
    browser.script(SCROLL).await;
    browser.script(WATCH).await;
    let [first, .., last] = clients.as_mut_slice() else { panic!("there are many") };
    for _ in 0..5 {
        last.send("find；zhangsan\n".as_bytes()).await;
        last.line().await;
    }
    browser.until(&format!("{STATES}.at(-1) === 'struggling'")).await;
    // What is told later is shown, and the row is where it was.
    last.send("find；nobody-else\n".as_bytes()).await;
    last.line().await;
    let told = "document.querySelector('#people > :last-child').textContent";
    browser.until(&format!("{told}.includes('nobody-else')")).await;
    assert_eq!(browser.script("return least").await, MANY - 1);
    browser.script("clearInterval(scrolling)").await;
    browser.until(&format!("{STATES}[0] === 'struggling'")).await;
    // The mouse stays where it has clicked.
    browser.script(HAS_A_MOUSE).await;
    browser.click("#people > :first-child .facts").await;
    browser.script(SORT_AS_THEY_CAME).await;
    first.send(b"find;somebody\n").await;
    first.line().await;
    let told = "document.getElementById('people').textContent";
    browser.until(&format!("{told}.includes('somebody')")).await;
    assert_eq!(browser.script(&format!("return {STATES}[0]")).await, "struggling");
    browser.click("#people-title").await;
    browser.until(&format!("{STATES}.at(-1) === 'struggling'")).await;
    browser.finish().await;
}

#[tokio::test]
async fn an_announcement_leaves_the_field_empty_for_the_next_one() {
    let server = TestServer::start().await;
    let Some(browser) = open(CHINESE, server.http).await else { return };
    let field = browser.element("#announcement").await;
    field.send_keys("看黑板").await.unwrap();
    browser.click("[data-action=announce]").await;
    let value = "document.getElementById('announcement').value";
    browser.until(&format!("{value} === ''")).await;
    browser.until("document.getElementById('announced').innerText === '看黑板'").await;
    browser.finish().await;
}
