//! Standard output and standard error that take nothing: full, closed, stuck or
//! gone. No request may wait for that or fail because of it.
#![cfg(unix)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::classroom::binary::{FREE_PORTS, Program, command, connect, read, read_rest, wait};
use crate::classroom::port::ReservedPort;
use crate::classroom::wait_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A program whose output is not read, and so not its ports either.
struct Unheard {
    child: Child,
    tcp: SocketAddr,
    http: SocketAddr,
    _ports: [ReservedPort; 2],
}

impl Unheard {
    /// Starts it with standard output and standard error set by `outputs`.
    fn with(outputs: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = command();
        command.arg("--memory");
        Self::run(outputs(&mut command))
    }

    /// Starts it in a shell, with redirections.
    fn in_shell(redirections: &str) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")])
            .arg(env!("CARGO_BIN_EXE_tcp-classroom"))
            .args(["--no-open", "--memory"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self::run(&mut command)
    }

    fn run(command: &mut Command) -> Self {
        let ports = [ReservedPort::new(), ReservedPort::new()];
        let [tcp, http] = ports.each_ref().map(|port| port.address);
        command.args(["--tcp", &tcp.to_string(), "--http", &http.to_string()]);
        let child = command.spawn().unwrap();
        wait_until("it listens", || TcpStream::connect(http).is_ok());
        Unheard { child, tcp, http, _ports: ports }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// A client has its answers, on TCP and over HTTP, and so has one that the
    /// server warns about.
    fn serves(&self) {
        let mut client = connect(self.tcp);
        client.write_all(b"add;a;1\nfind;a\nexit\n").unwrap();
        assert_eq!(read_rest(&mut client), "Welcome!a added!\n1\n");
        refuse_a_foreign_page(self.http);
    }

    /// Ends well, and soon.
    fn stops(mut self) {
        let start = Instant::now();
        self.signal(Signal::SIGTERM);
        assert_eq!(wait(&mut self.child).code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has a server warn.
fn refuse_a_foreign_page(http: SocketAddr) {
    let mut browser = connect(http);
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {http}\r\nOrigin: http://evil.test\r\n\
         Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    browser.write_all(request.as_bytes()).unwrap();
    assert_eq!(read(&mut browser, 12), "HTTP/1.1 403");
}

#[cfg(target_os = "linux")]
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe that takes nothing more, as a terminal after Ctrl+S, and its reader.
#[cfg(target_os = "linux")]
fn stuck() -> (std::io::PipeReader, std::io::PipeWriter) {
    /// What a pipe of Linux holds.
    const PIPE: usize = 65_536;
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'\n'; PIPE]).unwrap();
    (reader, writer)
}

#[cfg(target_os = "linux")]
#[test]
fn full_disks_behind_both_outputs_fail_no_request() {
    let program = Unheard::with(|command| command.stderr(full()).stdout(Stdio::null()));
    program.serves();
    program.stops();
    let program = Unheard::with(|command| command.stdout(full()).stderr(full()));
    program.serves();
    program.stops();
}

#[test]
fn closed_outputs_fail_no_request() {
    for redirections in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let program = Unheard::in_shell(redirections);
        program.serves();
        program.stops();
    }
}

#[test]
fn outputs_whose_reader_has_gone_fail_no_request() {
    let (reader, writer) = std::io::pipe().unwrap();
    let also = writer.try_clone().unwrap();
    let program = Unheard::with(|command| command.stdout(writer).stderr(also));
    drop(reader);
    program.serves();
    program.stops();
}

#[cfg(target_os = "linux")]
#[test]
fn stuck_outputs_hold_up_nobody_and_not_the_end() {
    let ((_unread, stdout), (_unread_either, stderr)) = (stuck(), stuck());
    let program = Unheard::with(|command| command.stdout(stdout).stderr(stderr));
    // More than there are threads, and more than the queues hold.
    for _ in 0..200 {
        program.serves();
    }
    program.stops();
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_a_program_whose_outputs_are_stuck_and_whose_clients_do_not_read() {
    for (first, second) in [
        (Signal::SIGTERM, Signal::SIGTERM),
        (Signal::SIGINT, Signal::SIGQUIT),
        (Signal::SIGHUP, Signal::SIGINT),
    ] {
        let ((_unread, stdout), (_unread_either, stderr)) = (stuck(), stuck());
        // Replies that wait long keep it from ending by itself.
        let mut program = Unheard::with(|command| {
            command.stdout(stdout).stderr(stderr).args(["--pause", "30s", "--read-patience", "1h"])
        });
        let mut client = connect(program.tcp);
        assert_eq!(read(&mut client, 8), "Welcome!");
        client.set_nonblocking(true).unwrap();
        let lines = b"find;a\n".repeat(10_000);
        wait_until("the sockets are full", || client.write(&lines).is_err());
        program.signal(first);
        wait_until("it accepts nothing more", || TcpStream::connect(program.tcp).is_err());
        let start = Instant::now();
        program.signal(second);
        let status = wait(&mut program.child);
        // It may just have ended by itself.
        assert!(matches!(status.code(), Some(130 | 0)), "{first} {second}: {status}");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

/// The reader takes three lines of both outputs and goes, as `head -3` does.
#[test]
fn out_of_descriptors_and_with_its_reader_gone_it_serves_on() {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tcp-classroom")])
        .args(["--no-open", "--memory"])
        .stdin(Stdio::null());
    let (reader, writer) = std::io::pipe().unwrap();
    shell.stderr(writer.try_clone().unwrap()).stdout(writer);
    let program = Unheard::run(&mut shell);
    drop(shell);
    let mut lines = BufReader::new(reader).lines();
    for _ in 0..3 {
        lines.next().unwrap().unwrap();
    }
    drop(lines);
    let mut first = connect(program.tcp);
    assert_eq!(read(&mut first, 8), "Welcome!");
    let waiting: Vec<_> = (0..60).map(|_| connect(program.tcp)).collect();
    for _ in 0..3 {
        first.write_all(b"find;a").unwrap();
        assert_eq!(read(&mut first, 10), "Not Found!");
    }
    drop(waiting);
    program.serves();
    program.stops();
}

#[test]
fn a_flood_of_warnings_is_printed_once_a_second_and_the_next_one_counts_the_others() {
    let mut program = Program::start(&[]);
    let refusing = |program: &Program| refuse_a_foreign_page(program.http);
    // The first request waits until the page is packed.
    refusing(&program);
    let start = Instant::now();
    let mut refused = 1;
    // Past the first second, so that one more is printed.
    while start.elapsed() < Duration::from_millis(1100) {
        refusing(&program);
        refused += 1;
    }
    program.signal(Signal::SIGTERM);
    assert_eq!(program.exit().code(), Some(0));
    let said = program.remaining_diagnostics();
    let warnings = said.lines().filter(|line| line.contains("refused the page")).count();
    assert_eq!(warnings, 2, "of {refused}: {said}");
    let counted = said.lines().find(|line| line.contains("more warnings like the next one"));
    let number = counted.unwrap().trim_start_matches('(').split(' ').next().unwrap();
    let left_out: usize = number.parse().unwrap();
    assert!((1..refused).contains(&left_out), "{left_out} of {refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_and_errors_on_a_full_disk_do_not_panic() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["import", "--help"], 0),
        (&["--unknown"], 2),
        (&["import", "/no/such/file", "--data", "/no/such/book"], 1),
        (&["--data", "/dev/null/contacts.db"], 1),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-classroom"));
        if arguments[0] == "--data" {
            command.args(FREE_PORTS);
        }
        let status = command.args(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

/// SIGHUP comes when the terminal's window is closed; a shell then passes it on,
/// so that it comes twice.
#[test]
fn a_closed_window_and_sigquit_settle_the_file_and_succeed() {
    for signals in [&[Signal::SIGHUP, Signal::SIGHUP, Signal::SIGHUP][..], &[Signal::SIGQUIT]] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("contacts.db");
        let mut program = Program::with_data(&data);
        let mut client = program.welcome();
        for number in 0..100 {
            client.write_all(format!("add;n{number};{number}\n").as_bytes()).unwrap();
        }
        let replies: usize = (0..100).map(|number| format!("n{number} added!\n").len()).sum();
        read(&mut client, replies);
        for signal in signals {
            program.signal(*signal);
        }
        assert_eq!(read_rest(&mut client), "", "said goodbye");
        assert_eq!(program.exit().code(), Some(0), "{signals:?}");
        assert_settled(&data, 100);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn under_nohup_a_closed_window_does_not_stop_it() {
    let mut shell = Command::new("nohup");
    shell
        .arg(env!("CARGO_BIN_EXE_tcp-classroom"))
        .args(["--no-open", "--memory"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let program = Unheard::run(&mut shell);
    program.signal(Signal::SIGHUP);
    program.serves();
    program.stops();
}

/// Every contact is at its place, and no log is left.
fn assert_settled(data: &Path, contacts: i64) {
    let log = data.with_file_name("contacts.db-wal");
    assert!(!log.exists(), "a log is left");
    let connection = rusqlite::Connection::open(data).unwrap();
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("contacts"), contacts);
}

/// What a panic in this process looks like from outside. Run by the tests below,
/// in a process of its own.
#[test]
#[ignore = "started by other tests: ends its process"]
fn child() {
    tcp_classroom::terminal::diagnostics::report_panics();
    let vital = std::env::var_os("VITAL").is_some();
    let panicking = || panic!("out of {}", "luck");
    let name = "the test's thread";
    let thread = match vital {
        true => tcp_classroom::terminal::diagnostics::spawn_critical(name, panicking),
        false => std::thread::Builder::new().name(name.to_owned()).spawn(panicking),
    };
    assert!(thread.unwrap().join().is_err());
    tcp_classroom::terminal::diagnostics::flush(tcp_classroom::terminal::diagnostics::FINAL_FLUSH);
    std::process::exit(77);
}

fn panicking(vital: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "diagnostics::child", "--nocapture"]).env("LC_ALL", "C");
    if vital {
        command.env("VITAL", "1");
    }
    command
}

#[test]
fn a_panic_is_reported_and_one_in_a_vital_thread_ends_the_program() {
    for (vital, code) in [(false, 77), (true, 1)] {
        let output = panicking(vital).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8_lossy(&output.stderr);
        let place = "internal error, please report it: thread the test's thread, server/tests/native/diagnostics.rs:";
        assert!(said.contains(place) && said.contains(": out of luck"), "{said}");
        assert_eq!(said.contains("has stopped"), vital, "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_panic_that_cannot_be_reported_ends_a_vital_thread_all_the_same() {
    let (_unread, stderr) = stuck();
    for stderr in [Stdio::from(full()), Stdio::from(stderr)] {
        let mut child = panicking(true).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        assert_eq!(wait(&mut child).code(), Some(1));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn diagnostics_go_on_once_the_disk_has_room_again() {
    // A pipe instead of a disk: stuck first, then read.
    let (mut reader, stderr) = stuck();
    let mut program = Unheard::with(|command| command.stdout(Stdio::null()).stderr(stderr));
    program.serves();
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).map(|_| said)
    });
    program.serves();
    program.signal(Signal::SIGTERM);
    assert_eq!(wait(&mut program.child).code(), Some(0));
    let said = reading.join().unwrap().unwrap();
    assert!(said.contains("TCP Classroom") && said.contains("refused the page"), "{said}");
}
