//! Python for the pages: the crate `python`, compiled for a worker, joined to JavaScript
//! and packed, in `dist-python/`, from where the server's build embeds it. It is apart
//! from `dist/`, since it is packed once for all browsers and never served raw.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use xshell::{Shell, cmd};

use crate::page::{flags, update};
use crate::stamp::Stamp;
use crate::tools::{Tools, WASM};
use crate::{heading, lock, target};

/// Bytes of the worker's stack. A call in Python is several in here; the usual 1 MB
/// would be used up before Python's own limit on recursion is reached.
const STACK: usize = 8 * 1024 * 1024;

/// Builds it. The files' names have a hash of the content, so that browsers may keep
/// them for good.
pub fn build(shell: &Shell, tools: &Tools) -> Result<()> {
    heading("Python for the page (release; cold about three minutes on two cores)");
    let _lock = lock::take(&target(shell).join("python.lock"), "building Python for the page")?;
    let library = cmd!(
        shell,
        "cargo rustc --package python --lib --crate-type cdylib --target {WASM} --profile page"
    );
    let stack = format!("-Clink-arg=-zstack-size={STACK}");
    library.args(["--", &stack]).envs(flags(shell)?).run()?;
    let compiled = target(shell).join(WASM).join("page").join("python.wasm");
    let worker = shell.current_dir().join("python/src/worker.js");
    // The version of wasm-bindgen is in the program.
    let stamp = [compiled.clone(), worker.clone()];
    let stamp = Stamp::of(&stamp, "", target(shell).join("python.stamp"))?;
    stamp.unless_known(&folder(shell), || pack_all(shell, tools, &compiled, &worker))
}

/// Joins the compiled program to JavaScript, and packs both.
fn pack_all(shell: &Shell, tools: &Tools, compiled: &Path, worker: &Path) -> Result<()> {
    let output = target(shell).join("python");
    let bindgen = &tools.wasm_bindgen;
    // For a script and not a module, which not every browser runs in a worker.
    cmd!(shell, "{bindgen} --target no-modules --no-typescript --out-name python")
        .arg("--out-dir")
        .args([&output, compiled])
        .run()?;
    let program = read(&output.join("python_bg.wasm"))?;
    let mut script = read(&output.join("python.js"))?;
    script.extend(read(worker)?);
    let mut hasher = DefaultHasher::new();
    hasher.write(&program);
    hasher.write(&script);
    let name = format!("python-{:016x}", hasher.finish());
    let files = [(format!("{name}_bg.wasm.gz"), program), (format!("{name}.js.gz"), script)];
    let files = files.into_iter().map(|(name, bytes)| Ok((name.into(), pack(&bytes)?)));
    update(&folder(shell), &files.collect::<Result<_>>()?)
}

/// Begins to build it in a process of its own, which writes into a file. Returns the
/// folder in which it will be.
pub fn begin(shell: &Shell) -> Result<PathBuf> {
    let log = target(shell).join("python.log");
    let output =
        fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let xtask = std::env::current_exe().context("the system does not name this program")?;
    Command::new(xtask)
        .arg("python")
        .current_dir(shell.current_dir())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("cannot start to build Python for the page")?;
    eprintln!("Python for the page is built meanwhile: {}", log.display());
    Ok(folder(shell))
}

fn folder(shell: &Shell) -> PathBuf {
    shell.current_dir().join("dist-python")
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish().context("cannot pack a file")
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
