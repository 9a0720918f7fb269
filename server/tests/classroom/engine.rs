//! The browsers that the page is tested in: how the driver of each is started, and
//! what a session of it is asked for. Chromium unless `TCP_CLASSROOM_ENGINE` names
//! another one, as `cargo xtask test --browsers all` does.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::browser::Visitor;
use super::{DEADLINE, needs};

/// A browser engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Chrome's and Edge's: what most students have.
    Chromium,
    /// Firefox's.
    Firefox,
    /// Safari's, in the browser that comes with WebKitGTK, on Linux only.
    WebKit,
}

/// The programs that a session needs, as `cargo xtask test` found them.
struct Programs {
    browser: PathBuf,
    driver: OsString,
}

/// How often a driver is started before the test gives up: chromedriver looks for
/// a free port, releases it and binds it again, and xvfb-run does the same with a
/// display's number, so that among tests that run at once another one is sometimes
/// quicker.
const ATTEMPTS: usize = 5;

/// A new screen for each WebKit, as wide as the widest visitor's.
const SCREEN: &str = "-screen 0 1440x900x24";

impl Engine {
    /// The engine of this run.
    pub fn of_this_run() -> Self {
        match std::env::var("TCP_CLASSROOM_ENGINE").as_deref() {
            Ok("firefox") => Engine::Firefox,
            Ok("webkit") => Engine::WebKit,
            Ok("chromium" | "") | Err(_) => Engine::Chromium,
            Ok(other) => panic!("no engine is called {other}"),
        }
    }

    /// The environment variables that name the browser and its driver.
    fn variables(self) -> [&'static str; 2] {
        match self {
            Engine::Chromium => ["CHROMIUM", "CHROMEDRIVER"],
            Engine::Firefox => ["FIREFOX", "GECKODRIVER"],
            Engine::WebKit => ["WEBKIT", "WEBKITDRIVER"],
        }
    }

    /// Both programs, or nothing where the test is skipped.
    fn programs(self) -> Option<Programs> {
        let asked = std::env::var("TCP_CLASSROOM_WITHOUT").as_deref() != Ok("chromium");
        if self == Engine::Chromium && !needs::request(asked, "not among --browsers: chromium") {
            return None;
        }
        let [browser, driver] = self.variables();
        let named = |variable: &str| std::env::var_os(variable).filter(|path| !path.is_empty());
        let found = named(browser).zip(named(driver));
        needs::tool(found.is_some(), &format!("{browser} and {driver} name no browser"));
        let (browser, driver) = found?;
        Some(Programs { browser: browser.into(), driver })
    }

    /// Starts the driver, or nothing where the test is skipped.
    pub fn start(self) -> Option<Driver> {
        let programs = self.programs()?;
        let started = (0..ATTEMPTS).find_map(|_| Driver::try_start(self, &programs));
        Some(started.unwrap_or_else(|| panic!("the driver of {self:?} does not start")))
    }

    fn command(self, driver: &OsStr) -> Vec<OsString> {
        let words: &[&OsStr] = match self {
            Engine::Chromium => &[driver, "--port=0".as_ref()],
            Engine::Firefox => &[driver, "--port".as_ref(), "0".as_ref()],
            Engine::WebKit => &[
                "xvfb-run".as_ref(),
                "-a".as_ref(),
                "-s".as_ref(),
                SCREEN.as_ref(),
                "sh".as_ref(),
                "-c".as_ref(),
                // It does not print its port, which is found by its process.
                "echo \"process $$\"; exec \"$0\" --port=0".as_ref(),
                driver,
            ],
        };
        words.iter().map(Into::into).collect()
    }

    /// The driver's port, if this line of its output says it.
    fn port(self, line: &str) -> Option<u16> {
        match self {
            Engine::Chromium => {
                line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
            }
            Engine::Firefox => {
                line.split_once("Listening on ")?.1.rsplit_once(':')?.1.trim().parse().ok()
            }
            Engine::WebKit => listening_port(line.strip_prefix("process ")?.trim()),
        }
    }

