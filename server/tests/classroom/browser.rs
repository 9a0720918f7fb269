//! A student's browser, its console watched.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::DEADLINE;
use super::devtools::{Command, Pages, is_left};
use super::engine::{Driver, Engine};

/// What kind of browser opens the page.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    pub language: &'static str,
    pub width: u32,
    pub height: u32,
    pub phone: bool,
    pub dark: bool,
}

pub const CHINESE: Visitor =
    Visitor { language: "zh-CN", width: 1440, height: 900, phone: false, dark: false };
pub const ENGLISH: Visitor = Visitor { language: "en-US", ..CHINESE };
pub const PHONE: Visitor = Visitor { width: 390, height: 844, phone: true, ..CHINESE };

/// Collects what a console would show in engines whose driver has no command for
/// it, from when the page is there.
const WATCH: &str = "
const problems = window.problems = [];
const add = (what, event) => problems.push(what + ': ' + (event.message ?? event.reason ?? event.violatedDirective));
for (const what of ['error', 'unhandledrejection', 'securitypolicyviolation'])
  window.addEventListener(what, event => add(what, event));
for (const level of ['warn', 'error']) {
  const say = console[level];
  console[level] = (...words) => { problems.push(level + ': ' + words.join(' ')); say(...words); };
}";

/// A browser with one page open. [`finish`](Self::finish) it: that is what
/// looks at the console.
pub struct Browser {
    pub client: Client,
    driver: Driver,
    /// The pages of its windows, and which of them is in use, where the engine is Chromium.
    pub(super) pages: tokio::sync::Mutex<Pages>,
    _permit: SemaphorePermit<'static>,
}

/// Chromiums that have finished a test and wait for the next one: to start one takes
/// longer than most tests. They end with this process.
static IDLE: Mutex<Vec<(Client, Driver)>> = Mutex::new(Vec::new());

/// One browser a processor: unlike other tests, of which more may run at once, those
/// in a browser compute nearly all the time. With a third one on two processors, and the
/// other tests beside them, a page that computes was starved.
static PERMITS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)));

/// Ends the browsers that wait for a test, so that the next one is started anew: what
/// is measured must not depend on what was measured before.
pub fn end_idle() {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Serves the sessions. Each test has a runtime of its own, which ends with it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a thread can be started")
});

impl Browser {
    /// A browser as after its first start, or nothing where the test is skipped.
    pub async fn start(visitor: Visitor) -> Option<Self> {
        let engine = Engine::of_this_run();
        let _permit = PERMITS.acquire().await.expect("it is never closed");
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (client, driver) = match idle {
            Some(idle) => idle,
            None => Self::launch(engine.start()?, visitor).await,
        };
        let browser = Browser { client, driver, pages: Default::default(), _permit };
        match engine {
            Engine::Chromium => browser.begin_anew(visitor).await,
            Engine::Firefox | Engine::WebKit => {
                let size = browser.client.set_window_size(visitor.width, visitor.height);
                size.await.expect("a window of that size");
            }
        }
        Some(browser)
    }

    async fn launch(driver: Driver, visitor: Visitor) -> (Client, Driver) {
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(driver.engine.capabilities(&driver, visitor));
        let address = driver.address.clone();
        let client = RUNTIME.spawn(async move { builder.connect(&address).await });
        let client = client.await.expect("it does not panic").expect("a browser session");
        (client, driver)
    }

    /// Opens a window for a new visitor, without anything that an earlier one left.
    async fn begin_anew(&self, visitor: Visitor) {
        let window = self.client.new_window(false).await.expect("a window").handle;
        self.turn_to(&window).await;
        self.give(&[
            ("Storage.clearDataForOrigin", json!({ "origin": "*", "storageTypes": "all" })),
            ("Network.clearBrowserCookies", json!({})),
            ("Network.clearBrowserCache", json!({})),
        ])
        .await;
        self.console().await;
        // For all windows: they share a process, and that has one language, as the browser
        // of a person has. What each page asks for is the window's own, see below.
        self.give(&[("Emulation.setLocaleOverride", json!({ "locale": visitor.language }))]).await;
        self.imitate(visitor).await;
    }

    /// Opens another window of the same browser, and turns to it.
    pub async fn new_window(&self, visitor: Visitor) -> WindowHandle {
        let window = self.client.new_window(false).await.expect("a window").handle;
        self.turn_to(&window).await;
        self.imitate(visitor).await;
        window
    }

    /// Opens a page in another window of the same browser, and turns to that window.
    pub async fn open_beside(&self, visitor: Visitor, address: &str) -> WindowHandle {
        let window = self.new_window(visitor).await;
        self.go(address).await;
        window
    }

    /// The window in use.
    pub async fn window(&self) -> WindowHandle {
        self.client.window().await.expect("there is one")
    }

