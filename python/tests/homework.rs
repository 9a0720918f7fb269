//! The homework's checks on programs that run in the interpreter: what is told about
//! them is what the command `check` tells of the same programs under `python3`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::homework::words::{Language, verdict};
use protocol::homework::{Grader, Options, State};
use python::interpreter::Program;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/native/homework")
}

fn checked(path: &Path) -> Grader {
    let source = std::fs::read_to_string(path)
        .unwrap_or_else(|_| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
    let program = Program { source, file: "server.py".into(), arguments: Vec::new() };
    let options = Options { seed: 7, ..Options::default() };
    python::homework::check(&program, options, Box::new(|_, _| {}))
}

#[test]
fn right_servers_pass() {
    for name in ["lesson", "sleeps", "list_of_pairs"] {
        let grader = checked(&folder().join(format!("right/{name}.py")));
        let failed: Vec<_> =
            grader.stages().iter().filter(|stage| stage.state == State::Failed).collect();
        assert!(grader.passed(), "{name}: {failed:#?}");
    }
}

/// What the command tells about each wrong server: the line and the sentences.
fn told_by_check() -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(folder().join("verdicts.en.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let told = lines.chunks(2).map(|pair| {
        let (name, line) = pair[0].split_once(':').unwrap_or((pair[0], ""));
        (name.to_owned(), (line.to_owned(), pair[1].trim().to_owned()))
    });
    told.collect()
}

/// Those that are checked here: each kind of cause once, since the interpreter is slow
/// without optimisation.
const CHECKED: [&str; 14] = [
    "accept_outside_loop",
    "bytes_split_str",
    "closes_after_one",
    "dict_per_connection",
    "echo_only",
    "empty_recv_index",
    "exit_ignored",
    "find_unwritten",
    "key_error",
    "never_listens",
    "no_greeting",
    "not_encoded",
    "syntax_error",
    "wrong_words",
];

#[test]
fn wrong_servers_are_judged_as_under_cpython() {
    let mut differences = Vec::new();
    let told = told_by_check();
    for name in CHECKED {
        let (line, text) = &told[name];
        let grader = checked(&folder().join(format!("wrong/{name}.py")));
        let failed =
            grader.stages().iter().find(|stage| stage.required && stage.state == State::Failed);
        let Some(mut finding) = failed.and_then(|stage| stage.finding.clone()) else {
            differences.push(format!("{name}: nothing is found, expected {text}"));
            continue;
        };
        finding.exception = finding
            .exception
            .map(|exception| format!("{}...", exception.split(':').next().unwrap()));
        let found_line = finding.line.as_ref().map(|line| line.number.to_string());
        let found = (found_line.unwrap_or_default(), verdict(&finding, 9999, Language::English));
        if found != (line.clone(), text.clone()) {
            differences.push(format!("{name}: {found:?}\n    expected {:?}", (line, text)));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
