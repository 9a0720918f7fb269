//! The lesson's programs and the homework in the page, beside the same under `python3`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use fantoccini::key::Key;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::classroom::browser::{Browser, ENGLISH, PHONE};
use crate::classroom::person::Roster;
use crate::classroom::{must, needs};
use crate::program::{address, choose, open, out, output, press, until_state, write};

/// What a client says to the echo server and to the contact book.
const SAID: [&str; 5] = ["hello", "add;张三;13800138000", "add;zhangsan;1", "find;张三", "你好；"];

/// Programs that fail, as students make them.
const FAILING: [&str; 6] = [
    "def worker(text):\n    arg = text.split(';')\n    return arg[2]\n\nworker('add;a')\n",
    "contacts = {}\n\ndef find(name):\n    return contacts[name]\n\nfind('lisi')\n",
    "import socket\n\ns = socket.socket()\ns.bind(('127.0.0.1', '9998'))\n",
    "import socket\n\ns = socket.socket()\ns.connect(('127.0.0.1', 2))\n",
    "b'\\xd5\\xc5'.decode('utf-8')\n",
    "def f():\n    total += 1\n\ntotal = 0\nf()\n",
];

/// What the lesson says of sockets: a program that is its own client. `PORT` is to be
/// filled in, and each line that it prints is the same wherever it runs.
const SOCKETS: &str = r#"
import socket, time

def tried(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(('127.0.0.1', PORT))
    server.listen(5)
    tried(lambda: socket.socket().bind(('127.0.0.1', PORT)))
    server.settimeout(0.1)
    tried(server.accept)
    server.settimeout(None)
    client = socket.create_connection(('127.0.0.1', PORT))
    sock, addr = server.accept()
    print(addr == client.getsockname(), sock.getpeername() == addr)
    print(sock.send(b'Welcome!'), client.recv(1024))
    tried(lambda: client.send('hello'))
    tried(lambda: client.sendall('hello'))
    tried(lambda: client.sendall('张三;1'.encode('utf-8')))
    print(sock.recv(3), sock.recv(1024).decode('utf-8'))
    client.settimeout(0.1)
    tried(lambda: client.recv(1024))
    client.close()
    tried(lambda: sock.recv(1024))
    sock.close()
    tried(lambda: sock.recv(1024))
tried(server.accept)
tried(lambda: socket.create_connection(('127.0.0.1', 2)))
tried(lambda: socket.socket().connect('127.0.0.1'))
tried(lambda: socket.socket().bind(('127.0.0.1', str(PORT))))
tried(lambda: socket.socket().send(b'hello'))
def slept(seconds):
    begun = time.time()
    time.sleep(seconds)
    return time.time() - begun
print(0.2 <= slept(0.2) < 10, all(slept(0.01) >= 0.01 for _ in range(20)))
"#;

/// Wrong servers of the homework's corpus, each of another cause.
const WRONG: [&str; 10] = [
    "accept_outside_loop",
    "bytes_split_str",
    "closes_after_one",
    "dict_per_connection",
    "empty_recv_index",
    "find_unwritten",
    "key_error",
    "no_greeting",
    "not_encoded",
    "syntax_error",
];

/// A program under `python3`, in a folder of its own.
struct Python {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Python {
    fn start(file: &str, source: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), source).unwrap();
        let mut command = Command::new("python3");
        // Unbuffered, so that what was printed is there when it is ended.
        command.args(["-u", file]).args(arguments).current_dir(folder.path());
        command.env("PYTHONIOENCODING", "utf-8");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Python { child: command.spawn().unwrap(), _folder: folder }
    }

    /// What it printed until its end.
    async fn output(self) -> Output {
        let Python { child, _folder } = self;
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
    }

    /// The first lines that it, a server, prints. Ends it.
    async fn end_after(mut self, lines: usize) -> String {
        let stdout = BufReader::new(self.child.stdout.take().unwrap());
        let printed = tokio::task::spawn_blocking(move || {
            stdout.lines().take(lines).map(|line| line.unwrap() + "\n").collect()
        });
        let printed = must("its lines", printed).await.unwrap();
        self.child.kill().unwrap();
        self.output().await;
        printed
    }
}

