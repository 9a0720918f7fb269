//! `tcp-classroom check` against deliberately wrong servers and right ones, in the
//! folders beside this file. Each binds the lesson's port in its text and is run from
//! a copy with a port of its own.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;

use protocol::homework::{Cause, Finding, words};
use serde_json::Value;

use crate::classroom::binary::{Program, command, connect, read};
use crate::classroom::port::{can_be_bound, student_port, until_listening};
use crate::classroom::{needs, wait_until};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Shorter than for students, since these servers are on this machine and awake.
const TIMEOUT: &str = "2s";

/// How many servers are checked at once: most of the time they wait.
pub(super) const AT_ONCE: usize = 12;

/// Held by a test that checks so many: with two of them a machine with two processors
/// is so busy that the servers' silence means nothing.
pub(super) static CORPUS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Every wrong server, with the first required check that it fails and the cause.
pub(super) const WRONG: &[(&str, &str, &str)] = &[
    ("accept_before_loop", "next-client", "accept-outside-loop"),
    ("accept_in_inner_loop", "conversation", "accept-in-inner-loop"),
    ("accept_outside_loop", "next-client", "accept-outside-loop"),
    ("always_removed", "remove-miss", "miss-found"),
    ("attribute_error", "answers", "unknown-attribute"),
    ("bytes_compared", "answers", "not-decoded"),
    ("bytes_split_str", "answers", "not-decoded"),
    ("capital_add", "add", "not-taken"),
    ("close_in_loop", "conversation", "closes-after-one"),
    ("closes_after_one", "conversation", "closes-after-one"),
    ("dict_per_connection", "next-client", "dict-per-connection"),
    ("echo_only", "add", "echo-only"),
    ("else_on_last_if", "add", "else-on-last-if"),
    ("empty_recv", "next-client", "empty-recv"),
    ("empty_recv_index", "next-client", "empty-recv"),
    ("exit_ignored", "exit", "exit-ignored"),
    ("find_unwritten", "find", "not-written"),
    ("floods", "answers", "floods"),
    ("gbk_received", "chinese", "gbk-received"),
    ("gbk_sent", "chinese", "gbk-sent"),
    ("key_error", "find-miss", "key-error"),
    ("latin_received", "chinese", "gbk-received"),
    ("line_end_kept", "find", "line-end-kept"),
    ("listener_closed", "next-client", "closed-socket-used"),
    ("many_answers", "find", "many-answers"),
    ("misspelled", "remove", "wrong-words"),
    ("module_unknown", "connect", "unknown-module"),
    ("name_and_phone", "find", "name-and-phone"),
    ("name_error", "find", "unknown-name"),
    ("never_listens", "connect", "never-listens"),
    ("no_greeting", "greeting", "no-greeting"),
    ("no_loop", "greeting", "ended"),
    ("no_miss_branch", "find-miss", "no-miss-branch"),
    ("not_encoded", "answers", "not-encoded"),
    ("not_removed", "remove-miss", "miss-found"),
    ("not_stored", "find", "not-stored"),
    ("old_phone", "find", "old-phone"),
    ("other_address", "connect", "other-address"),
    #[cfg(target_os = "linux")]
    ("other_loopback", "connect", "other-address"),
    ("prints_answer", "answers", "printed"),
    ("prints_find", "find", "printed"),
    ("refuses_existing", "overwrite", "refuses-existing"),
    ("remove_key_error", "remove-miss", "key-error"),
    ("remove_unwritten", "remove", "not-written"),
    ("short_command", "find", "short-command"),
    ("split_comma", "add", "wrong-separator"),
    ("split_comma_unpacked", "answers", "wrong-separator"),
    ("str_of_bytes", "add", "bytes-shown"),
    ("str_sent", "greeting", "str-sent"),
    ("syntax_error", "connect", "syntax"),
    ("unbound_local", "answers", "unbound-local"),
    ("unpacked", "find", "unpacked"),
    ("whole_dict", "find", "whole-dict"),
    ("wrong_words", "add", "wrong-words"),
];

