//! The homework from outside: a page that follows its checks, a `check.py` played by
//! hand, and the real one with a student's server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use api::{CheckDetails, CheckedBytes, Homework};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::events::EventClient;
use super::{HttpResponse, TcpClient, get, http, must};

/// The key of a page.
pub const KEY: &str = "k3y0fAstudent0123456789";

/// A page at the homework.
pub struct HomeworkPage {
    events: EventClient,
    http: SocketAddr,
    key: String,
    pub last: Homework,
}

impl HomeworkPage {
    /// Opens it; the first event says the code.
    pub async fn open(http: SocketAddr, key: &str) -> Self {
        Self::open_as(http, key, "").await
    }

    /// The same, by a student who uses this name in examples.
    pub async fn open_as(http: SocketAddr, key: &str, name: &str) -> Self {
        Self::open_with(http, key, name, "en").await
    }

    /// The same, in a language.
    pub async fn open_with(http: SocketAddr, key: &str, name: &str, language: &str) -> Self {
        let path = format!("{}?key={key}&lang={language}&name={name}", api::HOMEWORK);
        Self::open_path(http, key, &path).await
    }

    /// The same in one class of many, which is in a folder.
    pub async fn open_in(http: SocketAddr, folder: &str, key: &str) -> Self {
        Self::open_path(http, key, &format!("{folder}{}?key={key}&lang=en", api::HOMEWORK)).await
    }

    async fn open_path(http: SocketAddr, key: &str, path: &str) -> Self {
        let mut events = EventClient::open_path(http, path).await;
        let last = events.homework().await.expect("the first event comes at once");
        HomeworkPage { events, http, key: key.to_owned(), last }
    }

    /// Follows until something holds.
    pub async fn until(&mut self, holds: impl Fn(&Homework) -> bool) -> &Homework {
        while !holds(&self.last) {
            self.last = self.events.homework().await.expect("the stream goes on");
        }
        &self.last
    }

    /// Follows a run to its end.
    pub async fn result(&mut self) -> &Homework {
        self.until(|homework| {
            let is_over = |state: &str| !matches!(state, "waiting" | "running");
            !homework.running
                && !homework.checks.is_empty()
                && homework
                    .checks
                    .iter()
                    .all(|check| is_over(&check.state) || check.name == "my-client")
        })
        .await
    }

    /// The state of a check.
    pub fn state(&self, name: &str) -> &str {
        let check = self.last.checks.iter().find(|check| check.name == name);
        check.map_or("absent", |check| &check.state)
    }

    /// What is said about a check.
    pub fn text(&self, name: &str) -> String {
        let check = self.last.checks.iter().find(|check| check.name == name);
        check.and_then(|check| check.text.clone()).unwrap_or_default()
    }

    /// Has the checks begin anew. Returns the status of the answer.
    pub async fn run_again(&mut self) -> u16 {
        let path = format!("{}?key={}", api::HOMEWORK_RUN, self.key);
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0", self.http);
        http(self.http, &head).await.status
    }

    /// What was sent and received for a check.
    pub async fn details(&self, check: &str) -> Vec<CheckedBytes> {
        let path = format!("{}?key={}&lang=en&check={check}", api::HOMEWORK_CHECK, self.key);
        let answer = get(self.http, &path, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_slice::<CheckDetails>(&answer.body).unwrap().rows
    }
}

/// Asks for a relay; what is answered where there is none.
pub async fn refused_relay(http: SocketAddr, code: &str, headers: &str) -> HttpResponse {
    refused_relay_in(http, "", code, headers).await
}

/// The same in one class of many, which is in a folder.
pub async fn refused_relay_in(
    http: SocketAddr,
    folder: &str,
    code: &str,
    headers: &str,
) -> HttpResponse {
    let path = format!("{folder}{}?code={code}", api::HOMEWORK_RELAY);
    get(http, &path, &format!("\r\nUpgrade: tcp-classroom-relay{headers}")).await
}

/// A `check.py` played by hand.
pub struct FakeCheck {
    pub stream: TcpClient,
}

impl FakeCheck {
    /// Connects and has the place of a code.
    pub async fn connect(http: SocketAddr, code: &str) -> Self {
        let mut stream = TcpClient::connect(http).await;
        let path = format!("{}?code={code}", api::HOMEWORK_RELAY);
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: Upgrade\r\n\
             Upgrade: tcp-classroom-relay\r\n\r\n"
        );
        stream.send(head.as_bytes()).await;
        let first = stream.line().await;
        assert!(first.starts_with("HTTP/1.1 101 "), "{first}");
        while stream.line().await != "\r\n" {}
        FakeCheck { stream }
    }

    /// Connects and says that a server runs on a port.
    pub async fn with_port(http: SocketAddr, code: &str, port: u16) -> Self {
        let mut check = Self::connect(http, code).await;
        check.tell(json!({"event": "hello", "file": null, "port": port, "source": null})).await;
        check
    }

    pub async fn tell(&mut self, event: Value) {
        self.stream.send(format!("{event}\n").as_bytes()).await;
    }

