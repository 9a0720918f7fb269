//! The program for Windows, under Wine: `cargo xtask test --windows` builds it and
//! runs these. Wine stands in for the system calls of Windows, not for its timing, and
//! not for all of it. What falls short here is Wine's doing (8.0):
//!
//! * Slow and half-open clients, hundreds of them: a good client then waits seconds, up
//!   to half a minute, and looks as if it were not served. All sockets are those of
//!   one server process, which walks the waiting ones at each event of any of them. While
//!   300 clients have sent half a message it takes 3.3 s of processor time and the
//!   program 0.2 s; the same program waits 0.1 s on Linux beside 600. Once the burst
//!   is over a good client waits 0.1 s again, and no descriptor is left. Hence there
//!   are fewer clients here than elsewhere.
//! * Killed in the middle of load and started again, eight times: it starts each time
//!   at the first try and has every confirmed change, but on a busy machine that takes
//!   up to 8 s, since Wine's server first closes the old sockets. A test that waits
//!   less sees a port in use.
//! * Of a console's events there is only Ctrl+C: `propagate_console_signal` refuses the
//!   others. A closed window and a log-off are to be tried on Windows.
//! * Who has a port that is in use: the sockets are not the program's.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

#[path = "../classroom/mod.rs"]
mod classroom;
mod homework;

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use classroom::binary::{FREE_PORTS, Program, add_until_killed, connect, read};
use classroom::browser::{Browser, CHINESE};
use classroom::{TestServer, needs};
use nix::sys::signal::Signal;
use protocol::Stage;
use tokio_tungstenite::tungstenite::Message;
use transcripts::{Action, Transcript, all};

/// What a good client may wait while others misbehave: the two seconds of every system,
/// and Wine's share. Beside 100 clients that was 0.6 s on an idle machine and 5.4 s on
/// one with a load of 17; a server that waits for a silent client waits for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many programs are started at once: Wine needs a second for each.
const AT_ONCE: usize = 6;

/// Whether the test may go on, which runs only with `cargo xtask test --windows`.
fn is_asked_for() -> bool {
    let asked = std::env::var_os("TCP_CLASSROOM_WINE").is_some();
    needs::request(asked, "needs Wine: cargo xtask test --windows")
}

/// The program, with nothing of this shell's settings.
fn command() -> Command {
    let mut command = under_wine();
    command.arg(std::env::var_os("TCP_CLASSROOM_EXE").expect("it is asked for"));
    command.arg("--no-open");
    command
}

/// Wine, to be given a program, with nothing of this shell's settings.
fn under_wine() -> Command {
    let mut command =
        Command::new(std::env::var_os("TCP_CLASSROOM_WINE").expect("it is asked for"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCP_CLASSROOM_")) {
        command.env_remove(name);
    }
    // Wine reads the arguments by it; a locale that is not installed is ASCII.
    command.env("LC_ALL", "C.UTF-8").env("WINEDEBUG", "-all").stdin(Stdio::null());
    // Its helpers stay out of Ctrl+C.
    command.process_group(0);
    command
}

fn in_memory(stage: Stage) -> Program {
    let stage = if stage == Stage::Echo { "echo" } else { "contacts" };
    let mut command = command();
    command.args(FREE_PORTS).args(["--memory", "--stage", stage]);
    Program::run(command)
}

/// Keeps its contacts in a file of this system, which Windows programs see as a
/// file of the drive Z.
fn with_data(file: &Path) -> Program {
    let mut command = command();
    command.args(FREE_PORTS).arg("--data").arg(format!("Z:{}", file.display()).replace('/', "\\"));
    Program::run(command)
}

/// The unix process that runs the program out of a folder: Wine starts every Windows
/// process as one, here below a `cmd.exe`.
fn process_in(folder: &Path) -> nix::unistd::Pid {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut found = None;
    classroom::wait_until("the program runs", || {
        let processes = std::fs::read_dir("/proc").unwrap();
        found = processes
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let pid = path.file_name()?.to_str()?.parse().ok()?;
                let line = std::fs::read(path.join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).into_owned();
                let program = line.split('\0').next()?;
                (program.contains(&name) && program.ends_with("tcp-classroom.exe")).then_some(pid)
            })
            .next();
        found.is_some()
    });
    nix::unistd::Pid::from_raw(found.unwrap())
}

