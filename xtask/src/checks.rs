//! What `cargo xtask test` runs, cheapest first, up to the first failure. How
//! long each step took is said in any case.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::{audit, axe, browser, heading, page, tools};

/// Runs every check.
pub fn run(shell: &Shell) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = steps.all(shell);
    steps.report(outcome.is_ok());
    outcome
}

#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn all(&mut self, shell: &Shell) -> Result<()> {
        // These first: whoever lacks them learns it now, not in five minutes.
        let browser = self.step("the browser", || browser::ensure(shell))?;
        let axe = self.step("the checker of accessibility", axe::ensure)?;
        let tools = self.step("the tools", || tools::ensure(shell))?;

        self.step("formatting", || Ok(cmd!(shell, "cargo fmt --all --check").run()?))?;
        // `web` by itself, so that it cannot lean on a feature of a dependency that
        // only the server switches on.
        self.step("clippy: everything but the page", || {
            let workspace = cmd!(shell, "cargo clippy --workspace --exclude web --all-targets");
            Ok(workspace.args(["--", "-D", "warnings"]).run()?)
        })?;
        self.step("clippy: the page, natively", || {
            let page = cmd!(shell, "cargo clippy --package web --all-targets");
            Ok(page.args(["--", "-D", "warnings"]).run()?)
        })?;
        self.step("clippy: the page and the protocol, for the browser", || {
            // With what it depends on in this repository, which is the protocol.
            let page = cmd!(shell, "cargo clippy --package web --all-targets");
            let page = page.args(["--target", tools::WASM]);
            Ok(page.args(["--", "-D", "warnings"]).run()?)
        })?;
        self.step("dependencies", || audit::run(shell))?;
        self.step("page", || page::build(shell, &tools))?;
        self.step("tests, natively", || {
            Ok(cmd!(shell, "cargo test --workspace")
                .env("CHROMIUM", &browser.chromium)
                .env("CHROMEDRIVER", &browser.chromedriver)
                .envs(axe.map(|file| ("AXE", file)))
                .run()?)
        })?;
        self.step("tests of the page, in the browser", || {
            let page = cmd!(shell, "cargo test --package web").args(["--target", tools::WASM]);
            Ok(page
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &tools.test_runner)
                .env("CHROMIUM", &browser.chromium)
                .env("CHROMEDRIVER", &browser.chromedriver)
                .run()?)
        })
    }

    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        heading(name);
        let start = Instant::now();
        let outcome = work();
        self.taken.push((name, start.elapsed()));
        outcome.with_context(|| format!("failed at: {name}"))
    }

    fn report(&self, passed: bool) {
        heading(if passed { "every check passed" } else { "stopped at the last of these" });
        for (name, taken) in &self.taken {
            eprintln!("{:6.1} s  {name}", taken.as_secs_f64());
        }
        let total: Duration = self.taken.iter().map(|(_, taken)| taken).sum();
        eprintln!("{:6.1} s  in all", total.as_secs_f64());
    }
}
