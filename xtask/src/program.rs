//! Programs on this machine: where they are, and which version they say they
//! are. Starts nothing but `--version`.

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

/// A `PATH` on which `python3` is the interpreter itself, where it is now a script that
/// looks for one: pyenv's takes 0.15 s of a processor at each start, a Python 0.02 s, and
/// the tests start some 250. `None` where `PATH` is right as it is.
pub fn path_with_python() -> Option<OsString> {
    let tell = "import os, sys; print(os.path.dirname(sys.executable))";
    let mut python = Command::new("python3");
    python.args(["-c", tell]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = python.output().ok().filter(|output| output.status.success())?;
    let folder = PathBuf::from(str::from_utf8(&output.stdout).ok()?.trim_end());
    path_beginning_with(&folder, directories()).filter(|_| folder.join("python3").is_file())
}

/// A `PATH` with this folder in front, unless it is among the others: moved in front of
/// them it might hide another program.
fn path_beginning_with(folder: &Path, mut others: Vec<PathBuf>) -> Option<OsString> {
    if folder.as_os_str().is_empty() || others.iter().any(|other| other == folder) {
        return None;
    }
    others.insert(0, folder.to_owned());
    std::env::join_paths(others).ok()
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
    fn a_folder_comes_in_front_of_path_unless_it_is_on_it() {
        let others = || vec![PathBuf::from("shims"), PathBuf::from("bin")];
        let path = path_beginning_with(Path::new("python"), others()).unwrap();
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        assert_eq!(folders, ["python", "shims", "bin"].map(PathBuf::from));
        for there_or_unknown in ["bin", ""] {
            assert_eq!(path_beginning_with(Path::new(there_or_unknown), others()), None);
        }
    }

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
