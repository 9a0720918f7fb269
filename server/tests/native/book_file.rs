//! The book's file and its log: which paths are taken, which pairs belong
//! together, and what happens when a file is moved, replaced or cut.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::classroom::binary::{FREE_PORTS, Program, command};
use crate::classroom::disk::{add, beside, book_in, exported, find_all, log_of, say};
use crate::classroom::{needs, wait_until};
use nix::sys::signal::Signal;

/// Starts a server that is expected to refuse the file. Returns its one line.
#[track_caller]
fn refused(book: &Path) -> String {
    let output = start(book);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

fn start(book: &Path) -> Output {
    // A server that does start must not hold up the test.
    let mut command = command();
    command.args(FREE_PORTS).arg("--data").arg(book);
    let program = command.get_program().to_owned();
    let mut timeout = Command::new("timeout");
    timeout.arg("10").arg(program).args(command.get_args()).env("LC_ALL", "en_US.UTF-8");
    timeout.output().unwrap()
}

#[track_caller]
fn holds(book: &Path, numbers: std::ops::Range<usize>) {
    let contacts = exported(book).unwrap();
    assert_eq!(contacts.len(), numbers.len());
    assert!(numbers.clone().all(|n| contacts[&format!("name{n}")] == n.to_string()));
}

/// A server that adds contacts and ends cleanly.
fn closed(book: &Path, numbers: std::ops::Range<usize>) {
    let mut program = Program::with_data(book);
    add(&program, numbers);
    program.signal(Signal::SIGTERM);
    assert!(program.exit().success());
}

/// A server that adds contacts and is killed.
fn killed(book: &Path, numbers: std::ops::Range<usize>) {
    let mut program = Program::with_data(book);
    add(&program, numbers);
    program.child.kill().unwrap();
    program.exit();
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    files
}

#[test]
fn a_backup_put_back_beside_the_log_of_a_killed_server_is_refused_and_both_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    closed(&book, 0..5);
    let monday = fs::read(&book).unwrap();
    killed(&book, 5..9);
    let (tuesday, log) = (fs::read(&book).unwrap(), fs::read(log_of(&book)).unwrap());
    fs::write(&book, &monday).unwrap();

    let said = refused(&book);
    let named = format!("move {} away", log_of(&book).display());
    assert!(said.contains("was closed cleanly") && said.contains(&named), "{said}");
    assert!(fs::read(&book).unwrap() == monday && fs::read(log_of(&book)).unwrap() == log);
    // Either remedy works.
    fs::rename(log_of(&book), folder.path().join("kept")).unwrap();
    holds(&book, 0..5);
    fs::write(&book, tuesday).unwrap();
    fs::rename(folder.path().join("kept"), log_of(&book)).unwrap();
    holds(&book, 0..9);
}

#[test]
fn a_copy_of_a_file_in_use_is_refused_beside_a_later_log_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    killed(&book, 0..5);
    let monday = fs::read(&book).unwrap();
    // The next start copies the log into the file and begins it anew.
    killed(&book, 5..9);
    fs::write(&book, &monday).unwrap();
    let said = refused(&book);
    assert!(said.contains("do not belong together"), "{said}");

    fs::rename(log_of(&book), folder.path().join("kept")).unwrap();
    let said = refused(&book);
    assert!(said.contains("is missing") && said.contains("Put the log back"), "{said}");
    assert_eq!(files(folder.path()), ["contacts.db", "contacts.db-control", "kept"]);
}

#[test]
fn the_log_of_another_book_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (book, other) = (book_in(&folder), folder.path().join("other.db"));
    killed(&book, 0..5);
    killed(&other, 0..5);
    fs::rename(log_of(&other), log_of(&book)).unwrap();
    let said = refused(&book);
    assert!(said.contains("do not belong together"), "{said}");
}

