//! The Chromium and the chromedriver that the browser tests drive: looked for,
//! and installed only where that asks nobody anything (root, or CI).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use crate::{packages, program};

/// Both of the same major version.
pub struct Browser {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

const CHROMIUM: Wanted = Wanted {
    variable: "CHROMIUM",
    names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
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

/// Finds both, after installing them where that is possible.
pub fn ensure(shell: &Shell) -> Result<Browser> {
    let browser = match find()? {
        Some(browser) => browser,
        None => {
            install(shell)?;
            find()?.context(
                "installed, but no chromium and chromedriver on PATH; set CHROMIUM and CHROMEDRIVER",
            )?
        }
    };
    // On Windows chrome.exe answers --version by opening a window.
    if !cfg!(windows) {
        let chromium = version(&browser.chromium)?;
        let chromedriver = version(&browser.chromedriver)?;
        check_versions(&chromium, &chromedriver)?;
        eprintln!("{} {chromium}", browser.chromium.display());
        eprintln!("{} {chromedriver}", browser.chromedriver.display());
    }
    Ok(browser)
}

fn find() -> Result<Option<Browser>> {
    Ok(CHROMIUM
        .find()?
        .zip(CHROMEDRIVER.find()?)
        .map(|(chromium, chromedriver)| Browser { chromium, chromedriver }))
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

/// With the font that Chinese needs on a screenshot.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-wqy-zenhei"];

fn install(shell: &Shell) -> Result<()> {
    if !packages::can_install(shell)? {
        bail!("the browser tests need Chrome or Chromium and chromedriver: {}", by_hand());
    }
    packages::install(shell, &PACKAGES)
}

fn by_hand() -> String {
    if cfg!(target_os = "macos") {
        "run: brew install --cask google-chrome chromedriver".to_owned()
    } else if cfg!(windows) {
        "run: winget install Google.Chrome Chromium.ChromeDriver".to_owned()
    } else {
        format!(
            "on Debian run: {}; elsewhere install your system's packages of them, or name them \
             in CHROMIUM and CHROMEDRIVER",
            packages::by_hand(&PACKAGES)
        )
    }
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
}
