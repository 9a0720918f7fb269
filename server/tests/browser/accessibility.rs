//! Whether everybody can use the page: axe-core looks for what stands in the way
//! of screen readers, keyboards and weak eyes, on every panel, on the board and on the
//! teacher's page.

use crate::classroom::browser::{Browser, CHINESE, PHONE, Visitor};
use crate::classroom::homework::{FakeCheck, HomeworkPage};
use crate::classroom::person::Page;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, needs};
use crate::{board, teacher};
use api::Student;
use fantoccini::key::Key;
use protocol::homework::checks::CHECKS;
use serde_json::{Value, json};

const DESKTOP: Visitor = Visitor { width: 1280, height: 720, ..CHINESE };
const ENGLISH: &str = "en-US";

/// What a wide screen shows beside the steps and the conversation, and a narrow
/// one in their place.
const SIDE: [&str; 6] = ["wire", "sequence", "sticky", "contacts", "python", "program"];

const PAGE: &str = ":root";

/// Runs axe-core on a part of the page, and tells what is wrong enough to shut somebody
/// out.
const CHECK: &str = "
const [where, tell] = arguments;
axe.run(where, { resultTypes: ['violations'] }).then(
  ({ violations }) => tell(violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => [id, help, ...nodes.map(node => node.html.slice(0, 199) + ' ' + node.any.concat(node.all).map(({ message }) => message))])),
  error => tell(String(error)))";

/// The source of axe-core, or nothing where the test is skipped. `cargo xtask test`
/// fetches it and names the file here.
fn axe() -> Option<String> {
    let file = std::env::var_os("AXE");
    needs::tool(file.is_some(), "AXE does not name axe.min.js");
    Some(std::fs::read_to_string(file?).unwrap())
}

/// Collects what is wrong with each view of the page.
struct Inspector {
    browser: Browser,
    found: Vec<(String, Value)>,
}

impl Inspector {
    /// Looks by night at the colors, which are all that differs then, and by day at
    /// everything: of axe-core's time five sixths are for colors.
    async fn look(&mut self, view: &str, part: &str) {
        self.look_at_contrast(view, part, true).await;
        self.browser.set_dark(false).await;
        // Half faded in, a text has too little contrast.
        self.browser.settle().await;
        let found = self.browser.call_async(CHECK, &[json!(part)]).await;
        if found != json!([]) {
            self.found.push((view.to_owned(), found));
        }
    }

    /// Looks at a whole page that is read from afar.
    async fn look_from_afar(&mut self, view: &str) {
        self.look(view, PAGE).await;
        self.look_at_contrast(view, PAGE, false).await;
    }

    /// Looks for texts of a part, or a QR code, with too little contrast.
    async fn look_at_contrast(&mut self, view: &str, part: &str, dark: bool) {
        self.browser.set_dark(dark).await;
        let view = format!("{view}, dark: {dark}");
        let Value::Object(pairs) = self.browser.call(PAIRS, &[json!(part)]).await else {
            panic!("{view}: no pairs of colors");
        };
        assert!(!pairs.is_empty(), "{view}: there is no text");
        let weak = pairs.into_iter().filter(|(_, pair)| pair[0].as_f64().unwrap() < CONTRAST);
        self.found.extend(weak.map(|(colors, pair)| (format!("{view}: {colors}"), pair)));
    }

    async fn show(&mut self, panel: &str) {
        self.open(panel).await;
        self.look(panel, &format!("#{panel}")).await;
    }

    /// Opens a panel that is looked at later.
    async fn open(&self, panel: &str) {
        self.browser.show(panel).await;
        if panel == "program" {
            // It comes with its own texts.
            let named = "[...document.querySelectorAll('#program [data-text]')]\
                         .every(each => each.textContent)";
            self.browser.until(&format!("document.getElementById('run') && {named}")).await;
        }
    }
}