/// Every right server, with the causes that it gets notes for, and those of the extras
/// that it fails.
pub(super) const RIGHT: &[(&str, &[&str])] = &[
    ("asyncio_streams", &["other-case", "two-in-one"]),
    (
        "lesson",
        &[
            "garbage-kills",
            "no-echo",
            "no-mark",
            "one-client",
            "other-case",
            "reset-kills",
            "short-command",
            "two-in-one",
            "wide-mark",
        ],
    ),
    ("lines", &["one-client", "reset-kills", "two-in-one"]),
    (
        "list_of_pairs",
        &["garbage-kills", "one-client", "reset-kills", "short-command", "two-in-one"],
    ),
    ("selectors_loop", &["no-mark", "other-greeting", "two-in-one"]),
    ("sleeps", &["garbage-kills", "one-client", "reset-kills", "short-command", "two-in-one"]),
    ("socketserver_packets", &["two-in-one"]),
    ("threads", &["garbage-kills", "short-command", "two-in-one"]),
];

pub(super) fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/homework").join(kind)
}

/// What the kernel has at a port, with the states as numbers: 06 is `TIME_WAIT`.
pub(super) fn sockets(port: u16) -> String {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let here = format!(":{port:04X} ");
    table.lines().filter(|line| line.contains(&here)).collect::<Vec<_>>().join("\n")
}

/// A copy of a server that listens on a port of its own.
pub(super) struct Copy {
    pub folder: tempfile::TempDir,
    pub name: String,
    pub port: u16,
}

impl Copy {
    pub fn of(kind: &str, name: &str) -> Self {
        let text = std::fs::read_to_string(folder(kind).join(format!("{name}.py"))).unwrap();
        Self::with(name, &text)
    }

    fn with(name: &str, text: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), student_port());
        let copy = Copy { folder, name: format!("{name}.py"), port };
        std::fs::write(copy.path(), text.replace("9999", &port.to_string())).unwrap();
        copy
    }

    /// A client of it, greeted.
    pub fn client(&self) -> TcpStream {
        let mut client = connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        assert_eq!(read(&mut client, 8), "Welcome!");
        client
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Starts it as a student does.
    pub fn start(&self) -> Running {
        let mut python = Command::new(PYTHON);
        python.arg(self.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running(python.spawn().unwrap());
        until_listening(self.port);
        running
    }
}

/// Asks a server, which answers so.
pub(super) fn ask(client: &mut TcpStream, message: &str, answer: &str) {
    client.write_all(message.as_bytes()).unwrap();
    assert_eq!(read(client, answer.len()), answer);
}

pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check(arguments: &[&str]) -> Output {
    let mut check = Command::new(command().get_program());
    check.arg("check").args(arguments).env("LC_ALL", "en_US.UTF-8");
    check.stdin(Stdio::null()).output().unwrap()
}

fn report(target: &str, more: &[&str]) -> (Value, Option<i32>) {
    let arguments = [&[target, "--json", "--seed", "7", "--timeout", TIMEOUT], more].concat();
    let output = check(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    (json, output.status.code())
}

fn stages(report: &Value) -> &Vec<Value> {
    report["stages"].as_array().unwrap()
}

/// The first required check that failed, with its cause.
fn failure(report: &Value) -> Option<&Value> {
    stages(report).iter().find(|stage| stage["state"] == "failed" && stage["required"] == true)
}

/// Checks many copies, some at a time.
fn check_all(kind: &str, names: &[&str]) -> BTreeMap<String, Value> {
    let _alone = CORPUS.blocking_lock();
    let (queue, reports) = (Mutex::new(names.to_vec()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(name) = queue.lock().unwrap().pop() else { return };
                    let copy = Copy::of(kind, name);
                    let (report, code) = report(copy.path().to_str().unwrap(), &[]);
                    assert_eq!(code, Some(i32::from(kind == "wrong")), "{name}: {report:#}");
                    let left = sockets(copy.port);
                    assert!(can_be_bound(copy.port), "{name} cannot be started again: {left}");
                    reports.lock().unwrap().insert(name.to_owned(), report);
                }
            });
        }
    });
    let in_folder = std::fs::read_dir(folder(kind)).unwrap().count();
    assert_eq!(in_folder, names.len(), "every server of the folder is in the table");
    reports.into_inner().unwrap()
}

