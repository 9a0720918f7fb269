//! Python in the page: how soon a program starts, and how long a message to it and back
//! takes. Needs Chromium; `cargo xtask bench python` runs it, and then measures what such
//! programs take from a class: of that the server alone, in `bench/src/class/programs.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[path = "../tests/classroom/mod.rs"]
mod classroom;

use std::time::{Duration, Instant};

use classroom::TestServer;
use classroom::browser::{Browser, ENGLISH};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Messages to the program in the page.
const MESSAGES: usize = 500;

/// A program that says back what it hears.
const ECHO: &str = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 9998))\ns.listen(5)\n\
    sock, addr = s.accept()\nwhile True:\n    data = sock.recv(1024)\n    if not data:\n        break\n    \
    sock.sendall(data)\n";

#[tokio::main]
async fn main() {
    println!("| Python in the browser | |");
    println!("|---|---|");
    in_the_page().await;
}

/// A quantile of some times, in milliseconds.
fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0
}

async fn in_the_page() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    browser.show("program").await;
    for what in [
        "first start, download included",
        "start of the next program",
        "first start after a reload, from the browser's cache",
    ] {
        if what.contains("reload") {
            browser.client.refresh().await.unwrap();
        }
        browser.until("document.getElementById('program-state')?.textContent").await;
        let begun = Instant::now();
        run(&browser, "print('here')\n").await;
        browser.until("document.getElementById('output').textContent === 'here'").await;
        println!("| {what} | {} ms |", begun.elapsed().as_millis());
        browser.until("document.getElementById('program').dataset.state === 'ended'").await;
        run(&browser, "").await;
        browser.until("document.getElementById('output').textContent === ''").await;
        browser.until("document.getElementById('program').dataset.state === 'ended'").await;
    }
    run(&browser, ECHO).await;
    browser.until("document.getElementById('program').dataset.address").await;
    let address = browser.script("return document.getElementById('program').dataset.address").await;
    let mut client = TcpStream::connect(address.as_str().unwrap()).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..MESSAGES {
        times.push(say(&mut client, b"hello").await);
    }
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    println!("| raw TCP to the program and back | p50 {p50:.1} ms, p99 {p99:.1} ms |");
    browser.finish().await;
}

async fn run(browser: &Browser, source: &str) {
    let script = "const editor = document.getElementById('editor'); editor.value = arguments[0]; \
                  document.getElementById('run').click()";
    browser.call(script, &[json!(source)]).await;
}

/// Sends a message and waits for it to come back.
async fn say(stream: &mut TcpStream, message: &[u8]) -> Duration {
    let begun = Instant::now();
    stream.write_all(message).await.unwrap();
    let mut heard = vec![0; message.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, message);
    begun.elapsed()
}
