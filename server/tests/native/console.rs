//! The book on the console after each change, as the lesson's second server
//! prints it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::classroom::DEADLINE;
use crate::classroom::binary::{Program, read, read_rest};

/// The next line that shows the book.
fn next_book(program: &Program) -> String {
    loop {
        let line = program.console_line();
        if line.starts_with('{') {
            return line;
        }
    }
}

/// Reads the console until the book is shown like this.
#[track_caller]
fn await_book(program: &Program, expected: &str) -> usize {
    let start = Instant::now();
    let mut lines = 1;
    loop {
        let line = next_book(program);
        if line == expected {
            return lines;
        }
        assert!(start.elapsed() < DEADLINE, "{line} instead of {expected}");
        lines += 1;
    }
}

#[test]
fn the_book_is_printed_after_each_change_as_python_prints_a_dict() {
    let program = Program::start(&[]);
    let mut client = program.welcome();
    for (message, reply, shown) in [
        ("add;zhangsan;13800138000", "zhangsan added!", "{'zhangsan': '13800138000'}"),
        ("add;O'Neil;1", "O'Neil added!", r#"{'zhangsan': '13800138000', "O'Neil": '1'}"#),
        ("add;zhangsan;2", "zhangsan added!", r#"{'zhangsan': '2', "O'Neil": '1'}"#),
        ("remove;O'Neil", "O'Neil removed!", "{'zhangsan': '2'}"),
        ("remove;zhangsan", "zhangsan removed!", "{}"),
        (r"add;\张三 é;👩", r"\张三 é added!", r"{'\\张三 é': '👩'}"),
    ] {
        client.write_all(message.as_bytes()).unwrap();
        assert_eq!(read(&mut client, reply.len()), reply);
        await_book(&program, shown);
    }
}

#[cfg(unix)]
#[test]
fn what_changes_nothing_prints_no_book_and_nor_does_the_echo() {
    for (arguments, messages) in [
        (&[][..], "find;a\nremove;a\nhello\nadd;;1\nexit\n"),
        (&["--stage", "echo"], "add;a;1\nexit\n"),
    ] {
        let mut program = Program::start(arguments);
        let mut client = program.welcome();
        client.write_all(messages.as_bytes()).unwrap();
        read_rest(&mut client);
        program.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(program.exit().success());
        assert!(program.remaining_console().iter().all(|line| !line.starts_with('{')));
    }
}

#[test]
fn a_flood_of_changes_prints_few_books_and_the_last_one() {
    let program = Program::start(&[]);
    let mut client = program.welcome();
    let mut lines = String::new();
    for number in 1..=20_000 {
        lines += &format!("add;n{number};{number}\n");
    }
    lines += "exit\n";
    let start = Instant::now();
    let mut writer = client.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(lines.as_bytes()).unwrap());
    read_rest(&mut client);
    writing.join().unwrap();
    let newest: Vec<_> =
        (19_993..=20_000).map(|number| format!("'n{number}': '{number}'")).collect();
    let shown = format!("{{{}}} ... 20000 in all", newest.join(", "));
    let lines = await_book(&program, &shown);
    // Ten a second, and one at once.
    let most = start.elapsed().div_duration_f64(Duration::from_millis(100)) as usize + 1;
    assert!(lines <= most, "{lines} lines, {most} at most");
}

#[test]
fn a_small_book_from_a_file_is_shown_whole_from_the_first_change_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("contacts.db");
    for (message, shown) in [
        ("add;b;1", "{'b': '1'}"),
        ("add;a;1", "{'b': '1', 'a': '1'}"),
        ("add;c;1", "{'a': '1', 'b': '1', 'c': '1'}"),
    ] {
        // Each time a new server; the last one has both from the file, by name.
        let program = Program::with_data(&data);
        let mut client = program.welcome();
        client.write_all(message.as_bytes()).unwrap();
        await_book(&program, shown);
    }
}
