//! The Python clients under `examples/`, run as a student runs them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::classroom::binary::Program;
use crate::classroom::needs;

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
fn the_echo_client_gets_its_five_answers() {
    if !python_is_here() {
        return;
    }
    for stage in ["echo", "contacts"] {
        let program = Program::start(&["--stage", stage, "--pause", "10ms"]);
        let mut client = python("echo_client.py");
        client.args(["127.0.0.1", &program.tcp.port().to_string()]);
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
        let mut client = python("contacts.py");
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