#[test]
fn a_log_that_was_deleted_or_emptied_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    killed(&book, 0..50);
    let log = fs::read(log_of(&book)).unwrap();
    for (length, said_of_it) in
        [(None, "which is missing"), (Some(0), "which is empty"), (Some(32), "which is empty")]
    {
        match length {
            None => fs::remove_file(log_of(&book)).unwrap(),
            Some(length) => fs::write(log_of(&book), &log[..length]).unwrap(),
        }
        let said = refused(&book);
        assert!(said.contains("was not closed cleanly") && said.contains(said_of_it), "{said}");
        assert_eq!(log_of(&book).exists(), length.is_some());
    }
    fs::write(log_of(&book), &log).unwrap();
    holds(&book, 0..50);
}

#[test]
fn an_earlier_log_of_the_same_book_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let mut program = Program::with_data(&book);
    add(&program, 0..30);
    let early = fs::read(log_of(&book)).unwrap();
    // Enough for the log to be copied into the file, and begun anew.
    add(&program, 30..3_000);
    program.child.kill().unwrap();
    program.exit();
    let log = fs::read(log_of(&book)).unwrap();
    fs::write(log_of(&book), &early).unwrap();
    let said = refused(&book);
    assert!(said.contains("does not continue") || said.contains("is cut short"), "{said}");
    assert!(said.contains("Put the right log back") || said.contains("whole log back"), "{said}");
    fs::write(log_of(&book), &log).unwrap();
    holds(&book, 0..3_000);
}

#[test]
fn a_cut_of_which_nothing_can_be_known_is_told_with_the_last_change_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    killed(&book, 0..40);
    let log = fs::read(log_of(&book)).unwrap();
    fs::write(log_of(&book), &log[..log.len() / 2]).unwrap();
    let program = Program::with_data(&book);
    let warned = &program.banner;
    assert!(warned.contains("cannot be read and is dropped"), "{warned}");
    let last: usize = warned
        .split_once("Everything up to change ")
        .and_then(|(_, rest)| rest.split_once(' '))
        .map(|(last, _)| last.parse().unwrap())
        .unwrap_or_else(|| panic!("{warned}"));
    let found = find_all(&program, (0..40).map(|n| format!("name{n}")));
    assert_eq!(found.values().filter(|phone| *phone != "Not Found!").count(), last);
    assert!((0..last).all(|n| found[&format!("name{n}")] == n.to_string()));
}

#[test]
fn a_closed_book_is_one_file_that_needs_no_log_and_any_tool_reads() {
    let folder = tempfile::tempdir().unwrap();
    closed(&book_in(&folder), 0..20);
    assert_eq!(files(folder.path()), ["contacts.db"]);
    let connection = rusqlite::Connection::open(book_in(&folder)).unwrap();
    let one = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(one("SELECT count(*) FROM contacts"), 20);
    assert_eq!(one("SELECT count(*) FROM changes"), 0);
    assert_eq!(one("SELECT opened FROM book"), 0);
}

#[test]
fn symbolic_links_lead_to_the_file_and_to_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let (book, link) = (real.join("book.db"), folder.path().join("link.db"));
    // To a file that is not there yet, and through a relative link.
    symlink("real/book.db", folder.path().join("first")).unwrap();
    symlink("first", &link).unwrap();
    killed(&link, 0..7);
    assert_eq!(files(&real), ["book.db", "book.db-control", "book.db-wal"]);
    assert_eq!(files(folder.path()), ["first", "link.db", "real"]);

    // A damaged log is noticed from either name.
    let log = fs::read(log_of(&book)).unwrap();
    let mut damaged = log.clone();
    // The first frame, of several transactions.
    damaged[200] ^= 1;
    fs::write(log_of(&book), damaged).unwrap();
    for name in [&link, &book] {
        assert!(refused(name).contains("is damaged"));
    }
    fs::write(log_of(&book), log).unwrap();
    holds(&link, 0..7);

    let folder_link = folder.path().join("folder");
    symlink(&real, &folder_link).unwrap();
    holds(&folder_link.join("book.db"), 0..7);
}