    /// Has everything that follows happen in this window.
    pub async fn turn_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.expect("it is there");
        if self.engine() == Engine::Chromium {
            let window = String::from(window.clone());
            self.pages.lock().await.turn_to(&self.driver.profile(), window).await;
        }
    }

    /// Closes the window in use, and turns to another one.
    pub async fn close_window(&self, other: &WindowHandle) {
        self.client.close_window().await.expect("it closes");
        self.turn_to(other).await;
    }

    /// Makes the window one of that visitor's.
    async fn imitate(&self, visitor: Visitor) {
        let agent = self.script("return navigator.userAgent").await;
        let language = json!({ "userAgent": agent, "acceptLanguage": visitor.language });
        self.give(&[
            ("Emulation.setUserAgentOverride", language),
            // As a window in front, though others are open.
            ("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })),
            screen(visitor),
            ("Emulation.setTouchEmulationEnabled", json!({ "enabled": visitor.phone })),
            theme(visitor.dark),
        ])
        .await;
    }

    /// Gives what is opened next the screen of a visitor.
    pub async fn set_screen(&self, visitor: Visitor) {
        self.give(&[screen(visitor)]).await;
    }

    /// Gives the open page the screen and the theme of another visitor.
    pub async fn change_screen(&self, visitor: Visitor) {
        self.give(&[screen(visitor), theme(visitor.dark)]).await;
        self.until(&format!(
            "innerWidth === {} && innerHeight === {}",
            visitor.width, visitor.height
        ))
        .await;
    }

    /// Closes the visitor's windows. A Chromium stays for the next test where its
    /// driver surely ends with this process.
    async fn end(self) {
        drop(self.pages);
        if self.driver.engine != Engine::Chromium || !cfg!(unix) {
            self.client.clone().close().await.expect("it closes");
            return;
        }
        let mut windows = self.client.windows().await.expect("windows");
        for window in windows.split_off(1) {
            self.client.switch_to_window(window).await.expect("it is there");
            self.client.close_window().await.expect("it closes");
        }
        self.client.switch_to_window(windows.remove(0)).await.expect("it is there");
        let idle = (self.client, self.driver);
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }

    /// The engine it is made of.
    pub fn engine(&self) -> Engine {
        self.driver.engine
    }

    /// Starts a browser and opens a server's page in it.
    pub async fn open(visitor: Visitor, http: SocketAddr) -> Option<Self> {
        let browser = Self::start(visitor).await?;
        browser.go(&format!("http://{http}/")).await;
        browser.await_state("open").await;
        Some(browser)
    }

    pub async fn go(&self, address: &str) {
        self.client.goto(address).await.expect("the page opens");
        if self.engine() != Engine::Chromium {
            self.script(WATCH).await;
        }
    }

    pub async fn set_dark(&self, dark: bool) {
        self.give(&[theme(dark)]).await;
    }

    /// An element, once it is there, for what only the driver does.
    pub async fn element(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(DEADLINE).every(Duration::from_millis(10));
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Waits until an element is there.
    pub async fn await_element(&self, css: &str) {
        self.until(&format!("document.querySelector({})", json!(css))).await;
    }

    /// What stands in the command line.
    pub async fn typed(&self) -> String {
        self.script("return document.getElementById('command').value")
            .await
            .as_str()
            .expect("text")
            .to_owned()
    }

    /// What a script returns.
    pub async fn script(&self, script: &str) -> Value {
        self.call(script, &[]).await
    }

    /// What a script returns that is given arguments.
    pub async fn call(&self, script: &str, arguments: &[Value]) -> Value {
        let result = match self.engine() {
            Engine::Chromium => self.pages.lock().await.page().evaluate(script, arguments).await,
            Engine::Firefox | Engine::WebKit => {
                let result = self.client.execute(script, arguments.to_vec()).await;
                result.map_err(|error| error.to_string())
            }
        };
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What a script tells to the function that is its last argument.
    pub async fn call_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.try_call_async(script, arguments)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn try_call_async(&self, script: &str, arguments: &[Value]) -> Result<Value, String> {
        if self.engine() == Engine::Chromium {
            let script = format!(
                "return new Promise(tell => (function() {{ {script}\n}})\
                 .apply(null, [...arguments, tell]))"
            );
            return self.pages.lock().await.page().evaluate(&script, arguments).await;
        }
        let result = self.client.execute_async(script, arguments.to_vec()).await;
        result.map_err(|error| error.to_string())
    }

    /// Waits, in the page, until a script's condition holds.
    pub async fn until(&self, condition: &str) {
        // Shorter than the driver's own timeout of a script, 30 s.
        let look = format!(
            "const [tell] = arguments, start = performance.now(); \
             (function look() {{ \
               if ({condition}) tell(true); \
               else if (performance.now() - start > 25000) tell(false); \
               else setTimeout(look, 20); \
             }})()"
        );
        let holds = loop {
            match self.try_call_async(&look, &[]).await {
                // Looked for in the page that follows.
                Err(error) if is_left(&error) => {}
                holds => break holds.unwrap_or_else(|error| panic!("{condition}: {error}")),
            }
        };
        if holds != Value::Bool(true) {
            let says = self.script("return document.body.innerText").await;
            panic!("waited in vain for {condition}; the page says: {says}");
        }
    }

    pub async fn await_state(&self, state: &str) {
        self.until(&format!("document.getElementById('connection')?.dataset.state === '{state}'"))
            .await;
    }

    /// The conversation so far: direction and text.
    pub async fn messages(&self) -> Vec<(String, String)> {
        let messages = self
            .script(
                "return [...document.getElementById('conversation').children].map(message => \
                 [message.dataset.direction, message.querySelector('code').textContent])",
            )
            .await;
        serde_json::from_value(messages).expect("pairs of texts")
    }

    /// Waits until the newest message is this.
    pub async fn expect(&self, direction: &str, text: &str) {
        let (direction, text) = (json!(direction), json!(text));
        self.until(&format!(
            "(last => last && last.dataset.direction === {direction} \
             && last.querySelector('code').textContent === {text})\
             (document.getElementById('conversation').lastElementChild)"
        ))
        .await;
    }

    /// Saves what it looks like under `target/screenshots` if
    /// `TCP_CLASSROOM_SCREENSHOTS` is set: for somebody to look at, no test does.
    pub async fn screenshot(&self, name: &str) {
        if std::env::var_os("TCP_CLASSROOM_SCREENSHOTS").is_none() {
            return;
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder for screenshots");
        self.settle().await;
        let picture = self.client.screenshot().await.expect("a screenshot");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("it is written");
    }

    /// Waits until what the page shows now has been drawn.
    pub async fn drawn(&self) {
        let twice = "const [tell] = arguments; \
                     requestAnimationFrame(() => requestAnimationFrame(() => tell(true)))";
        self.call_async(twice, &[]).await;
    }

    /// Waits until nothing moves any more: new lines fade in.
    pub async fn settle(&self) {
        self.until("document.getAnimations().every(each => each.playState === 'finished')").await;
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        self.give(&[(command, parameters)]).await;
    }

    /// Several such commands.
    pub(super) async fn give(&self, commands: &[Command<'_>]) {
        let result = self.pages.lock().await.page().commands(commands).await;
        result.unwrap_or_else(|error| panic!("{commands:?}: {error}"));
    }

    /// Ends the browser as a fault of its own does: no page is told, and none says anything.
    pub async fn kill(self) {
        let mut pages = self.pages.lock().await;
        // There is no browser left that could answer.
        let answer = pages.page().command("Browser.crash", json!({})).await;
        assert!(answer.is_err(), "it goes on: {answer:?}");
    }

    /// Closes the page and fails if the console showed a warning or an
    /// error that does not contain `expected`.
    pub async fn finish_but_for(self, expected: &str) {
        self.finish_without(|message| message.contains(expected)).await;
    }

    /// The same, where the server was away for a while: the browser says so of the
    /// conversation, of the stream of the class's state, of a program's network, and of a
    /// report of how far the student is, which waits a moment for the next.
    pub async fn finish_after_a_loss(self) {
        self.finish_without(|message| {
            let lost = ["WebSocket connection to", api::CLASS, api::PROGRAM, api::STUDENT];
            lost.iter().any(|lost| message.contains(lost))
        })
        .await;
    }

    async fn finish_without(self, is_expected: impl Fn(&str) -> bool) {
        let mut complaints = match self.engine() {
            Engine::Chromium => self.console().await,
            Engine::Firefox | Engine::WebKit => {
                serde_json::from_value(self.script("return window.problems").await).expect("texts")
            }
        };
        complaints.retain(|message| !is_expected(message));
        self.end().await;
        assert!(complaints.is_empty(), "the console says: {complaints:#?}");
    }

    /// The warnings and errors on Chromium's console since this was last asked.
    async fn console(&self) -> Vec<String> {
        let command = DriverCommand { path: "se/log", body: json!({ "type": "browser" }) };
        let log = self.client.issue_cmd(command).await.expect("the console");
        log.as_array()
            .expect("a list")
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Closes the page and fails if the console showed anything wrong.
    pub async fn finish(self) {
        self.finish_without(|_| false).await;
    }
}

/// The screen of a visitor. A phone has one pixel for each of CSS, not four: no test looks at
/// a pixel, screenshots have one in any case, and to draw the others took a twelfth of what
/// the tests compute.
fn screen(Visitor { width, height, phone, .. }: Visitor) -> Command<'static> {
    let screen = json!({
        "width": width, "height": height, "screenWidth": width, "screenHeight": height,
        "deviceScaleFactor": 1,
        "mobile": phone,
    });
    ("Emulation.setDeviceMetricsOverride", screen)
}

/// Day or night, as the system says.
fn theme(dark: bool) -> Command<'static> {
    let scheme = if dark { "dark" } else { "light" };
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    ("Emulation.setEmulatedMedia", json!({ "features": features }))
}

/// A command of the driver that the WebDriver standard lacks.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