/// Talks to a server as a raw client. Returns what each of its reads brought, and its
/// own port.
async fn talk(address: &str) -> (Vec<String>, u16) {
    let connected = must("a server", async {
        loop {
            match TcpStream::connect(address).await {
                Ok(stream) => return stream,
                // `python3` has not begun to listen.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let mut stream = connected.await;
    let mut heard = Vec::new();
    for said in SAID.into_iter().chain(["exit"]) {
        heard.push(read(&mut stream).await);
        stream.write_all(said.as_bytes()).await.unwrap();
    }
    heard.push(read(&mut stream).await);
    heard.push(read(&mut stream).await);
    (heard, stream.local_addr().unwrap().port())
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 1024];
    let length = must("an answer", stream.read(&mut bytes)).await.unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// What the editor has.
async fn source(browser: &Browser) -> String {
    let source = browser.script("return document.getElementById('editor').value").await;
    source.as_str().unwrap().to_owned()
}

async fn set_arguments(browser: &Browser, arguments: &str) {
    let script = "const field = document.getElementById('arguments'); field.value = arguments[0]; \
                  field.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.call(script, &[json!(arguments)]).await;
}

#[tokio::test]
async fn the_lesson_s_servers_print_and_answer_in_the_page_as_under_python3() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    for file in ["server.py", "server2.py"] {
        choose(&browser, file).await;
        let source = source(&browser).await;
        press(&browser, "run").await;
        let (here, port) = talk(&address(&browser).await).await;
        // It prints this when the client has gone.
        browser.until("document.getElementById('output').children.length === 3").await;
        let printed = out(&browser).await.replace(&port.to_string(), "PORT");
        press(&browser, "stop").await;
        until_state(&browser, "ended").await;

        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let source = source.replace("PORT = 9998", &format!("PORT = {}", free.port()));
        let python = Python::start(file, &source, &[]);
        let (there, port) = talk(&free.to_string()).await;
        assert_eq!(here, there, "{file}");
        assert_eq!(printed, python.end_after(3).await.replace(&port.to_string(), "PORT"), "{file}");
    }
    browser.finish().await;
}

#[tokio::test]
async fn the_lesson_s_clients_print_in_the_page_as_under_python3() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    for (file, arguments) in [
        ("client.py", &[][..]),
        ("client2.py", &["add", "张三", "13800138000"]),
        ("client2.py", &["find", "张三"]),
        ("client2.py", &["find"]),
    ] {
        choose(&browser, file).await;
        set_arguments(&browser, &arguments.join(" ")).await;
        // To the same server: what is there is the same both times.
        press(&browser, "run").await;
        until_state(&browser, "ended").await;
        let source = source(&browser).await;
        let there = Python::start(file, &source, arguments).output().await;
        let there = String::from_utf8(there.stdout).unwrap();
        assert!(!there.is_empty());
        assert_eq!(out(&browser).await, there, "{file} {arguments:?}");
    }
    browser.finish().await;
}

#[tokio::test]
async fn tracebacks_name_the_lines_that_python3_names() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    for source in FAILING {
        write(&browser, source).await;
        press(&browser, "run").await;
        until_state(&browser, "failed").await;
        let there = Python::start("program.py", source, &[]).output().await;
        let there = String::from_utf8(there.stderr).unwrap();
        // Without the marks under a line, and without the folder of the file.
        let there: Vec<String> = there
            .lines()
            .filter(|line| !line.trim_start().starts_with(['~', '^']))
            .map(|line| match line.split_once("File \"") {
                Some((before, rest)) => {
                    format!("{before}File \"{}", rest.rsplit('/').next().unwrap())
                }
                None => line.to_owned(),
            })
            .collect();
        let here: Vec<_> = output(&browser).await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(here, there);
    }
    browser.finish().await;
}

#[tokio::test]
async fn sockets_work_and_fail_in_the_page_as_under_python3() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    let with_port = |port: u16| SOCKETS.replace("PORT", &port.to_string());
    write(&browser, &with_port(9998)).await;
    press(&browser, "run").await;
    until_state(&browser, "ended").await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let there = Python::start("program.py", &with_port(free.port()), &[]).output().await;
    assert!(there.status.success(), "{there:?}");
    assert_eq!(out(&browser).await, String::from_utf8(there.stdout).unwrap());
    browser.finish().await;
}

