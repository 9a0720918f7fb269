//! `tcp-classroom check` on a terminal: it watches the file, and Ctrl+C ends it with all
//! that it started.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::homework::Copy;
use crate::classroom::binary::command;
use crate::classroom::port::can_be_bound;
use crate::classroom::{needs, wait_until};

/// Starts what is behind it on a terminal of its own: what comes on standard input is
/// typed there, and its exit code is the program's.
const ON_A_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.WEXITSTATUS(pty.spawn(sys.argv[1:])))";

const CTRL_C: &[u8] = b"\x03";

/// Printed when a check is over and the file is watched.
const WATCHES: &str = "and it is checked again. Ctrl+C stops.";

/// A `check` on a terminal.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    fn check(copy: &Copy) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", ON_A_TERMINAL])
            .arg(command().get_program())
            .args(["check", copy.path().to_str().unwrap(), "--lang", "en", "--timeout", "2s"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn({
            let shown = Arc::clone(&shown);
            move || {
                let mut chunk = [0; 4096];
                while let Ok(length @ 1..) = output.read(&mut chunk) {
                    *shown.lock().unwrap() += &String::from_utf8_lossy(&chunk[..length]);
                }
            }
        });
        Terminal { child, shown }
    }

    fn count(&self, text: &str) -> usize {
        self.shown.lock().unwrap().matches(text).count()
    }

    /// Presses Ctrl+C and returns the exit code.
    fn interrupt(mut self) -> Option<i32> {
        self.child.stdin.as_mut().unwrap().write_all(CTRL_C).unwrap();
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_saved_file_is_checked_again_and_ctrl_c_ends_with_the_last_result() {
    if !needs::program("python3", "--version") {
        return;
    }
    let copy = Copy::of("wrong", "wrong_words");
    let text = std::fs::read_to_string(copy.path()).unwrap();
    let terminal = Terminal::check(&copy);
    wait_until("the first check is over", || terminal.count(WATCHES) == 1);
    let failed = terminal.count("✗");
    assert!(failed > 0, "{}", terminal.shown.lock().unwrap());
    let right = text.replace("'OK, I have it.'", "fields[1] + ' added!'");
    assert_ne!(right, text);
    std::fs::write(copy.path(), right).unwrap();
    wait_until("the second check is over", || terminal.count(WATCHES) == 2);
    assert_eq!(terminal.count("✗"), failed, "{}", terminal.shown.lock().unwrap());
    assert_eq!(terminal.interrupt(), Some(0));
    assert!(can_be_bound(copy.port));
}

#[test]
fn ctrl_c_while_a_check_runs_leaves_no_server_and_exits_as_interrupted() {
    if !needs::program("python3", "--version") {
        return;
    }
    let copy = Copy::of("right", "sleeps");
    let terminal = Terminal::check(&copy);
    // It sleeps a second before each answer: some of them are still to come.
    wait_until("the first checks are passed", || terminal.count("✓") >= 2);
    assert!(!can_be_bound(copy.port), "it runs");
    let shown = Arc::clone(&terminal.shown);
    assert_eq!(terminal.interrupt(), Some(130));
    let shown = shown.lock().unwrap();
    assert!(shown.contains("Interrupted."), "{shown}");
    assert!(can_be_bound(copy.port), "it is gone, and no TIME_WAIT is left");
}
