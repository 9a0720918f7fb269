//! A primary and its standby: two private PostgreSQL clusters, of which the first confirms
//! nothing that the second does not have. What Patroni decides the test does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Mutex;

use tokio_postgres::{Client, NoTls};

use super::must;
use super::postgres::{as_nobody, missing, new_folder, programs};

/// What the shell around both does. `all` are the processes of the primary: each session
/// has one of its own, and none obeys a signal to another one.
const SCRIPT: &str = r#"
cd "$1" || exit 1
exec 2>>log
mkdir one.sockets two.sockets
"$2/initdb" -D one -U classroom -A trust -E UTF8 --locale=C --no-sync >>log || exit 1
serve() {
    exec "$2/postgres" -D "$3" -k "$1/$3.sockets" -c listen_addresses= \
        -c max_connections=100 -c shared_buffers=32MB >>log
}
wait_for() { until "$2/pg_isready" -q -h "$1/$3.sockets"; do sleep 0.05; done; }
serve "$1" "$2" one & one=$!
wait_for "$1" "$2" one
"$2/pg_basebackup" -h "$1/one.sockets" -U classroom -D two -R -c fast >>log || exit 1
serve "$1" "$2" two & two=$!
wait_for "$1" "$2" two
"$2/psql" -q -h "$1/one.sockets" -U classroom postgres \
    -c "alter system set synchronous_standby_names = '*'" -c "select pg_reload_conf()" >>log
echo ready
all() { echo $one $(cat /proc/$one/task/$one/children); }
while read -r line; do
    case $line in
        crash) kill -QUIT $one; wait $one; echo crashed ;;
        stop) kill -STOP $(all); echo stopped ;;
        continue) kill -CONT $(all); echo continued ;;
        promote) "$2/pg_ctl" promote -w -D two >>log; echo promoted ;;
    esac
done
kill -CONT $(all)
kill -QUIT $one $two
wait
rm -rf "$1"
"#;

/// A primary and its standby.
pub struct Pair {
    folder: PathBuf,
    shell: Child,
    said: Mutex<BufReader<std::process::ChildStdout>>,
}

impl Pair {
    /// Both, at work; none where there is no PostgreSQL and that is allowed.
    pub async fn start() -> Option<Self> {
        if missing() {
            return None;
        }
        let folder = new_folder();
        let mut shell = as_nobody(&folder)
            .args(["-c", SCRIPT, "postgres"])
            .args([&folder, &programs().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Mutex::new(BufReader::new(shell.stdout.take().unwrap()));
        let pair = Pair { folder, shell, said };
        Some(tokio::task::spawn_blocking(move || pair.said("ready")).await.unwrap())
    }

    /// The address of both.
    pub fn url(&self) -> String {
        let hosts = ["one", "two"].map(|which| percent_encoded(&self.sockets(which)));
        format!("postgres://classroom@{}/postgres", hosts.join(","))
    }

    /// Has the shell do something to the primary, or promote the standby.
    pub async fn does(mut self, what: &str, done: &'static str) -> Self {
        self.shell.stdin.as_mut().unwrap().write_all(format!("{what}\n").as_bytes()).unwrap();
        tokio::task::spawn_blocking(move || self.said(done)).await.unwrap()
    }

    /// A client of the standby, which has been promoted.
    pub async fn new_primary(&self) -> Client {
        let url =
            format!("postgres://classroom@{}/postgres", percent_encoded(&self.sockets("two")));
        let connecting = tokio_postgres::connect(&url, NoTls);
        let (client, connection) = must("the new primary", connecting).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn sockets(&self, which: &str) -> PathBuf {
        self.folder.join(format!("{which}.sockets"))
    }

    fn said(self, expected: &str) -> Self {
        let mut line = String::new();
        self.said.lock().unwrap().read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
        self
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

fn percent_encoded(path: &Path) -> String {
    path.to_str().unwrap().replace('/', "%2F")
}
