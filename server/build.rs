//! Embeds the pages that trunk left in `dist/`, compressed by `memory_serve`.
//!
//! Without it (a bare `cargo build` before the first `cargo xtask build`) the
//! server is built all the same and says at `/` what is missing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    // Asked for when this runs and not when it is compiled: with one target folder for two
    // clones, the other one's program may run for this one.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("cargo names the package")?;
    let package = Path::new(&package);
    let dist = folder_beside(package, "dist")?;
    memory_serve::load_directory(&dist);
    let folder = std::env::var_os("OUT_DIR").context("cargo names a folder")?;
    let folder = Path::new(&folder);
    remove_paths(&folder.join("memory_serve_assets.rs"))?;
    embed_python(&folder_beside(package, "dist-python")?, folder)
}

/// A folder beside the package, empty where there is none. This runs again when it changes.
fn folder_beside(package: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = package.join("..").join(name);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    // Seen from the package: the same words in every clone.
    println!("cargo::rerun-if-changed=../{name}");
    Ok(path)
}

/// Embeds the page's Python, which `cargo xtask page` leaves in `dist-python/`, packed
/// with gzip: the one encoding that every browser takes over plain http.
fn embed_python(dist: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut code = String::new();
    for entry in fs::read_dir(dist)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("its name is plain")?;
        fs::copy(entry.path(), folder.join(&name))?;
        writeln!(code, "({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))),")?;
    }
    fs::write(folder.join("python_files.rs"), format!("&[{code}]"))
        .context("cannot write the list of Python's files")
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