#[test]
fn a_class_is_started_by_its_command_file_whose_window_stays_open() {
    if !is_asked_for() {
        return;
    }
    // As it is unpacked, in a folder as teachers name them.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("第一课 TCP");
    std::fs::create_dir(&folder).unwrap();
    let program = PathBuf::from(std::env::var_os("TCP_CLASSROOM_EXE").unwrap());
    for file in ["tcp-classroom.exe", "bcryptprimitives.dll"] {
        std::fs::copy(program.with_file_name(file), folder.join(file)).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/start-class.cmd");
    std::fs::copy(script, folder.join("start-class.cmd")).unwrap();

    let mut command = under_wine();
    command.current_dir(&folder).stdin(Stdio::piped());
    command.args(["cmd.exe", "/c", r".\start-class.cmd", "--no-open", "--memory"]);
    command.args(["--tcp", "0", "--http", "0"]);
    let mut class = Program::run(command);
    // With `--lan`: everyone may join, and the address is told.
    assert!(class.banner.contains("everyone on this network"), "{}", class.banner);
    assert!(class.banner.contains("Ctrl+C stops"), "{}", class.banner);
    assert_eq!(class.console_line(), "Waiting for connection...");
    let mut client = class.welcome();
    client.write_all("add;张三;138".as_bytes()).unwrap();
    assert_eq!(read(&mut client, "张三 added!".len()), "张三 added!");
    let process = process_in(&folder);
    nix::sys::signal::kill(process, Signal::SIGINT).unwrap();
    let running = PathBuf::from(format!("/proc/{process}"));
    classroom::wait_until("the program ends", || !running.exists());
    assert!(class.child.try_wait().unwrap().is_none(), "the window stays open");
    class.child.stdin.take().unwrap().write_all(b"\r\n").unwrap();
    assert!(class.exit().success());
    assert!(class.remaining_diagnostics().contains("1 contact was in memory only"));
    assert!(class.remaining_console().concat().contains("any key to continue"));
}

/// Starts a program for each transcript, a few at a time, and plays it.
async fn play(transcripts: Vec<Transcript>, over: impl AsyncFn(&TestServer, &Transcript)) {
    for some in transcripts.chunks(AT_ONCE) {
        let stages = some.iter().map(|transcript| transcript.stage);
        let starting: Vec<_> =
            stages.map(|stage| std::thread::spawn(move || in_memory(stage))).collect();
        let programs: Vec<_> = starting.into_iter().map(|thread| thread.join().unwrap()).collect();
        for (program, transcript) in programs.iter().zip(some) {
            println!("{}", transcript.name);
            over(&TestServer::elsewhere(program.tcp, program.http), transcript).await;
        }
    }
}

#[tokio::test]
async fn raw_tcp_answers_every_transcript_byte_for_byte() {
    if !is_asked_for() {
        return;
    }
    play(all(), async |server, transcript| server.plays_over_tcp(transcript).await).await;
}

#[tokio::test]
async fn a_websocket_answers_every_transcript_byte_for_byte() {
    if !is_asked_for() {
        return;
    }
    let transcripts = all().into_iter().filter(|transcript| !transcript.stream_only).collect();
    play(transcripts, async |server, transcript| {
        let mut client = server.websocket().await;
        for turn in &transcript.turns {
            let Action::Send(bytes) = &turn.action else { panic!("a WebSocket has no streams") };
            let message = match str::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(_) => Message::binary(bytes.clone()),
            };
            client.send_message(message).await;
            for reply in turn.replies() {
                client.expect(&reply).await;
            }
            if turn.closed {
                assert_eq!(client.expect_close().await, 1000);
            }
        }
    })
    .await;
}

#[test]
fn the_lesson_prints_what_it_prints_elsewhere_and_ctrl_c_leaves_one_file() {
    if !is_asked_for() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("王老师").join("通讯录.db");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    for round in 0..2 {
        let mut program = with_data(&file);
        assert_eq!(program.console_line(), "Waiting for connection...");
        let mut client = program.welcome();
        let from = format!("from {}", client.local_addr().unwrap());
        assert!(program.console_line().starts_with(&format!("Accept new connection {from}")));
        for (message, reply) in [
            ("find;张三", if round == 0 { "Not Found!" } else { "138" }),
            ("add;张三;138", "张三 added!"),
            ("find;张三", "138"),
            ("你好", "Received 你好;"),
        ] {
            client.write_all(message.as_bytes()).unwrap();
            assert_eq!(read(&mut client, reply.len()), reply);
        }
        client.write_all(b"exit").unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(program.console_line(), "{'张三': '138'}");
        // What Wine makes of SIGINT is what Windows makes of Ctrl+C.
        program.signal(Signal::SIGINT);
        assert!(program.exit().success());
        let said = program.remaining_diagnostics();
        assert!(said.contains("1 contact is kept in") && said.contains("通讯录.db"), "{said}");
        let left: Vec<PathBuf> = std::fs::read_dir(file.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, std::slice::from_ref(&file), "a book that was closed is one file");
    }
}