    /// What the classroom asks for next.
    pub async fn asked(&mut self) -> Value {
        let line = self.stream.line().await;
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// The next request that is of this kind; others are left out.
    pub async fn asked_to(&mut self, what: &str) -> Value {
        loop {
            let asked = self.asked().await;
            if asked["do"] == what {
                return asked;
            }
        }
    }
}

/// The real `check.py`, as the server hands it out.
pub struct RealCheck {
    child: Child,
    /// What it has printed.
    said: watch::Receiver<String>,
}

/// Bytes that are kept of what it prints, the last ones: a student's server may flood.
const KEPT: usize = 64 * 1024;

impl RealCheck {
    /// Downloads it into a folder and starts it there.
    pub async fn start(http: SocketAddr, folder: &Path, target: &str, code: &str) -> Self {
        Self::start_in(http, "", folder, target, code).await
    }

    /// The same in one class of many, which is in the folder `class`.
    pub async fn start_in(
        http: SocketAddr,
        class: &str,
        folder: &Path,
        target: &str,
        code: &str,
    ) -> Self {
        Self::download(http, class, folder, code).await;
        Self::run(folder, target, &[])
    }

    /// Downloads it into a folder.
    pub async fn download(http: SocketAddr, class: &str, folder: &Path, code: &str) {
        let path = format!("{class}/check.py?code={code}&page=http://{http}{class}/");
        let script = get(http, &path, "").await;
        assert_eq!(script.status, 200);
        std::fs::write(folder.join("check.py"), &script.body).unwrap();
    }

    /// Starts the one that lies in a folder.
    pub fn run(folder: &Path, target: &str, environment: &[(&str, &Path)]) -> Self {
        Self::run_by(Command::new("python3"), folder, target, environment)
    }

    /// The same, with a Python.
    pub fn run_by(
        mut command: Command,
        folder: &Path,
        target: &str,
        environment: &[(&str, &Path)],
    ) -> Self {
        command.args(["check.py", target]).current_dir(folder).stdin(Stdio::null());
        command.envs(environment.iter().copied());
        command.env("PYTHONIOENCODING", "utf-8").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, said) = watch::channel(String::new());
        tokio::spawn(keep(child.stdout.take().unwrap(), sender.clone()));
        tokio::spawn(keep(child.stderr.take().unwrap(), sender));
        RealCheck { child, said }
    }

    /// Waits until it has printed a text.
    pub async fn until_said(&mut self, text: &str) {
        let said = self.said.wait_for(|said| said.contains(text));
        must(&format!("check.py says {text:?}"), said).await.expect("it has not ended");
    }

    /// Ends it as a closed terminal does, and waits until it has tidied up.
    pub async fn end(&mut self) {
        self.ask_to_end();
        self.ended().await;
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        must("check.py ends", self.child.wait()).await.unwrap()
    }

    fn ask_to_end(&mut self) {
        #[cfg(unix)]
        self.signal(nix::sys::signal::Signal::SIGTERM);
        #[cfg(not(unix))]
        let _ = self.child.start_kill();
    }

    /// Ends it with Ctrl+C, and waits until it has tidied up.
    #[cfg(unix)]
    pub async fn interrupt(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGINT);
        self.ended().await;
    }

    #[cfg(unix)]
    fn signal(&self, signal: nix::sys::signal::Signal) {
        let Some(id) = self.child.id() else { return };
        let id = nix::unistd::Pid::from_raw(i32::try_from(id).expect("a process id"));
        let _ = nix::sys::signal::kill(id, signal);
    }
}

impl Drop for RealCheck {
    fn drop(&mut self) {
        // It tidies up by itself: a wait here would keep the test's server from reading.
        self.ask_to_end();
    }
}

/// Reads a pipe to its end, and keeps the end of the text.
async fn keep(mut pipe: impl AsyncRead + Unpin, said: watch::Sender<String>) {
    let mut chunk = vec![0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
        said.send_modify(|said| {
            said.push_str(&String::from_utf8_lossy(&chunk[..length]));
            if said.len() > 2 * KEPT {
                let start = said.ceil_char_boundary(said.len() - KEPT);
                said.drain(..start);
            }
        });
    }
}

/// A contacts server with the homework done, as a student might write it.
pub fn right_server(port: u16) -> String {
    format!(
        r#"import socket

contacts = {{}}

def serve(client):
    client.send(b'Welcome!')
    while True:
        data = client.recv(1024)
        if not data or data.decode('utf-8') == 'exit':
            break
        fields = data.decode('utf-8').split(';')
        if fields[0] == 'add':
            contacts[fields[1]] = fields[2]
            client.send(('%s added!' % fields[1]).encode('utf-8'))
        elif fields[0] == 'find':
            if fields[1] in contacts:
                client.send(contacts[fields[1]].encode('utf-8'))
            else:
                client.send('Not Found!'.encode('utf-8'))
        elif fields[0] == 'remove':
            if fields[1] in contacts:
                del contacts[fields[1]]
                client.send(('%s removed!' % fields[1]).encode('utf-8'))
            else:
                client.send('Not Found!'.encode('utf-8'))
        else:
            client.send(('Received %s;' % data.decode('utf-8')).encode('utf-8'))
    client.close()

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(('127.0.0.1', {port}))
listener.listen(5)
print('Waiting for connection...')
while True:
    client, _ = listener.accept()
    serve(client)
"#
    )
}
