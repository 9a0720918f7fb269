//! Programs on this machine: where they are, and which version they say they
//! are. Starts nothing but `--version`, and Python to make an environment.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directories of `PATH`, in its order.
pub fn directories() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// The program `name` in `directory`, if it is there.
pub fn in_directory(directory: &Path, name: &str) -> Option<PathBuf> {
    let program = directory.join(format!("{name}{EXE_SUFFIX}"));
    program.is_file().then_some(program)
}

/// The first program `name` on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    directories().iter().find_map(|directory| in_directory(directory, name))
}

/// A `PATH` on which `python3` is an interpreter with nothing installed beside it: a virtual
/// environment, which is made in `folder`. The tests start a Python some 700 times. Each
/// takes 0.03 s of a processor; what installed packages hook into the start takes twice as
/// long, and pyenv's script that looks for the interpreter takes 0.15 s. `None` where there
/// is no Python, which the tests that need it will tell.
pub fn path_with_python(folder: &Path) -> Option<OsString> {
    let mut python = Command::new("python3");
    python.args(["-m", "venv", "--without-pip", "--clear"]).arg(folder);
    python.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let is_made = python.status().is_ok_and(|status| status.success());
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let path = std::iter::once(programs).chain(directories());
    std::env::join_paths(path).ok().filter(|_| is_made)
}

/// What `program --version` says: the first word with a digit in front, such as
/// `0.21.14`. `None` when it does not start, so also when it was built for
/// another machine.
pub fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    first_number(&String::from_utf8_lossy(&output.stdout)).map(str::to_owned)
}

fn first_number(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_whatever_else_a_program_says() {
        for (said, version) in [
            ("trunk 0.21.14\n", Some("0.21.14")),
            ("wasm-bindgen 0.2.130 (abc 2026-01-01)", Some("0.2.130")),
            ("Chromium 156.0.8078.79 built on Debian GNU/Linux 12", Some("156.0.8078.79")),
            ("ChromeDriver 156.0.8078.79 (a21ce-refs/branch-heads@{#1})", Some("156.0.8078.79")),
            ("usage: trunk", None),
        ] {
            assert_eq!(first_number(said), version, "{said}");
        }
    }
}
