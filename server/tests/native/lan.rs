//! A class on a network of its own: fifty computers and the teacher's, as network
//! namespaces behind one bridge. Only root can make them.

use std::process::{Command, Stdio};
use std::thread;

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

/// The namespaces, named for this process; deleted when dropped, with all that is in
/// them.
struct Network(String);

impl Network {
    fn new() -> Self {
        let network = Network(format!("tcp-class-{}", std::process::id()));
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
        let (name, switch) = (self.namespace(&number.to_string()), format!("{}-switch", self.0));
        ip(&format!("link add v{number} netns {switch} type veth peer name wlan0 netns {name}"));
        ip(&format!("-n {switch} link set v{number} master br0 up"));
        ip(&format!("-n {name} addr add 192.168.50.{number}/24 dev wlan0"));
        ip(&format!("-n {name} link set wlan0 up"));
        name
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

#[test]
fn fifty_computers_join_by_what_the_board_shows() {
    if !needs::privilege(nix::unistd::getuid().is_root(), "only root can make networks")
        || !needs::program("ip", "-V")
        || !needs::program("python3", "--version")
    {
        return;
    }
    let network = Network::new();
    let teacher = network.computer(1);
    let mut server = inside(&teacher, env!("CARGO_BIN_EXE_tcp-classroom"));
    server.args(["--lan", "--memory", "--no-open"]).env("LC_ALL", "en_US.UTF-8");
    let server = crate::classroom::binary::Program::run(server);

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
