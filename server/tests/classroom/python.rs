//! A Python program on a computer of its own that talks raw TCP, as a student's does.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use super::{must, needs};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Sends what it is given, and prints what each `recv` brings. JSON, a text a line.
const PROGRAM: &str = r#"
import json, socket, sys, threading

server, port, own = sys.argv[1:]
client = socket.create_connection((server, int(port)), source_address=(own, 0))

def receive():
    data = b"?"
    while data:
        try:
            data = client.recv(1024)
        except OSError:
            data = b""
        print(json.dumps(data.decode("utf-8", "replace")), flush=True)

threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
    client.sendall(json.loads(line).encode("utf-8"))
"#;

/// Whether the test may go on, which needs Python.
pub fn is_here() -> bool {
    needs::program(PYTHON, "--version")
}

/// A client in Python; ended when dropped.
pub struct PythonClient {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl PythonClient {
    /// Connects from another address of this computer.
    pub fn start(server: SocketAddr, own: [u8; 4]) -> Self {
        let (host, own) = (server.ip().to_string(), IpAddr::from(own).to_string());
        let mut child = Command::new(PYTHON)
            .args(["-c", PROGRAM, &host, &server.port().to_string(), &own])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        PythonClient { _child: child, input, output }
    }

    pub async fn send(&mut self, text: &str) {
        let line = serde_json::to_string(text).unwrap() + "\n";
        must("Python reads", self.input.write_all(line.as_bytes())).await.unwrap();
    }

    /// What the next `recv` brings; nothing at the end.
    pub async fn recv(&mut self) -> String {
        let line = must("a recv", self.output.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("it prints until the end")).unwrap()
    }

    /// Receives exactly this, in however many pieces.
    pub async fn expect(&mut self, expected: &str) {
        let mut got = String::new();
        while got.len() < expected.len() {
            let more = self.recv().await;
            assert_ne!(more, "", "the end after {got:?}, not {expected:?}");
            got += &more;
        }
        assert_eq!(got, expected);
    }

    /// The server has ended the conversation.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.recv().await, "");
    }

    /// What the first `recv` brings after a text was sent, and how long that took.
    pub async fn ask(&mut self, text: &str) -> (String, Duration) {
        let start = Instant::now();
        self.send(text).await;
        (self.recv().await, start.elapsed())
    }
}
