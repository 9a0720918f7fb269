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
    Ok(())
}
