//! Python wheels: the program for people who have pip. `pip install FILE.whl` gives
//! the command `tcp-classroom`, and `python -m tcp_classroom` where the folder of
//! commands is not on `PATH`, as often on Windows.
//!
//! A wheel is a zip file with a few files that describe it ("Binary distribution
//! format" in Python's packaging specifications). maturin, which writes them for
//! Rust programs, builds the program itself and takes none that is built.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::contents::Entry;
use crate::platform::Platform;
use crate::{VERSION, archive};

/// The module that starts the program.
const MAIN: &str = include_str!("__main__.py");

/// The name and the bytes of a platform's wheel.
pub fn pack(
    platform: &Platform,
    program: &[u8],
    notices: &str,
    time: OffsetDateTime,
) -> Result<(String, Vec<u8>)> {
    let name = format!("tcp_classroom-{VERSION}");
    let tags: Vec<_> =
        platform.wheel_tag.split('.').map(|system| format!("py3-none-{system}")).collect();
    let info = format!("{name}.dist-info");
    let read = |path: &str| fs::read(path).with_context(|| format!("cannot read {path}"));
    let mut files = vec![
        Entry::text("tcp_classroom/__init__.py", ""),
        Entry::text("tcp_classroom/__main__.py", MAIN),
        Entry::program(&format!("{name}.data/scripts/{}", platform.program()), program),
        Entry::text(&format!("{info}/licenses/LICENSE-APACHE"), read("LICENSE-APACHE")?),
        Entry::text(&format!("{info}/licenses/LICENSE-MIT"), read("LICENSE-MIT")?),
        Entry::text(&format!("{info}/licenses/THIRD-PARTY.txt"), notices),
        Entry::text(&format!("{info}/METADATA"), metadata(&read("README.md")?)),
        Entry::text(&format!("{info}/WHEEL"), wheel(&tags)),
    ];
    let record = format!("{info}/RECORD");
    files.push(Entry::text(&record, list(&files, &record)));
    Ok((format!("{name}-py3-none-{}.whl", platform.wheel_tag), archive::zip(&files, time)?))
}

fn metadata(readme: &[u8]) -> String {
    // Pictures are not in the wheel.
    let readme = String::from_utf8_lossy(readme);
    let readme: String = readme
        .lines()
        .filter(|line| !line.starts_with("!["))
        .map(|line| line.to_owned() + "\n")
        .collect();
    format!(
        "Metadata-Version: 2.4\nName: tcp-classroom\nVersion: {VERSION}\n\
         Summary: A server, and a page, for the first lesson in TCP sockets\n\
         License-Expression: MIT OR Apache-2.0\nLicense-File: LICENSE-APACHE\n\
         License-File: LICENSE-MIT\nLicense-File: THIRD-PARTY.txt\n\
         Keywords: education,sockets,tcp\nRequires-Python: >=3.6\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    )
}

fn wheel(tags: &[String]) -> String {
    let mut text = "Wheel-Version: 1.0\nGenerator: tcp-classroom packaging\n\
                    Root-Is-Purelib: false\n"
        .to_owned();
    for tag in tags {
        // A `String` takes everything.
        let _ = writeln!(text, "Tag: {tag}");
    }
    text
}

/// Every file with its digest and size, by which pip checks and uninstalls; the
/// list itself has none.
fn list(files: &[Entry], record: &str) -> String {
    let mut lines = String::new();
    for Entry { path, bytes, .. } in files {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        // A `String` takes everything.
        let _ = writeln!(lines, "{path},sha256={digest},{}", bytes.len());
    }
    lines + record + ",,\n"
}
