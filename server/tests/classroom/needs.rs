//! What a test needs of this machine: a tool that is missing fails the test,
//! since a check that did not run is no pass. With `cargo xtask test
//! --skip-missing`, and for what only root can do, the test is skipped and its
//! name and reason are written to the list that the command prints and counts.
#![allow(clippy::print_stdout, reason = "a skipped test is named")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether the test may go on, which needs a program that answers `probe` (an
/// argument such as `--version`).
///
/// # Panics
///
/// The program is missing and missing tools are not to be skipped.
pub fn program(name: &str, probe: &str) -> bool {
    let starts = Command::new(name)
        .arg(probe)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    tool(starts, &format!("{name} is not installed"))
}

/// Whether the test may go on, which needs a tool that was found or not.
///
/// # Panics
///
/// The tool is missing and missing tools are not to be skipped.
pub fn tool(found: bool, missing: &str) -> bool {
    if !found {
        let may_skip = std::env::var_os("TCP_CLASSROOM_SKIP_MISSING").is_some();
        assert!(may_skip, "{missing}; `cargo xtask test` installs what it may");
        skip(missing);
    }
    found
}

/// Whether the test may go on, which runs only if it is asked for.
pub fn request(asked: bool, why_not: &str) -> bool {
    if !asked {
        skip(why_not);
    }
    asked
}

/// Whether the test may go on, which needs a right or a feature of the system
/// that not every developer has, such as mounting a disk.
pub fn privilege(granted: bool, why_not: &str) -> bool {
    if !granted {
        skip(why_not);
    }
    granted
}

fn skip(why: &str) {
    let thread = std::thread::current();
    // libtest names each test's thread for the test.
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    match std::env::var_os("TCP_CLASSROOM_SKIPPED") {
        Some(list) => {
            let list = std::fs::File::options().append(true).open(list);
            list.and_then(|mut list| list.write_all(line.as_bytes())).expect("the list is there");
        }
        // A bare `cargo test`: shown with --nocapture.
        None => print!("skipped: {line}"),
    }
}
