//! What `cargo xtask test` runs, cheapest first, up to the first failure. How
//! long each step took is said in any case.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::beside::Other;
use crate::browser::{self, Browser, Engine};
use crate::cargo_tests::CargoTests;
use crate::cluster::Cluster;
use crate::suite::Suite;
use crate::tools::Tools;
use crate::windows::Windows;
use crate::{axe, heading, interpreter, packages, page, target, tools};

/// What `cargo xtask test` is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// A tool that is missing skips the checks that need it, by name, instead of
    /// failing the command.
    pub skip_missing: bool,
    /// In which engines the page is tested. Chromium runs every browser test, the
    /// others the student's journey.
    pub engines: Vec<Engine>,
    /// Adds the tests of the program for Windows, under Wine.
    pub windows: bool,
    /// Adds the tests with a database of three machines, which are broken.
    pub cluster: bool,
}

impl Options {
    /// Reads the arguments of the command.
    ///
    /// # Errors
    ///
    /// An argument is none of its options.
    pub fn parse(arguments: &[OsString]) -> Result<Self> {
        let engines = vec![Engine::Chromium];
        let mut options = Options { skip_missing: false, engines, windows: false, cluster: false };
        let mut arguments = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
        while let Some(argument) = arguments.next() {
            match argument.split_once('=').unwrap_or((argument, "")) {
                ("--skip-missing", "") => options.skip_missing = true,
                ("--windows", "") => options.windows = true,
                ("--cluster", "") => options.cluster = true,
                ("--browsers", "") => {
                    let list = arguments.next().unwrap_or_default();
                    options.engines = Engine::parse_list(list)?;
                }
                ("--browsers", list) => options.engines = Engine::parse_list(list)?,
                _ => {
                    bail!(
                        "`cargo xtask test` takes --skip-missing, --windows, --cluster and \
                         --browsers LIST"
                    )
                }
            }
        }
        Ok(options)
    }
}

/// Runs every check.
pub fn run(shell: &Shell, options: &Options) -> Result<()> {
    let mut suite = Suite::begin(&target(shell), options.skip_missing)?;
    let mut steps = Steps::default();
    let outcome = steps.all(shell, &mut suite, options);
    steps.report(outcome.is_ok());
    suite.report();
    outcome
}

#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

/// What the checks are run with.
struct Equipment {
    chromium: Option<Browser>,
    others: Vec<Browser>,
    axe: Option<PathBuf>,
}

impl Steps {
    fn all(&mut self, shell: &Shell, suite: &mut Suite, options: &Options) -> Result<()> {
        // What is missing is said first, not after five minutes.
        let equipment = self.find_equipment(shell, suite, options)?;
        let tools = self.lint_beside_tools(shell)?;
        self.step("dependencies, by cargo-deny", || dependencies(shell, suite))?;
        // Elsewhere the systems' own crates may be asked for different features.
        if cfg!(target_os = "linux") {
            self.step("no crate of the server is compiled twice", || compiled_once(shell))?;
        }
        self.step("page", || page::build(shell).map(drop))?;
        self.step("Python for the page", || interpreter::build(shell, &tools))?;
        self.run_tests(shell, suite, options, &equipment, &tools)
    }

    fn find_equipment(
        &mut self,
        shell: &Shell,
        suite: &mut Suite,
        options: &Options,
    ) -> Result<Equipment> {
        self.step("programs that tests start", || {
            let missing = packages::ensure(shell)?;
            match &missing[..] {
                [] => Ok(()),
                missing => suite.skip("some tests", &packages::describe(missing)),
            }
        })?;
        let mut browsers = Vec::new();
        for engine in &options.engines {
            let name = engine.name();
            let found = self.step(name, || {
                browser::ensure(shell, *engine).map(Some).or_else(|error| {
                    suite.skip(&format!("tests in {name}"), &format!("{error:#}")).map(|()| None)
                })
            })?;
            browsers.extend(found);
        }
        let chromium = browsers.iter().position(|browser| browser.engine == Engine::Chromium);
        let chromium = chromium.map(|at| browsers.remove(at));
        let axe = self.step("the checker of accessibility", || {
            axe::ensure().map(Some).or_else(|error| {
                suite.skip("the tests of accessibility", &format!("{error:#}")).map(|()| None)
            })
        })?;
        Ok(Equipment { chromium, others: browsers, axe })
    }

    /// The lints, while the tools are built, which takes minutes the first time.
    fn lint_beside_tools(&mut self, shell: &Shell) -> Result<Tools> {
        let (tools, linted) = tools::ensure_beside(shell, |other| {
            self.lint(shell, other)?;
            Ok(Instant::now())
        })?;
        self.taken.push(("the tools, after the lints", linted.elapsed()));
        Ok(tools)
    }

