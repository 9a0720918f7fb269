//! Power cuts and kills, at every moment: the program's calls that change a
//! file are written down, and each beginning of that record is played back
//! with and without what was not synced; or the program is killed at each of
//! the calls.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::classroom::binary::Program;
use crate::classroom::disk::{
    add, beside, book_in, command_without_options, log_of, say, strace, strace_is_here, traced,
};
use nix::sys::signal::Signal;

/// What is written down: all calls that change files, and the replies.
const CALLS: &str = "trace=openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,renameat,\
                     renameat2,link,linkat,unlink,unlinkat,sendto";

/// A call that changes a file or a folder, or a reply.
#[derive(Clone, Debug)]
enum Call {
    /// A file that was not there.
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Truncate(PathBuf, u64),
    /// Of a file or a folder.
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    /// A change that was confirmed: `nameN added!`.
    Confirmed(usize),
}

/// Reads strace's record of the calls in a folder.
fn calls(trace: &str, folder: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(char::is_whitespace) else { continue };
        let call = call.trim_start();
        let whole;
        let call = if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, start);
            continue;
        } else if let Some((_, end)) =
            call.strip_prefix("<... ").and_then(|c| c.split_once("resumed>"))
        {
            whole = format!("{}{end}", unfinished.remove(process).unwrap());
            &whole
        } else {
            call
        };
        let Some((call, result)) = call.rsplit_once(" = ") else { continue };
        if result.starts_with('-') {
            continue;
        }
        let (name, arguments) = call.trim_end().split_once('(').unwrap();
        calls.extend(parse(name, arguments, folder));
    }
    calls
}

fn parse(name: &str, arguments: &str, folder: &Path) -> Vec<Call> {
    // All strings are written as \x and two digits.
    let decoded = |hex: &str| -> Vec<u8> {
        let digits = hex.split("\\x").skip(1);
        digits.map(|pair| u8::from_str_radix(&pair[..2], 16).unwrap()).collect()
    };
    let strings =
        || -> Vec<Vec<u8>> { arguments.split('"').skip(1).step_by(2).map(decoded).collect() };
    // Of a descriptor strace shows the path behind it: `5</tmp/book>`.
    let descriptor = || -> Option<PathBuf> {
        let path = decoded(arguments.split_once('<')?.1.split_once('>')?.0);
        let path = String::from_utf8(path).ok()?;
        (!path.contains("(deleted)") && path.starts_with('/')).then(|| path.into())
    };
    let text = |bytes: &[u8]| PathBuf::from(String::from_utf8(bytes.to_vec()).unwrap());
    let last_number = || -> u64 {
        let number = arguments.trim_end_matches(')').rsplit(", ").next().unwrap();
        number.parse().unwrap()
    };
    let is_ours = |path: &Path| path.starts_with(folder);
    let call = match name {
        "openat" => {
            let path = text(&strings()[0]);
            arguments.contains("O_CREAT").then_some(Call::Create(path))
        }
        "pwrite64" => {
            descriptor().map(|path| Call::Write(path, last_number(), strings().remove(0)))
        }
        "ftruncate" => descriptor().map(|path| Call::Truncate(path, last_number())),
        "fsync" | "fdatasync" => descriptor().map(Call::Sync),
        "rename" | "renameat" | "renameat2" => {
            Some(Call::Rename(text(&strings()[0]), text(&strings()[1])))
        }
        "link" | "linkat" => panic!("the model knows no hard links"),
        "unlink" | "unlinkat" => Some(Call::Unlink(text(&strings()[0]))),
        "sendto" | "write" => {
            let sent = strings();
            let sent = String::from_utf8_lossy(sent.first().map_or(&[], Vec::as_slice));
            let confirmed = sent.lines().filter_map(|reply| reply.strip_suffix(" added!"));
            return confirmed.map(|name| Call::Confirmed(name[4..].parse().unwrap())).collect();
        }
        _ => None,
    };
    let concerns_us = |call: &Call| match call {
        Call::Create(path)
        | Call::Write(path, ..)
        | Call::Truncate(path, _)
        | Call::Unlink(path) => is_ours(path),
        Call::Sync(path) | Call::Rename(path, _) => is_ours(path),
        Call::Confirmed(_) => true,
    };
    call.into_iter().filter(concerns_us).collect()
}

