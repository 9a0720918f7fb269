//! The Python clients under `examples/`, run as a student runs them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::classroom::binary::Program;
use crate::classroom::port::ReservedPort;
use crate::classroom::{get, needs};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

fn python(script: &str) -> Command {
    let mut command = Command::new(PYTHON);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    command.arg(folder.join(script)).env("PYTHONIOENCODING", "utf-8");
    command
}

fn python_is_here() -> bool {
    needs::program(PYTHON, "--version")
}

fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn the_first_client_gets_its_five_answers() {
    if !python_is_here() {
        return;
    }
    for stage in ["echo", "contacts"] {
        let program = Program::start(&["--stage", stage, "--pause", "10ms"]);
        let mut client = python("client.py");
        client.env("CLASSROOM", program.tcp.to_string());
        assert_eq!(
            printed(client),
            "Welcome!\nReceived message1;\nReceived message2;\nReceived message3;\n\
             Received message4;\nReceived message5;\n"
        );
        program.await_closed(1);
    }
}

#[test]
fn the_contacts_client_adds_finds_and_removes() {
    if !python_is_here() {
        return;
    }
    let program = Program::start(&[]);
    for (words, answer) in [
        (&["add", "zhangsan", "12345"][..], "zhangsan added!\n"),
        (&["find", "zhangsan"], "12345\n"),
        (&["add", "张三", "13800138000"], "张三 added!\n"),
        (&["find", "张三"], "13800138000\n"),
        (&["remove", "zhangsan"], "zhangsan removed!\n"),
        (&["find", "zhangsan"], "Not Found!\n"),
        (&["find", "a", "b"], "Error: find takes one name, like find;zhangsan\n"),
    ] {
        let mut client = python("client2.py");
        client.args(words).env("CLASSROOM", program.tcp.to_string());
        assert_eq!(printed(client), answer, "{words:?}");
    }
}

#[test]
fn the_pipeline_client_gets_every_answer_after_ending_its_side() {
    if !python_is_here() {
        return;
    }
    let program = Program::start(&[]);
    let mut client = python("pipeline.py");
    client.env("CLASSROOM", program.tcp.to_string());
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let commands = "add;a;1\nfind;a\nremove\na\nfind;a";
    client.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    assert_eq!(printed, "a added!\n1\na removed!\nNot Found!\n");
}

/// What the server hands out at a path, in a folder for one test.
async fn downloaded(program: &Program, file: &str, folder: &Path) -> PathBuf {
    let response = get(program.http, &format!("/{file}"), "").await;
    assert_eq!(response.status, 200, "{file}");
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    let path = folder.join(file);
    std::fs::write(&path, response.text()).unwrap();
    path
}

#[tokio::test]
async fn downloaded_clients_know_the_address_of_the_classroom() {
    if !python_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&[]);
    let run = async |file: &str, words: &[&str]| {
        let path = downloaded(&program, file, folder.path()).await;
        let mut client = Command::new(PYTHON);
        client.arg(path).args(words).env_remove("CLASSROOM").env("PYTHONIOENCODING", "utf-8");
        printed(client)
    };
    assert!(run("client.py", &[]).await.starts_with("Welcome!\nReceived message1;\n"));
    assert_eq!(run("client2.py", &["add", "张三", "12345"]).await, "张三 added!\n");
    assert_eq!(run("client2.py", &["find", "张三"]).await, "12345\n");
}

#[tokio::test]
async fn the_server_to_be_finished_answers_add_and_has_blanks_for_the_homework() {
    if !python_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&[]);
    let path = downloaded(&program, "server2.py", folder.path()).await;
    // A free port in place of its own.
    let port = ReservedPort::new().address.port();
    let source = std::fs::read_to_string(&path).unwrap();
    let moved = source.replace("PORT = 9998", &format!("PORT = {port}"));
    assert_ne!(source, moved);
    std::fs::write(&path, moved).unwrap();
    let mut server = Command::new(PYTHON);
    server.arg("-u").arg(&path).env("PYTHONIOENCODING", "utf-8");
    let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "Waiting for connection...");
    for (words, answer) in [
        (&["add", "张三", "12345"][..], "张三 added!\n"),
        (&["find", "张三"], "find ____\n"),
        (&["remove", "张三"], "remove ____\n"),
        (&["hello"], "Received hello;\n"),
    ] {
        let mut client = python("client2.py");
        client.args(words).env("CLASSROOM", format!("127.0.0.1:{port}"));
        assert_eq!(printed(client), answer, "{words:?}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
}
