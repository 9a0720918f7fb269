//! Random histories: clients change a book while its disk fails, its server is
//! killed and started again; every reply is held against what the book says.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::classroom::binary::{FREE_PORTS, Program, command};
use crate::classroom::disk::{book_in, injected, say, strace_is_here, try_find_all};
use nix::sys::signal::Signal;

/// Books, each with a history of its own, and rounds in each history: 104
/// starts in all.
const BOOKS: u64 = 4;
const ROUNDS: usize = 26;

/// Clients at once, and the names of each, so that no other client changes
/// them.
const CLIENTS: usize = 3;
const NAMES: usize = 4;

/// A xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What a name's phone may be in the file: one value, or several after a change
/// that was left open. `None` is a name that is not there.
type Possible = BTreeSet<Option<String>>;

/// The book as its clients know it.
type Model = BTreeMap<String, Possible>;

/// A fault: a call that fails from some time on, or nothing.
fn faulty(book: &Path, random: &mut Random) -> (String, Command) {
    let when = 1 + random.below(60);
    let fault = match random.below(9) {
        0 => Some(("fdatasync", format!("error=EIO:when={when}"))),
        1 => Some(("fdatasync", format!("error=EIO:when={when}..{}", when + 1))),
        2 => Some(("fdatasync", format!("error=ENOSPC:when={when}"))),
        3 => Some(("fsync", format!("error=EIO:when={}", 1 + when % 20))),
        4 => Some(("pwrite64", format!("error=ENOSPC:when={}..{}", 20 + when, 24 + 2 * when))),
        5 => Some(("pwrite64", format!("error=EIO:when={}", 2 * when))),
        6 => Some(("unlink", "error=EIO:when=1".to_owned())),
        7 => Some(("pwrite64", format!("signal=KILL:when={}", 2 * when))),
        _ => None,
    };
    match fault {
        Some((call, fault)) => (format!("{call} {fault}"), injected(book, call, &fault)),
        None => {
            let mut plain = command();
            plain.args(FREE_PORTS).arg("--data").arg(book);
            ("none".to_owned(), plain)
        }
    }
}

/// One client's part of a round, until it has said enough or the server is gone.
fn converse(mut client: std::net::TcpStream, names: &mut Model, mut random: Random) -> usize {
    // What finds say until the next start: the server's memory, in which a
    // change that was left open has not been made.
    let mut shown: BTreeMap<String, Option<String>> = BTreeMap::new();
    let keys: Vec<String> = names.keys().cloned().collect();
    for (name, possible) in names.iter() {
        assert_eq!(possible.len(), 1, "asked at the start");
        shown.insert(name.clone(), possible.first().unwrap().clone());
    }
    let mut said = 0;
    for turn in 0..random.below(40) {
        let name = &keys[random.below(keys.len() as u64) as usize];
        let (line, after) = match random.below(4) {
            0 => (format!("remove;{name}"), None),
            1 => {
                let Some(found) = say(&mut client, &format!("find;{name}")) else { break };
                let expected = shown[name].clone().unwrap_or_else(|| "Not Found!".to_owned());
                assert_eq!(found, expected, "find;{name}");
                continue;
            }
            _ => {
                let phone = format!("{}{turn}", random.below(1_000));
                (format!("add;{name};{phone}"), Some(phone))
            }
        };
        let reply = say(&mut client, &line);
        let possible = names.get_mut(name).unwrap();
        match reply.as_deref() {
            // The server is gone: whether it stored that is open.
            None => {
                possible.insert(after);
                break;
            }
            Some("Not Found!") => assert_eq!(shown[name], None, "{line}"),
            Some(reply) if reply.starts_with("Error: not confirmed, ") => {
                possible.insert(after);
            }
            Some(reply) if reply.starts_with("Error: nothing was changed, ") => {}
            Some(reply) => {
                let confirmed =
                    [format!("{name} added!"), format!("{name} removed!")].contains(&reply.into());
                assert!(confirmed, "{line}: {reply}");
                *possible = [after.clone()].into();
                shown.insert(name.clone(), after);
            }
        }
        said += 1;
    }
    said
}

/// Compares the book of a running server with the model, which then knows it.
/// Returns whether the server lived to tell.
fn compare(program: &Program, model: &mut Model, what: &str) -> bool {
    let Some(found) = try_find_all(program, model.keys().cloned()) else { return false };
    for (name, possible) in model.iter_mut() {
        let found = Some(found[name].clone()).filter(|phone| phone != "Not Found!");
        assert!(possible.contains(&found), "{what}: {name} is {found:?}, not of {possible:?}");
        *possible = [found].into();
    }
    true
}

fn history(book_number: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let mut random = Random(0x2545_f491_4f6c_dd1d ^ (book_number + 1));
    let name = |client: usize, n: usize| format!("c{client}n{n}");
    let names = (0..CLIENTS).flat_map(|client| (0..NAMES).map(move |n| name(client, n)));
    let mut model: Model = names.map(|name| (name, [None].into())).collect();
    let mut said = 0;
    for round in 0..ROUNDS {
        let (fault, command) = faulty(&book, &mut random);
        let what = format!("book {book_number}, round {round}, fault {fault}");
        let mut program = match Program::try_run(command) {
            Ok(program) => program,
            Err(said) => {
                // It may not start on a failing disk, but says why.
                assert!(fault != "none" && !said.contains("damaged"), "{what}: {said}");
                assert!(said.contains("disk") || said.is_empty(), "{what}: {said}");
                continue;
            }
        };
        let is_alive = compare(&program, &mut model, &what);
        let streams: Option<Vec<_>> = (0..CLIENTS).map(|_| program.try_welcome()).collect();
        let Some(streams) = streams.filter(|_| is_alive) else {
            // It tidies up when it is idle, and is killed then.
            assert!(fault.contains("KILL"), "{what}");
            continue;
        };
        let clients: Vec<_> = streams
            .into_iter()
            .enumerate()
            .map(|(client, stream)| {
                let is_mine = |name: &String| name.starts_with(&format!("c{client}n"));
                let mut part: Model = model.extract_if(.., |name, _| is_mine(name)).collect();
                let seed = Random(random.0 ^ ((client as u64 + 1) << 7));
                std::thread::spawn(move || {
                    let said = converse(stream, &mut part, seed);
                    (part, said)
                })
            })
            .collect();
        for client in clients {
            let (part, lines) = client.join().unwrap_or_else(|_| panic!("{what}"));
            model.extend(part);
            said += lines;
        }
        match random.below(2) {
            0 => program.signal(Signal::SIGTERM),
            _ => drop(program.child.kill()),
        }
        program.exit();
    }
    let program = Program::with_data(&book);
    assert!(compare(&program, &mut model, "at the end"));
    said
}

#[test]
fn whatever_the_disk_does_replies_and_book_agree() {
    if !strace_is_here() {
        return;
    }
    let histories: Vec<_> =
        (0..BOOKS).map(|book| std::thread::spawn(move || history(book))).collect();
    let said: usize = histories.into_iter().map(|history| history.join().unwrap()).sum();
    println!("{said} changes in {} rounds", BOOKS as usize * ROUNDS);
    assert!(said > 500, "{said}");
}
