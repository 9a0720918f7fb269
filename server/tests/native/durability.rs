//! `added!` is a promise: what happens to it when the server is killed, the
//! disk is full, or the disk fails.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use crate::classroom::binary::{FREE_PORTS, Program, add_until_killed, command, read};
use crate::classroom::disk::{
    SmallDisk, add, book_in, command_without_options, exported, find_all, injected, log_of, say,
    strace_is_here, traced,
};
use crate::classroom::{TestServer, needs, wait_until};
use nix::sys::signal::Signal;
use tcp_classroom::Book;
use transcripts::all;

#[tokio::test]
async fn a_durable_book_answers_every_transcript_byte_for_byte() {
    for transcript in all() {
        println!("{}", transcript.name);
        let folder = tempfile::tempdir().unwrap();
        let book = Book::open(&book_in(&folder), 1000).unwrap();
        let server = TestServer::with_book(book, |config| config.stage = transcript.stage).await;
        server.plays_over_tcp(&transcript).await;
    }
}

#[tokio::test]
async fn a_book_outlives_its_server() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let book = Book::open(&book_in(&folder), 1000).unwrap();
        assert_eq!(book.len(), round);
        let server = TestServer::with_book(book, |_| {}).await;
        let mut client = server.tcp().await;
        client.send(format!("add;张{round};{round}\nfind;张0\n").as_bytes()).await;
        client.expect(format!("张{round} added!\n0\n").as_bytes()).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn finds_see_what_the_same_batch_added_before_them_and_not_what_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::with_book(Book::open(&book_in(&folder), 1000).unwrap(), |_| {}).await;
    let mut client = server.tcp().await;
    client.send(b"find;a\nadd;a;1\nfind;a\nadd;a;2\nfind;a\nremove;a\nfind;a\nhi\nadd;a;3\n").await;
    client
        .expect(b"Not Found!\na added!\n1\na added!\n2\na removed!\nNot Found!\nReceived hi;\na added!\n")
        .await;
}

#[test]
fn two_servers_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let _program = Program::with_data(&book_in(&folder));
    let output = command().args(FREE_PORTS).arg("--data").arg(book_in(&folder)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is in use") && said.contains("--data FILE"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_port_in_use_does_not_touch_the_data() {
    let program = Program::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let output = command()
        .args(["--tcp", &program.tcp.to_string(), "--http", "127.0.0.1:0", "--data"])
        .arg(book_in(&folder))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn whatever_was_confirmed_survives_a_kill_in_the_middle_of_load_many_times() {
    const ROUNDS: usize = 15;
    const WRITERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let mut confirmed = Vec::new();
    for round in 0..ROUNDS {
        let mut program = Program::with_data(&book_in(&folder));
        let clients = program.welcome_all(WRITERS);
        let writers: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(writer, client)| {
                std::thread::spawn(move || add_until_killed(client, writer, round))
            })
            .collect();
        // Killed at a moment that other conversations decide: after so many of
        // their own replies, a different number each time.
        let mut pace = program.welcome();
        for n in 0..=(round * 3) {
            pace.write_all(format!("add;pace{n};1").as_bytes()).unwrap();
            read(&mut pace, format!("pace{n} added!").len());
        }
        program.child.kill().unwrap();
        program.exit();
        for (writer, thread) in writers.into_iter().enumerate() {
            confirmed.push((round, writer, thread.join().unwrap()));
        }
    }
    let total: usize = confirmed.iter().map(|(.., count)| count).sum();
    assert!(total > ROUNDS * WRITERS, "{total}");
    println!("{total} confirmed changes in {ROUNDS} rounds");

    let program = Program::with_data(&book_in(&folder));
    let names = confirmed.iter().flat_map(|&(round, writer, count)| {
        (0..count).map(move |n| format!("r{round}w{writer}n{n}"))
    });
    let found = find_all(&program, names);
    let lost: Vec<_> = found.iter().filter(|(_, phone)| *phone == "Not Found!").collect();
    assert!(lost.is_empty(), "{} of {total} lost: {:?}", lost.len(), &lost[..lost.len().min(5)]);
}

