//! A student's browser, its console watched.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::engine::{Driver, Engine};
use super::{DEADLINE, needs};

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

/// Tells where an element is to be clicked, in pixels of the window, once it is there
/// and has a place; otherwise what is in the way.
const POINT: &str = "
const [css, tell] = arguments, start = performance.now();
(function look() {
  const box = document.querySelector(css)?.getClientRects()[0];
  if (!box && performance.now() - start < 25000) return setTimeout(look, 10);
  if (!box) return tell('it is not shown');
  const target = document.querySelector(css);
  target.scrollIntoView({ block: 'center' }); // Away from bars that stay at an edge.
  const { x, y, width, height } = target.getClientRects()[0];
  const point = [x + width / 2, y + height / 2];
  const hit = document.elementFromPoint(...point);
  tell(target.contains(hit) ? point : 'above it is ' + hit?.outerHTML.slice(0, 200));
})()";

/// A browser with one page open. [`finish`](Self::finish) it: that is what
/// looks at the console.
pub struct Browser {
    pub client: Client,
    driver: Driver,
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
        let browser = Browser { client, driver, _permit };
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
        self.client.switch_to_window(window).await.expect("it is there");
        let everything = json!({ "origin": "*", "storageTypes": "all" });
        self.devtools("Storage.clearDataForOrigin", everything).await;
        self.devtools("Network.clearBrowserCookies", json!({})).await;
        self.devtools("Network.clearBrowserCache", json!({})).await;
        self.console().await;
        self.imitate(visitor).await;
    }

    /// Opens a page in another window of the same browser, and turns to that window.
    pub async fn open_beside(&self, visitor: Visitor, address: &str) -> WindowHandle {
        let window = self.client.new_window(false).await.expect("a window").handle;
        self.turn_to(&window).await;
        self.imitate(visitor).await;
        self.go(address).await;
        window
    }

    /// Has everything that follows happen in this window.
    pub async fn turn_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.expect("it is there");
    }

    /// Makes the window one of that visitor's.
    async fn imitate(&self, visitor: Visitor) {
        let agent = self.script("return navigator.userAgent").await;
        let language = json!({ "userAgent": agent, "acceptLanguage": visitor.language });
        self.devtools("Emulation.setUserAgentOverride", language).await;
        self.devtools("Emulation.setLocaleOverride", json!({ "locale": visitor.language })).await;
        // As a window in front, though others are open.
        self.devtools("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        self.set_screen(visitor).await;
        let touch = json!({ "enabled": visitor.phone });
        self.devtools("Emulation.setTouchEmulationEnabled", touch).await;
        self.set_dark(visitor.dark).await;
    }

    /// Gives what is opened next the screen of a visitor.
    pub async fn set_screen(&self, Visitor { width, height, phone, .. }: Visitor) {
        let screen = json!({
            "width": width, "height": height, "screenWidth": width, "screenHeight": height,
            "deviceScaleFactor": if phone { 2 } else { 1 },
            "mobile": phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// Gives the open page the screen and the theme of another visitor.
    pub async fn change_screen(&self, visitor: Visitor) {
        self.set_screen(visitor).await;
        self.set_dark(visitor.dark).await;
        self.until(&format!(
            "innerWidth === {} && innerHeight === {}",
            visitor.width, visitor.height
        ))
        .await;
    }

    /// Closes the visitor's windows. A Chromium stays for the next test where its
    /// driver surely ends with this process.
    async fn end(self) {
        if self.engine() != Engine::Chromium || !cfg!(unix) {
            self.client.clone().close().await.expect("it closes");
            return;
        }
        let mut windows = self.client.windows().await.expect("windows");
        for window in windows.split_off(1) {
            self.turn_to(&window).await;
            self.client.close_window().await.expect("it closes");
        }
        self.turn_to(&windows[0]).await;
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
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    pub async fn element(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(DEADLINE).every(Duration::from_millis(10));
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Has the mouse click in the middle of an element, once it is there, and fails if
    /// something else lies over it.
    pub async fn click(&self, css: &str) {
        if self.engine() != Engine::Chromium {
            let element = self.element(css).await;
            let scroll = "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })";
            self.client.execute(scroll, vec![json!(css)]).await.expect("it is there");
            return element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        }
        // The driver's own click does the same and takes four times as long.
        let point = self.client.execute_async(POINT, vec![json!(css)]).await;
        let point = point.unwrap_or_else(|error| panic!("{css}: {error}"));
        let Some([x, y]) = point.as_array().map(Vec::as_slice) else {
            panic!("{css} cannot be clicked: {point}");
        };
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({
                "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
            });
            self.devtools("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Opens a panel by its tab.
    pub async fn show(&self, panel: &str) {
        self.click(&format!("[role=tab][aria-controls={panel}]")).await;
    }

    /// Types into the command line.
    pub async fn keys(&self, keys: &str) {
        self.element("#command").await.send_keys(keys).await.expect("it takes keys");
    }

    /// Types a command and presses Enter, key by key.
    pub async fn send_by_keys(&self, command: &str) {
        self.keys(&format!("{command}{}", char::from(Key::Enter))).await;
    }

    /// Puts a command into the command line at once, as a paste does, and presses
    /// Enter. Key by key it takes Chromium a second.
    pub async fn send(&self, command: &str) {
        if self.engine() != Engine::Chromium {
            return self.send_by_keys(command).await;
        }
        let focus = "const line = document.getElementById('command'); line.focus(); \
                     line.setSelectionRange(line.value.length, line.value.length)";
        self.element("#command").await;
        self.script(focus).await;
        self.devtools("Input.insertText", json!({ "text": command })).await;
        self.keys(&char::from(Key::Enter).to_string()).await;
    }

    /// What stands in the command line.
    pub async fn typed(&self) -> String {
        self.script("return document.getElementById('command').value")
            .await
            .as_str()
            .expect("text")
            .to_owned()
    }

    pub async fn script(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
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
        let holds = self.client.execute_async(&look, Vec::new()).await;
        let holds = holds.unwrap_or_else(|error| panic!("{condition}: {error}"));
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

    /// Waits until nothing moves any more: new lines fade in.
    pub async fn settle(&self) {
        self.until("document.getAnimations().every(each => each.playState === 'finished')").await;
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        let command = DriverCommand { path: "goog/cdp/execute", body };
        self.client.issue_cmd(command).await.expect("the driver obeys");
    }

    /// Ends the browser as a fault of its own does: no page is told, and none says anything.
    pub async fn kill(self) {
        let body = json!({ "cmd": "Browser.crash", "params": {} });
        let command = DriverCommand { path: "goog/cdp/execute", body };
        // There is no browser left that could answer.
        let answer = self.client.issue_cmd(command).await;
        assert!(answer.is_err(), "it goes on: {answer:?}");
    }

    /// Closes the page and fails if the console showed a warning or an
    /// error that does not contain `expected`.
    pub async fn finish_but_for(self, expected: &str) {
        self.finish_without(|message| message.contains(expected)).await;
    }

    /// The same, where the server was away for a while: the browser says so of the
    /// conversation, of the stream of the class's state, and of a program's network.
    pub async fn finish_after_a_loss(self) {
        self.finish_without(|message| {
            let lost = ["WebSocket connection to", api::CLASS, api::PROGRAM];
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

/// A plain web server: another origin than the server under test.
pub struct StaticHost {
    python: Child,
    /// As in `http://127.0.0.1:8000`.
    pub origin: String,
    /// Where the built page is, in a folder.
    pub address: String,
}

impl StaticHost {
    /// Serves the repository, or nothing where the test is skipped.
    pub fn start() -> Option<Self> {
        Self::serving(concat!(env!("CARGO_MANIFEST_DIR"), "/..").as_ref())
    }

    /// Serves a folder, or nothing where the test is skipped.
    pub fn serving(folder: &std::path::Path) -> Option<Self> {
        const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
        if !needs::program(PYTHON, "--version") {
            return None;
        }
        let mut python = Command::new(PYTHON)
            .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .arg("0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(python.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says its port").expect("text");
        let (_, rest) = line.split_once(" port ").expect("its port");
        let port = rest.split(' ').next().expect("a number");
        let origin = format!("http://127.0.0.1:{port}");
        let address = format!("{origin}/dist/");
        Some(StaticHost { python, origin, address })
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}