/// Goes through a lesson, looking at everything there is to see.
async fn nobody_is_shut_out(visitor: Visitor) {
    let Some(axe) = axe() else { return };
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(visitor, server.http).await else { return };
    // Not by the page itself, which allows no script but its own.
    browser.script(&axe).await;
    let mut inspector = Inspector { browser, found: Vec::new() };

    // A step with a hint, since what is sent is no echo.
    if visitor.phone {
        inspector.show("plan").await;
    }
    let browser = &inspector.browser;
    browser.click("[data-step=echo] .step").await;
    if visitor.phone {
        browser.click("[role=tab][aria-controls=talk]").await;
    }
    for (command, answer) in [
        ("add;zhangsan;13800138000", "zhangsan added!"),
        ("add;张三;12345", "张三 added!"),
        ("find;zhangsan", "13800138000"),
        ("find;lisi", "Not Found!"),
    ] {
        browser.send(command).await;
        browser.expect("received", answer).await;
    }
    browser.send("remove").await;
    browser.until("document.querySelector('#conversation .note.pen')").await;
    browser.until("document.querySelector('[data-told=hint] #step-hint').textContent").await;
    browser.keys("add;李四；13900139000").await;
    browser.await_element("#fix:not([hidden])").await;
    if !visitor.phone {
        inspector.open("wire").await;
    }
    inspector.look("conversation", PAGE).await;
    if visitor.phone {
        inspector.show("plan").await;
    }
    for panel in SIDE {
        match panel {
            // On a wide screen it was seen beside the conversation.
            "wire" if !visitor.phone => {}
            // There it is seen beside the conversation that is closed.
            "program" if !visitor.phone => inspector.open(panel).await,
            _ => inspector.show(panel).await,
        }
        match panel {
            "sequence" => {
                inspector.browser.click("[data-arrow]:last-child").await;
                inspector.look("an arrow", "#sequence").await;
            }
            "contacts" => {
                inspector.browser.await_element("#rows > :nth-child(2)").await;
                inspector.browser.type_into("#search", "nobody").await;
                inspector.look("a search in vain", "#contacts").await;
            }
            _ => {}
        }
    }

    if visitor.phone {
        inspector.browser.click("[role=tab][aria-controls=talk]").await;
    }
    inspector.browser.clear("#command").await;
    inspector.browser.send("exit").await;
    inspector.browser.await_state("closed").await;
    inspector.look("closed", PAGE).await;
    inspector.browser.click("#mode").await;
    inspector.browser.await_state("offline").await;
    inspector.browser.send("add;zhangsan;1").await;
    inspector.browser.expect("received", "zhangsan added!").await;
    if !visitor.phone {
        inspector.open("wire").await;
    }
    inspector.look("offline", PAGE).await;
    if visitor.phone {
        inspector.show("wire").await;
    }
    inspector.show("sticky").await;

    assert!(inspector.found.is_empty(), "{visitor:?}: {:#?}", inspector.found);
    inspector.browser.finish().await;
}

#[tokio::test]
async fn on_a_desktop_by_day_and_by_night() {
    nobody_is_shut_out(DESKTOP).await;
}

#[tokio::test]
async fn on_a_phone_by_day_and_by_night() {
    nobody_is_shut_out(Visitor { language: ENGLISH, ..PHONE }).await;
}

/// The least contrast that a text may have with what is behind it: that of WCAG's level
/// AA for small text, though the board's is large, since a projector washes colors out.
const CONTRAST: f64 = 4.5;

/// Every pair of a foreground and a background in a part of the page, with its contrast
/// and an example: texts, fields, and the QR code.
const PAIRS: &str = "
const channels = color => color.match(/[\\d.]+/g).map(Number);
const luminance = color => channels(color).slice(0, 3)
  .map(value => value / 255)
  .map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
  .reduce((sum, value, index) => sum + value * [.2126, .7152, .0722][index], 0);
