//! The browsers that the tests drive, each with its WebDriver server: looked for,
//! and installed only where that asks no question (as root, or in CI).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use crate::{packages, program, tools};

/// A browser engine that the page is tested in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Chromium,
    Firefox,
    /// Safari's, as it is on Linux.
    WebKit,
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Chromium, Engine::Firefox, Engine::WebKit];

    /// The engine's name on the command line, and for the tests.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Chromium => "chromium",
            Engine::Firefox => "firefox",
            Engine::WebKit => "webkit",
        }
    }

    /// What the step is called that runs the student's journey in it.
    pub fn journey(self) -> &'static str {
        match self {
            Engine::Chromium => "the student's journey, in Chromium",
            Engine::Firefox => "the student's journey, in Firefox",
            Engine::WebKit => "the student's journey, in WebKit",
        }
    }

    /// The engines of `--browsers`: names with commas between them, or `all`.
    ///
    /// # Errors
    ///
    /// A name is none of an engine.
    pub fn parse_list(list: &str) -> Result<Vec<Engine>> {
        if list == "all" {
            return Ok(Self::ALL.to_vec());
        }
        let named = |name: &str| Self::ALL.into_iter().find(|engine| engine.name() == name);
        list.split(',')
            .map(|name| {
                named(name).with_context(|| {
                    format!(
                        "no browser `{name}`: --browsers takes chromium, firefox, webkit or all"
                    )
                })
            })
            .collect()
    }

    /// The browser, then its driver.
    fn wanted(self) -> [&'static Wanted; 2] {
        match self {
            Engine::Chromium => [&CHROMIUM, &CHROMEDRIVER],
            Engine::Firefox => [&FIREFOX, &GECKODRIVER],
            Engine::WebKit => [&WEBKIT, &WEBKITDRIVER],
        }
    }

    /// Debian's packages. Firefox has its driver from cargo. Chromium comes with the
    /// font that Chinese needs on a screenshot; xvfb-run needs xauth, which its package
    /// only recommends.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Engine::Chromium => &["chromium-headless-shell", "chromium-driver", "fonts-wqy-zenhei"],
            Engine::Firefox => &["firefox-esr"],
            Engine::WebKit => &["webkit2gtk-driver", "xvfb", "xauth"],
        }
    }

    /// The one line that installs it.
    fn by_hand(self) -> String {
        let by_hand = |line: &str| format!("run: {line}");
        match self {
            Engine::Chromium if cfg!(target_os = "macos") => {
                by_hand("brew install --cask google-chrome chromedriver")
            }
            Engine::Chromium if cfg!(windows) => {
                by_hand("winget install Google.Chrome Chromium.ChromeDriver")
            }
            Engine::Firefox if cfg!(target_os = "macos") => by_hand("brew install --cask firefox"),
            Engine::Firefox if cfg!(windows) => by_hand("winget install Mozilla.Firefox"),
            Engine::WebKit if !cfg!(target_os = "linux") => {
                "WebKitGTK is on Linux only; leave it out of --browsers".to_owned()
            }
            engine => {
                let [browser, driver] = engine.wanted();
                format!(
                    "on Debian run: {}; elsewhere install your system's packages of them, or \
                     name them in {} and {}",
                    packages::by_hand(engine.packages()),
                    browser.variable,
                    driver.variable
                )
            }
        }
    }
}

/// A browser with its driver.
pub struct Browser {
    pub engine: Engine,
    browser: PathBuf,
    driver: PathBuf,
}

impl Browser {
    /// The environment variables that tell tests where it is.
    pub fn variables(&self) -> [(&'static str, &Path); 2] {
        let [browser, driver] = self.engine.wanted();
        [(browser.variable, &self.browser), (driver.variable, &self.driver)]
    }
}

const CHROMIUM: Wanted = Wanted {
    variable: "CHROMIUM",
    // The headless shell first, Debian's and Google's: the same engine without a window
    // around it, which the tests do not look at. Under a headless Chromium the window's
    // own user interface takes as much of the processor as the page.
    names: &[
        "chromium-headless-shell",
        "chrome-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    ],
    places: if cfg!(target_os = "macos") {
        &[
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ]
    } else if cfg!(windows) {
        &[
            r"C:\Program Files\Google\Chrome\Application\chrome.exe",
            r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
            r"C:\Program Files\Chromium\Application\chrome.exe",
        ]
    } else {
        &[]
    },
};

const CHROMEDRIVER: Wanted = Wanted {
    variable: "CHROMEDRIVER",
    names: &["chromedriver"],
    places: if cfg!(target_os = "macos") {
        &["/opt/homebrew/bin/chromedriver", "/usr/local/bin/chromedriver"]
    } else if cfg!(windows) {
        &[]
    } else {
        // Where Debian's driver is when the package of the distribution forgot
        // the link.
        &["/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"]
    },
};

const FIREFOX: Wanted = Wanted {
    variable: "FIREFOX",
    names: &["firefox-esr", "firefox"],
    places: if cfg!(target_os = "macos") {
        &["/Applications/Firefox.app/Contents/MacOS/firefox"]
    } else if cfg!(windows) {
        &[r"C:\Program Files\Mozilla Firefox\firefox.exe"]
    } else {
        &[]
    },
};

const GECKODRIVER: Wanted =
    Wanted { variable: "GECKODRIVER", names: &["geckodriver"], places: &[] };

const WEBKIT: Wanted = Wanted {
    variable: "WEBKIT",
    names: &["MiniBrowser"],
    // Debian's, by processor, and Fedora's.
    places: &[
        "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
        "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
        "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
    ],
};

const WEBKITDRIVER: Wanted =
    Wanted { variable: "WEBKITDRIVER", names: &["WebKitWebDriver"], places: &[] };

/// A program, and where it may be.
struct Wanted {
    /// Environment variable that names it and beats everything else.
    variable: &'static str,
    names: &'static [&'static str],
    /// Where installers put it without adding it to `PATH`.
    places: &'static [&'static str],
}