#[test]
fn what_is_no_regular_file_is_named_at_once() {
    if !needs::program("mkfifo", "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    symlink("loop", path("loop")).unwrap();
    let cases: [(PathBuf, &str); 7] = [
        (path("fifo"), "is a named pipe (FIFO)"),
        (path("socket"), "is a socket"),
        (folder.path().to_owned(), "is a folder"),
        ("/dev/full".into(), "is a device"),
        ("/dev/null".into(), "is a device"),
        (":memory:".into(), "use --memory"),
        (path("loop"), "cannot read"),
    ];
    for (book, expected) in cases {
        let said = refused(&book);
        assert!(said.contains(expected), "{said}");
    }
    // A URI is a file name like any other.
    let uri = path("file:book.db?mode=memory");
    closed(&uri, 0..2);
    holds(&uri, 0..2);
    assert!(uri.is_file());
}

/// Does something to the files of a running server. From then on changes are
/// refused, finds answered, and the teacher told once.
fn refuses_after(
    what: &str,
    reason: &str,
    mishap: impl FnOnce(&Path),
) -> (tempfile::TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let program = Program::with_data(&book);
    add(&program, 0..5);
    mishap(&book);
    let mut client = program.welcome();
    for n in 5..8 {
        let reply = say(&mut client, &format!("add;name{n};{n}")).unwrap();
        assert!(
            reply.starts_with("Error: nothing was changed, the server's file of contacts was"),
            "{what}: {reply}"
        );
        assert_eq!(say(&mut client, "find;name3").as_deref(), Some("3"), "{what}");
        assert_eq!(say(&mut client, &format!("find;name{n}")).as_deref(), Some("Not Found!"));
    }
    let said = program.diagnostic();
    assert!(said.contains(reason), "{what}: {said}");
    (folder, program)
}

/// Ends it and checks that it said nothing more of that.
fn ends(mut program: Program, reason: &str) {
    program.signal(Signal::SIGTERM);
    program.exit();
    let rest = program.remaining_diagnostics();
    assert!(rest.matches(reason).count() <= 1, "{rest}");
}

#[test]
fn a_book_that_is_deleted_or_replaced_takes_no_changes() {
    let (folder, program) =
        refuses_after("deleted", "was deleted", |book| fs::remove_file(book).unwrap());
    ends(program, "was deleted");
    assert!(!book_in(&folder).exists(), "nothing is made in its place");

    let (folder, program) = refuses_after("replaced", "was replaced by another file", |book| {
        fs::write(beside(book, ".new"), "another file").unwrap();
        fs::rename(beside(book, ".new"), book).unwrap();
    });
    ends(program, "was replaced");
    assert_eq!(fs::read(book_in(&folder)).unwrap(), b"another file", "it is left alone");

    let (folder, program) =
        refuses_after("overwritten", "was changed by another program", |book| {
            fs::write(book, "cp writes into the same file").unwrap();
        });
    ends(program, "was changed");
    assert_eq!(fs::read(book_in(&folder)).unwrap(), b"cp writes into the same file");

    let (folder, program) = refuses_after("folder moved", "was deleted or moved", |book| {
        let folder = book.parent().unwrap();
        fs::rename(folder, beside(folder, ".moved")).unwrap();
    });
    ends(program, "was deleted or moved");
    fs::remove_dir_all(beside(folder.path(), ".moved")).unwrap();
}

#[test]
fn a_log_that_is_deleted_replaced_or_emptied_takes_no_changes() {
    for (what, reason) in [
        ("deleted", "was deleted"),
        ("replaced", "was replaced by another file"),
        ("emptied", "was changed by another program"),
    ] {
        let (_folder, program) = refuses_after(what, reason, |book| match what {
            "deleted" => fs::remove_file(log_of(book)).unwrap(),
            "replaced" => {
                fs::copy(log_of(book), beside(book, ".new")).unwrap();
                fs::rename(beside(book, ".new"), log_of(book)).unwrap();
            }
            _ => fs::write(log_of(book), "").unwrap(),
        });
        ends(program, reason);
    }
}

#[test]
fn a_book_that_is_moved_away_and_back_takes_changes_again() {
    let (folder, program) = refuses_after("moved", "was deleted or moved away", |book| {
        fs::rename(book, beside(book, ".away")).unwrap();
    });
    let book = book_in(&folder);
    fs::rename(beside(&book, ".away"), &book).unwrap();
    add(&program, 5..8);
    assert!(program.diagnostic().contains("changes are stored again"));
    ends(program, "was deleted");
    holds(&book, 0..8);
}

#[test]
fn only_what_a_killed_first_start_left_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let left = [("contacts.db.new-a1B2c3", ""), ("contacts.db.new-abcdef", "SQLite format 3\0...")];
    let kept = [
        ("contacts.db.new-notes", "mine"),
        ("contacts.db.new-aaaaaa", "mine, though it is named so"),
        ("other.db.new-a1B2c3", ""),
    ];
    for (name, content) in left.iter().chain(&kept) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    closed(&book, 0..1);
    let mut expected: Vec<_> = kept.iter().map(|(name, _)| (*name).to_owned()).collect();
    expected.push("contacts.db".to_owned());
    expected.sort();
    assert_eq!(files(folder.path()), expected);
}