/// A disk under a cache that may be lost: what POSIX promises and no more.
#[derive(Clone, Default)]
struct Disk {
    /// What each file is as its writers see it, and on the disk.
    files: Vec<File>,
    /// Names now, and on the disk.
    names: HashMap<PathBuf, usize>,
    synced_names: HashMap<PathBuf, usize>,
    /// Changes of names since the folder was synced.
    renamed: Vec<(PathBuf, Option<usize>)>,
}

#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    /// Since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(at, bytes) => {
                let at = *at as usize;
                content.resize(content.len().max(at + bytes.len()), 0);
                content[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Truncate(length) => content.resize(*length as usize, 0),
        }
    }
}

impl Disk {
    fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(path) if self.names.contains_key(path) => {}
            Call::Create(path) => {
                self.files.push(File::default());
                self.name(path, Some(self.files.len() - 1));
            }
            Call::Write(path, at, bytes) => self.change(path, Change::Write(*at, bytes.clone())),
            Call::Truncate(path, length) => self.change(path, Change::Truncate(*length)),
            Call::Sync(path) => match self.names.get(path) {
                Some(&file) => {
                    let file = &mut self.files[file];
                    for change in std::mem::take(&mut file.unsynced) {
                        change.make(&mut file.synced);
                    }
                }
                None => {
                    self.synced_names = self.names.clone();
                    self.renamed.clear();
                }
            },
            Call::Rename(from, to) => {
                let file = self.names[from];
                self.name(from, None);
                self.name(to, Some(file));
            }
            Call::Unlink(path) => self.name(path, None),
            Call::Confirmed(_) => {}
        }
    }

    fn name(&mut self, path: &Path, file: Option<usize>) {
        match file {
            Some(file) => self.names.insert(path.to_owned(), file),
            None => self.names.remove(path),
        };
        self.renamed.push((path.to_owned(), file));
    }

    fn change(&mut self, path: &Path, change: Change) {
        let file = self.names[path];
        self.files[file].unsynced.push(change);
    }

    /// Writes what a power cut leaves into a folder. `survives` decides on each
    /// piece of what was not synced.
    fn cut(&self, folder: &Path, mut survives: impl FnMut() -> bool) {
        let mut names = self.synced_names.clone();
        // A file system writes changes of names in their order, up to some point.
        for (path, file) in self.renamed.iter().take_while(|_| survives()) {
            match file {
                Some(file) => names.insert(path.clone(), *file),
                None => names.remove(path),
            };
        }
        for (path, file) in names {
            let File { synced, unsynced } = &self.files[file];
            let mut content = synced.clone();
            for change in unsynced {
                match change {
                    Change::Truncate(_) if survives() => change.make(&mut content),
                    Change::Truncate(_) => {}
                    // A disk writes sectors of 512 bytes, in any order.
                    Change::Write(at, bytes) => {
                        let mut at = *at;
                        let mut rest = &bytes[..];
                        while !rest.is_empty() {
                            let sector = (512 - at % 512).min(rest.len() as u64);
                            let (piece, others) = rest.split_at(sector as usize);
                            if survives() {
                                Change::Write(at, piece.to_vec()).make(&mut content);
                            }
                            (at, rest) = (at + sector, others);
                        }
                    }
                }
            }
            fs::write(folder.join(path.file_name().unwrap()), content).unwrap();
        }
    }
}

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
    // With the program's end strace ends; only then the record is complete.
    let mut record = String::new();
    for _ in 0..1_000 {
        record = fs::read_to_string(trace.path()).unwrap();
        if record.contains("+++ killed")
            || record.contains("+++ exited")
            || record.ends_with("= ?\n")
        {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
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
