//! The programs that are measured: started here, on their core, and ended with
//! the value that stands for them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::cores::Cores;
use crate::dialect::Dialect;

/// The longest a program may take to start: twenty times what the largest book
/// is allowed.
const STARTING: Duration = Duration::from_secs(60);

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds a contender plays in each scenario. Odd, so that the median is
    /// one of them; seven bear three bad ones.
    pub rounds: usize,
    /// How long a round lasts. A second is some 50,000 operations: the 99.9th
    /// percentile stands on 50 of them.
    pub round: Duration,
    /// Connections held open for the idle memory.
    pub idle: usize,
    /// Contacts in the large book.
    pub contacts: u32,
    /// How long the lesson of a class is, in which everybody says something each four
    /// seconds: 2,400 answers, 24 of which are beyond the 99th percentile.
    pub class: Duration,
}

impl Effort {
    /// Of a run whose figures count.
    pub const FULL: Effort = Effort {
        rounds: 7,
        round: Duration::from_secs(1),
        idle: 5_000,
        contacts: 1_000_000,
        class: Duration::from_secs(120),
    };
    /// Of a trial.
    pub const QUICK: Effort = Effort {
        rounds: 3,
        round: Duration::from_millis(200),
        idle: 500,
        contacts: 100_000,
        class: Duration::from_secs(12),
    };
}

/// Everything a measurement needs: where to run what, and for how long.
#[derive(Debug)]
pub struct Lab {
    pub effort: Effort,
    pub cores: Cores,
    /// Runs throughout; the others come and go.
    pub yardstick: Running,
    /// What Redis calls itself, where it is installed.
    pub redis: Option<String>,
    /// Whether the server keeps a book on a disk (`--data`).
    pub durable: bool,
    /// Whether it reads one from a CSV file (`import`).
    pub imports: bool,
    server: PathBuf,
    /// An earlier build of the server, to compare with in the same rounds.
    baseline: Option<PathBuf>,
    scratch: TempDir,
    directories: usize,
}

/// Which book the server opens.
#[derive(Clone, Copy, Debug)]
pub enum Book<'a> {
    Memory,
    File(&'a Path),
}

impl Lab {
    /// # Errors
    ///
    /// There is no server, or no second core, or no room on the disk.
    pub fn new(
        server: &Path,
        baseline: Option<&Path>,
        scratch: &Path,
        effort: Effort,
    ) -> Result<Self> {
        // Other than the working directory's, which a child may have another of.
        let server = std::path::absolute(server)?;
        let baseline = baseline.map(std::path::absolute).transpose()?;
        let help = Command::new(&server)
            .arg("--help")
            .output()
            .with_context(|| format!("cannot start {}; build it first", server.display()))?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let words: Vec<_> = help.lines().filter_map(first).collect();
        let cores = Cores::of_this_process()?;
        Ok(Lab {
            effort,
            cores,
            yardstick: yardstick(cores)?,
            redis: redis_version(),
            durable: words.iter().any(|word| word == "--data"),
            imports: words.iter().any(|word| word == "import"),
            server,
            baseline,
            scratch: TempDir::new_in(scratch).context("cannot create a scratch directory")?,
            directories: 0,
        })
    }

    /// An empty directory on the disk that is measured.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn directory(&mut self) -> Result<PathBuf> {
        self.directories += 1;
        let directory = self.scratch.path().join(self.directories.to_string());
        std::fs::create_dir(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(directory)
    }

