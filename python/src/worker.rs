//! The interpreter in a worker of the page: the host is the classroom's server, asked
//! with requests that block, which a worker may make on any page. `worker.js` has
//! what only JavaScript can do.
//!
//! The page is told what happens as arrays of texts, the kind first:
//!
//! | message | means |
//! | --- | --- |
//! | `stdout`, `stderr`; text | it printed something |
//! | `input` | it waits for a line |
//! | `address`; `HOST:PORT` | there it listens for neighbours |
//! | `check`; word, state, title, text, line | what became of a check |
//! | `ended`; code | it has ended; of the checks, 0 if the required ones are passed |

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Date, JsString, Uint8Array};
use protocol::homework::words::{Language, title, verdict};
use protocol::homework::{Options, Source, Stage};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_sys::{DedicatedWorkerGlobalScope, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::homework;
use crate::host::{Answer, Host, Status};
use crate::interpreter::{self, Program};

#[wasm_bindgen]
extern "C" {
    /// Waits so many milliseconds; in `worker.js`.
    #[wasm_bindgen(js_name = pause)]
    fn pause(millis: f64);
}

/// Runs a program. `address` is where the server is asked, and `token` whose program
/// it is; without them it runs without a network.
#[wasm_bindgen]
pub fn run(source: String, file: String, arguments: Vec<JsString>, address: &str, token: &str) {
    let arguments = arguments.into_iter().map(String::from).collect();
    let program = Program { source, file, arguments };
    let remote = Rc::new(Remote {
        output: RefCell::new(Output::new()),
        address: address.to_owned(),
        token: token.to_owned(),
    });
    let code = interpreter::run(&program, Rc::clone(&remote) as Rc<dyn Host>);
    remote.output.borrow_mut().flush();
    if !token.is_empty() {
        remote.ask("end", &[]);
    }
    post(&["ended", &code.to_string()]);
}

/// Runs the homework's checks on a program.
#[wasm_bindgen]
pub fn check(source: String, file: String, is_chinese: bool) {
    let language = if is_chinese { Language::Chinese } else { Language::English };
    let port = Source::new(&source).port().unwrap_or(Options::default().port);
    let program = Program { source, file, arguments: Vec::new() };
    let output = Rc::new(RefCell::new(Output::new()));
    let shown = Rc::clone(&output);
    let options = Options { seed: Date::now() as u64, port, ..Options::default() };
    let shows = move |stream: &str, text: &[u8]| {
        shown.borrow_mut().print(stream, &String::from_utf8_lossy(text));
    };
    let grader = homework::check(&program, options, Box::new(shows));
    output.borrow_mut().flush();
    for stage in grader.stages() {
        tell(stage, port, language);
    }
    post(&["ended", if grader.passed() { "0" } else { "1" }]);
}

/// Tells the page what became of a check.
fn tell(stage: &Stage, port: u16, language: Language) {
    let finding = stage.finding.as_ref();
    let text = finding.map(|finding| verdict(finding, port, language)).unwrap_or_default();
    let line = finding.and_then(|finding| finding.line.as_ref());
    let line = line.map(|line| line.number.to_string()).unwrap_or_default();
    let name = title(stage.name, language);
    post(&["check", stage.name.word(), stage.state.word(), name, &text, &line]);
}

fn post(words: &[&str]) {
    let message: Array = words.iter().map(|word| JsValue::from_str(word)).collect();
    let worker: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    // It fails only for what cannot be copied.
    let _ = worker.post_message(&message);
}

/// What was printed and not yet told.
struct Output {
    stream: String,
    text: String,
    /// How many lines may be told at once, and when that was reckoned.
    credit: f64,
    reckoned: f64,
}

/// Lines that are told one by one; what prints more is told in pieces of [`PIECE`].
const CREDIT: f64 = 100.0;

/// Milliseconds after which one more line may be told by itself: a screen shows some
/// 60 changes a second.
const PER_LINE: f64 = 10.0;

/// Bytes told at once of a flood.
const PIECE: usize = 16 * 1024;

impl Output {
    fn new() -> Self {
        Output { stream: String::new(), text: String::new(), credit: CREDIT, reckoned: Date::now() }
    }

    fn print(&mut self, stream: &str, text: &str) {
        if self.stream != stream {
            self.flush();
            stream.clone_into(&mut self.stream);
        }
        self.text.push_str(text);
        if self.text.len() >= PIECE {
            self.flush();
        } else if text.ends_with('\n') {
            let now = Date::now();
            let gained = (now - self.reckoned).max(0.0) / PER_LINE;
            (self.credit, self.reckoned) = ((self.credit + gained).min(CREDIT), now);
            if self.credit >= 1.0 {
                self.credit -= 1.0;
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            post(&[&self.stream, &self.text]);
            self.text.clear();
        }
    }
}

/// The classroom's server as a [`Host`].
struct Remote {
    output: RefCell<Output>,
    address: String,
    token: String,
}

impl Host for Remote {
    fn call(&self, request: &str, body: &[u8]) -> Answer {
        if let "stdout" | "stderr" = request {
            self.output.borrow_mut().print(request, &String::from_utf8_lossy(body));
            return Answer::done([]);
        }
        self.output.borrow_mut().flush();
        let kind = request.split(' ').next().unwrap_or_default();
        match kind {
            "sleep" => {
                pause(request.split(' ').nth(1).and_then(|ms| ms.parse().ok()).unwrap_or(0.0));
                return Answer::done([]);
            }
            "input" => post(&["input"]),
            _ => {}
        }
        let answer = self.ask(request, body);
        if kind == "listen" && answer.status == Status::DONE {
            post(&["address", &String::from_utf8_lossy(&answer.bytes)]);
        }
        answer
    }
}

impl Remote {
    /// Asks the server and waits for the answer.
    fn ask(&self, request: &str, body: &[u8]) -> Answer {
        let unreachable = |text: &str| Answer { status: Status(101), bytes: text.into() };
        if self.token.is_empty() {
            return unreachable("Network is unreachable: this page has no classroom");
        }
        match self.request(request, body) {
            Ok((200, bytes)) => {
                let status = |line: &[u8]| str::from_utf8(line).ok()?.parse().ok();
                let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
                let status = status(&bytes[..end]).unwrap_or(Status::UNSUPPORTED.0);
                let bytes = bytes.get(end + 1..).unwrap_or_default().to_vec();
                Answer { status: Status(status), bytes }
            }
            Ok(_) => unreachable("Network is unreachable: run the program again"),
            Err(_) => unreachable("Network is unreachable: the classroom does not answer"),
        }
    }

    fn request(&self, request: &str, body: &[u8]) -> Result<(u16, Vec<u8>), JsValue> {
        let http = XmlHttpRequest::new()?;
        http.open_with_async("POST", &self.address, false)?;
        http.set_request_header("Authorization", &format!("Bearer {}", self.token))?;
        http.set_response_type(XmlHttpRequestResponseType::Arraybuffer);
        let whole = [request.as_bytes(), b"\n", body].concat();
        http.send_with_opt_u8_array(Some(&whole))?;
        let bytes = http.response()?.dyn_into::<ArrayBuffer>();
        let bytes = bytes.map(|buffer| Uint8Array::new(&buffer).to_vec()).unwrap_or_default();
        Ok((http.status()?, bytes))
    }
}
