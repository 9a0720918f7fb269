//! Kills at each call that changes a file.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::recovered;
use crate::classroom::binary::Program;
use crate::classroom::disk::{
    add, beside, book_in, command_without_options, log_of, strace, strace_is_here,
};

/// Kills a run of `import` before each of its calls that change a file, until
/// one gets through. `prepare` makes the files it starts from; afterwards
/// `check` looks at what is left.
fn killed_at_every_call(
    csv: &str,
    prepare: impl Fn(&Path) + Sync,
    check: impl Fn(&Path, &str) + Sync,
) {
    let calls =
        ["openat", "pwrite64", "write", "fsync", "fdatasync", "ftruncate", "renameat2", "unlink"];
    let kills = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for half in 0..2 {
            let (prepare, check, kills) = (&prepare, &check, &kills);
            threads.spawn(move || {
                for call in calls.iter().skip(half).step_by(2) {
                    for when in 1..200 {
                        let folder = tempfile::tempdir().unwrap();
                        let book = book_in(&folder);
                        prepare(&book);
                        let csv_file = folder.path().join("in.csv");
                        fs::write(&csv_file, csv).unwrap();
                        let inject = format!("inject={call}:signal=KILL:when={when}");
                        let status = strace(
                            &["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject],
                            &[
                                "import",
                                csv_file.to_str().unwrap(),
                                "--data",
                                book.to_str().unwrap(),
                            ],
                        )
                        .env_remove("TCP_CLASSROOM_DATA")
                        .stderr(Stdio::null())
                        .status()
                        .unwrap();
                        fs::remove_file(&csv_file).unwrap();
                        check(&book, &format!("{call} {when}"));
                        if status.success() {
                            break;
                        }
                        kills.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    println!("{} kills", kills.into_inner());
}

#[test]
fn a_kill_at_any_call_of_the_first_start_leaves_a_book_that_opens() {
    if !strace_is_here() {
        return;
    }
    killed_at_every_call(
        "name0,0\nname1,1\nname2,2\n",
        |_| {},
        |book, what| {
            let numbers = recovered(book).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(numbers.is_empty() || numbers == [0, 1, 2], "{what}: {numbers:?}");
            let left = fs::read_dir(book.parent().unwrap()).unwrap();
            let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            // A log whose last transaction is torn may be kept.
            let others = left.iter().filter(|name| !name.to_string_lossy().contains("-wal.torn-"));
            assert_eq!(others.collect::<Vec<_>>(), ["contacts.db"], "{what}");
        },
    );
}

#[test]
fn a_kill_at_any_call_of_recovering_settling_and_closing_loses_nothing() {
    if !strace_is_here() {
        return;
    }
    // Changes that are not at their places, in a log.
    let source = tempfile::tempdir().unwrap();
    let source_book = book_in(&source);
    let mut program = Program::with_data(&source_book);
    add(&program, 0..40);
    program.child.kill().unwrap();
    program.exit();
    killed_at_every_call(
        "name40,40\n",
        |book| {
            fs::copy(&source_book, book).unwrap();
            fs::copy(log_of(&source_book), log_of(book)).unwrap();
        },
        |book, what| {
            let numbers = recovered(book).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(
                numbers.len() >= 40 && numbers.iter().copied().eq(0..numbers.len()),
                "{what}: {numbers:?}"
            );
            assert!(!log_of(book).exists() && !beside(book, "-journal").exists(), "{what}");
        },
    );
}

#[test]
fn a_kill_at_any_call_of_opening_a_closed_book_loses_nothing() {
    if !strace_is_here() {
        return;
    }
    let source = tempfile::tempdir().unwrap();
    let source_book = book_in(&source);
    let csv: String = (0..5).map(|n| format!("name{n},{n}\n")).collect();
    fs::write(source.path().join("in.csv"), csv).unwrap();
    let mut import = command_without_options();
    import.arg("import").arg(source.path().join("in.csv")).arg("--data").arg(&source_book);
    assert!(import.status().unwrap().success());
    killed_at_every_call(
        "name5,5\n",
        |book| {
            fs::copy(&source_book, book).unwrap();
        },
        |book, what| {
            let numbers = recovered(book).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(
                numbers == [0, 1, 2, 3, 4] || numbers == [0, 1, 2, 3, 4, 5],
                "{what}: {numbers:?}"
            );
        },
    );
}
