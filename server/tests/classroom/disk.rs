//! Disks that fail: strace's injections, and a small disk to fill.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::binary::{FREE_PORTS, Program, command, read};
use super::needs;

pub fn book_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("contacts.db")
}

/// The write-ahead log of a book.
pub fn log_of(book: &Path) -> PathBuf {
    beside(book, "-wal")
}

pub fn beside(book: &Path, ending: &str) -> PathBuf {
    let mut path = book.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Whether the test may go on, which injects faults or writes calls down.
pub fn strace_is_here() -> bool {
    needs::program("strace", "-V")
}

/// A command of the program under strace, with a fault injected or its calls
/// written down.
pub fn strace(options: &[&str], arguments: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace
        // As a grandchild, so that the child we kill is the program itself, whose end it
        // writes down.
        .args(["-D", "-f", "-q"])
        // Stops the program at the calls that are asked for alone, not at each.
        .arg("--seccomp-bpf")
        .args(options)
        .arg(command().get_program())
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    strace
}

/// The server under strace.
pub fn traced(book: &Path, options: &[&str]) -> Program {
    Program::run(traced_command(book, options))
}

pub fn traced_command(book: &Path, options: &[&str]) -> Command {
    let mut strace = strace(options, &["--no-open"]);
    strace.args(FREE_PORTS).arg("--data").arg(book);
    strace
}

/// The server with a fault injected into a call: `injected(book, "fdatasync",
/// "error=EIO:when=3")`.
pub fn injected(book: &Path, call: &str, fault: &str) -> Command {
    // strace injects only into what it traces.
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}"));
    traced_command(book, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
}

/// Sends a line and returns the reply, or nothing if the server is gone.
pub fn say(client: &mut TcpStream, line: &str) -> Option<String> {
    use std::io::Read as _;
    client.write_all(format!("{line}\n").as_bytes()).ok()?;
    let mut reply = Vec::new();
    let mut byte = [0];
    loop {
        match client.read(&mut byte) {
            Ok(1) if byte == *b"\n" => return String::from_utf8(reply).ok(),
            Ok(1) => reply.push(byte[0]),
            _ => return None,
        }
    }
}

/// Asks a server for every name; what it knows, and what it does not.
pub fn find_all(program: &Program, names: impl Iterator<Item = String>) -> HashMap<String, String> {
    try_find_all(program, names).expect("all answers")
}

/// The same, or nothing if the server ends meanwhile.
pub fn try_find_all(
    program: &Program,
    names: impl Iterator<Item = String>,
) -> Option<HashMap<String, String>> {
    let names: Vec<_> = names.collect();
    let mut client = program.try_welcome()?;
    let questions: String = names.iter().map(|name| format!("find;{name}\n")).collect();
    let mut sender = client.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        // It fails where the server has ended, and then there are no answers.
        let _ = sender.write_all(questions.as_bytes());
        let _ = sender.shutdown(std::net::Shutdown::Write);
    });
    let mut answers = String::new();
    let read = client.read_to_string(&mut answers);
    asking.join().unwrap();
    let answers: Vec<_> = answers.lines().map(str::to_owned).collect();
    (read.is_ok() && answers.len() == names.len()).then(|| names.into_iter().zip(answers).collect())
}

/// Adds contacts one by one; each must be confirmed.
pub fn add(program: &Program, numbers: std::ops::Range<usize>) {
    let mut client = program.welcome();
    for n in numbers {
        client.write_all(format!("add;name{n};{n}\n").as_bytes()).unwrap();
        let expected = format!("name{n} added!\n");
        assert_eq!(read(&mut client, expected.len()), expected);
    }
}

/// What `export` writes about a book: name and phone of every contact.
pub fn exported(book: &Path) -> Result<HashMap<String, String>, String> {
    let mut export = command_without_options();
    let output = export.arg("export").arg("-").arg("--data").arg(book).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let csv = String::from_utf8(output.stdout).unwrap();
    let rows = csv.lines().skip(1).filter_map(|row| row.split_once(','));
    Ok(rows.map(|(name, phone)| (name.to_owned(), phone.to_owned())).collect())
}

/// The program for `export` and `import`.
pub fn command_without_options() -> Command {
    let mut command = Command::new(command().get_program());
    command.env_remove("TCP_CLASSROOM_DATA").env("LC_ALL", "en_US.UTF-8").stdin(Stdio::null());
    command
}

/// A small disk of its own; only root may have one.
pub struct SmallDisk(pub tempfile::TempDir);

impl SmallDisk {
    /// A disk of so many megabytes, or nothing where the test is skipped.
    pub fn new(megabytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        if !needs::privilege(is_root, "only root can mount a small disk to fill") {
            return None;
        }
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        assert!(mounted, "a tmpfs can be mounted");
        Some(SmallDisk(folder))
    }

    pub fn book(&self) -> PathBuf {
        book_in(&self.0)
    }

    /// Fills it but for so many bytes. Returns what to delete to make room.
    pub fn fill(&self, free: usize) -> PathBuf {
        let ballast = self.0.path().join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(free as u64)).unwrap();
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
