//! The core and the models of the pages need no browser. The compiler sees to most
//! of it: `web-sys` and its like are dependencies for WebAssembly only, and all of
//! these files are compiled natively. This test sees to the rest, code that would
//! be compiled for WebAssembly alone. That neither side of the library knows a page
//! needs no test: the pages are crates of their own.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

/// What pure code does not mention.
const BROWSER: [&str; 5] = ["web_sys", "js_sys", "wasm_bindgen", "target_arch", "browser::"];

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        path.read_dir().unwrap().for_each(|entry| collect(&entry.unwrap().path(), files));
    }
}

#[test]
fn the_core_and_the_models_mention_no_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src/core"), &mut files);
    for page in root.join("pages").read_dir().unwrap() {
        for part in ["model", "model.rs", "panels"] {
            collect(&page.as_ref().unwrap().path().join(part), &mut files);
        }
    }
    assert!(files.len() > 30, "{}", files.len());
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            // Some tests run in a browser, too; and comments may speak of it.
            let is_code = !line.trim_start().starts_with("//") && !line.contains("#[cfg");
            let is_test = line.contains("wasm_bindgen_test");
            if is_code && !is_test {
                let found = BROWSER.into_iter().find(|word| line.contains(word));
                assert_eq!(found, None, "{}: {line}", file.display());
            }
        }
    }
}

/// In a browser only the student's program is tested: each would have one started of its own.
#[test]
fn tests_that_run_in_a_browser_are_in_the_student_s_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    collect(&root.join("pages"), &mut files);
    let is_such = |file: &&PathBuf| {
        let code = std::fs::read_to_string(file).unwrap_or_default();
        file.extension().is_some_and(|end| end == "rs") && code.contains("wasm_bindgen_test")
    };
    let such: Vec<_> = files.iter().filter(is_such).collect();
    assert!(such.len() >= 3, "{such:?}");
    let student = root.join("pages/student");
    assert!(such.iter().all(|file| file.starts_with(&student)), "{such:?}");
}
