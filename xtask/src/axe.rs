//! axe-core, the accessibility checker that the browser tests run in the page. It is
//! JavaScript, hence fetched by npm, once per user.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::packages::NPM;
use crate::tools::cache_directory;
use crate::{heading, lock};

/// The newest of November 2026.
const VERSION: &str = "4.14.1";

/// The file of axe-core, fetched if need be.
///
/// # Errors
///
/// There is no npm, or it cannot fetch.
pub fn ensure() -> Result<PathBuf> {
    if let Some(file) = std::env::var_os("AXE").filter(|file| !file.is_empty()) {
        return Ok(file.into());
    }
    let cache = cache_directory()?;
    let root = cache.join(format!("axe-core-{VERSION}"));
    let file = root.join("node_modules").join("axe-core").join("axe.min.js");
    if file.is_file() {
        return Ok(file);
    }
    let _lock = lock::take(&cache.join("axe.lock"), "fetching axe-core")?;
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
    Ok(file)
}
