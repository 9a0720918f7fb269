//! Release builds, whose dependencies all clones of a user share.
//!
//! They are the same in every clone, and compiling them takes two minutes. What
//! is made of them, the program and the page, is in each clone's own `target`
//! and `dist`.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::{lockfile, tools, turn};

/// The profiles and targets of our release builds, as `cargo clean` names them.
const BUILDS: [&[&str]; 2] = [&["--release"], &["--profile", "page", "--target", tools::WASM]];

/// This clone's turn with the shared directory.
pub struct Release {
    directory: PathBuf,
    _turn: File,
}

impl Release {
    /// Waits until no other clone is building.
    ///
    /// Cargo tells our own packages apart by name and not by clone, and takes
    /// them for up to date by the age of their files. So what another clone
    /// built of them goes first.
    pub fn begin(shell: &Shell) -> Result<Self> {
        let directory = tools::cache_directory()?.join("release");
        let turn = turn::take(&directory.with_extension("lock"), "building")?;
        let release = Release { directory, _turn: turn };

        let owner = release.directory.join("clone");
        let clone = shell.current_dir();
        let last = std::fs::read(&owner).unwrap_or_default();
        if last != clone.as_os_str().as_encoded_bytes() {
            if release.directory.exists() {
                release.forget_ours(shell)?;
            }
            std::fs::create_dir_all(&release.directory)
                .and_then(|()| std::fs::write(&owner, clone.as_os_str().as_encoded_bytes()))
                .with_context(|| format!("cannot write {}", owner.display()))?;
        }
        Ok(release)
    }

    /// What makes cargo build there, for its environment.
    pub fn env(&self) -> (&'static str, &OsStr) {
        ("CARGO_BUILD_BUILD_DIR", self.directory.as_os_str())
    }

    fn forget_ours(&self, shell: &Shell) -> Result<()> {
        let members = lockfile::members(shell)?;
        let packages = members.iter().flat_map(|member| ["--package", member]);
        let packages: Vec<_> = packages.collect();
        for build in BUILDS {
            let packages = &packages;
            cmd!(shell, "cargo clean --quiet {build...} {packages...}").envs([self.env()]).run()?;
        }
        Ok(())
    }
}
