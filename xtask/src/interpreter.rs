//! The page's Python: the crate `python`, compiled for a worker and joined to
//! JavaScript, in `dist-python/`, from where the server's build embeds it. It is apart
//! from `dist/`, since it is compressed once for all browsers and never raw.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::tools::{Tools, WASM};
use crate::{heading, lock, target};

/// Builds it. The files' names have a hash of the content, so that browsers may keep
/// them for good.
pub fn build(shell: &Shell, tools: &Tools) -> Result<()> {
    heading("Python for the page (release; cold about three minutes on two cores)");
    let _lock = lock::take(&target(shell).join("python.lock"), "building Python for the page")?;
    cmd!(
        shell,
        "cargo rustc --package python --lib --crate-type cdylib --target {WASM} --profile page"
    )
    // Bytes. A call in Python is several in here; the usual 1 MB would be used up
    // before Python's own limit on recursion is reached.
    .args(["--", "-Clink-arg=-zstack-size=8388608"])
    .run()?;
    let compiled = target(shell).join(WASM).join("page").join("python.wasm");
    let output = target(shell).join("python");
    let bindgen = &tools.wasm_bindgen;
    // For a script and not a module, which not every browser runs in a worker.
    cmd!(shell, "{bindgen} --target no-modules --no-typescript --out-name python --out-dir {output} {compiled}")
        .run()?;
    let program = read(&output.join("python_bg.wasm"))?;
    let mut script = read(&output.join("python.js"))?;
    script.extend(read(&shell.current_dir().join("python/src/worker.js"))?);
    let mut hasher = DefaultHasher::new();
    hasher.write(&program);
    hasher.write(&script);
    let name = format!("python-{:016x}", hasher.finish());
    let files = [(format!("{name}_bg.wasm"), program), (format!("{name}.js"), script)];
    crate::page::update(
        &shell.current_dir().join("dist-python"),
        &files.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect(),
    )
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