impl Wanted {
    fn find(&self) -> Result<Option<PathBuf>> {
        if let Some(named) = std::env::var_os(self.variable).filter(|named| !named.is_empty()) {
            let path = std::path::absolute(&named)?;
            if !path.is_file() {
                bail!(
                    "{} names {}, which is not there; correct it, or unset it to have it looked for",
                    self.variable,
                    path.display()
                );
            }
            return Ok(Some(path));
        }
        Ok(self
            .names
            .iter()
            .find_map(|name| program::on_path(name))
            .or_else(|| self.places.iter().map(PathBuf::from).find(|place| place.is_file())))
    }
}

/// Finds a browser and its driver, after installing them where that is possible.
///
/// # Errors
///
/// One of them is missing and cannot be installed without asking, or does not run;
/// the message has the line that installs it.
pub fn ensure(shell: &Shell, engine: Engine) -> Result<Browser> {
    let browser = match find(engine)? {
        Some(browser) => browser,
        None => {
            install(shell, engine)?;
            find(engine)?
                .with_context(|| format!("installed, but not found: {}", engine.by_hand()))?
        }
    };
    // On Windows chrome.exe answers --version by opening a window.
    if engine == Engine::Chromium && !cfg!(windows) {
        let (chromium, chromedriver) = (version(&browser.browser)?, version(&browser.driver)?);
        check_versions(&chromium, &chromedriver)?;
    }
    for program in [&browser.browser, &browser.driver] {
        eprintln!("{}", program.display());
    }
    Ok(browser)
}

/// A browser and its driver, if both are there.
fn find(engine: Engine) -> Result<Option<Browser>> {
    let [browser, driver] = engine.wanted();
    let Some(browser) = browser.find()? else { return Ok(None) };
    let driver = match driver.find()? {
        // No distribution's package is needed for it.
        None if engine == Engine::Firefox => Some(tools::geckodriver()?),
        found => found,
    };
    // A WebKit draws on a screen, and here there may be none.
    let has_screen = engine != Engine::WebKit || program::on_path("xvfb-run").is_some();
    Ok(driver.filter(|_| has_screen).map(|driver| Browser { engine, browser, driver }))
}

fn version(path: &Path) -> Result<String> {
    program::version(path)
        .with_context(|| format!("{} does not answer --version; reinstall it", path.display()))
}

fn check_versions(chromium: &str, chromedriver: &str) -> Result<()> {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(chromium) != major(chromedriver) {
        bail!(
            "the browser is version {chromium} and its driver {chromedriver}: they only work \
             together when the first numbers are equal; update both, or name another pair in \
             CHROMIUM and CHROMEDRIVER"
        );
    }
    Ok(())
}

fn install(shell: &Shell, engine: Engine) -> Result<()> {
    if !packages::can_install(shell)? {
        bail!("{} or its driver is missing: {}", engine.name(), engine.by_hand());
    }
    packages::install(shell, engine.packages())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_number_of_browser_and_driver_must_agree() {
        assert!(check_versions("156.0.8078.79", "156.0.8078.12").is_ok());
        let error = check_versions("156.0.8078.79", "15.0.1").unwrap_err().to_string();
        assert!(error.contains("156.0.8078.79") && error.contains("15.0.1"), "{error}");
    }

    #[test]
    fn browsers_are_named_one_by_one_or_all() {
        let list = |list| Engine::parse_list(list).ok();
        assert_eq!(list("all"), Some(Engine::ALL.to_vec()));
        assert_eq!(list("firefox"), Some(vec![Engine::Firefox]));
        assert_eq!(list("webkit,chromium"), Some(vec![Engine::WebKit, Engine::Chromium]));
        let error = Engine::parse_list("firefox,lynx").unwrap_err().to_string();
        assert!(error.contains("`lynx`") && error.contains("webkit"), "{error}");
    }
}
