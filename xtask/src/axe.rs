//! The checker of the page's accessibility that the browser tests run, axe-core:
//! JavaScript, hence fetched by npm, once per user.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::tools::cache_directory;
use crate::{heading, program, turn};

/// The newest of November 2026.
const VERSION: &str = "4.14.1";

/// npm is a program everywhere but on Windows, where it is a script.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// The file of axe-core, fetched if need be. Without npm there is none, which is
/// said, and the tests that need it say that they are skipped.
pub fn ensure() -> Result<Option<PathBuf>> {
    let cache = cache_directory()?;
    let root = cache.join(format!("axe-core-{VERSION}"));
    let file = root.join("node_modules").join("axe-core").join("axe.min.js");
    if file.is_file() {
        return Ok(Some(file));
    }
    if !program::directories().iter().any(|directory| directory.join(NPM).is_file()) {
        eprintln!(
            "there is no npm on PATH, which fetches axe-core {VERSION}: the tests of \
             accessibility are skipped; install Node.js, or name the file axe.min.js in AXE"
        );
        return Ok(None);
    }
    let _turn = turn::take(&cache.join("axe.lock"), "fetching axe-core")?;
    heading(&format!("axe-core {VERSION}: checks the page's accessibility; npm fetches it"));
    std::fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    let shell = Shell::new()?;
    // Outside the repository, which is no package of npm's.
    shell.change_dir(&root);
    let package = format!("axe-core@{VERSION}");
    cmd!(
        shell,
        "{NPM} install --prefix {root} --no-save --no-audit --no-fund --ignore-scripts {package}"
    )
    // The tests' own output is on stdout.
    .ignore_stdout()
    .run()
    .context("cannot fetch axe-core (this once it needs the network)")?;
    Ok(Some(file))
}
