//! `room`: making and looking after classes from the command line.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::say;
use crate::classroom::TestServer;
use crate::classroom::binary::command;
use crate::classroom::postgres::Postgres;
use tcp_classroom::Rooms;

pub(super) fn room(url: &str, arguments: &[&str]) -> Command {
    let mut room = command();
    // `--no-open` is an option of serving.
    let program = room.get_program().to_owned();
    room = Command::new(program);
    room.env("LC_ALL", "en_US.UTF-8").env("TCP_CLASSROOM_DATABASE", url);
    room.arg("room").args(arguments);
    room
}

fn done(output: &Output) -> String {
    let (out, error) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    String::from_utf8_lossy(out).into_owned()
}

/// What stands behind a word at the beginning of a line.
fn behind<'t>(text: &'t str, word: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(word)).expect("there is the line").trim()
}

#[tokio::test]
async fn a_class_is_made_filled_listed_closed_opened_and_deleted() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let run = |arguments: &[&str]| room(&url, arguments).output().unwrap();
    let create =
        ["create", "三年级二班", "--max-contacts", "3", "--url", "https://school.example/"];
    let made = done(&run(&create));
    let (number, code) = (behind(&made, "number"), behind(&made, "code"));
    assert_eq!(behind(&made, "page"), format!("https://school.example/r/{code}/"));
    assert!(behind(&made, "teacher").starts_with(&format!("https://school.example/r/{code}/tea")));
    assert_eq!(behind(&made, "raw TCP"), format!("send join;{code} first"));

    let import = |rows: &str| {
        let mut child = room(&url, &["import", number, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(rows.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(import("name,phone\nb,2\n张三,1\n").status.success());
    let said = String::from_utf8(import("name,phone\nb,2\n张三,3\n").stderr).unwrap();
    assert!(said.contains("0 added, 1 changed, 1 as before"), "{said}");
    let too_many = import("name,phone\nc,1\nd,1\n");
    assert_eq!(too_many.status.code(), Some(1));
    assert_eq!(done(&run(&["export", number, "-"])), "name,phone\nb,2\n张三,3\n");
    let listed = done(&run(&["list"]));
    assert!(listed.starts_with(&format!("{number}\t三年级二班\t2/3 contacts\t")), "{listed}");
    assert!(!listed.contains(code));

    let server = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    let join = format!("join;{code}");
    let mut client = server.tcp().await;
    assert_eq!(say(&mut client, &join).await, "三年级二班 joined!");
    assert_eq!(say(&mut client, "find;张三").await, "3");
    done(&run(&["archive", number]));
    let told = say(&mut client, "add;c;1").await;
    assert_eq!(told, "Error: nothing was changed, this class is over");
    let elsewhere = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    let mut late = elsewhere.tcp().await;
    assert!(say(&mut late, &join).await.starts_with("Error: there is no class with this code"));
    assert!(done(&run(&["list"])).contains(", closed"));
    done(&run(&["archive", number, "--reopen"]));
    assert_eq!(say(&mut late, &join).await, "三年级二班 joined!");
    assert_eq!(say(&mut late, "add;c;1").await, "c added!");
    done(&run(&["delete", number]));
    assert_eq!(done(&run(&["list"])), "");
    for command in ["export", "import"] {
        assert_eq!(run(&[command, number, "-"]).status.code(), Some(1), "{command}");
    }
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    for url in ["postgres://me:secret@127.0.0.1:1/db", "no:secret address"] {
        let output = room(url, &["list"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("database") && !said.contains("secret"), "{said}");
    }
}
