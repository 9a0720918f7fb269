//! `added!` is a promise: what happens to it when the server is killed, the
//! disk is full, or the disk fails.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use classroom::TestServer;
use classroom::binary::{FREE_PORTS, Program, command, read, read_rest};
use tcp_classroom::Book;
use transcripts::all;

fn book_in(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("contacts.db")
}

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

/// Asks a server for every name; what it knows, and what it does not.
fn find_all(program: &Program, names: impl Iterator<Item = String>) -> HashMap<String, String> {
    let names: Vec<_> = names.collect();
    let mut client = program.welcome();
    let questions: String = names.iter().map(|name| format!("find;{name}\n")).collect();
    let mut sender = client.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        sender.write_all(questions.as_bytes()).unwrap();
        sender.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let answers = read_rest(&mut client);
    asking.join().unwrap();
    let answers: Vec<_> = answers.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), names.len());
    names.into_iter().zip(answers).collect()
}

/// Adds names until the server is gone, one at a time and in pipelines. Returns
/// how many were confirmed.
fn add_until_killed(mut client: TcpStream, writer: usize, round: usize) -> usize {
    let mut confirmed = 0;
    let mut answers = Vec::new();
    loop {
        let pipeline = 1 + (confirmed + writer) % 7;
        let lines: String = (confirmed..confirmed + pipeline)
            .map(|n| format!("add;r{round}w{writer}n{n};{n}\n"))
            .collect();
        if client.write_all(lines.as_bytes()).is_err() {
            return confirmed;
        }
        answers.clear();
        let mut bytes = [0; 4096];
        while answers.iter().filter(|&&byte| byte == b'\n').count() < pipeline {
            match client.read(&mut bytes) {
                Ok(0) | Err(_) => {
                    // What came before the end counts.
                    return confirmed + answers.iter().filter(|&&byte| byte == b'\n').count();
                }
                Ok(read) => answers.extend(&bytes[..read]),
            }
        }
        assert!(String::from_utf8_lossy(&answers).lines().all(|line| line.ends_with("added!")));
        confirmed += pipeline;
    }
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

/// Whether a program is there to test with; says so if not.
#[cfg(target_os = "linux")]
fn is_here(program: &str) -> bool {
    let here = std::process::Command::new(program)
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !here {
        println!("skipped: {program} is not installed");
    }
    here
}

/// The program under strace, with a fault injected or its calls written down.
#[cfg(target_os = "linux")]
fn traced(book: &Path, options: &[&str]) -> Program {
    let mut strace = std::process::Command::new("strace");
    strace
        // As a grandchild, so that the child we kill is the program itself.
        .args(["-D", "-f", "-qq"])
        .args(options)
        .arg(env!("CARGO_BIN_EXE_tcp-classroom"))
        .args(["--no-open", "--data"])
        .arg(book)
        .args(FREE_PORTS)
        .env("LC_ALL", "C");
    Program::run(strace)
}

#[cfg(target_os = "linux")]
#[test]
fn every_confirmation_is_preceded_by_its_sync() {
    if !is_here("strace") {
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

#[cfg(target_os = "linux")]
#[test]
fn a_failed_sync_is_never_confirmed_and_the_server_recovers_when_the_disk_does() {
    if !is_here("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Two syncs fail, well after start-up; the disk is sound before and after.
    let inject = "inject=fdatasync,fsync:error=EIO:when=20..21";
    let faults = ["-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject];
    let program = traced(&book_in(&folder), &faults);
    let mut client = program.welcome();
    let mut confirmed = Vec::new();
    let mut refused = Vec::new();
    for n in 0..60 {
        client.write_all(format!("add;name{n};{n}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        while !answer.ends_with('\n') {
            answer += &read(&mut client, 1);
        }
        if answer == format!("name{n} added!\n") {
            confirmed.push(n);
        } else {
            assert!(
                answer.starts_with("Error: nothing was changed, the server's disk"),
                "{answer}"
            );
            refused.push(n);
        }
        // Reading goes on, whatever the disk does.
        client.write_all(b"find;nobody\n").unwrap();
        assert_eq!(read(&mut client, 11), "Not Found!\n");
    }
    assert!(!refused.is_empty(), "no sync failed");
    assert!(confirmed.contains(&59), "it has recovered: {refused:?}");
    drop(program);

    let program = Program::with_data(&book_in(&folder));
    let found = find_all(&program, confirmed.iter().map(|n| format!("name{n}")));
    assert!(found.values().all(|phone| phone != "Not Found!"), "{found:?}");
}

/// A small disk of its own; only root may have one.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            println!("skipped: only root can mount a small disk to fill");
        }
        mounted.then_some(SmallDisk(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_finds_go_on_nothing_is_lost_and_writing_resumes_when_there_is_room() {
    let Some(disk) = SmallDisk::new() else { return };
    let book = disk.0.path().join("contacts.db");
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
            // Almost all the room there is.
            std::fs::write(disk.0.path().join("ballast"), vec![0; 1536 * 1024]).unwrap();
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

/// Root may write everywhere, so this needs to be somebody else.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_or_folder_that_cannot_be_written_is_named_and_left_as_it_was() {
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
    let is_root = nix::unistd::geteuid().is_root();
    let mut command = if is_root {
        if !is_here("setpriv") {
            return;
        }
        // The program itself may stand where nobody else can look.
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
