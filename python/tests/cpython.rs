//! Programs print and fail as under `python3`, byte for byte but for two things that
//! the interpreter has not: the full path of a file, and the marks under a line.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may")]

use std::cell::RefCell;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::rc::Rc;

use python::interpreter::{Program, run};
use python::{Answer, Host, Status};

/// A host that records what is printed and types lines.
#[derive(Default)]
struct Recorder {
    printed: RefCell<(String, String)>,
    typed: RefCell<Vec<String>>,
}

impl Host for Recorder {
    fn call(&self, request: &str, body: &[u8]) -> Answer {
        let text = str::from_utf8(body).unwrap();
        match request.split(' ').next().unwrap() {
            "stdout" => self.printed.borrow_mut().0.push_str(text),
            "stderr" => self.printed.borrow_mut().1.push_str(text),
            "input" => {
                let mut typed = self.typed.borrow_mut();
                if typed.is_empty() {
                    return Status::EOF.into();
                }
                return Answer::done(typed.remove(0));
            }
            "connect" => return Status::REFUSED.into(),
            "bind" => return Answer::done("1 9998"),
            "sleep" | "close" | "listen" => {}
            other => panic!("{other}"),
        }
        Answer::done([])
    }
}

type Output = (i32, String, String);

fn here(source: &str, arguments: &[&str], typed: &str) -> Output {
    let host = Rc::new(Recorder::default());
    *host.typed.borrow_mut() = typed.lines().map(str::to_owned).collect();
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    let program = Program { source: source.to_owned(), file: "program.py".into(), arguments };
    let code = run(&program, Rc::clone(&host) as Rc<dyn Host>);
    let (out, err) = host.printed.take();
    (code, out, err)
}

/// The same under `python3`; nothing where there is none.
fn there(source: &str, arguments: &[&str], typed: &str) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("program.py"), source).unwrap();
    let mut python = Command::new("python3")
        .arg("program.py")
        .args(arguments)
        .current_dir(folder.path())
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    python.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let path = format!("{}/", folder.path().canonicalize().unwrap().display());
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap().replace(&path, "");
    Some((output.status.code().unwrap(), out, err))
}

/// Without the marks under a line: `    ~~~^^^`.
fn without_marks(text: &str) -> String {
    let is_marks =
        |line: &&str| !line.trim().is_empty() && line.trim().chars().all(|c| "~^".contains(c));
    let lines = text.lines().filter(|line| !is_marks(line));
    // As newer versions say it.
    lines.map(|line| format!("{}\n", line.replace(", got 3)", ")"))).collect()
}

/// How it differs from `python3`, if it does.
fn difference(source: &str, arguments: &[&str], typed: &str) -> Option<String> {
    let (code, out, err) = here(source, arguments, typed);
    let Some(expected) = there(source, arguments, typed) else {
        eprintln!("skipped: python3 is missing");
        return None;
    };
    let found = (code, out, without_marks(&err));
    let expected = (expected.0, expected.1, without_marks(&expected.2));
    (found != expected).then(|| format!("{source}\n{found:#?}\nexpected {expected:#?}"))
}

fn compare(source: &str, arguments: &[&str], typed: &str) {
    assert_eq!(difference(source, arguments, typed), None);
}

#[test]
fn what_a_program_prints_is_the_same() {
    compare(
        "book = {'zhangsan': '13800138000', '张三': '1'}\nprint(book, [b'\\xe5a', 1.5, None])\n\
         print('%s %5.2f' % ('a', 3.14159), '{:>5}|{}'.format('b', True), f'{book!r:.9}')\n\
         print('a', 'b', sep=';', end='')\nprint()\nprint('张三'.encode('utf-8'), '；'.encode())\n\
         for i, c in enumerate('ab'): print(i, c)\nprint(sorted({3, 1, 2}), 2 ** 70, 7 // 2, -7 % 3)\n",
        &[],
        "",
    );
    compare("import sys\nprint(sys.argv, len(sys.argv), sys.argv[1:])\n", &["add", "张三"], "");
    compare("print(input('> ').upper())\nprint(repr(input()))\nprint(input())\n", &[], "a\n\n");
    compare("import sys\nprint('a')\nsys.exit('too few words')\n", &[], "");
    compare("import sys\nsys.exit(3)\n", &[], "");
    compare(
        "class A:\n  def __init__(self, x): self.x = x\n  def __repr__(self): return 'A(%r)' % self.x\nprint([A(i) for i in range(3)], __name__)\n",
        &[],
        "",
    );
}

#[test]
fn exceptions_have_the_lines_and_the_words_of_cpython() {
    let mut differences = Vec::new();
    for source in [
        "def worker(text):\n    arg = text.split(';')\n    return arg[2]\n\nprint('on')\nworker('add;a')\n",
        "contacts = {}\nprint(contacts['lisi'])\n",
        "print(undefined_name)\n",
        "contacts = {}\nprint(contact)\n",
        "b'a;b'.split(';')\n",
        "'a' + 1\n",
        "int('a')\n",
        "None.send(b'')\n",
        "'abc'.sendall(b'')\n",
        "a, b = 'a;b;c'.split(';')\n",
        "a, b = ['a']\n",
        "b'\\xd5\\xc5'.decode('utf-8')\n",
        "def f():\n    x += 1\nx = 1\nf()\n",
        "def f(a): pass\nf()\n",
        "def f(a): pass\nf(1, 2)\n",
        "1 / 0\n",
        "try:\n    {}['a']\nexcept KeyError:\n    int('x')\n",
        "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('no') from e\n",
        "try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('no') from None\n",
        "import nonsense\n",
        "class Odd(Exception): pass\nraise Odd('x')\n",
        "assert 1 == 2, 'no'\n",
        "import socket\ns = socket.socket()\ns.connect(('127.0.0.1', 1))\n",
        "import socket\ns = socket.socket()\ns.connect('127.0.0.1')\n",
        "import socket\ns = socket.socket()\ns.close()\ns.recv(1024)\n",
        "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', '9999'))\n",
        "import socket\nsocket.socket().send(b'hello')\n",
        "import socket\nsocket.socket().recv(1024)\n",
        "import time\ntime.sleep('1')\n",
        "import time\ntime.sleep(-1)\n",
    ] {
        differences.extend(difference(source, &[], ""));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_syntax_error_names_the_line() {
    for (source, line) in [
        ("print('a'\n", 1),
        ("def f():\nprint(1)\n", 2),
        ("if a = 1:\n    pass\n", 1),
        ("print('a')\n  print('b')\n", 2),
        ("while True\n    pass\n", 1),
        ("print(‘a’)\n", 1),
    ] {
        let (code, out, err) = here(source, &[], "");
        assert_eq!((code, &*out), (1, ""), "{source}");
        assert!(err.contains(&format!("File \"program.py\", line {line}\n")), "{source}: {err}");
        assert!(err.contains("Error: "), "{err}");
    }
}

#[test]
fn what_is_missing_says_so_in_one_line() {
    for (source, text) in [
        ("import threading\n", "No module named 'threading' in the page's Python"),
        ("from threading import Thread\n", "a program here has one thread"),
        ("open('a.txt')\n", "the page's Python has no files"),
        ("import socket\nsocket.socket(type=socket.SOCK_DGRAM)\n", "Socket type not supported"),
    ] {
        let (code, _, err) = here(source, &[], "");
        assert_eq!(code, 1);
        assert!(err.lines().last().unwrap().contains(text), "{err}");
    }
}
