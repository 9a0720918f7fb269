//! Three machines of a cluster: etcd, Patroni and PostgreSQL each, set up as
//! `deploy/many-classes/patroni.yml` says, on ports of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use super::door::Door;
use super::within;
use crate::classroom::TcpClient;
use crate::classroom::port::student_port;
use crate::classroom::postgres::{as_nobody, programs};

/// How many machines there are.
pub const MACHINES: usize = 3;

/// A superuser's and the other roles' password.
const PASSWORD: &str = "not-secret";

/// Time for one question to a machine that may hang.
const ASKING: Duration = Duration::from_secs(1);

/// Time for the cluster to begin, or for a machine to come back with all it has missed:
/// Patroni's `ttl` of 20 s, and twice as much on a machine that does much else.
const RECOVERY: Duration = Duration::from_secs(120);

/// What the shell around a machine does: it starts its programs, obeys the lines it reads,
/// and ends all of them when nothing more can come, because the test program is gone.
/// PostgreSQL is started by Patroni and is no child of this shell; each of its sessions is
/// a process that obeys no signal to another one. Patroni ends with a traceback where etcd's
/// members have not agreed on a version yet.
const SCRIPT: &str = r#"
folder=$1
cd "$folder" || exit 1
exec 2>>shell.log
shift
start() {
    etcd "$@" >>etcd.log 2>&1 & etcd=$!
    {
        until python3 -c "$AGREED" 2>>etcd.log; do sleep 0.1; done
        exec python3 -m patroni patroni.yml >>patroni.log 2>&1
    } & patroni=$!
}
postgres() {
    test -f data/postmaster.pid && read -r pid <data/postmaster.pid &&
        echo $pid $(cat /proc/$pid/task/$pid/children)
}
all() { echo $patroni $etcd $(postgres); }
start "$@"
while read -r line; do
    case $line in
        kill) kill -KILL $(all); wait ;;
        start) start "$@" ;;
        pause) kill -STOP $(all) ;;
        continue) kill -CONT $(all) ;;
    esac
    echo $line
