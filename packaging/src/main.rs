//! `packaging FOLDER TARGET=PROGRAM...`: makes the files that people download from
//! programs that are built already. `cargo xtask dist` builds them and calls it,
//! in the root of the repository.
//!
//! - [`platform`]: what a system's package is called and how it is packed;
//! - [`contents`]: the files of a package, with the teacher's [`sheet`] as HTML and
//!   the [`notices`] of all licences;
//! - [`archive`]: `.tar.gz` and `.zip`; [`wheel`]: the same program for Python's pip.
//!
//! The same input gives the same bytes: every file has the time that
//! `SOURCE_DATE_EPOCH` says, and an order.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its interface")]

mod archive;
mod contents;
mod notices;
mod platform;
mod sheet;
mod wheel;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::contents::Entry;
use crate::platform::Platform;

/// The version of the product, which all crates of the workspace share.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A program and the platform it is for.
struct Built {
    platform: &'static Platform,
    program: PathBuf,
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().context("usage: packaging FOLDER TARGET=PROGRAM...")?);
    let built: Vec<_> = words.map(|word| Built::read(&word)).collect::<Result<_>>()?;
    let time = time_of_files()?;
    // A package of an earlier version must not get into SHA256SUMS.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let shell_files = shell_files(&built, &folder)?;

    let mut sums = String::new();
    for Built { platform, program } in &built {
        let program =
            fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
        let notices = notices::of_program(platform)?;
        let files = contents::of_archive(platform, &program, &notices, &shell_files)?;
        for (name, bytes) in [
            archive::pack(platform, &files, time)?,
            wheel::pack(platform, &program, &notices, time)?,
        ] {
            println!("{:6.2} MB  {name}", bytes.len() as f64 / 1e6);
            writeln!(sums, "{:x}  {name}", Sha256::digest(&bytes))?;
            fs::write(folder.join(name), bytes)?;
        }
    }
    // As `sha256sum --check` reads it.
    fs::write(folder.join("SHA256SUMS"), sums)?;
    println!("in {}", folder.display());
    Ok(())
}

impl Built {
    fn read(word: &str) -> Result<Self> {
        let (target, program) =
            word.split_once('=').with_context(|| format!("`{word}` is not TARGET=PROGRAM"))?;
        let platform = Platform::of_target(target)
            .with_context(|| format!("nothing is packed for {target}"))?;
        Ok(Built { platform, program: program.into() })
    }
}

/// The time that every packed file has.
fn time_of_files() -> Result<OffsetDateTime> {
    /// 1980-01-01, before which a zip file knows no time.
    const FIRST: i64 = 315_532_800;
    let seconds = std::env::var("SOURCE_DATE_EPOCH").unwrap_or_default();
    let seconds = seconds.parse().unwrap_or(FIRST).max(FIRST);
    OffsetDateTime::from_unix_timestamp(seconds).context("SOURCE_DATE_EPOCH is out of range")
}

/// Completions and manual pages, which the program itself writes. One of the
/// programs runs on this machine, and all would write the same.
fn shell_files(built: &[Built], folder: &Path) -> Result<Vec<Entry>> {
    let written = folder.join("shell-files");
    let runs = built.iter().any(|Built { program, .. }| {
        let mut command = Command::new(program);
        command.arg("shell-files").arg(&written).stdin(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if !runs {
        bail!("none of the programs runs here, so that there are no completions and manual pages");
    }
    let mut files = Vec::new();
    for file in fs::read_dir(&written)? {
        let file = file?;
        let name = file.file_name().into_string().ok().context("our own names are UTF-8")?;
        let place = if name.ends_with(".1") { "man" } else { "completions" };
        files.push(Entry::text(&format!("{place}/{name}"), fs::read(file.path())?));
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    fs::remove_dir_all(&written)?;
    Ok(files)
}