#[test]
fn every_confirmation_is_preceded_by_its_sync() {
    if !strace_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let log = trace.to_str().unwrap();
    let calls = "trace=fdatasync,fsync,pwrite64,sendto,write,writev";
    let mut program = traced(&book_in(&folder), &["-s", "200", "-o", log, "-e", calls]);
    let mut client = program.welcome();
    for n in 0..20 {
        client.write_all(format!("add;name{n};{n}").as_bytes()).unwrap();
        read(&mut client, format!("name{n} added!").len());
    }
    program.child.kill().unwrap();
    program.exit();

    let trace = std::fs::read_to_string(trace).unwrap();
    let mut synced = 0;
    let mut confirmed = 0;
    for line in trace.lines() {
        let is_sync = line.contains("fdatasync(") || line.contains("fsync(");
        // A call that another thread interrupts is written down in two parts;
        // the second one says that it is done.
        let done = line.contains("= 0") && (is_sync || line.contains("sync resumed>"));
        if done {
            synced += 1;
        } else if line.contains(" added!") {
            confirmed += 1;
            assert!(synced > 0, "confirmed without a sync since the last:\n{trace}");
            synced = 0;
        }
    }
    assert_eq!(confirmed, 20);
}

/// A server whose disk fails for good after some adds. Returns what became of
/// each of 30: `true` if it was confirmed, nothing if that was left open.
fn adds_on_a_failing_disk(book: &Path, call: &str, fault: &str) -> Vec<Option<bool>> {
    let mut program = Program::run(injected(book, call, fault));
    let mut client = program.welcome();
    let mut outcomes = Vec::new();
    for n in 0..30 {
        let reply = say(&mut client, &format!("add;name{n};{n}")).unwrap();
        outcomes.push(if reply == format!("name{n} added!") {
            Some(true)
        } else if reply.starts_with("Error: not confirmed, ") {
            None
        } else {
            assert!(reply.starts_with("Error: nothing was changed, "), "{reply}");
            Some(false)
        });
        // Finds go on, and see what was confirmed and nothing else.
        let found = say(&mut client, &format!("find;name{n}")).unwrap();
        let expected = if outcomes[n] == Some(true) { n.to_string() } else { "Not Found!".into() };
        assert_eq!(found, expected);
    }
    // The teacher is told once, and what to do.
    let said = program.diagnostic();
    assert!(said.contains("start again") && said.contains("finds go on"), "{said}");
    program.signal(Signal::SIGTERM);
    program.exit();
    let rest = program.remaining_diagnostics();
    assert!(!rest.contains("start again"), "{rest}");
    outcomes
}

#[test]
fn a_failed_sync_is_final_and_what_was_refused_never_comes_true() {
    if !strace_is_here() {
        return;
    }
    // Two syncs in a row, one alone, and a write that fails: in each case the
    // disk is sound again at once.
    for (call, fault) in [
        ("fdatasync", "error=EIO:when=12..13"),
        ("fdatasync", "error=EIO:when=9"),
        ("fdatasync", "error=ENOSPC:when=7"),
        ("pwrite64", "error=EIO:when=30"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let outcomes = adds_on_a_failing_disk(&book_in(&folder), call, fault);
        let open = outcomes.iter().position(Option::is_none).expect("a sync failed");
        assert!(open > 0, "{call}");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 1, "{call}");
        assert!(outcomes[open + 1..].iter().all(|outcome| *outcome == Some(false)), "{call}");
        for _ in 0..2 {
            // What was left open may be there or not, and then stays so.
            let program = Program::with_data(&book_in(&folder));
            let found = find_all(&program, (0..30).map(|n| format!("name{n}")));
            for (n, outcome) in outcomes.iter().enumerate() {
                let is_there = found[&format!("name{n}")] == n.to_string();
                assert!(outcome.is_none_or(|stored| stored == is_there), "{call}: name{n}");
            }
            add(&program, 100..110);
        }
    }
}

