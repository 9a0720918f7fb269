//! The files of an archive.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::platform::Platform;
use crate::sheet;

/// A file of a package.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path inside the package, with `/`.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Whether it can be started.
    pub is_program: bool,
}

impl Entry {
    /// A file to be read.
    pub fn text(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Entry { path: path.to_owned(), bytes: bytes.into(), is_program: false }
    }

    /// A file to be started.
    pub fn program(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Entry { is_program: true, ..Self::text(path, bytes) }
    }

    /// Its permissions on Unix.
    pub fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

/// What is read where the program is not: with the pictures that the READMEs show
/// and the files that they name.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "PROTOCOL.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "docs/before-class-window.en.png",
    "docs/before-class-window.zh.png",
    "docs/before-class.en.md",
    "docs/before-class.zh.md",
    "docs/page-en.png",
    "docs/page-zh.png",
];

/// The program first, then how to start it, then what there is to read.
pub fn of_archive(
    platform: &Platform,
    program: &[u8],
    notices: &str,
    shell_files: &[Entry],
) -> Result<Vec<Entry>> {
    let mut files = vec![Entry::program(platform.program(), program)];
    if platform.is_windows() {
        files.push(Entry::program("start-class.cmd", start_script()?));
    }
    for language in sheet::LANGUAGES {
        files.push(Entry::text(&format!("before-class.{language}.html"), sheet::page(language)?));
    }
    for path in DOCUMENTS {
        files.push(Entry::text(path, read(Path::new(path))?));
    }
    files.push(Entry::text("THIRD-PARTY.txt", notices));
    let mut examples: Vec<_> =
        fs::read_dir("examples")?.map(|example| Ok(example?.path())).collect::<Result<_>>()?;
    examples.retain(|path| path.is_file());
    examples.sort();
    for path in examples {
        let name = path.file_name().context("a listed file has a name")?.to_string_lossy();
        files.push(Entry::text(&format!("examples/{name}"), read(&path)?));
    }
    files.extend_from_slice(shell_files);
    Ok(files)
}

/// The start script with the line ends that the command interpreter of Windows
/// wants; git may have changed them.
fn start_script() -> Result<String> {
    let script = fs::read_to_string("deploy/start-class.cmd")
        .context("cannot read deploy/start-class.cmd")?;
    Ok(script.lines().map(|line| format!("{line}\r\n")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
