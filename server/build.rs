//! Embeds the page that trunk left in `dist/`.
//!
//! Without it (a bare `cargo build` before the first `cargo xtask build`) the
//! server is built all the same and says at `/` what is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot create {}", dist.display()))?;
    memory_serve::load_directory(&dist);
    gzip(&dist)
}

/// Packs every file as gzip once more, with Zopfli: it searches for some three
/// seconds and finds 5 % that `gzip -9` does not.
///
/// Leaves the list of paths and packed bytes in `gzipped.rs`, for the server.
fn gzip(dist: &Path) -> anyhow::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo names OUT_DIR")?);
    let mut list = Vec::new();
    for entry in dist.read_dir()? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !path.is_file() {
            continue;
        }
        let packed = out.join(format!("{name}.gz"));
        zopfli::compress(
            zopfli::Options::default(),
            zopfli::Format::Gzip,
            fs::File::open(&path)?,
            fs::File::create(&packed)?,
        )?;
        let route = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        list.push(format!("({route:?}, include_bytes!({packed:?}).as_slice())"));
    }
    Ok(fs::write(out.join("gzipped.rs"), format!("&[{}]", list.join(",")))?)
}
