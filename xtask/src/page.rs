//! The page: `web/` and `static/`, bundled by trunk into `dist/`, from where the
//! server's build embeds it.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tools::Tools;
use crate::{heading, turn};

/// Builds the page: `trunk build` with the tools in the right version.
pub fn build(shell: &Shell, tools: &Tools) -> Result<()> {
    // Two trunks in one `dist` delete each other's files.
    let _turn = turn::take(&crate::target(shell).join("page.lock"), "building the page")?;

    heading("the page (trunk, release)");
    // A build that failed leaves its half of a page there, for the server to embed.
    shell.remove_path("dist/.stage")?;

    // Trunk 0.21 takes only `true` and `false` for an answer here, while every
    // other program, and every user, has `NO_COLOR=1`.
    let no_color = shell.var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = if no_color { "never" } else { "auto" };
    let trunk = &tools.trunk;
    // Offline, since its helpers are on PATH in the version we want. Cargo under it
    // is then offline too, hence what the page depends on is fetched before.
    cmd!(shell, "cargo fetch").run()?;
    let build =
        cmd!(shell, "{trunk} --color {color} --skip-version-check build --release --offline true")
            .env("PATH", tools.path()?)
            .envs(no_color.then_some(("CARGO_TERM_COLOR", color)))
            .env_remove("NO_COLOR");
    // Its log goes to stderr like all progress; under `run`, stdout is the server's.
    let built = Command::from(build).stdout(std::io::stderr()).status();
    if !built.with_context(|| format!("cannot start {}", trunk.display()))?.success() {
        bail!("the page does not build; the reason is above");
    }
    Ok(())
}