    /// What a new session of this browser is asked for.
    pub fn capabilities(self, driver: &Driver, visitor: Visitor) -> Map<String, Value> {
        let binary = driver.browser.to_string_lossy();
        let Visitor { language, width, height, .. } = visitor;
        let capabilities = match self {
            Engine::Chromium => json!({
                "browserName": chromium_name(&driver.browser),
                "goog:chromeOptions": {
                    "args": chromium_arguments(&driver.profile()),
                    "binary": binary,
                },
                "goog:loggingPrefs": { "browser": "ALL" },
            }),
            Engine::Firefox => json!({
                "moz:firefoxOptions": {
                    "args": ["-headless", "-width", width.to_string(), "-height", height.to_string()],
                    "binary": binary,
                    "prefs": {
                        "intl.accept_languages": language,
                        "network.dns.localDomains": "classroom.test",
                    },
                },
            }),
            Engine::WebKit => json!({
                "webkitgtk:browserOptions": {
                    "args": ["--automation", format!("--geometry={width}x{height}")],
                    "binary": binary,
                },
            }),
        };
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        capabilities
    }
}

/// What chromedriver calls the browser that is to be started. The headless shell,
/// Chromium's engine without a window around it, has to be named: it starts without a
/// page unless it is given one, and the driver waits for a page in vain.
fn chromium_name(browser: &Path) -> &'static str {
    let file = browser.file_stem().unwrap_or_default().to_string_lossy();
    if file.contains("headless-shell") { "chrome-headless-shell" } else { "chrome" }
}

/// What the visitor is like comes later, by its own protocol: one Chromium serves
/// many.
fn chromium_arguments(profile: &Path) -> Vec<String> {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        // Nothing fades in: that is a third of the work of drawing, and of the waiting.
        "--force-prefers-reduced-motion".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        // One process draws all windows, as it does for tabs of one site when many are open.
        // To start one for each window, and to compile the page's program again in it, is a
        // tenth of what the tests compute.
        "--renderer-process-limit=1".to_owned(),
        // A name that Chromium does not trust as it trusts 127.0.0.1, just like the
        // address of a laptop on a classroom's network.
        "--host-resolver-rules=MAP classroom.test 127.0.0.1".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if cfg!(unix) {
        // Chromium refuses to run as root, as in a container, without it.
        arguments.push("--no-sandbox".to_owned());
    }
    arguments
}

/// The port on which a process listens, once it does. Only Linux tells.
fn listening_port(process: &str) -> Option<u16> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
            .ok()?
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter_map(|link| {
                Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
            })
            .collect();
        // Local address, state (0A: listening) and inode of each socket.
        let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
        let port = table.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_ours = fields.get(3) == Some(&"0A") && sockets.iter().any(|s| s == fields[9]);
            u16::from_str_radix(fields[1].rsplit(':').next()?, 16).ok().filter(|_| is_ours)
        });
        if port.is_some() {
            return port;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    None
}

/// Waits until its standard input is closed, as it is by the end of the test's
/// process in whatever way, then ends the driver and all browsers that it has
/// started, and deletes their profiles: once more while a browser that is ending still
/// writes there.
const GUARD: &str = r#"
trap : TERM
"$@" &
exec >/dev/null
read -r _
kill -TERM 0
wait
for _ in 1 2 3 4 5; do rm -rf "$TMPDIR"; sleep 0.2; [ -e "$TMPDIR" ] || break; done 2>/dev/null"#;

/// A running WebDriver server. It ends, with its browsers, when it is dropped.
pub struct Driver {
    pub engine: Engine,
    /// As in `http://127.0.0.1:4444`.
    pub address: String,
    browser: PathBuf,
    /// A folder for the browser's files.
    folder: PathBuf,
    process: Child,
    /// Of the guard, on Unix.
    _stdin: Option<ChildStdin>,
}

impl Driver {
    /// Where its Chromium keeps what it writes.
    pub fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// A driver, or nothing if it ended before it had a port.
    fn try_start(engine: Engine, programs: &Programs) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("tcp-classroom-browser-").tempdir().unwrap();
        let words = engine.command(&programs.driver);
        let mut command;
        if cfg!(unix) {
            command = Command::new("sh");
            command.args(["-c", GUARD, "sh"]).args(&words);
        } else {
            command = Command::new(&words[0]);
            command.args(&words[1..]);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let stdin = process.stdin.take();
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| engine.port(&line));
        // It must not stall on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut driver = Driver {
            engine,
            address: String::new(),
            browser: programs.browser.clone(),
            folder: folder.keep(),
            process,
            _stdin: stdin,
        };
        driver.address = format!("http://127.0.0.1:{}", port?);
        Some(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self._stdin.take().is_none() || !cfg!(unix) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
