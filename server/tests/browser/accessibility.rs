//! Whether everybody can use the page: axe-core looks for what stands in the way
//! of screen readers, keyboards and weak eyes, on every panel.

use crate::classroom::browser::{Browser, CHINESE, PHONE, Visitor};
use crate::classroom::{TestServer, needs};
use serde_json::{Value, json};

const DESKTOP: Visitor = Visitor { width: 1280, height: 720, ..CHINESE };
const ENGLISH: &str = "en-US";

/// What a wide screen shows beside the steps and the conversation, and a narrow
/// one in their place.
const SIDE: [&str; 5] = ["wire", "sequence", "sticky", "contacts", "python"];

const PAGE: &str = ":root";

/// Runs axe-core on a part of the page, and tells what is wrong enough to shut somebody out.
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
    async fn look(&mut self, view: &str, part: &str) {
        // Half faded in, a text has too little contrast.
        self.browser.settle().await;
        let found = self.browser.client.execute_async(CHECK, vec![json!(part)]).await.unwrap();
        if found != json!([]) {
            self.found.push((view.to_owned(), found));
        }
    }

    async fn show(&mut self, panel: &str) {
        self.browser.show(panel).await;
        self.look(panel, &format!("#{panel}")).await;
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
    browser.element("#fix:not([hidden])").await;
    inspector.look("conversation", PAGE).await;
    if visitor.phone {
        inspector.show("plan").await;
    }
    for panel in SIDE {
        inspector.show(panel).await;
        match panel {
            "sequence" => {
                inspector.browser.click("[data-arrow]:last-child").await;
                inspector.look("an arrow", "#sequence").await;
            }
            "contacts" => {
                inspector.browser.element("#rows > :nth-child(2)").await;
                inspector.browser.element("#search").await.send_keys("nobody").await.unwrap();
                inspector.look("a search in vain", "#contacts").await;
            }
            _ => {}
        }
    }

    if visitor.phone {
        inspector.browser.click("[role=tab][aria-controls=talk]").await;
    }
    inspector.browser.element("#command").await.clear().await.unwrap();
    inspector.browser.send("exit").await;
    inspector.browser.await_state("closed").await;
    inspector.look("closed", PAGE).await;
    inspector.browser.click("#mode").await;
    inspector.browser.await_state("offline").await;
    inspector.browser.send("add;zhangsan;1").await;
    inspector.browser.expect("received", "zhangsan added!").await;
    inspector.look("offline", PAGE).await;
    for panel in ["wire", "sticky"] {
        inspector.show(panel).await;
    }

    assert!(inspector.found.is_empty(), "{visitor:?}: {:#?}", inspector.found);
    inspector.browser.finish().await;
}

#[tokio::test]
async fn on_a_desktop_by_day() {
    nobody_is_shut_out(DESKTOP).await;
}

#[tokio::test]
async fn on_a_desktop_by_night() {
    nobody_is_shut_out(Visitor { language: ENGLISH, dark: true, ..DESKTOP }).await;
}

#[tokio::test]
async fn on_a_phone_by_day() {
    nobody_is_shut_out(Visitor { language: ENGLISH, ..PHONE }).await;
}

#[tokio::test]
async fn on_a_phone_by_night() {
    nobody_is_shut_out(Visitor { dark: true, ..PHONE }).await;
}
