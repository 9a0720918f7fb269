//! `tcp-classroom check` as a command: servers that run already and ports that are taken,
//! what it prints, and what it leaves behind.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::homework::{
    Copy, PYTHON, TIMEOUT, ask, check, compare_situations, failure, folder, report, stages,
};
use crate::classroom::binary::{Program, command};
use crate::classroom::port::{can_be_bound, student_port};
use crate::classroom::{needs, wait_until};

#[test]
fn a_server_that_the_extra_checks_have_ended_is_to_be_started_again() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    for (name, language, is_ended) in
        [("list_of_pairs", "en", true), ("list_of_pairs", "zh", true), ("threads", "en", false)]
    {
        let copy = Copy::of("right", name);
        let _running = copy.start();
        let output = check(&[&copy.port.to_string(), "--lang", language, "--timeout", TIMEOUT]);
        let text = String::from_utf8(output.stdout).unwrap();
        let told = ["start it again to use it", "得再启动一次"].map(|told| text.contains(told));
        assert_eq!(told, [is_ended && language == "en", is_ended && language == "zh"], "{text}");
    }
}

#[test]
fn the_classroom_s_own_server_is_recognised() {
    let program = Program::start(&[]);
    // It is asked only where it answers within 0.9 s, unlike the lesson's: on a busy machine
    // that may take another try.
    wait_until("it is recognised", || {
        let (report, code) = report(&program.tcp.to_string(), &[]);
        if report["classroom"] != true {
            return false;
        }
        assert_eq!(report["passed"], true, "{report:#}");
        assert_eq!(stages(&report)[0]["cause"], "classroom");
        assert_eq!(code, Some(0));
        true
    });
}

#[test]
fn a_port_that_is_taken_says_whether_by_the_classroom_or_by_an_old_server() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let program = Program::start(&[]);
    let old = Copy::of("wrong", "find_unwritten");
    let running = old.start();
    let new = Copy::of("right", "threads");
    let refused_at = |port: u16, cause| -> Value {
        let path = new.path();
        let (report, code) = report(path.to_str().unwrap(), &["--port", &port.to_string()]);
        assert_eq!(failure(&report).unwrap()["cause"], cause, "{report:#}");
        assert_eq!(code, Some(1));
        report
    };
    let classroom = refused_at(program.tcp.port(), "classroom");
    let old_server = refused_at(old.port, "old-server");
    let situations = [
        ("classroom", failure(&classroom).unwrap()),
        ("old-server", failure(&old_server).unwrap()),
    ];
    compare_situations("taken", &situations);
    // It goes on as it was, also where it was serving another client meanwhile.
    let mut client = old.client();
    refused_at(old.port, "old-server");
    ask(&mut client, "add;li;1", "li added!");
    drop(client);
    ask(&mut old.client(), "remove;li", "li removed!");
    drop(running);
    // The check left nothing behind at the old server's port either.
    assert!(can_be_bound(old.port));
}

#[test]
fn a_server_that_runs_is_checked_as_it_is() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let free = student_port().to_string();
    let (report_of_none, code) = report(&free, &[]);
    assert_eq!(failure(&report_of_none).unwrap()["cause"], "nothing-listens");
    assert_eq!(code, Some(3));

    let copy = Copy::of("right", "threads");
    let (elsewhere, code) = report(copy.path().to_str().unwrap(), &["--port", &free]);
    let failed = failure(&elsewhere).unwrap();
    assert_eq!(
        (&failed["cause"], &failed["bound"]),
        (&"other-port".into(), &copy.port.to_string().into())
    );
    assert_eq!(code, Some(1));

    let running = copy.start();
    let (report_of_it, code) = report(&copy.port.to_string(), &[]);
    assert_eq!((report_of_it["passed"].as_bool(), code), (Some(true), Some(0)), "{report_of_it:#}");
    // A thread that has ended answers nothing any more, which is told without the file, too.
    let causes: Vec<_> = stages(&report_of_it).iter().filter_map(|s| s["cause"].as_str()).collect();
    assert!(causes.contains(&"short-command") && causes.contains(&"garbage-kills"), "{causes:?}");
    drop(running);
    assert!(can_be_bound(copy.port), "no TIME_WAIT is left");

    // One that serves one client at a time, and is serving one.
    let copy = Copy::of("right", "lesson");
    let _running = copy.start();
    let _other = copy.client();
    let (held, code) = report(&copy.port.to_string(), &[]);
    assert_eq!(failure(&held).unwrap()["cause"], "held", "{held:#}");
    assert_eq!(code, Some(1));
    compare_situations(
        "reached",
        &[
            ("nothing-listens", failure(&report_of_none).unwrap()),
            ("other-port", failed),
            ("held", failure(&held).unwrap()),
        ],
    );
}

