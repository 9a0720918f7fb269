//! What is opened in the teacher's browser: a stand-in for it notes the addresses.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::classroom::binary::{Program, command};
use crate::classroom::wait_until;

/// Starts the program for a network, with a desktop whose browser is a script, and
/// waits until it was asked to open so many addresses.
fn opened(folder: &Path, arguments: &[&str], count: usize) -> (Program, Vec<String>) {
    let browser = folder.join("xdg-open");
    let noted = folder.join("opened");
    std::fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >> '{}'\n", noted.display())).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command();
    command.env("PATH", folder).args(["--memory", "--lan", "--tcp", "0", "--http", "0"]);
    let program = Program::run({
        command.args(arguments);
        command
    });
    let addresses = || std::fs::read_to_string(&noted).unwrap_or_default();
    wait_until("the browser is started", || addresses().lines().count() >= count);
    (program, addresses().lines().map(str::to_owned).collect())
}

#[test]
fn the_page_and_the_board_are_opened_the_board_at_an_address_of_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let (program, mut addresses) = opened(folder.path(), &["--open=page,board"], 2);
    let port = program.http.port();
    addresses.sort_by_key(|address| address.ends_with("/board"));
    assert_eq!(addresses[0], format!("http://127.0.0.1:{port}/"));
    let page = addresses[1].strip_suffix("board").unwrap();
    // What the banner tells students, or this computer where there is no network.
    assert!(program.banner.contains(page), "{addresses:?} {}", program.banner);
    let students = program.banner.split_once("for students").map(|(_, rest)| rest);
    assert!(students.is_none_or(|students| students.contains(page)), "{}", program.banner);
}

#[test]
fn the_teacher_s_page_is_opened_on_this_computer_without_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let (program, addresses) = opened(folder.path(), &["--open=teacher"], 1);
    let port = program.http.port();
    assert_eq!(addresses, [format!("http://127.0.0.1:{port}/teacher")]);
    let token = program.banner.split_once("/teacher#").expect("the banner has the token").1;
    assert_eq!(token.lines().next().map(str::len), Some(32), "{}", program.banner);
}

#[test]
fn the_board_is_opened_alone_where_it_is_asked_for_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_program, addresses) = opened(folder.path(), &["--open=board"], 1);
    assert!(addresses.len() == 1 && addresses[0].ends_with("/board"), "{addresses:?}");
}
