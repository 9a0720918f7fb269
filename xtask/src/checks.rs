//! What `cargo xtask test` runs, cheapest first, up to the first failure. How
//! long each step took is said in any case.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::suite::Suite;
use crate::{axe, browser, heading, packages, page, target, tools};

/// Runs every check. With `skip_missing` a tool that is missing skips the checks
/// that need it, by name, instead of failing the command.
pub fn run(shell: &Shell, skip_missing: bool) -> Result<()> {
    let mut suite = Suite::begin(&target(shell), skip_missing)?;
    let mut steps = Steps::default();
    let outcome = steps.all(shell, &mut suite);
    steps.report(outcome.is_ok());
    suite.report();
    outcome
}

#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn all(&mut self, shell: &Shell, suite: &mut Suite) -> Result<()> {
        // What is missing is said first, not after five minutes.
        self.step("programs that tests start", || {
            let missing = packages::ensure(shell)?;
            match &missing[..] {
                [] => Ok(()),
                missing => suite.skip("some tests", &packages::describe(missing)),
            }
        })?;
        let browser = self.step("the browser", || {
            browser::ensure(shell).map(Some).or_else(|error| {
                suite.skip("the browser tests", &format!("{error:#}")).map(|()| None)
            })
        })?;
        let axe = self.step("the checker of accessibility", || {
            axe::ensure().map(Some).or_else(|error| {
                suite.skip("the tests of accessibility", &format!("{error:#}")).map(|()| None)
            })
        })?;
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
        self.step("dependencies, by cargo-deny", || dependencies(shell, suite))?;
        self.step("page", || page::build(shell, &tools))?;
        let with_browser = |mut cargo: Command| {
            if let Some(browser) = &browser {
                cargo.env("CHROMIUM", &browser.chromium);
                cargo.env("CHROMEDRIVER", &browser.chromedriver);
            }
            cargo.envs(axe.iter().map(|file| ("AXE", file)));
            cargo
        };
        self.step("tests, natively", || {
            suite.run(with_browser(cmd!(shell, "cargo test --workspace").into()))
        })?;
        self.step("tests of the page, in the browser", || {
            if browser.is_none() {
                return suite.skip("the tests of the page", "there is no browser");
            }
            let page = cmd!(shell, "cargo test --package web").args(["--target", tools::WASM]);
            suite.run(with_browser(
                page.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &tools.test_runner).into(),
            ))
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

/// Bans, licences, sources and advisories as `deny.toml` asks for, where
/// cargo-deny is installed: it takes longer to build than all of our checks take
/// to run, so the hosted CI has it and a developer may. The database of advisories
/// comes from the network; without it everything else is still checked.
fn dependencies(shell: &Shell, suite: &mut Suite) -> Result<()> {
    if cmd!(shell, "cargo deny --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        suite.leave_out("dependencies", "`cargo install --locked cargo-deny` adds this check");
        return Ok(());
    }
    cmd!(shell, "cargo deny check bans licenses sources").run()?;
    if cmd!(shell, "cargo deny fetch db").run().is_err() {
        suite.leave_out("advisories", "the database of advisories is out of reach");
        return Ok(());
    }
    Ok(cmd!(shell, "cargo deny check advisories").run()?)
}