done
# With what Patroni runs for now, such as a copy of the primary.
kill -KILL $patroni $(cat /proc/$patroni/task/*/children)
kill -KILL $etcd $(postgres)
wait
rm -rf "$folder"
"#;

/// A program of Python that fails as long as a member of etcd knows no version of the cluster.
const AGREED: &str = "
import os, sys, urllib.request
sys.exit(b'not_decided' in urllib.request.urlopen(os.environ['VERSION']).read())
";

/// One machine. Its programs end when it is dropped.
struct Machine {
    postgres: SocketAddr,
    shell: Child,
    said: BufReader<ChildStdout>,
    /// The ways by which this machine is reached and by which it reaches etcd.
    doors: Vec<Door>,
}

/// All of them, and the ways to them from the servers of the class.
pub struct Cluster {
    machines: Vec<Machine>,
    /// Where the machines' members of etcd take orders.
    pub etcd: [SocketAddr; MACHINES],
    /// Of each server, to each machine.
    servers: [Vec<Door>; 2],
    /// Their files. Last, since it is deleted when the machines have ended.
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts all, and waits until one is the primary and the others follow it.
    pub async fn start(patroni: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("cluster").tempdir().unwrap();
        let packages = copied(patroni, folder.path());
        let address = || SocketAddr::from(([127, 0, 0, 1], student_port()));
        let clients: [_; MACHINES] = std::array::from_fn(|_| address());
        let peers: [_; MACHINES] = std::array::from_fn(|_| address());
        let members: Vec<_> =
            peers.iter().enumerate().map(|(n, peer)| format!("db{n}=http://{peer}")).collect();
        let members = members.join(",");
        let mut machines = Vec::new();
        for number in 0..MACHINES {
            let own = folder.path().join(format!("db{number}"));
            std::fs::create_dir(&own).unwrap();
            let (api, postgres) = (address(), address());
            let mut doors = vec![Door::to(api).await, Door::to(postgres).await];
            let mut etcd = Vec::new();
            for client in clients {
                let door = Door::to(client).await;
                etcd.push(format!("'{}'", door.address));
                doors.push(door);
            }
            std::fs::write(own.join("patroni.yml"), settings()).unwrap();
            let mut shell = as_nobody(&own);
            shell.args(["-c", SCRIPT, "machine"]).arg(&own);
            shell.args(etcd_options(number, clients[number], peers[number], &members));
            shell
                .env("HOME", &own)
                .env("AGREED", AGREED)
                .env("VERSION", format!("http://{}/version", clients[number]))
                .env("PYTHONPATH", &packages)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("PATRONI_NAME", format!("db{number}"))
                .env("PATRONI_RESTAPI_LISTEN", api.to_string())
                .env("PATRONI_RESTAPI_CONNECT_ADDRESS", doors[0].address.to_string())
                .env("PATRONI_POSTGRESQL_LISTEN", postgres.to_string())
                .env("PATRONI_POSTGRESQL_CONNECT_ADDRESS", doors[1].address.to_string())
                .env("PATRONI_POSTGRESQL_DATA_DIR", own.join("data"))
                .env("PATRONI_POSTGRESQL_PGPASS", own.join("pgpass"))
                .env("PATRONI_POSTGRESQL_BIN_DIR", programs().unwrap())
                .env("PATRONI_SUPERUSER_PASSWORD", PASSWORD)
                .env("PATRONI_REPLICATION_PASSWORD", PASSWORD)
                .env("PATRONI_ETCD3_HOSTS", etcd.join(","))
                // Doors stay what is asked, not the addresses that etcd tells.
                .env("PATRONI_ETCD3_USE_PROXIES", "true");
            // Ctrl+C ends the test, and its end all of these in their order.
            shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut shell = shell.spawn().expect("a shell");
            let said = BufReader::new(shell.stdout.take().unwrap());
            machines.push(Machine { postgres, shell, said, doors });
        }
        let mut servers = [Vec::new(), Vec::new()];
        for doors in &mut servers {
            for machine in &machines {
                doors.push(Door::to(machine.postgres).await);
            }
        }
        let cluster = Cluster { machines, etcd: clients, servers, folder };
        cluster.is_whole().await;
        cluster
    }

    /// Makes the database and its owner, as docs/many-classes.md says.
    pub async fn make_database(&self) {
        let client = self.superuser(self.primary().await, "postgres").await.unwrap();
        let role = format!("create role classroom login password '{PASSWORD}'");
        client.batch_execute(&role).await.unwrap();
        client.batch_execute("create database classroom owner classroom").await.unwrap();
    }

    /// The address of all machines for one of the servers.
    pub fn url(&self, server: usize) -> String {
        let hosts: Vec<_> =
            self.servers[server].iter().map(|door| door.address.to_string()).collect();
        format!("postgres://classroom:{PASSWORD}@{}/classroom", hosts.join(","))
    }

    /// A superuser's client of the primary.
    pub async fn client(&self) -> Client {
        self.superuser(self.primary().await, "classroom").await.unwrap()
    }

    /// Which machine takes writes.
    pub async fn primary(&self) -> usize {
        within("a primary", RECOVERY, async {
            loop {
                for machine in 0..MACHINES {
                    if self.followers(machine).await.is_some() {
                        return machine;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
    }

    /// Waits until one machine is the primary and all others have what it has confirmed or
    /// will soon: until the cluster can stand a fault.
    pub async fn is_whole(&self) {
        within("all machines of the cluster are well", RECOVERY, async {
            loop {
                for machine in 0..MACHINES {
                    if self.followers(machine).await == Some(MACHINES - 1) {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }

    /// How many others follow a machine so closely that their word counts for a commit;
    /// none of one that is no primary, or does not answer.
    async fn followers(&self, machine: usize) -> Option<usize> {
        let client = self.superuser(machine, "postgres").await?;
        let sql = "select pg_is_in_recovery(), (select count(*) from pg_stat_replication \
                   where state = 'streaming' and sync_state = 'quorum')";
        let asked = tokio::time::timeout(ASKING, client.query_one(sql, &[])).await;
        let row = asked.ok()?.ok()?;
        let (follows, followers): (bool, i64) = (row.get(0), row.get(1));
        (!follows).then_some(usize::try_from(followers).unwrap())
    }

    async fn superuser(&self, machine: usize, database: &str) -> Option<Client> {
        let address = self.machines[machine].postgres;
        let url = format!("postgres://postgres:{PASSWORD}@{address}/{database}");
        let connecting = tokio::time::timeout(ASKING, tokio_postgres::connect(&url, NoTls)).await;
        let (client, connection) = connecting.ok()?.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    /// Has a machine's shell do something: `kill`, `start`, `pause` or `continue`.
    pub fn does(&mut self, machine: usize, what: &str) {
        let Machine { shell, said, .. } = &mut self.machines[machine];
        shell.stdin.as_mut().unwrap().write_all(format!("{what}\n").as_bytes()).unwrap();
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), what);
    }

    /// Has Patroni make another machine the primary, as an operator does before taking this
    /// one away. It is done when this returns.
    pub async fn hand_over(&self, primary: usize) {
        let mut patroni = TcpClient::connect(self.machines[primary].doors[0].address).await;
        let order = format!("{{\"leader\":\"db{primary}\"}}");
        let length = order.len();
        let request =
            format!("POST /switchover HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{order}");
        patroni.send(request.as_bytes()).await;
        let answer = patroni.rest().await;
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// Cuts the network, or mends it: a machine and a server are on one side, all else is
    /// on the other. Members of etcd reach each other all the same, which is to the
    /// disadvantage of nothing but this machine's.
    pub fn set_whole(&self, whole: bool, machine: usize, server: usize) {
        for door in &self.machines[machine].doors {
            door.set_open(whole);
        }
        for (of, doors) in self.servers.iter().enumerate() {
            for (to, door) in doors.iter().enumerate() {
                door.set_open(whole || (of == server) == (to == machine));
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_logs();
        }
    }
}

impl Cluster {
    /// Prints what Patroni said last, and keeps all that it and etcd said.
    fn tell_logs(&self) {
        /// Lines of each machine: some loops of Patroni.
        const LAST: usize = 40;
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for number in 0..MACHINES {
            for program in ["patroni", "etcd"] {
                let log = self.folder.path().join(format!("db{number}/{program}.log"));
                let kept = kept.join(format!("db{number}-{program}.log"));
                println!("{}", kept.display());
                let _ = std::fs::copy(log, kept);
            }
            let log = std::fs::read_to_string(kept.join(format!("db{number}-patroni.log")));
            let log = log.unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            lines[lines.len().saturating_sub(LAST)..].iter().for_each(|line| println!("  {line}"));
        }
    }
}

/// Patroni's packages, where a user may read them who may not read the cache of root.
fn copied(patroni: &Path, folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let packages = folder.join("packages");
    let copy = Command::new("cp").arg("-R").args([patroni, &packages]).status().unwrap();
    assert!(copy.success());
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    packages
}

/// The settings as they are shipped, but for the folder of sockets: Debian's is the user
/// postgres's.
fn settings() -> String {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/many-classes/patroni.yml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let before = "\n  parameters:\n";
    assert_eq!(shipped.matches(before).count(), 1);
    shipped.replace(before, &format!("{before}    unix_socket_directories: ''\n"))
}

fn etcd_options(number: usize, client: SocketAddr, peer: SocketAddr, members: &str) -> Vec<String> {
    let options = [
        ("name", format!("db{number}")),
        ("data-dir", "etcd".to_owned()),
        ("listen-client-urls", format!("http://{client}")),
        ("advertise-client-urls", format!("http://{client}")),
        ("listen-peer-urls", format!("http://{peer}")),
        ("initial-advertise-peer-urls", format!("http://{peer}")),
        ("initial-cluster", members.to_owned()),
        // Ten times the time between two signs of life, as etcd advises, for disks and
        // processors that do much else: its own 1 s is for machines of its own.
        ("heartbeat-interval", "250".to_owned()),
        ("election-timeout", "2500".to_owned()),
    ];
    options.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}