#[test]
fn two_first_starts_at_once_leave_one_server_and_one_book() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let book = book_in(&folder);
        let starts: Vec<_> = (0..3)
            .map(|_| {
                let mut command = command();
                command.args(FREE_PORTS).arg("--data").arg(&book);
                std::thread::spawn(move || Program::try_run(command))
            })
            .collect();
        let started: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
        let refused = started.iter().filter_map(|start| start.as_ref().err());
        for said in refused {
            assert!(said.contains("is in use"), "{said}");
        }
        let programs: Vec<_> = started.iter().filter_map(|start| start.as_ref().ok()).collect();
        assert_eq!(programs.len(), 1);
        add(programs[0], 0..3);
    }
}

#[test]
fn a_damaged_book_is_copied_once_and_the_advice_names_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    closed(&book, 0..100);
    let file = fs::File::options().write(true).open(&book).unwrap();
    file.write_all_at(b"damage", 4_200).unwrap();
    drop(file);
    for _ in 0..3 {
        let said = refused(&book);
        let advice = format!("move its log {} away", log_of(&book).display());
        assert!(said.contains("is damaged") && said.contains(&advice), "{said}");
        assert_eq!(files(folder.path()).len(), 2, "the book and one copy");
    }
    // A book of a gigabyte is not copied.
    let file = fs::File::options().write(true).open(&book).unwrap();
    file.set_len(1 << 30).unwrap();
    drop(file);
    let said = refused(&book);
    assert!(said.contains("no copy was made of its 1024 MB"), "{said}");
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn no_free_descriptor_and_no_temporary_folder_are_no_damage_and_hold_up_nothing() {
    if !needs::program("prlimit", "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let mut command = command();
    command.args(FREE_PORTS).arg("--data").arg(&book);
    command.env("SQLITE_TMPDIR", "/nowhere").env("TMPDIR", "/nowhere");
    let mut program = Program::run(command);
    // Takes all descriptors that the server may have.
    let pid = program.child.id().to_string();
    let limit = format!("--nofile={}:", program.open_descriptors() + 2);
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    let mut client = program.welcome();
    let _more: Vec<_> =
        (0..8).map(|_| std::net::TcpStream::connect(program.tcp).unwrap()).collect();
    for n in 0..3_000 {
        let reply = say(&mut client, &format!("add;name{n};{n}"));
        assert_eq!(reply, Some(format!("name{n} added!")));
    }
    // Idle for a second, it tidies up; then it goes on.
    wait_until("it tidies up", || fs::metadata(log_of(&book)).unwrap().len() <= 1 << 20);
    assert_eq!(say(&mut client, "add;last;1").as_deref(), Some("last added!"));
    assert!(
        Command::new("prlimit").args(["--pid", &pid, "--nofile=1024:"]).status().unwrap().success()
    );
    program.signal(Signal::SIGTERM);
    program.exit();
    let said = program.remaining_diagnostics();
    assert!(!said.contains("damaged") && !said.contains("disk"), "{said}");
    assert_eq!(exported(&book).unwrap().len(), 3_001);
}