#[test]
fn every_wrong_server_gets_its_cause_and_the_same_words_as_ever() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let names: Vec<_> = WRONG.iter().map(|(name, ..)| *name).collect();
    let reports = check_all("wrong", &names);
    let mut told = BTreeMap::from([("zh", String::new()), ("en", String::new())]);
    for (name, check, cause) in WRONG {
        let is_expected =
            |failure: &&Value| failure["name"] == *check && failure["cause"] == *cause;
        // On a busy machine a traceback may come before the end of the connection that it
        // follows: then another try, alone.
        let again = failure(&reports[*name]).filter(is_expected).is_none().then(|| {
            let _alone = CORPUS.blocking_lock();
            report(Copy::of("wrong", name).path().to_str().unwrap(), &[]).0
        });
        let failure = failure(again.as_ref().unwrap_or(&reports[*name]));
        let failure = failure.unwrap_or_else(|| panic!("{name} passed"));
        assert_eq!((&failure["name"], &failure["cause"]), (&(*check).into(), &(*cause).into()));
        for (language, text) in [("zh", words::Language::Chinese), ("en", words::Language::English)]
            .map(|(name, language)| (name, verdict(failure, language)))
        {
            let line = failure["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
            *told.get_mut(language).unwrap() += &format!("{name}{line}\n    {text}\n");
        }
    }
    for (language, text) in told {
        compare(&folder("").join(format!("verdicts.{language}.txt")), &text);
    }
}

/// Compares what is told of some situations with the texts as ever, in both languages.
/// Ports differ from run to run.
fn compare_situations(file: &str, situations: &[(&str, &Value)]) {
    for (name, language) in [("zh", words::Language::Chinese), ("en", words::Language::English)] {
        let told = situations.iter().map(|(situation, stage)| {
            let mut stage = (*stage).clone();
            if stage.get("bound").is_some() {
                stage["bound"] = "8000".into();
            }
            format!("{situation}\n    {}\n", verdict(&stage, language))
        });
        compare(&folder("").join(format!("{file}.{name}.txt")), &told.collect::<String>());
    }
}

/// The check of a report that has this cause.
fn with_cause<'a>(report: &'a Value, cause: &str) -> &'a Value {
    let found = stages(report).iter().find(|stage| stage["cause"] == cause);
    found.unwrap_or_else(|| panic!("no {cause}: {report:#}"))
}

/// What is told about a failure, in a language. Of an exception only the class: its
/// message differs from one Python to the next.
fn verdict(stage: &Value, language: words::Language) -> String {
    let text = |field: &str| stage[field].as_str().map(str::to_owned);
    let cause = Cause::ALL.iter().find(|cause| stage["cause"] == cause.word()).unwrap();
    let finding = Finding {
        sent: text("sent").map(String::into_bytes),
        expected: text("expected"),
        actual: text("actual").map(String::into_bytes),
        exception: text("exception")
            .map(|exception| format!("{}...", exception.split(':').next().unwrap())),
        bound: text("bound"),
        ..Finding::new(*cause)
    };
    words::verdict(&finding, 9999, language)
}

/// Compares with a file; with `BLESS=1` the file is written.
fn compare(file: &Path, text: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, text).unwrap();
    }
    let before = std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    let shown = file.display();
    assert_eq!(before, text, "{shown} differs; BLESS=1 writes it anew");
}

#[test]
fn right_servers_of_many_styles_pass_and_what_is_fair_to_the_lesson_is_a_note() {
    if !needs::program(PYTHON, "--version") {
        return;
    }
    let names: Vec<_> = RIGHT.iter().map(|(name, _)| *name).collect();
    let reports = check_all("right", &names);
    for (name, expected) in RIGHT {
        let report = &reports[*name];
        assert_eq!(report["passed"], true, "{name}: {report:#}");
        let causes = stages(report).iter().filter_map(|stage| stage["cause"].as_str());
        // A busy machine pauses, too.
        let mut causes: Vec<_> = causes.filter(|cause| *cause != "pauses").collect();
        causes.sort_unstable();
        causes.dedup();
        assert_eq!(causes, *expected, "{name}: {report:#}");
    }
    let extras = ["two-in-one", "one-client", "no-echo", "reset-kills", "short-command"];
    let lesson = &reports["lesson"];
    compare_situations("extras", &extras.map(|cause| (cause, with_cause(lesson, cause))));
}

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
        let text = std::fs::read_to_string(self::folder("").join(format!("{source}.py"))).unwrap();
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
