//! Power cuts and kills, at every moment: the program's calls that change a
//! file are written down, and each beginning of that record is played back
//! with and without what was not synced; or the program is killed at each of
//! the calls.
#![cfg(target_os = "linux")]

mod calls;
mod disk;
mod kills;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::classroom::disk::{add, book_in, log_of, say, strace_is_here, traced};
use crate::classroom::wait_until;
use calls::{CALLS, Call, calls};
use disk::Disk;
use nix::sys::signal::Signal;

/// A xorshift generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Opens a book as a server does, which also recovers it, and closes it again.
/// Returns its contacts by number.
fn recovered(book: &Path) -> Result<Vec<usize>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let opened = tcp_classroom::Book::open(book, 1_000).map_err(|error| format!("{error:#}"))?;
    drop(opened);
    // Closed cleanly, it is an ordinary file with all contacts in one table.
    let connection = rusqlite::Connection::open(book).unwrap();
    let mut contacts = connection.prepare("SELECT name, phone FROM contacts").unwrap();
    let contacts = contacts.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let contacts = contacts.map(|contact: rusqlite::Result<(String, String)>| contact.unwrap());
    let mut numbers: Vec<usize> = contacts
        .map(|(name, phone)| {
            assert_eq!(name, format!("name{phone}"));
            phone.parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Cuts the power behind each call, in three ways, and checks that whatever
/// was confirmed is there, and nothing that was never sent.
fn survives_power_cuts(before: &Disk, calls: &[Call], mut confirmed: usize, sent: usize) {
    let mut disk = before.clone();
    let mut images = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        disk.apply(call);
        if let Call::Confirmed(number) = call {
            assert_eq!(*number, confirmed, "each is confirmed in order");
            confirmed += 1;
        }
        images.push((at, disk.clone(), confirmed));
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while let Some((at, disk, confirmed)) =
                    images.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ *at as u64);
                    // That everything survives is what a kill does, below.
                    let mut others = Random(7 + *at as u64);
                    let mut kept: [&mut dyn FnMut() -> bool; 3] =
                        [&mut || false, &mut || random.next().is_multiple_of(2), &mut || {
                            !others.next().is_multiple_of(8)
                        }];
                    for (way, survives) in kept.iter_mut().enumerate() {
                        check_image(disk, survives, *confirmed, sent).unwrap_or_else(|error| {
                            panic!("call {at}, {:?}, way {way}: {error}", shown(&calls[*at]))
                        });
                    }
                }
            });
        }
    });
}

fn shown(call: &Call) -> String {
    format!("{call:?}").chars().take(120).collect()
}

fn check_image(
    disk: &Disk,
    survives: &mut dyn FnMut() -> bool,
    confirmed: usize,
    sent: usize,
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    disk.cut(folder.path(), survives);
    let numbers = recovered(&book_in(&folder))?;
    let expected: Vec<usize> = (0..numbers.len()).collect();
    if numbers != expected || numbers.len() < confirmed || numbers.len() > sent {
        return Err(format!("{confirmed} were confirmed, there are {numbers:?}"));
    }
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".new-")).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("it left {left:?}")) }
}

/// Runs a server under strace, adds contacts, ends it, and returns its calls.
fn recorded(book: &Path, numbers: std::ops::Range<usize>, end: Signal) -> Vec<Call> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let log = trace.path().to_str().unwrap();
    let mut program = traced(book, &["-y", "-xx", "-s", "1000000", "-o", log, "-e", CALLS]);
    add(&program, numbers);
    program.signal(end);
    program.exit();
    // strace ends behind the program; only then the record is complete.
    let process = program.child.id().to_string();
    let mut record = String::new();
    wait_until("strace writes the program's end down", || {
        record = fs::read_to_string(trace.path()).unwrap();
        let last = record.lines().next_back().and_then(|last| last.split_once(' '));
        last.is_some_and(|(its, end)| its == process && end.trim_start().starts_with("+++ "))
    });
    calls(&record, book.parent().unwrap())
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_confirmed() {
    if !strace_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let mut disk = Disk::default();
    let mut calls_in_all = 0;
    // A first start that is killed, one that recovers and closes, one that
    // opens a closed book and is killed.
    for (numbers, end) in
        [(0..6, Signal::SIGKILL), (6..10, Signal::SIGTERM), (10..13, Signal::SIGKILL)]
    {
        let (confirmed, sent) = (numbers.start, numbers.end);
        let calls = recorded(&book, numbers, end);
        assert!(calls.len() > 40, "{calls:?}");
        calls_in_all += calls.len();
        survives_power_cuts(&disk, &calls, confirmed, sent);
        calls.iter().for_each(|call| disk.apply(call));
        // The model must be what really is there.
        let real = fs::read(&book).unwrap();
        let file = &disk.files[disk.names[&book]];
        let mut modelled = file.synced.clone();
        file.unsynced.iter().for_each(|change| change.make(&mut modelled));
        assert!(modelled == real, "the model is not what happened");
    }
    println!("{calls_in_all} calls");
}

