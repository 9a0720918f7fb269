//! Stands in for Python where Windows programs run but no Python for Windows is to be
//! had: a server with the homework done, which also starts a helper. Of the file that it
//! is given it understands three lines: on which port it listens (`bind`), with which
//! one its helper connects and then does nothing (`create_connection`), and whether it
//! never says a word (`time.sleep`). For tests; never part of what is shipped.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// What is known to all clients: phones by name.
static CONTACTS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Longer than any test: a program that should have been ended ends by itself at last.
const FOR_EVER: Duration = Duration::from_secs(300);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["-c", _] => println!("3"),
        ["helper", port] => {
            let mut told = connect(port.parse().unwrap());
            told.write_all(b"x").unwrap();
            std::thread::sleep(FOR_EVER);
        }
        ["-u", file] => run(&std::fs::read_to_string(file).unwrap()),
        _ => panic!("python: {arguments:?}"),
    }
}

/// Runs a student's server.
fn run(file: &str) {
    assert_eq!(std::env::var("PYTHONIOENCODING").as_deref(), Ok("utf-8"));
    if let Some(port) = port(file, "create_connection(") {
        let mut helper = Command::new(std::env::current_exe().unwrap());
        helper.args(["helper", &port.to_string()]).stdin(Stdio::null());
        helper.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    }
    let listener = TcpListener::bind(("127.0.0.1", port(file, "bind(").unwrap())).unwrap();
    println!("Waiting for connection...");
    let is_silent = file.contains("time.sleep");
    for client in listener.incoming() {
        let client = client.unwrap();
        std::thread::spawn(
            move || if is_silent { std::thread::sleep(FOR_EVER) } else { serve(client) },
        );
    }
}

/// The port behind `127.0.0.1` in a call.
fn port(file: &str, call: &str) -> Option<u16> {
    let (_, address) = file.split_once(&format!("{call}('127.0.0.1', ")[..])?;
    address.split(')').next()?.parse().ok()
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).unwrap()
}

/// One client, to its end.
fn serve(mut client: TcpStream) {
    let mut answer = "Welcome!".to_owned();
    let mut chunk = [0; 1024];
    while client.write_all(answer.as_bytes()).is_ok() {
        let Ok(length @ 1..) = client.read(&mut chunk) else { return };
        let message = String::from_utf8_lossy(&chunk[..length]).into_owned();
        println!("{message}");
        let mut contacts = CONTACTS.lock().unwrap();
        let missing = || "Not Found!".to_owned();
        answer = match message.split(';').collect::<Vec<_>>()[..] {
            ["exit"] => return,
            ["add", name, phone] => {
                contacts.insert(name.to_owned(), phone.to_owned());
                format!("{name} added!")
            }
            ["find", name] => contacts.get(name).cloned().unwrap_or_else(missing),
            ["remove", name] => {
                contacts.remove(name).map_or_else(missing, |_| format!("{name} removed!"))
            }
            _ => format!("Received {message};"),
        };
    }
}
