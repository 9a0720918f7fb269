//! Embeds the pages that trunk left in `dist/`, compressed by `memory_serve`.
//!
//! Without it (a bare `cargo build` before the first `cargo xtask build`) the
//! server is built all the same and says at `/` what is missing.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot create {}", dist.display()))?;
    memory_serve::load_directory(&dist);
    let folder = std::env::var_os("OUT_DIR").context("cargo names a folder")?;
    remove_paths(&Path::new(&folder).join("memory_serve_assets.rs"))
}

/// Removes from the generated code where each file was, which is read only where the
/// files are not embedded: the same source is the same program in any folder.
fn remove_paths(assets: &Path) -> anyhow::Result<()> {
    let code =
        fs::read_to_string(assets).with_context(|| format!("cannot read {}", assets.display()))?;
    let lines = code.lines().map(|line| match line.trim_start().starts_with("path: ") {
        true => "path: \"\",",
        false => line,
    });
    let code = lines.collect::<Vec<_>>().join("\n");
    fs::write(assets, code).with_context(|| format!("cannot write {}", assets.display()))
}