    fn lint(&mut self, shell: &Shell, other: &Other) -> Result<()> {
        self.step("formatting", || other.run(cmd!(shell, "cargo fmt --all --check")))?;
        // `web` by itself, so that it cannot lean on a feature of a dependency that
        // only the server switches on.
        self.step("clippy: everything but the page", || {
            let workspace = cmd!(shell, "cargo clippy --workspace --exclude web --all-targets");
            other.run(workspace.args(["--", "-D", "warnings"]))?;
            // Not among all targets, since a bare `cargo test` leaves it out.
            let browser = cmd!(shell, "cargo clippy --workspace --exclude web --test browser");
            other.run(browser.args(["--", "-D", "warnings"]))
        })?;
        self.step("clippy: the page, natively", || {
            let page = cmd!(shell, "cargo clippy --package web --all-targets");
            other.run(page.args(["--", "-D", "warnings"]))
        })?;
        self.step("clippy: the page and the protocol, for the browser", || {
            // With what it depends on in this repository, which is the protocol.
            let page = cmd!(shell, "cargo clippy --package web --all-targets");
            let page = page.args(["--target", tools::WASM]);
            other.run(page.args(["--", "-D", "warnings"]))?;
            let python = cmd!(shell, "cargo clippy --package python --lib");
            let python = python.args(["--target", tools::WASM]);
            other.run(python.args(["--", "-D", "warnings"]))
        })
    }

    fn run_tests(
        &mut self,
        shell: &Shell,
        suite: &mut Suite,
        options: &Options,
        equipment: &Equipment,
        tools: &Tools,
    ) -> Result<()> {
        let tests = CargoTests {
            shell,
            chromium: equipment.chromium.as_ref(),
            in_chromium: options.engines.contains(&Engine::Chromium),
            axe: equipment.axe.as_deref(),
            page_runner: &tools.test_runner,
        };
        let mut beside = vec![tests.workspace()];
        if equipment.chromium.is_none() {
            suite.leave_out("the tests of the page in the browser", "there is no Chromium");
        } else {
            beside.push(tests.of_page());
        }
        beside.push(tests.in_browser_behind());
        // Before any of them runs, since a compiler beside them would slow them down.
        self.step("tests are compiled", || {
            for mut cargo in [tests.workspace(), tests.in_browser(), tests.of_page()] {
                if !cargo.arg("--no-run").status()?.success() {
                    bail!("the tests do not compile; the reason is above");
                }
            }
            Ok(())
        })?;
        // All wait much of their time: for a browser, for a disk, for a pause.
        self.step("tests of the pages in a browser, beside all others", || {
            suite.run_beside(tests.in_browser_beside(), beside)
        })?;
        for browser in &equipment.others {
            self.step(browser.engine.journey(), || {
                // Of the whole workspace, as it is compiled already.
                let journey = cmd!(shell, "cargo test --workspace --test browser journey");
                let journey = journey.envs(browser.variables());
                suite.run(journey.env("TCP_CLASSROOM_ENGINE", browser.engine.name()).into())
            })?;
        }
        if options.windows {
            self.step("tests of the program for Windows, under Wine", || {
                let windows = Windows::ensure(shell)?;
                suite.run_now("--windows")?;
                suite.run(tests.with_chromium(windows.tests(shell)))
            })?;
        }
        if options.cluster {
            self.step("three machines with Patroni, which are broken", || {
                let cluster = Cluster::ensure(shell)?;
                suite.run_now("--cluster")?;
                suite.run(cluster.tests(shell))
            })?;
        }
        Ok(())
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

/// In an unoptimised build the server and its build script share what both depend on, as
/// long as they ask for the same features of it. Otherwise the first start takes longer.
fn compiled_once(shell: &Shell) -> Result<()> {
    let tree = cmd!(shell, "cargo tree --package tcp-classroom --edges normal,build");
    let tree = tree.args(["--duplicates", "--depth", "0", "--prefix", "none"]).read()?;
    match listed_twice(&tree)[..] {
        [] => Ok(()),
        ref twice => bail!(
            "compiled for the server and again, with other features, for its build script: {}; \
             make them the same under [build-dependencies] in server/Cargo.toml",
            twice.join(", ")
        ),
    }
}

/// The crates that a list has twice in the same version.
fn listed_twice(list: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = list.lines().filter(|line| line.contains(" v")).collect();
    lines.sort_unstable();
    let mut twice: Vec<&str> =
        lines.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    twice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_of_a_crate_are_two_crates() {
        let list = "syn v2.0.1\n\nsyn v3.0.1\n\ntypenum v1.20.1\n\ntypenum v1.20.1\n";
        assert_eq!(listed_twice(list), ["typenum v1.20.1"]);
        assert!(listed_twice("syn v2.0.1\n\n\nsyn v3.0.1\n").is_empty());
    }

    #[test]
    fn browsers_are_chosen_with_or_without_an_equals_sign() {
        let options = |arguments: &[&str]| {
            Options::parse(&arguments.iter().map(Into::into).collect::<Vec<_>>())
        };
        let plain = options(&[]).unwrap();
        assert_eq!((plain.skip_missing, plain.engines), (false, vec![Engine::Chromium]));
        let both = options(&["--skip-missing", "--browsers", "firefox"]).unwrap();
        assert_eq!((both.skip_missing, both.engines), (true, vec![Engine::Firefox]));
        assert!(!plain.windows && options(&["--windows"]).unwrap().windows);
        assert!(!plain.cluster && options(&["--cluster"]).unwrap().cluster);
        assert_eq!(options(&["--browsers=all"]).unwrap().engines, Engine::ALL);
        for wrong in [&["--browsers"][..], &["--browsers=lynx"], &["--fast"], &["firefox"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }
}
