//! A class on a network of its own: fifty computers and the teacher's, as network
//! namespaces behind one bridge. Only root can make them.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::classroom::binary::Program;
use crate::classroom::needs;

const STUDENTS: usize = 50;

/// What a student does: opens the page, then talks to the server as the board says.
const STUDENT: &str = r#"
import socket, sys, urllib.request
url, address, number = sys.argv[1], (sys.argv[2], int(sys.argv[3])), sys.argv[4]
assert b'<html' in urllib.request.urlopen(url, timeout=30).read()
s = socket.create_connection(address, 30)
assert s.recv(1024) == b'Welcome!'
for command, reply in ('add;s%s;138%s', 's%s added!'), ('find;s%s', '138%s'):
    s.sendall((command.replace('%s', number)).encode())
    assert s.recv(1024).decode() == reply.replace('%s', number), command
s.sendall(b'exit')
assert s.recv(1024) == b''
"#;

/// Prints the board's first event.
const BOARD: &str = "
import urllib.request
events = urllib.request.urlopen('http://127.0.0.1:8080/api/board', timeout=30)
lines = iter(events.readline, b'')
print(next(line[5:].decode() for line in lines if line.startswith(b'data:')))
";

/// The namespaces, named for this process and network; deleted when dropped, with all that is in
/// them.
struct Network(String);

impl Network {
    fn new() -> Self {
        static NETWORKS: AtomicUsize = AtomicUsize::new(0);
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let network = Network(format!("tcp-class-{}-{number}n", std::process::id()));
        let switch = network.namespace("switch");
        for arguments in ["link add br0 type bridge", "link set br0 up"] {
            ip(&format!("-n {switch} {arguments}"));
        }
        network
    }

    fn namespace(&self, name: &str) -> String {
        let name = format!("{}-{name}", self.0);
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        name
    }

    /// A computer at 192.168.50.`number`.
    fn computer(&self, number: usize) -> String {
        let name = self.namespace(&number.to_string());
        self.connect(&name, number);
        name
    }

    /// Brings a computer into the network.
    fn connect(&self, name: &str, number: usize) {
        let switch = format!("{}-switch", self.0);
        ip(&format!("link add v{number} netns {switch} type veth peer name wlan0 netns {name}"));
        ip(&format!("-n {switch} link set v{number} master br0 up"));
        ip(&format!("-n {name} addr add 192.168.50.{number}/24 dev wlan0"));
        ip(&format!("-n {name} link set wlan0 up"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let names = Command::new("ip").args(["netns", "list"]).output();
        let names = names.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for line in names.unwrap_or_default().lines().filter(|line| line.starts_with(&self.0)) {
            let name = line.split(' ').next().unwrap_or_default();
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

fn ip(arguments: &str) {
    let made = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(made.success(), "ip {arguments}");
}

/// A command inside a namespace.
fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]).stdin(Stdio::null());
    command
}

/// Whether networks can be made here.
fn has_networks() -> bool {
    needs::privilege(nix::unistd::getuid().is_root(), "only root can make networks")
        && needs::program("ip", "-V")
        && needs::program("python3", "--version")
}

/// Starts a server inside a namespace.
fn start(namespace: &str, arguments: &[&str]) -> Program {
    let mut server = inside(namespace, env!("CARGO_BIN_EXE_tcp-classroom"));
    server.arg("--no-open").args(arguments).env("LC_ALL", "en_US.UTF-8");
    Program::run(server)
}

/// What `doctor` says there, and whether it finds nothing wrong.
fn doctor(namespace: &str, book: &str) -> (String, bool) {
    let mut doctor = inside(namespace, env!("CARGO_BIN_EXE_tcp-classroom"));
    doctor.args(["doctor", "--data", book]).env("LC_ALL", "en_US.UTF-8");
    let output = doctor.output().unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.success())
}

#[test]
fn doctor_prints_the_command_that_lets_the_network_in() {
    if !has_networks() {
        return;
    }
    let network = Network::new();
    let teacher = network.computer(1);
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("contacts.db");
    let book = book.to_str().unwrap();

    let (said, _) = doctor(&teacher, book);
    assert!(said.contains("port 9999: free, the server is not running"), "{said}");

    let server = start(&teacher, &["--data", book]);
    let (said, is_fine) = doctor(&teacher, book);
    let closed = "192.168.50.1:8080: no answer, the server is open to this computer only; \
                  start it so:\n       tcp-classroom --lan\n";
    assert!(said.contains(closed) && !is_fine, "{said}");
    drop(server);

    // On other ports, which the server tells.
    let ports = ["--tcp", "9001", "--http", "9002"];
    let _server = start(&teacher, &[&["--lan", "--data", book], &ports[..]].concat());
    let (said, _) = doctor(&teacher, book);
    for port in [9001, 9002] {
        assert!(said.contains(&format!("port {port}: the server answers")), "{said}");
        let open = format!("192.168.50.1:{port}: the server answers at the network's address");
        assert!(said.contains(&open), "{said}");
    }
    assert!(said.contains("http://192.168.50.1:9002/"), "{said}");
}

/// Prints the board's first address, then the first one on the students' network.
const ADDRESSES: &str = "
import json, urllib.request
events = urllib.request.urlopen('http://127.0.0.1:8080/api/board', timeout=60)
lines = (line[5:] for line in iter(events.readline, b'') if line.startswith(b'data:'))
hosts = lambda line: [address['host'] for address in json.loads(line)['addresses']]
print(hosts(next(lines))[0], flush=True)
print(next(host for line in lines for host in hosts(line) if host.startswith('192.')))
";

#[test]
fn a_wifi_that_comes_late_is_on_the_board() {
    if !has_networks() {
        return;
    }
    let network = Network::new();
    let teacher = network.namespace("late");
    let _server = start(&teacher, &["--lan", "--memory"]);
    let mut board = inside(&teacher, "python3");
    let mut board = board.args(["-c", ADDRESSES]).stdout(Stdio::piped()).spawn().unwrap();
    let mut hosts = BufReader::new(board.stdout.take().unwrap()).lines();
    assert_eq!(hosts.next().unwrap().unwrap(), "127.0.0.1");
    network.connect(&teacher, 9);
    assert_eq!(hosts.next().unwrap().unwrap(), "192.168.50.9");
    assert!(board.wait().unwrap().success());
}

#[test]
fn fifty_computers_join_by_what_the_board_shows() {
    if !has_networks() {
        return;
    }
    let network = Network::new();
    let teacher = network.computer(1);
    let server = start(&teacher, &["--lan", "--memory"]);

    let board = inside(&teacher, "python3").args(["-c", BOARD]).output().unwrap();
    let board: api::Board = serde_json::from_slice(&board.stdout).unwrap();
    let address = board.addresses[0].clone();
    assert_eq!((&*address.url, &*address.host), ("http://192.168.50.1:8080/", "192.168.50.1"));
    assert!(server.banner.contains(&address.url), "{}", server.banner);

    let students: Vec<_> =
        (2..2 + STUDENTS).map(|number| (number, network.computer(number))).collect();
    let joined: Vec<_> = students
        .iter()
        .map(|(number, computer)| {
            let mut student = inside(computer, "python3");
            student.args(["-c", STUDENT, &address.url, &address.host]);
            student.args([address.port.to_string(), number.to_string()]);
            thread::spawn(move || student.output().unwrap())
        })
        .collect();
    for student in joined {
        let output = student.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    server.await_closed(STUDENTS);
}