#[test]
fn a_sync_that_fails_while_the_server_closes_or_tidies_up_loses_nothing() {
    if !strace_is_here() {
        return;
    }
    // Syncs of the file and its folder, one after the other: of the first start,
    // of the log, of the file, and all that closing needs.
    for when in 1..=16 {
        let folder = tempfile::tempdir().unwrap();
        let book = book_in(&folder);
        let fault = format!("error=EIO:when={when}");
        let stored = match Program::try_run(injected(&book, "fsync", &fault)) {
            Err(said) => {
                assert!(said.contains("the disk") && !said.contains("damaged"), "{said}");
                0
            }
            Ok(mut program) => {
                let mut client = program.welcome();
                let stored = (0..20).take_while(|n| {
                    say(&mut client, &format!("add;name{n};{n}")).unwrap().ends_with(" added!")
                });
                let stored = stored.count();
                program.signal(Signal::SIGTERM);
                program.exit();
                stored
            }
        };
        let program = Program::with_data(&book);
        let found = find_all(&program, (0..stored).map(|n| format!("name{n}")));
        assert!(found.values().all(|phone| phone != "Not Found!"), "{when}: {found:?}");
    }
}

#[test]
fn on_a_full_disk_finds_go_on_nothing_is_lost_and_writing_resumes_when_there_is_room() {
    let Some(disk) = SmallDisk::new(2) else { return };
    let book = disk.book();
    let program = Program::with_data(&book);
    let mut client = program.welcome();
    let mut add = |n: usize| {
        client.write_all(format!("add;name{n};{n}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        while !answer.ends_with('\n') {
            answer += &read(&mut client, 1);
        }
        answer
    };
    let mut confirmed = 0;
    while add(confirmed).ends_with("added!\n") {
        confirmed += 1;
        if confirmed == 5 {
            disk.fill(200_000);
        }
        assert!(confirmed < 100_000, "the disk never fills");
    }
    let refused = add(confirmed);
    assert!(refused.contains("the server's disk is full"), "{refused}");
    let found = find_all(&program, (0..confirmed).map(|n| format!("name{n}")));
    assert!(found.values().all(|phone| phone != "Not Found!"));
    assert_eq!(find_all(&program, [format!("name{confirmed}")].into_iter()).len(), 1);

    std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
    for n in confirmed..confirmed + 20 {
        assert_eq!(add(n), format!("name{n} added!\n"));
    }
    drop(program);
    let program = Program::with_data(&book);
    let found = find_all(&program, (0..confirmed + 20).map(|n| format!("name{n}")));
    assert!(found.values().all(|phone| phone != "Not Found!"));
}

#[test]
fn a_disk_that_is_full_at_the_very_first_start_is_named_and_the_next_start_works() {
    let Some(disk) = SmallDisk::new(2) else { return };
    for free in [0, 4096, 12_288, 20_480, 28_672, 40_960, 61_440] {
        let ballast = disk.fill(free);
        let mut import = command_without_options();
        let import = import.args(["import", "-", "--data"]).arg(disk.book()).output().unwrap();
        let said = String::from_utf8_lossy(&import.stderr).into_owned();
        assert!(import.status.success() || said.contains("disk"), "{said}");
        std::fs::remove_file(ballast).unwrap();
        let program = Program::with_data(&disk.book());
        add(&program, 0..3);
        drop(program);
        std::fs::remove_file(disk.book()).unwrap();
        // Killed, it has left its log and its control file.
        std::fs::remove_file(log_of(&disk.book())).unwrap();
        std::fs::remove_file(disk.0.path().join("contacts.db-control")).unwrap();
        let left: Vec<_> = std::fs::read_dir(disk.0.path()).unwrap().collect();
        assert!(left.is_empty(), "{free}: {left:?}");
    }
}

#[test]
fn a_log_that_fills_the_disk_makes_room_by_itself() {
    // Much more than the disk has room for, over nine contacts.
    const CHANGES: usize = 60_000;
    let Some(disk) = SmallDisk::new(2) else { return };
    let program = Program::with_data(&disk.book());
    let mut client = program.welcome();
    let mut sender = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for n in 0..CHANGES {
            sender.write_all(format!("add;name{};{n}\n", n % 9).as_bytes()).unwrap();
        }
        sender.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut replies = String::new();
    client.read_to_string(&mut replies).unwrap();
    sending.join().unwrap();
    let refused = replies.lines().filter(|reply| !reply.ends_with(" added!")).count();
    assert_eq!((replies.lines().count(), refused), (CHANGES, 0));
    drop(program);
    let contacts = exported(&disk.book()).unwrap();
    assert_eq!(contacts["name0"], (CHANGES - 6).to_string());
}

#[test]
fn a_flood_of_changes_leaves_a_small_file_and_a_quick_start() {
    const CHANGES: usize = 250_000;
    let folder = tempfile::tempdir().unwrap();
    let book = book_in(&folder);
    let mut program = Program::with_data(&book);
    let mut client = program.welcome();
    let mut sender = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let lines: String = (0..CHANGES).map(|n| format!("add;name{};{n}\n", n % 9)).collect();
        sender.write_all(lines.as_bytes()).unwrap();
    });
    let mut replies = BufReader::new(&mut client).lines();
    let confirmed = replies
        .by_ref()
        .take(CHANGES)
        .filter(|reply| reply.as_ref().is_ok_and(|reply| reply.ends_with(" added!")));
    assert_eq!(confirmed.count(), CHANGES);
    sending.join().unwrap();
    program.child.kill().unwrap();
    program.exit();
    // 10,000 changes that are not merged yet, and the shortest log.
    let bytes = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(bytes(&book) < 1 << 20, "{}", bytes(&book));
    assert!(bytes(&log_of(&book)) < 2 << 20, "{}", bytes(&log_of(&book)));

    let mut program = Program::with_data(&book);
    add(&program, 0..1);
    // Idle for a second, it tidies up.
    wait_until("book and log are small", || {
        bytes(&book) <= 64 << 10 && bytes(&log_of(&book)) <= 1 << 20
    });
    program.signal(Signal::SIGTERM);
    program.exit();
    assert!(!log_of(&book).exists());
    assert!(bytes(&book) <= 32 << 10, "{}", bytes(&book));
    assert_eq!(exported(&book).unwrap().len(), 9);
}

