//! The core must run wherever its bytes come from, so it may depend on nothing that
//! knows a system.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

use std::path::Path;
use std::process::Command;

#[test]
fn it_depends_on_no_other_crate_but_a_hash_function() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "protocol", "--edges", "normal,build"])
        .args(["--prefix", "none", "--target", "all"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["protocol", "foldhash"], "{tree}");
}

#[test]
fn it_knows_no_socket_no_file_and_no_clock() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { sources.push(path) }
        }
    }
    for path in &sources {
        let source = std::fs::read_to_string(path).unwrap();
        for foreign in [
            "std::net",
            "std::fs",
            "std::io",
            "std::env",
            "std::thread",
            "std::process",
            "Instant",
            "SystemTime",
            "async fn",
            "extern ",
        ] {
            assert!(!source.contains(foreign), "{} uses {foreign}", path.display());
        }
    }
    assert!(sources.len() > 10, "{}", sources.len());
}

#[test]
fn it_compiles_to_webassembly() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--package", "protocol"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "is the target installed? `cargo xtask test` does it, or: rustup target add \
         wasm32-unknown-unknown\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
