//! The `cargo test`s of one run, with what their tests need.

use std::path::Path;
use std::process::Command;

use xshell::{Shell, cmd};

use crate::browser::{Browser, Engine};
use crate::{memory, tools};

/// Browser tests that run behind all others, one at a time. While the native tests run, a
/// browser a processor is enough; behind them these leave a quarter of the time unused. They
/// are about a quarter of the work, so that both lists end at about the same time.
const BEHIND: [&str; 3] = ["accessibility::", "sizes::", "views::"];

/// What all of them are given.
pub struct CargoTests<'a> {
    pub shell: &'a Shell,
    pub chromium: Option<&'a Browser>,
    /// Whether tests in Chromium are asked for.
    pub in_chromium: bool,
    /// The checker of accessibility.
    pub axe: Option<&'a Path>,
    /// What runs tests in WebAssembly.
    pub page_runner: &'a Path,
}

impl CargoTests<'_> {
    /// All that a bare `cargo test` of the workspace runs, to the end, so that one failure
    /// hides no other.
    pub fn workspace(&self) -> Command {
        let cargo = cmd!(self.shell, "cargo test --workspace --no-fail-fast");
        let mut cargo = self.with_chromium(cargo.into());
        cargo.envs(memory::folder().map(|folder| ("TMPDIR", folder)));
        cargo
    }

    /// The tests of the pages in a browser.
    pub fn in_browser(&self) -> Command {
        let mut cargo = self.workspace();
        cargo.args(["--test", "browser"]);
        cargo
    }

    /// Those of them that run beside the native tests.
    pub fn in_browser_beside(&self) -> Command {
        let mut cargo = self.in_browser();
        cargo.arg("--").args(BEHIND.iter().flat_map(|tests| ["--skip", tests]));
        cargo
    }

    /// The others: what one leaves out is what the other one runs.
    pub fn in_browser_behind(&self) -> Command {
        let mut cargo = self.in_browser();
        cargo.args(["--", "--test-threads=1"]).args(BEHIND);
        cargo
    }

    /// The page's own tests in WebAssembly: of the only program that has some, as a test of
    /// `web` sees to.
    pub fn of_page(&self) -> Command {
        let page = cmd!(self.shell, "cargo test --package web --bin student");
        let page = page.args(["--target", tools::WASM]);
        let page = page.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", self.page_runner);
        self.with_chromium(page.into())
    }

    /// Tells tests where Chromium is.
    pub fn with_chromium(&self, mut cargo: Command) -> Command {
        cargo.envs(self.chromium.iter().flat_map(|browser| browser.variables()));
        cargo.envs(self.axe.map(|file| ("AXE", file)));
        if !self.in_chromium {
            cargo.env("TCP_CLASSROOM_WITHOUT", Engine::Chromium.name());
        }
        cargo
    }
}
