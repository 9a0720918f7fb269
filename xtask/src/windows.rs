//! The tests of the program for Windows on Linux, under Wine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::{dist, heading, packages, program, target};

/// Debian's package of Wine.
const WINE: [&str; 1] = ["wine64"];

/// Stands in for a function that older Wines lack; says which in the file.
const STUB: &str = "xtask/wine/bcryptprimitives.c";

/// Stands in for Python; says what it does in the file.
const PYTHON: &str = "xtask/wine/python.rs";

/// Where Python for Windows is looked for, in the target folder: unpacked from its
/// "embeddable package", of which Wine 8 runs version 3.8. Without it the test that runs
/// `check.py` is skipped.
const REAL_PYTHON: &str = "wine-cpython/python.exe";

/// The program for Windows and what runs it here.
pub struct Windows {
    wine: PathBuf,
    program: PathBuf,
    /// What `check` takes for Python, in a folder of its own.
    python: PathBuf,
    /// Wine's own files: its registry and the drive C. Not the user's.
    prefix: PathBuf,
}

impl Windows {
    /// Installs what is missing and builds the program.
    ///
    /// # Errors
    ///
    /// Wine or mingw is missing and cannot be installed, or the program does not
    /// build or not start.
    pub fn ensure(shell: &Shell) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            bail!("Wine is for Linux; on Windows the tests run as they are");
        }
        if find_wine().is_none() {
            if !packages::can_install(shell)? {
                bail!("Wine is missing; on Debian: {}", packages::by_hand(&WINE));
            }
            packages::install(shell, &WINE)?;
        }
        let wine = find_wine().context("Wine is installed but not where Debian puts it")?;
        let program = dist::windows_program(shell)?;
        let stub = program.with_file_name("bcryptprimitives.dll");
        cmd!(shell, "x86_64-w64-mingw32-gcc -O1 -shared -o {stub} {STUB} -ladvapi32").run()?;

        let folder = shell.create_dir(target(shell).join("wine-python"))?;
        shell.copy_file(&stub, &folder)?;
        let python = folder.join("python.exe");
        let target_name = dist::WINDOWS;
        cmd!(shell, "rustc --edition 2024 --target {target_name} -o {python} {PYTHON}").run()?;

        let windows = Windows { wine, program, python, prefix: target(shell).join("wine") };
        heading("Wine starts the program (the first time it makes a drive C, a minute)");
        shell.create_dir(&windows.prefix)?;
        let Windows { wine, program, prefix, .. } = &windows;
        cmd!(shell, "{wine} {program} --version")
            .env("WINEPREFIX", prefix)
            .env("WINEDEBUG", "-all")
            .run()
            .context("the program does not start under Wine")?;
        Ok(windows)
    }

    /// The tests, which are skipped where they are not asked for.
    pub fn tests(&self, shell: &Shell) -> Command {
        let tests = cmd!(shell, "cargo test --package tcp-classroom --test windows");
        tests
            .env("TCP_CLASSROOM_WINE", &self.wine)
            .env("TCP_CLASSROOM_EXE", &self.program)
            .env("TCP_CLASSROOM_PYTHON", &self.python)
            .env("TCP_CLASSROOM_REAL_PYTHON", target(shell).join(REAL_PYTHON))
            .env("WINEPREFIX", &self.prefix)
            .into()
    }
}

/// Debian's package puts no link on `PATH`.
fn find_wine() -> Option<PathBuf> {
    let debian = Path::new("/usr/lib/wine/wine64");
    program::on_path("wine64")
        .or_else(|| program::on_path("wine"))
        .or_else(|| debian.is_file().then(|| debian.to_owned()))
}