    /// The server, on free ports, as it comes but for its book.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn server(&mut self, book: Book<'_>) -> Result<Running> {
        self.server_with(book, &[])
    }

    /// The same with more options.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn server_with(&mut self, book: Book<'_>, options: &[&str]) -> Result<Running> {
        let command = clean_command(&self.server);
        self.start(command, "tcp-classroom", book, options)
    }

    /// The earlier build to compare with, if there is one.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn baseline(&mut self, book: Book<'_>) -> Result<Option<Running>> {
        let command = self.baseline.as_deref().map(clean_command);
        command.map(|command| self.start(command, BASELINE, book, &[])).transpose()
    }

    fn start(
        &mut self,
        mut command: Command,
        name: &str,
        book: Book<'_>,
        options: &[&str],
    ) -> Result<Running> {
        let log = self.directory()?.join("log");
        command.args(["--no-open", "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        // Room for a book of a million, and for what the scenarios add to it.
        command.args(["--max-contacts", "2000000"]).args(options);
        match book {
            Book::Memory => command.arg("--memory"),
            Book::File(path) => command.arg("--data").arg(path),
        };
        command.stdout(Stdio::null()).stderr(File::create(&log)?);
        let start = Instant::now();
        let mut running = Running::start(self.cores, command, name)?;
        let (tcp, http) = running
            .until(|| Ok(addresses(&std::fs::read_to_string(&log)?)))
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        running.tcp = tcp;
        running.http = http;
        // It is up when it has welcomed a client, whatever it says before.
        Dialect::Line.connect(tcp)?;
        running.start_up = start.elapsed();
        Ok(running)
    }

    /// Fills the server's book in `data` from a CSV file.
    ///
    /// # Errors
    ///
    /// When the server cannot.
    pub fn import(&self, data: &Path, contacts: &Path) -> Result<()> {
        let output = clean_command(&self.server)
            .arg("import")
            .arg("--data")
            .arg(data)
            .arg(contacts)
            .stdin(Stdio::null())
            .output()
            .context("cannot start the import")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the import failed: {said}");
        Ok(())
    }

    /// Redis where it is installed, on a free port, with the same promise:
    /// nothing on the disk, or each change there before its reply.
    ///
    /// # Errors
    ///
    /// When it is installed and does not start.
    pub fn redis(&mut self, durable: bool) -> Result<Option<Running>> {
        if self.redis.is_none() {
            return Ok(None);
        }
        let directory = self.directory()?;
        // It takes no port 0, and a free one may be gone a moment later.
        for _ in 0..3 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let port = free.port().to_string();
            let mut command = Command::new(REDIS);
            command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]).arg("--dir");
            command.arg(&directory).args(["--appendonly", if durable { "yes" } else { "no" }]);
            // A rewrite of the log in the middle of a round would be bad luck.
            command.args(["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]);
            command.stdout(File::create(directory.join("log"))?).stderr(Stdio::null());
            let name = if durable { "Redis, appendfsync always" } else { "Redis" };
            let mut running = Running::start(self.cores, command, name)?;
            let up = running.until(|| Ok(ping(free).ok()));
            if up.is_ok() {
                running.tcp = free;
                return Ok(Some(running));
            }
        }
        bail!("Redis does not start: {}", std::fs::read_to_string(directory.join("log"))?)
    }
}

/// A program that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    pub name: String,
    /// Where it listens for TCP.
    pub tcp: SocketAddr,
    /// Where the server listens for HTTP.
    pub http: SocketAddr,
    /// From its start to its first welcome.
    pub start_up: Duration,
    child: Child,
}

impl Running {
    fn start(cores: Cores, mut command: Command, name: &str) -> Result<Self> {
        // The yardstick alone needs its standard input, and has set it up.
        if name != YARDSTICK {
            command.stdin(Stdio::null());
        }
        let child = cores
            .on_contender_core(|| command.spawn())
            .with_context(|| format!("cannot start {name}"))?;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let start_up = Duration::ZERO;
        Ok(Running { name: name.to_owned(), tcp: nowhere, http: nowhere, start_up, child })
    }

    /// Its number in /proc.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` has something, a millisecond at a time.
    fn until<T>(&mut self, ready: impl Fn() -> io::Result<Option<T>>) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = ready()? {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once: {status}", self.name);
            }
            ensure!(start.elapsed() < STARTING, "{} does not start", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs `program` with nothing of this shell's settings.
fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TCP_CLASSROOM_") {
            command.env_remove(name);
        }
    }
    command
}

/// The name of an earlier build in the table.
pub const BASELINE: &str = "baseline";

const YARDSTICK: &str = "bare echo";

/// This program once more, as the echo server.
fn yardstick(cores: Cores) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("yardstick").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(cores, command, YARDSTICK)?;
    let stdout = running.child.stdout.take().context("it is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    running.tcp = line.trim().parse().context("the yardstick does not say where it is")?;
    Ok(running)
}

/// The addresses in the server's banner, raw TCP and HTTP, once it is complete.
fn addresses(banner: &str) -> Option<(SocketAddr, SocketAddr)> {
    if !banner.contains("Ctrl+C") {
        return None;
    }
    let http = banner.split("http://").nth(1)?.split('/').next()?.parse().ok()?;
    // As `127.0.0.1 9999`, ready for nc.
    let pairs = banner.lines().filter_map(|line| line.trim().split_once(' '));
    let tcp = pairs.map(|(ip, port)| format!("{ip}:{port}")).find_map(|text| text.parse().ok())?;
    Some((tcp, http))
}

const REDIS: &str = "redis-server";

/// As in `Redis server v=7.0.15 sha=...`.
fn redis_version() -> Option<String> {
    let output = Command::new(REDIS).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some(format!("Redis {version}"))
}

fn ping(address: SocketAddr) -> Result<()> {
    let mut stream = Dialect::Redis.connect(address)?;
    stream.write_all(b"PING\r\n")?;
    let mut pong = [0; 7];
    stream.read_exact(&mut pong)?;
    ensure!(&pong == b"+PONG\r\n", "not ready");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_found_in_the_banner_and_only_when_it_is_complete() {
        let banner = "TCP Classroom 0.1.0\n\nThe page, on this computer\n  http://127.0.0.1:8081/\n\
                      Raw TCP, for Python and nc\n  127.0.0.1 9998\nContacts\n  in memory only\n\n";
        assert_eq!(addresses(banner), None);
        let (tcp, http) = addresses(&format!("{banner}Ctrl+C stops\n")).unwrap();
        assert_eq!((tcp.port(), http.port()), (9998, 8081));
    }
}
