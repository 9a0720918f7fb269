//! The benchmark: builds what it measures and what measures, then runs it. How
//! and against what it measures is in `bench/`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{browser, heading, interpreter, page, target};

/// Where it leaves its table: the last one is part of the repository.
const TABLE: &str = "BENCHMARKS.md";

/// Whether the benchmark can run here; asked before anything is built.
pub fn ensure_possible() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmark needs Linux: it reads /proc, waits with epoll and pins to cores");
    }
    Ok(())
}

/// Measures `server`. The arguments are the benchmark's own; `--help` lists them.
pub fn run(shell: &Shell, server: &Path, arguments: &[OsString]) -> Result<()> {
    heading("the benchmark (release)");
    cmd!(shell, "cargo build --release --package bench").run()?;
    let bench = target(shell).join("release").join("bench");
    // Data files beside the build, on a disk with room, and not in /tmp, which may
    // be memory.
    let scratch = target(shell).join("bench");
    let page = shell.current_dir().join(TABLE);

    // For board and teacher's page of the class, beside what they are told.
    let browser = browser::ensure(shell, browser::Engine::Chromium)
        .inspect_err(|error| eprintln!("skipped: a class in a browser: {error:#}"))
        .ok();
    heading("measuring, about eight minutes if it is all; leave the machine alone meanwhile");
    cmd!(shell, "{bench} --server {server} --scratch {scratch} --page {page} {arguments...}")
        .envs(browser.iter().flat_map(browser::Browser::variables))
        .run()?;
    Ok(())
}

/// Measures many classes in a private PostgreSQL, and prints the result.
pub fn rooms(shell: &Shell) -> Result<()> {
    ensure_possible()?;
    let tools = page::build(shell)?;
    interpreter::build(shell, &tools)?;
    heading("measuring, about four minutes; leave the machine alone meanwhile");
    cmd!(shell, "cargo bench --profile release --package tcp-classroom --bench rooms").run()?;
    Ok(())
}

/// Measures the page in a browser, and prints the result. Any system with a
/// Chromium will do. Without one that of Python is skipped, which has another part.
pub fn in_browser(shell: &Shell, name: &OsStr) -> Result<()> {
    let browser = match browser::ensure(shell, browser::Engine::Chromium) {
        Ok(browser) => browser,
        Err(error) if name == "python" => {
            eprintln!("skipped: Python in a browser: {error:#}");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let tools = page::build(shell)?;
    interpreter::build(shell, &tools)?;
    heading("measuring, about two minutes; leave the machine alone meanwhile");
    // The page is a release build. How fast the server is counts where it has much to do
    // beside the page: for programs, which it answers many times, and for a large class.
    let profile = if name == "python" || name == "rows" { "release" } else { "dev" };
    cmd!(shell, "cargo bench --profile {profile} --package tcp-classroom --bench {name}")
        .envs(browser.variables())
        .run()?;
    Ok(())
}
