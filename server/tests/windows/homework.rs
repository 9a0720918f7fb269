//! `check` on Windows: servers that run, and one that it starts and ends. Python is
//! played by `xtask/wine/python.rs`. And `check.py`, by Python for Windows itself.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::classroom::binary::wait;
use crate::classroom::homework::{HomeworkPage, KEY, RealCheck, right_server};
use crate::classroom::port::{can_be_bound, student_port, until_listening};
use crate::classroom::{DEADLINE, TestServer, needs, wait_until};
use crate::{is_asked_for, under_wine};

/// Lets a wrong server be silent for as long as Wine may need for a right one.
const TIMEOUT: [&str; 2] = ["--timeout", "5s"];

fn check() -> Command {
    let mut command = under_wine();
    command.arg(std::env::var_os("TCP_CLASSROOM_EXE").unwrap()).arg("check");
    command
}

/// A path as Windows programs see it.
fn on_windows(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

fn python() -> PathBuf {
    PathBuf::from(std::env::var_os("TCP_CLASSROOM_PYTHON").unwrap())
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

/// The required checks that failed.
fn failed(report: &Value) -> Vec<&str> {
    let stages = report["stages"].as_array().unwrap().iter();
    let failed = stages.filter(|stage| stage["state"] == "failed" && stage["required"] == true);
    failed.map(|stage| stage["name"].as_str().unwrap()).collect()
}

/// A student's server that this system's own Python runs.
struct Running(Child);

impl Running {
    fn start(folder: &Path, port: u16, text: &str) -> Self {
        std::fs::write(folder.join("server.py"), text).unwrap();
        let mut python = Command::new("python3");
        python.arg("server.py").current_dir(folder);
        let running = Running(python.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until_listening(port);
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server in a folder as students name them, which also starts a helper.
struct File {
    path: PathBuf,
    port: u16,
    helper: TcpListener,
    _folder: tempfile::TempDir,
}

impl File {
    fn new(more: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), student_port());
        let helper = TcpListener::bind("127.0.0.1:0").unwrap();
        let path = folder.path().join("李雷的 作业").join("我的 server.py");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let helped = helper.local_addr().unwrap().port();
        let text = format!(
            "socket.create_connection(('127.0.0.1', {helped}))\n\
             listener.bind(('127.0.0.1', {port}))\n{more}"
        );
        std::fs::write(&path, text).unwrap();
        File { path, port, helper, _folder: folder }
    }

    /// The helper that was started next; the end of its connection tells its own.
    fn helper(&self) -> TcpStream {
        let mut helper = self.helper.accept().unwrap().0;
        helper.set_read_timeout(Some(DEADLINE)).unwrap();
        helper.read_exact(&mut [0]).unwrap();
        helper
    }

    /// Starts the check, which is then in the middle of waiting for a greeting.
    fn begin_check(&self) -> Child {
        let mut check = check();
        check.arg(on_windows(&self.path)).arg("--python").arg(on_windows(&python()));
        check.args(["--timeout", "60s"]).stdout(Stdio::piped());
        check.spawn().unwrap()
    }

    /// Nothing is left of the server and its helper.
    fn expect_tidy(&self, helper: TcpStream) {
        expect_ended(helper);
        assert!(can_be_bound(self.port), "it can be started again");
    }
}

/// Awaits a helper's end.
fn expect_ended(mut helper: TcpStream) {
    if let Err(error) = helper.read(&mut [0]) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it has ended");
    }
}

#[test]
fn a_right_and_a_wrong_server_that_run_are_checked_and_their_ports_are_free_at_once() {
    if !is_asked_for() || !needs::program("python3", "--version") {
        return;
    }
    for (wrong, code, expected) in [(false, 0, &[][..]), (true, 1, &["remove"])] {
        let (folder, port) = (tempfile::tempdir().unwrap(), student_port());
        let mut text = right_server(port);
        if wrong {
            text = text.replace("%s removed!", "(gone) %s");
        }
        let running = Running::start(folder.path(), port, &text);
        let output = check().arg(format!("localhost:{port}")).arg("--json").output().unwrap();
        let report = report(&output);
        assert_eq!((failed(&report), output.status.code()), (expected.to_vec(), Some(code)));
        drop(running);
        assert!(can_be_bound(port), "no TIME_WAIT is left");
        let output = check().args([&port.to_string(), "--lang", "zh"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "nothing listens there any more");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("没有程序在监听"), "{told}");
    }
}

#[test]
fn a_file_is_run_by_the_python_that_is_found_and_ends_with_all_that_it_started() {
    if !is_asked_for() {
        return;
    }
    let file = File::new("");
    let target = on_windows(&file.path);
    let without = check().args([&target, "--lang", "en"]).output().unwrap();
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert_eq!(without.status.code(), Some(3), "{said}");
    assert!(said.contains("there is no Python 3 (tried py, python, python3)"), "{said}");

    let mut check = check();
    // What is added to PATH.
    check.env("WINEPATH", on_windows(python().parent().unwrap()));
    check.args([&target, "--json"]).args(TIMEOUT).stdout(Stdio::piped());
    let check = check.spawn().unwrap();
    let helper = file.helper();
    let output = check.wait_with_output().unwrap();
    let report = report(&output);
    assert_eq!((&report["passed"], failed(&report)), (&true.into(), Vec::new()), "{report:#}");
    assert_eq!(output.status.code(), Some(0));
    file.expect_tidy(helper);
}

#[test]
fn ctrl_c_in_the_middle_ends_the_server_and_its_helper() {
    if !is_asked_for() {
        return;
    }
    let file = File::new("time.sleep(1)\n");
    let mut check = file.begin_check();
    let helper = file.helper();
    let mut told = BufReader::new(check.stdout.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains('✓')), "it is connected");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(check.id()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGINT).unwrap();
    assert_eq!(wait(&mut check).code(), Some(130));
    assert!(told.any(|line| line.unwrap().contains("Interrupted")));
    file.expect_tidy(helper);
}

#[test]
fn a_check_that_is_killed_takes_the_server_and_its_helper_with_it() {
    if !is_asked_for() {
        return;
    }
    let file = File::new("time.sleep(1)\n");
    let mut check = file.begin_check();
    let helper = file.helper();
    check.kill().unwrap();
    check.wait().unwrap();
    expect_ended(helper);
    // `TIME_WAIT`, which the end of both sides may leave, is in the way of a bind on
    // Linux only.
    wait_until("nothing listens", || TcpStream::connect(("127.0.0.1", file.port)).is_err());
}

/// Wine's `taskkill` knows no `/T` and refuses the whole command, as a school's computer
/// may: the server is then ended by Python.
#[tokio::test]
async fn check_py_starts_restarts_and_ends_a_server_with_python_for_windows() {
    let python = PathBuf::from(std::env::var_os("TCP_CLASSROOM_REAL_PYTHON").unwrap_or_default());
    let why = "needs Python for Windows: see xtask/src/windows.rs";
    if !is_asked_for() || !needs::request(python.is_file(), why) {
        return;
    }
    let server = TestServer::start().await;
    let (folder, port) = (tempfile::tempdir().unwrap(), student_port());
    let file = folder.path().join("server.py");
    std::fs::write(&file, right_server(port).replace("'%s added!'", "'%s saved'")).unwrap();
    let mut page = HomeworkPage::open(server.http, KEY).await;
    RealCheck::download(server.http, "", folder.path(), &page.last.code).await;
    let mut wine = under_wine();
    wine.arg(&python);
    let mut check = RealCheck::run_by(wine.into(), folder.path(), "server.py", &[]);
    page.result().await;
    assert_eq!(page.state("add"), "failed", "{:?}", page.last);

    std::fs::write(&file, right_server(port)).unwrap();
    page.until(|homework| homework.running).await;
    page.result().await;
    assert!(page.last.passed, "{:?}", page.last);
    // What kills the server comes last, each with a fresh start.
    for check in ["short-command", "garbage", "reset"] {
        assert_eq!(page.state(check), "failed", "{:?}", page.last);
    }
    check.until_said("Passed").await;
    check.interrupt().await;
    assert!(can_be_bound(port), "nothing is left of it");
}
