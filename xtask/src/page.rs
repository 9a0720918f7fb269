//! The pages: `web/` and `static/`, bundled by trunk into `dist/`, from where the
//! server's build embeds them. The student's page is `dist/` itself, another page a
//! folder in it.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tools::Tools;
use crate::{heading, lock};

/// Where the pages are, a folder each.
const PAGES: &str = "web/pages";

/// The page at `/`, which trunk builds when it is called without arguments.
const FIRST_PAGE: &str = "student";

/// Builds all pages: `trunk build` with the tools in the right version.
pub fn build(shell: &Shell, tools: &Tools) -> Result<()> {
    // Two trunks in one `dist` delete each other's files.
    let _lock = lock::take(&crate::target(shell).join("page.lock"), "building the page")?;

    // Offline, since its helpers are on PATH in the version we want. Cargo under it
    // is then offline too, hence what the page depends on is fetched before.
    cmd!(shell, "cargo fetch").run()?;
    // First, since trunk empties the folder that it builds into.
    bundle(shell, tools, FIRST_PAGE, "dist", &[])?;
    for folder in shell.read_dir(PAGES)? {
        let Some(page) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        if page == FIRST_PAGE {
            continue;
        }
        let (target, dist) = (format!("{PAGES}/{page}/index.html"), format!("dist/{page}"));
        // The page is served at `/board`, its files are in `/board/`.
        let address = format!("{page}/");
        let arguments = [target.as_str(), "--dist", &dist, "--public-url", &address];
        bundle(shell, tools, page, &dist, &arguments)?;
    }
    Ok(())
}

/// Builds one page into `dist`.
fn bundle(shell: &Shell, tools: &Tools, page: &str, dist: &str, arguments: &[&str]) -> Result<()> {
    heading(&format!("the {page} page (trunk, release)"));
    // A build that failed leaves its half of a page there, for the server to embed.
    shell.remove_path(format!("{dist}/.stage"))?;

    // Trunk 0.21 takes only `true` and `false` for an answer here, while every
    // other program, and every user, has `NO_COLOR=1`.
    let no_color = shell.var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = if no_color { "never" } else { "auto" };
    let trunk = &tools.trunk;
    let build =
        cmd!(shell, "{trunk} --color {color} --skip-version-check build --release --offline true")
            .args(arguments)
            .env("PATH", tools.path()?)
            .envs(no_color.then_some(("CARGO_TERM_COLOR", color)))
            .env_remove("NO_COLOR");
    // Its log goes to stderr like all progress; under `run`, stdout is the server's.
    let built = Command::from(build).stdout(std::io::stderr()).status();
    if !built.with_context(|| format!("cannot start {}", trunk.display()))?.success() {
        bail!("the {page} page does not build; the reason is above");
    }
    Ok(())
}
