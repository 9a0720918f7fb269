//! Board and teacher's page as a browser shows them: both open in one Chromium, which is
//! spoken to by its own protocol, over a WebSocket for each page.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use super::tally::Seen;

/// Names the browser, as for the tests. Without it only what the pages are told is compared.
const VARIABLE: &str = "CHROMIUM";

/// The longest wait for the browser: it starts in a second.
const STARTING: Duration = Duration::from_secs(30);

/// What the board shows, by the names of the figures and written as they are.
const BOARD: &str = "
(() => {
  const text = id => document.getElementById(id).textContent;
  const counts = [...document.querySelectorAll('#class-steps > li')].map(it => it.dataset.count);
  const mistakes = [...document.querySelectorAll('#mistakes > li')]
    .map(it => `\"${it.dataset.cause}\": ${it.dataset.count}`).sort();
  return { pages: text('pages'), contacts: text('contacts-count'),
    steps: `[${counts.join(', ')}]`, mistakes: `{${mistakes.join(', ')}}` };
})()";

/// What the teacher's page shows in its rows, but for the one of the flood: as in
/// [`is_flooder`](super::tally::is_flooder) the Python program at an address that no other
/// program has.
const TEACHER: &str = "
(() => {
  const slot = (row, name) => row.querySelector(`[data-slot=${name}]`).textContent;
  const kind = row => row.querySelector('.kind').textContent;
  const rows = [...document.querySelectorAll('#people > li')];
  const python = kind(rows.find(row => slot(row, 'name').startsWith('127.0.1.')));
  const students = rows.filter(row => kind(row) !== python || slot(row, 'name') !== '127.0.0.1');
  const sum = name => `${students.reduce((sum, row) => sum + +slot(row, name), 0)}`;
  const programs = students.filter(row => kind(row) === python).length;
  return { messages: sum('messages'), errors: sum('errors'),
    pages: `${students.length - programs}`, programs: `${programs}`,
    contacts: document.getElementById('contacts').textContent };
})()";

/// Both pages, and the browser, which ends with this.
#[derive(Debug)]
pub(super) struct Screens {
    _browser: Browser,
    /// The browser's folder, deleted once it has ended.
    _profile: TempDir,
    board: WebSocket<TcpStream>,
    teacher: WebSocket<TcpStream>,
}

impl Screens {
    /// Opens both pages; none where no browser is named.
    ///
    /// # Errors
    ///
    /// The browser does not start.
    pub(super) fn open(http: SocketAddr) -> Result<Option<Self>> {
        let Some(program) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let profile = tempfile::tempdir()?;
        let browser = Command::new(&program)
            // Without a sandbox, which Chromium does not have as root, as in a container.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", Path::new(&program).display()))?;
        let browser = Browser(browser);
        let protocol = protocol_address(profile.path())?;
        let board = page(protocol, &format!("http://{http}/board"))?;
        let teacher = page(protocol, &format!("http://{http}/teacher"))?;
        Ok(Some(Screens { _browser: browser, _profile: profile, board, teacher }))
    }

    /// What the board shows.
    ///
    /// # Errors
    ///
    /// The browser is gone.
    pub(super) fn board(&mut self) -> Result<Seen> {
        evaluate(&mut self.board, BOARD)
    }

    /// What the teacher's page shows.
    ///
    /// # Errors
    ///
    /// As [`board`](Self::board).
    pub(super) fn teacher(&mut self) -> Result<Seen> {
        evaluate(&mut self.teacher, TEACHER)
    }
}

/// A browser that ends with this value.
#[derive(Debug)]
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself. The program may be a script that starts the browser:
        // all that is in its group ends.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Where the browser with this folder is spoken to: it writes its port down there.
fn protocol_address(profile: &Path) -> Result<SocketAddr> {
    let start = Instant::now();
    loop {
        let written = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        // The line behind the port is written last.
        if let Some((port, _)) = written.split_once('\n') {
            let port: u16 = port.parse().context("the browser's port is no number")?;
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        }
        if start.elapsed() > STARTING {
            bail!("the browser does not start");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Opens a page, and connects to it.
fn page(protocol: SocketAddr, address: &str) -> Result<WebSocket<TcpStream>> {
    let mut stream = TcpStream::connect(protocol)?;
    stream.set_read_timeout(Some(STARTING))?;
    let request = format!(
        "PUT /json/new?{address} HTTP/1.1\r\nHost: {protocol}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let opened: Value = serde_json::from_str(&body(&mut stream)?).context("no page is opened")?;
    let place = opened["webSocketDebuggerUrl"].as_str().context("the page has no address")?;
    let stream = TcpStream::connect(protocol)?;
    stream.set_read_timeout(Some(STARTING))?;
    let (page, _) = tungstenite::client(place, stream)
        .map_err(|error| anyhow::anyhow!("the page does not answer: {error}"))?;
    Ok(page)
}

/// The body of an answer whose length is told; the connection may stay open behind it.
fn body(stream: &mut TcpStream) -> Result<String> {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).context("the browser does not answer")?;
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.context("its length is not told")?.trim().parse()?];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

/// The figures that a script in a page returns.
fn evaluate(page: &mut WebSocket<TcpStream>, script: &str) -> Result<Seen> {
    let parameters = json!({ "expression": script, "returnByValue": true });
    let command = json!({ "id": 1, "method": "Runtime.evaluate", "params": parameters });
    page.send(Message::text(command.to_string()))?;
    let Message::Text(answer) = page.read()? else { bail!("the browser answers with no text") };
    let mut answer: Value = serde_json::from_str(&answer)?;
    serde_json::from_value(answer["result"]["result"]["value"].take())
        .with_context(|| format!("the page shows no figures: {answer}"))
}
