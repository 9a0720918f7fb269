//! What keeps the paths of this machine out of the programs that are built, so that
//! the same source gives the same bytes in any folder and for any user.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::Shell;

/// Flags for rustc: a panic names the files of dependencies below `cargo`, ours below
/// `.`.
///
/// # Errors
///
/// It is not known where cargo keeps dependencies.
pub fn flags(shell: &Shell) -> Result<[String; 2]> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| dirs::home_dir().map(|home| home.join(".cargo")))
        .context("this user has no home directory; name one in CARGO_HOME")?;
    let remap =
        |folder: &Path, name: &str| format!("--remap-path-prefix={}={name}", folder.display());
    Ok([remap(&cargo_home, "cargo"), remap(&shell.current_dir(), ".")])
}