/// Root may write everywhere, so this needs to be somebody else.
#[tokio::test]
async fn a_file_or_folder_that_cannot_be_written_is_named_and_left_as_it_was() {
    let is_root = nix::unistd::geteuid().is_root();
    if is_root && !needs::program("setpriv", "--version") {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    drop(Book::open(&book_in(&folder), 10).unwrap());
    let before = std::fs::read(book_in(&folder)).unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&book_in(&folder), 0o444);
    set(folder.path(), 0o555);

    let program = env!("CARGO_BIN_EXE_tcp-classroom");
    let mut command = if is_root {
        // The program itself may stand where another user cannot look.
        let copy = std::env::temp_dir().join(format!("tcp-classroom-{}", std::process::id()));
        std::fs::copy(program, &copy).unwrap();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy);
        command
    } else {
        std::process::Command::new(program)
    };
    let output = command
        .args(FREE_PORTS)
        .args(["--no-open", "--data"])
        .arg(book_in(&folder))
        .output()
        .unwrap();
    set(folder.path(), 0o755);
    if is_root {
        let copy = std::env::temp_dir().join(format!("tcp-classroom-{}", std::process::id()));
        std::fs::remove_file(copy).unwrap();
    }
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be written") && said.contains("--data FILE"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(std::fs::read(book_in(&folder)).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