#[test]
fn a_power_cut_after_a_failed_sync_loses_nothing_that_was_confirmed() {
    if !strace_is_here() {
        return;
    }
    // The system drops what a failed sync could not write, and shows it to
    // readers all the same: that is how Linux is.
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let trace = tempfile::NamedTempFile::new().unwrap();
    let log = trace.path().to_str().unwrap();
    let mut disk = Disk::default();
    {
        let inject = "inject=fdatasync:error=EIO:when=4";
        let options = ["-y", "-xx", "-s", "1000000", "-o", log, "-e", CALLS, "-e", inject];
        let mut program = traced(&book, &options);
        let mut client = program.welcome();
        let replies: Vec<_> =
            (0..9).map(|n| say(&mut client, &format!("add;name{n};{n}")).unwrap()).collect();
        assert!(
            replies.iter().any(|reply| reply.starts_with("Error: not confirmed")),
            "{replies:?}"
        );
        program.signal(Signal::SIGTERM);
        program.exit();
    }
    let calls_before = calls(&fs::read_to_string(trace.path()).unwrap(), folder.path());
    calls_before.iter().for_each(|call| disk.apply(call));
    let confirmed = calls_before.iter().filter(|call| matches!(call, Call::Confirmed(_))).count();
    // What is not synced now is in the cache and never will be on the disk,
    // unless it is written again.
    let log_file = disk.names[&log_of(&book)];
    assert!(!disk.files[log_file].unsynced.is_empty());
    let cached = fs::read(log_of(&book)).unwrap();
    disk.files[log_file].unsynced.clear();
    let there = recovered_copy(&folder);

    // The next server reads the cache. Its rewriting of the log is a `write`.
    let next = recorded_with_rewrite(&book, &cached, there..there + 4);
    survives_power_cuts_from(&disk, &next, confirmed, there + 4);
}

/// How many contacts the files as they are hold.
fn recovered_copy(folder: &tempfile::TempDir) -> usize {
    let copy = tempfile::tempdir().unwrap();
    for name in ["contacts.db", "contacts.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    recovered(&book_in(&copy)).unwrap().len()
}

/// As [`recorded`]; the first sync of the log is preceded by writing it again.
fn recorded_with_rewrite(book: &Path, cached: &[u8], numbers: std::ops::Range<usize>) -> Vec<Call> {
    let mut calls = recorded(book, numbers, Signal::SIGKILL);
    let log = log_of(book);
    let first = calls.iter().position(|call| matches!(call, Call::Sync(path) if *path == log));
    calls.insert(first.unwrap(), Call::Write(log, 0, cached.to_vec()));
    calls
}

/// As [`survives_power_cuts`], but what was left open may be confirmed later.
fn survives_power_cuts_from(before: &Disk, calls: &[Call], confirmed: usize, sent: usize) {
    let first = calls.iter().find_map(|call| match call {
        Call::Confirmed(number) => Some(*number),
        _ => None,
    });
    let upto = calls.iter().position(|call| matches!(call, Call::Confirmed(_))).unwrap();
    survives_power_cuts(before, &calls[..upto], confirmed, sent);
    let mut disk = before.clone();
    calls[..upto].iter().for_each(|call| disk.apply(call));
    survives_power_cuts(&disk, &calls[upto..], first.unwrap(), sent);
}
