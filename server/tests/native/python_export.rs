//! The page's programs, run: what a student copies from it says and hears the
//! same as the page itself.
#![cfg(unix)]

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use crate::classroom::{TestServer, needs};
use tokio_tungstenite::tungstenite::Message;
use web::core::message::Address;
use web::core::python_export::{nc, one_liner, program};

/// Whole conversations, some by people who mean no good.
const CONVERSATIONS: &[&[&str]] = &[
    &[],
    &["exit"],
    &["hello", "add;张三;13800138000", "find;张三", "remove;张三", "find;张三", "exit"],
    &["add;O'Neil \"Bob\" \\;1", "find;O'Neil \"Bob\" \\", "find;O'Neil"],
    &["add;$HOME `id` $(id) !! \\n %s %d *;1", "find;$HOME `id` $(id) !! \\n %s %d *"],
    &["-n", "'", "\"", "\\", "'\"'\\''", "a\\", "#x", "~", "& exit; | rm < >", "  two  spaces  "],
    &["find;a\tb", "\u{202e}gnp.exe", "\x1b[31mred \\e \\033 \\0101", "nul \0 and \u{9b}"],
    &["add；张三；1", "add;张；三;1", "find;张；三", "👩‍🚀", "\u{feff}x", "ad;x;1", "add;;"],
    // A bare remove takes no name from the message behind it.
    &["add;bob;1", "remove", "bob", "find;bob"],
    &["add;a;1\nadd;b;2\r\n\nfind;a", "hello", "remove\na\n", "find;a", "remove", "b", "find;b"],
    &["find;a\nexit\nfind;b", "find;c"],
];

/// What the page gets to see on its WebSocket.
async fn replies(messages: &[&str]) -> Vec<String> {
    let server = TestServer::start().await;
    let mut client = server.websocket().await;
    for message in messages.iter().chain(&["exit"]) {
        client.send(message).await;
        if message.lines().any(|line| line.trim() == "exit") {
            break;
        }
    }
    let mut replies = Vec::new();
    loop {
        match client.next().await {
            Message::Text(reply) => replies.push(reply.to_string()),
            Message::Close(_) => return replies,
            other => panic!("{other:?}"),
        }
    }
}

fn address(server: SocketAddr) -> Address {
    Address { host: server.ip().to_string(), port: server.port() }
}

/// Whether `nc` is younger than its first version, 1.10 of 1996, which some
/// still install.
fn nc_knows_ipv6() -> bool {
    let help = Command::new("nc").arg("-h").output().unwrap();
    let first = [help.stdout, help.stderr].concat().starts_with(b"[v1.10");
    needs::tool(!first, "this nc knows no IPv6")
}

/// Runs a program that ends by itself and returns what it printed.
fn printed(command: &mut Command) -> String {
    let output = tokio::task::block_in_place(|| command.output().unwrap());
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    String::from_utf8(output.stdout).unwrap()
}

async fn python_hears(server: TestServer, messages: &[&str], replies: &[String]) {
    let lines = program(&address(server.tcp), messages);
    let program: String = lines.into_iter().map(|line| line.text + "\n").collect();
    let heard =
        printed(Command::new("python3").args(["-c", &program]).env("PYTHONIOENCODING", "utf-8"));
    let expected: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    assert_eq!(heard, format!("Welcome!\n{expected}"), "{program}");
    server.stop().await;
}

async fn nc_hears(shell: &str, server: TestServer, messages: &[&str], replies: &[String]) {
    let line = nc(&address(server.tcp), messages);
    let heard = printed(Command::new(shell).args(["-c", &line]));
    let expected: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    assert_eq!(heard, format!("Welcome!{expected}"), "{line}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_program_hears_what_the_page_hears() {
    if !needs::program("python3", "-h") {
        return;
    }
    let (longest, too_long) = ("张".repeat(341), "x".repeat(1025));
    let long: &[&str] = &[&longest, &too_long, "hello"];
    for messages in CONVERSATIONS.iter().chain(&[long]) {
        python_hears(TestServer::start().await, messages, &replies(messages).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_shell_hears_what_the_page_hears() {
    if !needs::program("nc", "-h") {
        return;
    }
    for shell in ["sh", "bash"].into_iter().filter(|shell| needs::program(shell, "--version")) {
        for messages in CONVERSATIONS {
            nc_hears(shell, TestServer::start().await, messages, &replies(messages).await).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_python_hears_what_the_page_hears() {
    if !needs::program("python3", "-h") {
        return;
    }
    for shell in ["sh", "bash"].into_iter().filter(|shell| needs::program(shell, "--version")) {
        for messages in CONVERSATIONS {
            let server = TestServer::start().await;
            // On Windows Python is called so.
            let line = one_liner(&address(server.tcp), messages).replacen("py ", "python3 ", 1);
            let heard =
                printed(Command::new(shell).args(["-c", &line]).env("PYTHONIOENCODING", "utf-8"));
            let expected: String =
                replies(messages).await.iter().map(|reply| format!("{reply}\n")).collect();
            assert_eq!(heard, format!("Welcome!{expected}\n"), "{line}");
            server.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_one_by_one_are_all_heard() {
    if !needs::program("python3", "-h") {
        return;
    }
    let server =
        TestServer::with(|config| config.pause = std::time::Duration::from_millis(20)).await;
    let messages = ["add;a;1\nfind;a\nfind;b\n", "find;a"];
    python_hears(server, &messages, &replies(&messages).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_reach_a_server_on_ipv6() {
    if !needs::privilege(TcpListener::bind("[::1]:0").is_ok(), "there is no IPv6 here") {
        return;
    }
    let on_ipv6 = || TestServer::with(|config| config.tcp = "[::1]:0".parse().unwrap());
    let messages = ["add;张三;1", "find;张三"];
    let replies = replies(&messages).await;
    if needs::program("python3", "-h") {
        python_hears(on_ipv6().await, &messages, &replies).await;
    }
    if needs::program("nc", "-h") && nc_knows_ipv6() {
        nc_hears("sh", on_ipv6().await, &messages, &replies).await;
    }
}
