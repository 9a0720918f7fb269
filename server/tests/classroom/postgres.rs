//! A private PostgreSQL: a cluster in a temporary folder, reached by a Unix socket only,
//! and gone with the test program.
#![cfg(target_os = "linux")]

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use nix::unistd::{User, geteuid};
use tokio_postgres::{Client, NoTls};

use super::{must, needs};

/// What PostgreSQL has by default.
const PORT: u16 = 5432;

/// What the shell around the server does: it starts it, says so once the server takes
/// connections, obeys the lines it reads, and ends it when nothing more can come, because
/// the test program is gone.
const SCRIPT: &str = r#"
cd "$1" || exit 1
"$2/initdb" -D data -U classroom -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 || exit 1
start() {
    mkfifo log
    "$2/postgres" -D data -k "$1" -c listen_addresses= -c max_connections=300 \
        -c shared_buffers=32MB $3 >log 2>&1 &
    pid=$!
    exec 3<log
    rm log
    said=failed
    while read -r line <&3; do
        echo "$line" >>server.log
        case $line in *"ready to accept connections"*) said=started; break ;; esac
    done
    echo $said
    cat <&3 >>server.log &
    exec 3<&-
}
start "$1" "$2" "$3"
while read -r line; do
    case $line in
        crash) kill -QUIT $pid; wait $pid; echo crashed ;;
        start) start "$1" "$2" "$3" ;;
    esac
done
kill -QUIT $pid
wait $pid
rm -rf "$1"
"#;

/// A running cluster.
pub struct Postgres {
    folder: PathBuf,
    /// Of TCP, where it takes that, and in its socket's name.
    port: u16,
    shell: Mutex<Child>,
    databases: AtomicU32,
}

impl Postgres {
    /// The cluster that tests of this program share, each with a database of its own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// A cluster of one's own; none where there is no PostgreSQL and that is allowed.
    pub fn start() -> Option<Self> {
        Self::start_with(PORT, "", &[])
    }

    /// The same at another port, with further options, and with private keys, which
    /// are made readable to the server alone.
    pub fn start_with(port: u16, options: &str, keys: &[PathBuf]) -> Option<Self> {
        if missing() {
            return None;
        }
        let folder = new_folder();
        let programs = programs().unwrap();
        let mut shell = as_nobody(&folder);
        for key in keys {
            let owner = std::fs::metadata(&folder).unwrap().uid();
            chown(key, Some(owner), None).unwrap();
            let reached = key.parent().unwrap();
            std::fs::set_permissions(reached, Permissions::from_mode(0o755)).unwrap();
            std::fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
        }
        let shell = shell
            .args(["-c", SCRIPT, "postgres"])
            .args([&folder, &programs])
            .arg(format!("-c port={port} {options}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shell = Mutex::new(shell);
        let postgres = Postgres { folder, port, shell, databases: AtomicU32::new(0) };
        postgres.expect("started\n");
        Some(postgres)
    }

    /// Makes a new database, and returns its URL.
    pub async fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let client = self.connect("postgres").await;
        client.batch_execute(&format!("create database d{number}")).await.unwrap();
        self.url(&format!("d{number}"))
    }

    /// A client of a database.
    pub async fn connect(&self, database: &str) -> Client {
        let url = self.url(database);
        let connecting = tokio_postgres::connect(&url, NoTls);
        let (client, connection) = must("PostgreSQL takes a connection", connecting).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// The address of a database.
    fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://classroom@{folder}:{}/{database}", self.port)
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Stops it at once, without writing anything down. It is gone when this returns.
    pub fn crash(&self) {
        self.tell("crash\n");
        self.expect("crashed\n");
    }

    /// Starts it again. It takes connections when this returns.
    pub fn start_again(&self) {
        self.tell("start\n");
        self.expect("started\n");
    }

    /// Waits for what the shell says next.
    fn expect(&self, line: &str) {
        let mut shell = self.shell.lock().unwrap();
        let mut said = String::new();
        BufReader::new(shell.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, line);
    }

    fn tell(&self, line: &str) {
        let mut shell = self.shell.lock().unwrap();
        shell.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut shell = self.shell.lock().unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }
}

/// A new folder, with a short name: a socket's path has 107 bytes at most.
pub fn new_folder() -> PathBuf {
    tempfile::Builder::new().prefix("pg").tempdir().unwrap().keep()
}

/// Whether there is no PostgreSQL, and that is allowed.
pub fn missing() -> bool {
    !needs::tool(programs().is_some(), "PostgreSQL is not installed (Debian: postgresql)")
}

/// A shell that may write into a folder, and is not root: as that PostgreSQL refuses to run.
pub fn as_nobody(folder: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new("sh");
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    chown(folder, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    let mut command = Command::new("runuser");
    command.args(["-u", "nobody", "--", "sh"]);
    command
}

/// The folder of the newest server's programs, which are not on Debian's path.
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    of_debian().or_else(on_path)
}

fn of_debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let number =
        |programs: &Path| -> Option<u32> { programs.parent()?.file_name()?.to_str()?.parse().ok() };
    programs.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| number(bin))
}
