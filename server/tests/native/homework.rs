//! `tcp-classroom check` against deliberately wrong servers and right ones, in the
//! folders beside this file. Each binds the lesson's port in its text and is run from
//! a copy with a port of its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;

use protocol::homework::{Cause, Finding, words};
use serde_json::Value;

use crate::classroom::binary::{command, connect, read};
use crate::classroom::needs;
use crate::classroom::port::{can_be_bound, student_port, until_listening};

pub(super) const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Shorter than for students, since these servers are on this machine and awake.
pub(super) const TIMEOUT: &str = "2s";

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

    pub fn with(name: &str, text: &str) -> Self {
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

pub(super) fn check(arguments: &[&str]) -> Output {
    let mut check = Command::new(command().get_program());
    check.arg("check").args(arguments).env("LC_ALL", "en_US.UTF-8");
    check.stdin(Stdio::null()).output().unwrap()
}

pub(super) fn report(target: &str, more: &[&str]) -> (Value, Option<i32>) {
    let arguments = [&[target, "--json", "--seed", "7", "--timeout", TIMEOUT], more].concat();
    let output = check(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    (json, output.status.code())
}

pub(super) fn stages(report: &Value) -> &Vec<Value> {
    report["stages"].as_array().unwrap()
}

/// The first required check that failed, with its cause.
pub(super) fn failure(report: &Value) -> Option<&Value> {
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
        let failure = failure(&reports[*name]);
        let failure = failure.unwrap_or_else(|| panic!("{name} passed"));
        let found = (&failure["name"], &failure["cause"]);
        assert_eq!(found, (&(*check).into(), &(*cause).into()), "{name}: {failure:#}");
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
pub(super) fn compare_situations(file: &str, situations: &[(&str, &Value)]) {
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