#[test]
fn whatever_was_confirmed_survives_a_kill_in_the_middle_of_writes() {
    if !is_asked_for() {
        return;
    }
    const ROUNDS: usize = 6;
    const WRITERS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contacts.db");
    let mut confirmed = Vec::new();
    for round in 0..ROUNDS {
        let mut program = with_data(&file);
        let clients = program.welcome_all(WRITERS).into_iter().enumerate();
        let writers: Vec<_> = clients
            .map(|(writer, client)| {
                std::thread::spawn(move || add_until_killed(client, writer, round))
            })
            .collect();
        // Killed after a number of replies to another client, each time another.
        let mut pace = program.welcome();
        for n in 0..=round * 5 {
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
    println!("{total} confirmed changes in {ROUNDS} rounds");
    assert!(total > ROUNDS * WRITERS, "{total}");
    let program = with_data(&file);
    let mut client = program.welcome();
    for (round, writer, count) in confirmed {
        for n in 0..count {
            client.write_all(format!("find;r{round}w{writer}n{n}\n").as_bytes()).unwrap();
            let expected = format!("{n}\n");
            assert_eq!(read(&mut client, expected.len()), expected, "r{round}w{writer}n{n}");
        }
    }
}

/// The longest of some exchanges of a client that behaves.
fn longest_wait(program: &Program) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..5 {
        let start = Instant::now();
        let mut client = program.welcome();
        client.write_all(b"find;nobody").unwrap();
        assert_eq!(read(&mut client, 10), "Not Found!");
        longest = longest.max(start.elapsed());
    }
    longest
}

#[test]
fn silent_and_slow_and_half_open_clients_hold_up_nobody() {
    if !is_asked_for() {
        return;
    }
    let program = in_memory(Stage::Contacts);
    println!("alone: {:?}", longest_wait(&program));

    let mut silent = program.welcome_all(100);
    for (n, client) in silent.iter_mut().enumerate() {
        client.write_all(&b"add;slow;1"[..n % 10]).unwrap();
    }
    let waited = longest_wait(&program);
    println!("beside 100 silent and slow ones: {waited:?}");
    assert!(waited < DEADLINE, "{waited:?}");

    // Half-closed: no more to say, and still there to be answered.
    for client in &silent[..50] {
        client.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let waited = longest_wait(&program);
    println!("beside 50 half-closed ones: {waited:?}");
    assert!(waited < DEADLINE, "{waited:?}");

    // Reset: what arrives unread makes the kernel answer so.
    for client in silent.drain(50..) {
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let waited = longest_wait(&program);
    println!("after 50 resets: {waited:?}");
    assert!(waited < DEADLINE, "{waited:?}");

    let mut half = connect(program.tcp);
    assert_eq!(read(&mut half, 8), "Welcome!");
    half.write_all(b"add;half;1\nfind;half\n").unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(classroom::binary::read_rest(&mut half), "half added!\n1\n");
}

#[tokio::test]
async fn the_page_talks_to_it() {
    if !is_asked_for() {
        return;
    }
    let program = in_memory(Stage::Contacts);
    let Some(browser) = Browser::open(CHINESE, program.http).await else { return };
    browser.expect("received", "Welcome!").await;
    browser.send("add;张三;12345").await;
    browser.expect("received", "张三 added!").await;
    browser.send("find;张三").await;
    browser.expect("received", "12345").await;
    browser.finish().await;
}

#[test]
fn a_port_in_use_is_refused_with_what_to_do() {
    if !is_asked_for() {
        return;
    }
    let program = in_memory(Stage::Contacts);
    let output = command()
        .args(["--memory", "--http", "0", "--tcp", &program.tcp.port().to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    // Windows names the program that has it; in Wine all sockets are its server's, and
    // it tells the process 0.
    let is_named = said.contains("is already in use by tcp-classroom.exe (PID ");
    assert!(is_named || said.contains("is already in use, perhaps by another"), "{said}");
    assert!(said.contains("choose another port with --tcp"), "{said}");
}