/// What `check` says of each wrong server: the line, and the sentences.
fn verdicts() -> Vec<(String, String, String)> {
    let text = include_str!("../native/homework/verdicts.en.txt");
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks(2).map(|pair| {
        let (name, line) = pair[0].split_once(':').unwrap_or((pair[0], ""));
        (name.to_owned(), line.to_owned(), pair[1].trim().to_owned())
    });
    pairs.collect()
}

/// With the name of the list in place of the page's, which differs each time: letters
/// and a number.
fn with_usual_name(told: &str) -> String {
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.trim_start_matches(|c: char| c.is_ascii_lowercase()).parse::<u8>().is_ok()
    };
    let words = told.split(|c: char| !c.is_ascii_alphanumeric());
    match words.clone().find(is_name) {
        Some(name) => told.replace(name, "zhaolei46"),
        None => told.to_owned(),
    }
}

#[tokio::test]
async fn wrong_servers_are_judged_in_the_page_as_by_check() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/homework/wrong");
    let verdicts = verdicts();
    choose(&browser, "server2.py").await;
    for wrong in WRONG {
        write(&browser, &std::fs::read_to_string(folder.join(format!("{wrong}.py"))).unwrap())
            .await;
        press(&browser, "program-check").await;
        until_state(&browser, "failed").await;
        let first = "return document.querySelector('#program-checks > [data-state=failed] p')\
                     .textContent";
        let told = browser.script(first).await.as_str().unwrap().to_owned();
        let (_, line, text) = verdicts.iter().find(|(name, ..)| name == wrong).unwrap();
        let expected = match line.is_empty() {
            true => text.clone(),
            false => format!("Line {line} {text}"),
        };
        // The list has a dot in place of what an exception says.
        let parts: Vec<_> = expected.split("....").collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        let told = with_usual_name(&told);
        assert!(
            told == expected || parts.len() > 1 && told.starts_with(first) && told.ends_with(last),
            "{wrong}: {told}\nexpected {expected}"
        );
    }
    browser.finish().await;
}

/// Selects some of the editor's text and types keys in its place.
async fn type_over(browser: &Browser, text: &str, keys: &str) {
    let select = "const editor = document.getElementById('editor'); editor.focus(); \
                  const at = editor.value.indexOf(arguments[0]); \
                  editor.setSelectionRange(at, at + arguments[0].length)";
    browser.call(select, &[json!(text)]).await;
    browser.type_into("#editor", keys).await;
}

#[tokio::test]
async fn a_beginner_on_a_phone_goes_from_the_skeleton_to_a_green_homework() {
    let Some((server, browser)) = open(PHONE).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "program-check").await;
    until_state(&browser, "failed").await;
    let failed = "return [...document.querySelectorAll('#program-checks > [data-state=failed]')]\
                  .map(each => each.dataset.check)";
    let failures = browser.script(failed).await;
    assert!(failures.as_array().unwrap().contains(&json!("find")), "{failures}");
    browser.screenshot("program-homework-red").await;
    type_over(&browser, "\"find ____\"", "contacts.get(arg[1], \"Not Found!\")").await;
    // The editor indents by itself behind a colon, and four times Backspace ends that.
    let enter = char::from(Key::Enter);
    let back = String::from(char::from(Key::Backspace)).repeat(4);
    let remove = format!(
        "if arg[1] not in contacts:{enter}return \"Not Found!\"{enter}{back}\
         del contacts[arg[1]]{enter}return \"{{}} removed!\".format(arg[1])"
    );
    type_over(&browser, "return \"remove ____\"", &remove).await;
    press(&browser, "program-check").await;
    until_state(&browser, "ended").await;
    // What is beyond the homework may still fail.
    let failures = browser.script(failed).await;
    assert_eq!(failures, json!(["short-command", "garbage", "reset"]));
    let passed = "return document.querySelectorAll('#program-checks > [data-state=passed]').length";
    assert!(browser.script(passed).await.as_u64().unwrap() >= 13);
    // The teacher's list has the same, check by check.
    let states = "return [...document.querySelectorAll('#program-checks > li')]\
                  .map(each => each.dataset.state[0]).join('')";
    let states = browser.script(states).await;
    let row = Roster::open(&server).await.find("the homework is done", |row| row.passed).await;
    assert!(row.in_page && states == row.checks, "{states}, {row:?}");
    browser.screenshot("program-homework-green").await;
    browser.finish().await;
}
