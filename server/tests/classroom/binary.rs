//! The program itself, started from outside.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{DEADLINE, wait_until};

pub const FREE_PORTS: [&str; 4] = ["--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"];

/// Room for what tests of load add: more than a school has.
const LARGE_BOOK: [&str; 2] = ["--max-contacts", "1000000"];

/// The program without a browser, and with nothing of this shell's settings.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-classroom"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCP_CLASSROOM_")) {
        command.env_remove(name);
    }
    command.args(["--no-open"]).env("LC_ALL", "en_US.UTF-8").stdin(Stdio::null());
    command
}

/// A running program; killed when dropped.
pub struct Program {
    pub child: Child,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    /// What it said on stderr up to the end of the banner.
    pub banner: String,
}

impl Program {
    /// Starts it on free ports with further arguments, its contacts in memory.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(FREE_PORTS).arg("--memory").args(LARGE_BOOK).args(arguments);
        Self::run(command)
    }

    /// Starts it on free ports with its contacts in a file.
    pub fn with_data(data: &Path) -> Self {
        let mut command = command();
        command.args(FREE_PORTS).args(LARGE_BOOK).arg("--data").arg(data);
        Self::run(command)
    }

    /// Starts a prepared command and reads its banner.
    pub fn run(command: Command) -> Self {
        Self::try_run(command).unwrap_or_else(|said| panic!("no banner, only:\n{said}"))
    }

    /// The same, or what it said instead of the banner.
    pub fn try_run(mut command: Command) -> Result<Self, String> {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = lines(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        let mut banner = String::new();
        while !banner.contains("Ctrl+C") {
            match stderr.recv_timeout(DEADLINE) {
                Ok(line) => banner += &line,
                Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(banner);
                }
            }
            banner += "\n";
        }
        let page = banner.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let http = page.expect("the page's address").parse().expect("an address");
        let tcp = banner
            .lines()
            .filter_map(|line| line.trim().split_once(' '))
            .find_map(|(ip, port)| format!("{ip}:{port}").parse().ok());
        Ok(Program { child, tcp: tcp.expect("the TCP address"), http, stdout, stderr, banner })
    }

    /// The next line on stdout.
    pub fn console_line(&self) -> String {
        self.stdout.recv_timeout(DEADLINE).expect("a line on the console")
    }

    /// Reads stdout until `count` conversations have been closed.
    pub fn await_closed(&self, count: usize) {
        let mut closed = 0;
        while closed < count {
            closed += usize::from(self.console_line().ends_with("closed."));
        }
    }

    /// The next line on stderr after the banner.
    pub fn diagnostic(&self) -> String {
        loop {
            let line = self.stderr.recv_timeout(DEADLINE).expect("a line on stderr");
            if !line.is_empty() {
                return line;
            }
        }
    }

    /// Everything on stderr until it is closed.
    pub fn remaining_diagnostics(&self) -> String {
        self.stderr.iter().collect::<Vec<_>>().join("\n")
    }

    /// Everything on stdout until it is closed.
    pub fn remaining_console(&self) -> Vec<String> {
        self.stdout.iter().collect()
    }

    /// How many files and sockets it has open.
    #[cfg(target_os = "linux")]
    pub fn open_descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("it is running").count()
    }

    /// A field of /proc/PID/status in kilobytes: `VmRSS`, or `VmHWM`, its peak.
    #[cfg(target_os = "linux")]
    pub fn memory(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it is running");
        let line = status.lines().find(|line| line.starts_with(field)).expect("there is the field");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("it is running");
    }

    /// Waits for its end.
    pub fn exit(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Connects as many raw TCP clients. All connect before the first welcome is
    /// awaited, which comes after 50 ms of silence.
    pub fn welcome_all(&self, count: usize) -> Vec<TcpStream> {
        let mut streams: Vec<_> = (0..count).map(|_| connect(self.tcp)).collect();
        for stream in &mut streams {
            assert_eq!(read(stream, 8), "Welcome!");
        }
        streams
    }

    /// Connects as a raw TCP client and reads the welcome.
    pub fn welcome(&self) -> TcpStream {
        self.try_welcome().expect("a welcome")
    }

    /// The same, or nothing from a program that has ended.
    pub fn try_welcome(&self) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(self.tcp).ok()?;
        prepare(&stream);
        let mut welcome = [0; 8];
        stream.read_exact(&mut welcome).ok()?;
        assert_eq!(&welcome, b"Welcome!");
        Some(stream)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a program's end.
pub fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("the program ends", || {
        status = child.try_wait().expect("it is ours");
        status.is_some()
    });
    status.expect("it has ended")
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it accepts");
    prepare(&stream);
    stream
}

fn prepare(stream: &TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
}

/// Reads exactly `length` bytes.
pub fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("an answer");
    String::from_utf8(bytes).expect("text")
}

/// Reads to the end.
pub fn read_rest(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("text, then the end");
    rest
}

fn lines(source: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// How long a writer rests behind a reply, so that a load stays far from filling a book,
/// and leaves processors to other tests: there is always something on its way all the same.
pub const WRITERS_REST: Duration = Duration::from_millis(20);

/// Adds names until the server is gone, one at a time and in pipelines. Returns
/// how many were confirmed.
pub fn add_until_killed(client: TcpStream, writer: usize, round: usize) -> usize {
    let (confirmed, refused) = add_until_killed_or_refused(client, writer, round);
    assert!(!refused, "a change was refused");
    confirmed
}

/// The same of a server that refuses changes while its database is too slow: that ends it,
/// too. Returns how many were confirmed before, and whether it was so.
pub fn add_until_killed_or_refused(
    mut client: TcpStream,
    writer: usize,
    round: usize,
) -> (usize, bool) {
    let mut confirmed = 0;
    let mut answers = Vec::new();
    loop {
        let pipeline = 1 + (confirmed + writer) % 7;
        let lines: String = (confirmed..confirmed + pipeline)
            .map(|n| format!("add;r{round}w{writer}n{n};{n}\n"))
            .collect();
        if client.write_all(lines.as_bytes()).is_err() {
            return (confirmed, false);
        }
        answers.clear();
        let mut bytes = [0; 4096];
        while answers.iter().filter(|&&byte| byte == b'\n').count() < pipeline {
            match client.read(&mut bytes) {
                Ok(0) | Err(_) => {
                    // What came before the end counts.
                    let count = answers.iter().filter(|&&byte| byte == b'\n').count();
                    return (confirmed + count, false);
                }
                Ok(read) => answers.extend(&bytes[..read]),
            }
        }
        let answers = String::from_utf8_lossy(&answers);
        let added = answers.lines().take_while(|line| line.ends_with("added!")).count();
        confirmed += added;
        if added < pipeline {
            assert!(answers.contains("Error: not confirmed"), "{answers}");
            return (confirmed, true);
        }
        std::thread::sleep(WRITERS_REST);
    }
}
