//! The page: `web/` and `static/`, bundled by trunk into `dist/`, from where the
//! server's build embeds it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::release::Release;
use crate::slim::slim;
use crate::tools::Tools;
use crate::{heading, turn};

/// Leaves out two features of WebAssembly that we gain nothing from and that
/// school computers' browsers may lack: with them the page needs Chrome 96,
/// without them Chrome 88. It is a kilobyte smaller, too.
const OLD_BROWSERS: &str = "-Ctarget-feature=-reference-types,-multivalue";

/// Builds the page and says what it weighs.
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
    let release = Release::begin(shell)?;
    let build =
        cmd!(shell, "{trunk} --color {color} --skip-version-check build --release --offline true")
            .env("PATH", tools.path()?)
            .envs([release.env()])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", OLD_BROWSERS)
            .envs(no_color.then_some(("CARGO_TERM_COLOR", color)))
            .env_remove("NO_COLOR");
    // Its log goes to stderr like all progress; under `run`, stdout is the server's.
    let built = Command::from(build).stdout(std::io::stderr()).status();
    if !built.with_context(|| format!("cannot start {}", trunk.display()))?.success() {
        bail!("the page does not build; the reason is above");
    }

    let dist = shell.current_dir().join("dist");
    slim(&dist)?;
    let weight = weigh(&dist)?;
    eprintln!("dist: {} files, {} bytes, {} gzipped", weight.files, weight.bytes, weight.gzipped);
    Ok(())
}

/// What a first visit downloads, if it needs every file.
#[derive(Debug, Default, PartialEq)]
struct Weight {
    files: usize,
    bytes: usize,
    /// As a phone on the classroom's network gets it: browsers offer the better
    /// brotli over https only.
    gzipped: usize,
}

fn weigh(directory: &Path) -> Result<Weight> {
    let mut weight = Weight::default();
    for entry in directory.read_dir().with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            let inner = weigh(&path)?;
            weight.files += inner.files;
            weight.bytes += inner.bytes;
            weight.gzipped += inner.gzipped;
        } else {
            let content = std::fs::read(&path)?;
            let mut gzip = Vec::new();
            let options = zopfli::Options::default();
            zopfli::compress(options, zopfli::Format::Gzip, &*content, &mut gzip)?;
            weight.files += 1;
            weight.bytes += content.len();
            // What does not get smaller, such as a PNG, is sent as it is.
            weight.gzipped += gzip.len().min(content.len());
        }
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_counts_and_none_for_more_than_it_is() {
        let shell = Shell::new().unwrap();
        let dist = shell.create_temp_dir().unwrap();
        shell.write_file(dist.path().join("index.html"), "again ".repeat(1_000)).unwrap();
        shell.write_file(dist.path().join("deep/er/a"), "a").unwrap();

        let weight = weigh(dist.path()).unwrap();
        assert_eq!((weight.files, weight.bytes), (2, 6_001));
        assert!(weight.gzipped < 100, "{weight:?}");
    }
}