#[test]
fn what_the_student_s_program_has_started_is_ended_with_it() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The helper connects, and the end of that connection tells its own.
    let helper = format!(
        "import socket, time; s = socket.create_connection(('127.0.0.1', {})); s.send(b'x'); \
         time.sleep(600)",
        address.port()
    );
    let text = std::fs::read_to_string(folder("right").join("threads.py")).unwrap();
    let text = format!(
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {helper:?}])\n{text}"
    );
    let copy = Copy::with("with_helper", &text);
    let helper = std::thread::spawn(move || {
        let mut helper: TcpStream = listener.accept().unwrap().0;
        let mut said = Vec::new();
        // Reset or closed: it is gone.
        let _ = helper.read_to_end(&mut said);
        said
    });
    let (report, _) = report(copy.path().to_str().unwrap(), &[]);
    assert_eq!(report["passed"], true, "{report:#}");
    assert_eq!(helper.join().unwrap(), b"x");
}

#[test]
fn a_folder_gives_a_table_and_csv() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in [("li", "right/threads"), ("=wang", "wrong/str_sent")] {
        let file = super::homework::folder("").join(format!("{source}.py"));
        let text = std::fs::read_to_string(file).unwrap();
        let text = text.replace("9999", &student_port().to_string());
        std::fs::write(folder.path().join(format!("{name}.py")), text).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let table = check(&[path, "--timeout", TIMEOUT]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.status.code(), Some(1));
    assert!(text.contains("13/13") && text.contains("(str-sent)"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    let csv = String::from_utf8(check(&[path, "--timeout", TIMEOUT, "--csv"]).stdout).unwrap();
    let rows: Vec<Vec<_>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), rows[0].len(), rows[2].len()), (3, 25, 25), "{csv}");
    assert_eq!((rows[2][1], rows[2][23]), ("13", ""));
    assert_eq!((rows[1][23], rows[1][24]), ("str-sent", "7"));
}

#[test]
fn what_cannot_be_checked_is_a_usage_error_in_both_languages() {
    for (arguments, told) in [
        (&["no_such.py"][..], ["HOST:PORT", "主机:端口"]),
        (&[], ["SERVER", "服务器"]),
        (&["9999", "--timeout", "1ms"], ["100ms", "100ms"]),
        (&["9999", "--port", "0"], ["--port", "--port"]),
    ] {
        for (locale, told) in ["en_US.UTF-8", "zh_CN.UTF-8"].into_iter().zip(told) {
            let mut check = Command::new(command().get_program());
            check.arg("check").args(arguments).env("LC_ALL", locale);
            let output = check.stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
            assert!(said.contains(told), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn the_report_for_people_is_plain_in_a_pipe_and_names_line_and_cause() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let copy = Copy::of("wrong", "key_error");
    for (language, told) in [
        ("en", ["Checking ", "✗ find: Not Found!", "the program stops: KeyError", "line 17"]),
        ("zh", ["检查 ", "✗ find：查不到时", "程序就停了：KeyError", "第 17 行"]),
    ] {
        let path = copy.path();
        let output = check(&[path.to_str().unwrap(), "--lang", language, "--timeout", TIMEOUT]);
        let text = String::from_utf8(output.stdout).unwrap();
        for told in told {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
    }
}
