//! The tests with a database of three machines: etcd, Patroni and PostgreSQL each.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tools::cache_directory;
use crate::{heading, lock, packages, program};

/// Patroni of November 2026. Debian 12 has 3.0, which has no `synchronous_mode: quorum`.
const PATRONI: &str = "4.1.5";

/// What it is fetched as, with its client of etcd and the one of PostgreSQL.
const PACKAGES: [&str; 2] = ["patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9"];

/// What the machines are made of, and what the tests find it with.
pub struct Cluster {
    /// A folder with Python packages.
    patroni: PathBuf,
}

impl Cluster {
    /// Installs or fetches what is missing. PostgreSQL is there for other tests already.
    ///
    /// # Errors
    ///
    /// etcd or Patroni is missing and cannot be had.
    pub fn ensure(shell: &Shell) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            bail!("it is for Linux: signals to processes and /proc");
        }
        let patroni = fetched()?;
        let mut missing = Vec::new();
        if program::on_path("etcd").is_none() {
            missing.push("etcd-server");
        }
        let pip = || cmd!(shell, "python3 -m pip --version").quiet().ignore_stderr().read();
        if patroni.is_none() && pip().is_err() {
            missing.push("python3-pip");
        }
        if !missing.is_empty() {
            if !packages::can_install(shell)? {
                bail!("missing; on Debian: {}", packages::by_hand(&missing));
            }
            packages::install(shell, &missing)?;
        }
        Ok(Cluster { patroni: patroni.map_or_else(fetch, Ok)? })
    }

    /// The tests, which are skipped where they are not asked for.
    pub fn tests(&self, shell: &Shell) -> Command {
        // With what they count.
        let tests = cmd!(shell, "cargo test --package tcp-classroom --test cluster -- --nocapture");
        tests.env("TCP_CLASSROOM_PATRONI", &self.patroni).into()
    }
}

fn folder() -> Result<PathBuf> {
    Ok(cache_directory()?.join(format!("patroni-{PATRONI}")))
}

/// Where Patroni is, if it is there and this Python runs it.
fn fetched() -> Result<Option<PathBuf>> {
    let folder = folder()?;
    Ok(runs(&folder)?.then_some(folder))
}

/// Asked each time: a package with machine code is for one version of Python.
fn runs(folder: &Path) -> Result<bool> {
    let shell = Shell::new()?;
    let version = cmd!(shell, "python3 -m patroni --version").env("PYTHONPATH", folder);
    let clients = cmd!(shell, "python3 -c").arg("import psycopg, etcd");
    let clients = clients.env("PYTHONPATH", folder);
    let version = version.quiet().ignore_stderr().read().unwrap_or_default();
    Ok(version.ends_with(PATRONI) && clients.quiet().ignore_stderr().run().is_ok())
}

/// Fetches Patroni, once per user.
fn fetch() -> Result<PathBuf> {
    let folder = folder()?;
    let _lock = lock::take(&cache_directory()?.join("patroni.lock"), "fetching Patroni")?;
    if runs(&folder)? {
        return Ok(folder);
    }
    heading(&format!("Patroni {PATRONI}: keeps three PostgreSQL as one; pip fetches it"));
    let shell = Shell::new()?;
    shell.remove_path(&folder)?;
    // What pip says of the system's other packages, and to root, is not meant for a folder
    // that is Patroni's alone.
    let quiet = ["--quiet", "--no-warn-conflicts", "--root-user-action=ignore"];
    cmd!(shell, "python3 -m pip install {quiet...} --target {folder} {PACKAGES...}")
        // The tests' own output is on stdout.
        .ignore_stdout()
        .run()
        .context("cannot fetch Patroni (this once it needs the network)")?;
    if !runs(&folder)? {
        bail!("Patroni was fetched to {} and does not start", folder.display());
    }
    Ok(folder)
}