const behind = each => {
  const color = getComputedStyle(each).backgroundColor;
  return (channels(color)[3] ?? 1) === 0 ? behind(each.parentElement) : color;
};
const hasText = each => each.matches('input:not([type=checkbox], [type=range]), textarea, #qr path')
  || [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
const pairs = {};
for (const each of document.querySelector(arguments[0]).querySelectorAll('*')) {
  if (!hasText(each) || !each.getClientRects().length || each.closest('.unseen')) continue;
  const style = getComputedStyle(each);
  const colors = [each.closest('svg') ? style.fill : style.color, behind(each)];
  // The marks under what is typed repeat its text, transparent.
  if (channels(colors[0])[3] === 0) continue;
  const [light, dark] = colors.map(luminance).sort((one, other) => other - one);
  pairs[colors.join(' on ')] = [(light + .05) / (dark + .05), each.outerHTML.slice(0, 99)];
}
return pairs;";

#[tokio::test]
async fn the_board_shuts_nobody_out_by_day_and_by_night() {
    let Some(axe) = axe() else { return };
    let server = TestServer::start().await;
    let Some(browser) = board::open(board::PROJECTOR, server.http).await else { return };
    browser.script(&axe).await;
    let _client = server.tcp().await;
    let mut inspector = Inspector { browser, found: Vec::new() };
    for language in ["zh-CN", "en"] {
        let browser = &inspector.browser;
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        inspector.look_from_afar(&format!("live, {language}")).await;
        inspector.browser.click("#language").await;
    }
    server.stop().await;
    board::await_state(&inspector.browser, "lost").await;
    inspector.look_from_afar("lost").await;
    assert!(inspector.found.is_empty(), "{:#?}", inspector.found);
    inspector.browser.finish_but_for("ERR_").await;
}

#[tokio::test]
async fn what_is_shown_on_the_board_shuts_nobody_out() {
    let Some(axe) = axe() else { return };
    let server = TestServer::start().await;
    let Some(browser) = board::open(board::PROJECTOR, server.http).await else { return };
    browser.script(&axe).await;
    let teacher = Teacher::of(&server);
    teacher.does("pause").await;
    teacher.acts(r#"{"action":"announce","text":"看黑板"}"#).await;
    teacher.does("show").await;
    let mut inspector = Inspector { browser, found: Vec::new() };
    inspector.browser.until("document.documentElement.dataset.view === 'class'").await;
    let mut clients = server.tcp_clients(3).await;
    for client in &mut clients {
        client.send("add；lisi；13800138000\n".as_bytes()).await;
    }
    inspector.browser.await_element("#lines > .recv").await;
    // On the wall, what pages have checked by themselves: one done, and one not.
    for (number, letter) in [(1, "p"), (2, "f")] {
        let (page, checks) = (Page::new(&server, number), letter.repeat(CHECKS.len()));
        page.reports(&Student::default()).await;
        assert_eq!(page.says_checked(&checks).await.status, 204);
    }
    inspector.browser.until("document.querySelectorAll('#homework > li').length === 2").await;
    for view in ["lines", "class", "help"] {
        match view {
            "class" => {
                teacher.does("hide").await;
                let browser = &inspector.browser;
                browser.click("#turn").await;
                browser.until("!document.querySelector('.talk').offsetParent").await;
            }
            "help" => inspector.browser.click("#nobody").await,
            _ => {}
        }
        inspector.look_from_afar(view).await;
    }
    assert!(inspector.found.is_empty(), "{:#?}", inspector.found);
    inspector.browser.finish().await;
}

#[tokio::test]
async fn the_teacher_s_page_shuts_nobody_out_by_day_and_by_night() {
    let Some(axe) = axe() else { return };
    let server = TestServer::start().await;
    let Some(browser) = teacher::open(DESKTOP, server.http).await else { return };
    browser.script(&axe).await;
    let page = Page::new(&server, 1);
    let (name, hand) = ("张三".to_owned(), true);
    page.reports(&Student { name, hand, steps: 3, ..Student::default() }).await;
    let _socket = page.websocket().await;
    let mut elsewhere = teacher::tcp_from_elsewhere(&server).await;
    elsewhere.expect(b"Welcome!").await;
    elsewhere.send("add；lisi；13800138000\n".as_bytes()).await;
    let other = Page::new(&server, 2);
    other.reports(&Student { name: "Li".to_owned(), ..Student::default() }).await;
    assert_eq!(other.says_checked(&"p".repeat(CHECKS.len())).await.status, 204);
    // A homework, none of whose checks could be carried out but the first.
    let mut homework = HomeworkPage::open(server.http, &page.key).await;
    let _check = FakeCheck::with_port(server.http, &homework.last.code, 9).await;
    homework.until(|homework| homework.relay).await;
    let row = format!("{}[data-mistake] [data-action=block]", teacher::RAW);
    browser.click(&row).await;
    for action in ["pause", "freeze", "sticky-join", "show"] {
        browser.click(&format!("#lead [data-action={action}]")).await;
        browser.await_element(&format!("#journal [data-said=did-{action}]")).await;
    }
    let mut inspector = Inspector { browser, found: Vec::new() };
    for (language, width) in [("zh-CN", 1280), ("en", 390)] {
        let browser = &inspector.browser;
        browser.until(&format!("document.documentElement.lang === '{language}'")).await;
        inspector.browser.change_screen(Visitor { width, ..DESKTOP }).await;
        inspector.look_from_afar(language).await;
        inspector.browser.click("[data-filter=homework]").await;
        inspector.browser.await_element("#homework > tr > [data-check=f]").await;
        inspector.look(&format!("{language}, homework"), PAGE).await;
        inspector.browser.click("[data-filter=all]").await;
        inspector.browser.click("#language").await;
    }
    // Each of the leading buttons is reached by keyboard, and works.
    let browser = &inspector.browser;
    browser.script("document.querySelector('[data-action=resume]').focus()").await;
    browser.press(char::from(Key::Enter)).await;
    browser.await_element("#journal [data-said=did-resume]").await;
    assert!(inspector.found.is_empty(), "{:#?}", inspector.found);

    let denied = format!("http://{}/teacher#wrong", server.http);
    inspector.browser.go("about:blank").await;
    inspector.browser.go(&denied).await;
    inspector.browser.until("document.documentElement.dataset.access === 'denied'").await;
    inspector.browser.script(&axe).await;
    inspector.look("denied", PAGE).await;
    assert!(inspector.found.is_empty(), "{:#?}", inspector.found);
    inspector.browser.finish_but_for("401").await;
}

#[tokio::test]
async fn the_board_works_by_keyboard() {
    let server = TestServer::start().await;
    let Some(browser) = board::open(board::PROJECTOR, server.http).await else { return };
    let press = async |key: Key| browser.press(char::from(key)).await;
    let focused = "const { id } = document.activeElement; \
                   return [id, getComputedStyle(document.activeElement).outlineStyle]";
    press(Key::Tab).await;
    assert_eq!(browser.script(focused).await, json!(["turn", "solid"]));
    press(Key::Enter).await;
    browser.until("document.documentElement.dataset.view === 'class'").await;
    press(Key::Enter).await;
    browser.until("document.documentElement.dataset.view === 'join'").await;
    press(Key::Tab).await;
    assert_eq!(browser.script(focused).await, json!(["nobody", "solid"]));
    press(Key::Enter).await;
    browser.until("!document.getElementById('help').hidden").await;
    press(Key::Enter).await;
    browser.until("document.getElementById('help').hidden").await;
    press(Key::Tab).await;
    assert_eq!(browser.script(focused).await, json!(["language", "solid"]));
    press(Key::Enter).await;
    browser.until("document.documentElement.lang === 'en'").await;
    press(Key::Tab).await;
    assert_eq!(browser.script(focused).await, json!(["theme", "solid"]));
    press(Key::Enter).await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;
    press(Key::Tab).await;
    assert_eq!(browser.script(focused).await, json!(["copy", "solid"]));
    // There is nothing more, and no trap.
    press(Key::Tab).await;
    assert_eq!(browser.script("return document.activeElement.tagName").await, "BODY");
    browser.finish().await;
}
