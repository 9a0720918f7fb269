//! Loads the interpreter and runs programs in workers. A program is stopped by ending
//! its worker; the compiled interpreter stays, so that the next one starts at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use js_sys::{Array, Object, Promise, Reflect, WebAssembly};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web::browser::json;
use web::browser::listener::Listener;
use web::browser::program::Post;
use web::browser::request::relative;
use web::browser::storage::{PageStorage, StorageKey};
use web_sys::{MessageEvent, Url, Window, Worker, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::model::{Missing, Msg};

/// What a program is started with.
pub struct Start {
    /// Its text.
    pub source: String,
    /// The name of its file.
    pub file: String,
    /// `sys.argv[1:]`.
    pub arguments: Vec<String>,
    /// Whether the homework's checks are run on it.
    pub checks: bool,
    /// Whether these are explained in Chinese.
    pub is_chinese: bool,
}

/// The interpreter, and the program that runs.
pub struct Runner {
    window: Window,
    post: Post<Msg>,
    this: Weak<Self>,
    /// The name of the interpreter's files, once it is known.
    name: RefCell<String>,
    compiled: RefCell<Option<JsValue>>,
    loading: RefCell<Option<Exchange>>,
    compiling: RefCell<Option<[Settled; 2]>>,
    worker: RefCell<Option<Running>>,
    /// The secret of the session with the server.
    secret: RefCell<String>,
    /// Requests to the server in their order, one at a time.
    requests: RefCell<VecDeque<(String, bool)>>,
    asking: RefCell<Option<Exchange>>,
    telling: RefCell<Option<Exchange>>,
    is_asking: Cell<bool>,
}

/// What happens once a promise is settled.
type Settled = Closure<dyn FnMut(JsValue)>;

/// A request that is under way.
struct Exchange {
    // Field order matters: dropping these first removes the listeners before the
    // request is aborted, so that aborting calls nothing back.
    _listeners: Vec<Listener>,
    request: XmlHttpRequest,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What has been answered already is not affected.
        let _ = self.request.abort();
    }
}

/// A worker. Dropping it ends it.
struct Running {
    _listeners: [Listener; 2],
    worker: Worker,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Runner {
    /// Nothing is loaded yet.
    pub fn new(window: Window, post: Post<Msg>) -> Rc<Self> {
        Rc::new_cyclic(|this| Runner {
            window,
            post,
            this: this.clone(),
            name: RefCell::default(),
            compiled: RefCell::default(),
            loading: RefCell::default(),
            compiling: RefCell::default(),
            worker: RefCell::default(),
            secret: RefCell::default(),
            requests: RefCell::default(),
            asking: RefCell::default(),
            telling: RefCell::default(),
            is_asking: Cell::new(false),
        })
    }

    /// Begins to load the interpreter.
    pub fn load(&self) {
        let this = self.this.clone();
        let came = move |request: &XmlHttpRequest| {
            let Some(this) = this.upgrade() else { return };
            let text = request.response_text().ok().flatten().unwrap_or_default();
            match program(&text) {
                Some(Ok((name, bytes))) => this.load_program(name, bytes),
                Some(Err(missing)) => drop((this.post)(Msg::Loaded(Err(missing)))),
                None => this.fail(),
            }
        };
        let kind = XmlHttpRequestResponseType::Text;
        match exchange(("GET", relative(api::PYTHON), ""), None, kind, None, Box::new(came)) {
            Ok(exchange) => drop(self.loading.replace(Some(exchange))),
            Err(_) => self.fail(),
        }
    }

    fn fail(&self) {
        (self.post)(Msg::Loaded(Err(Missing::NotLoaded)));
    }

    fn load_program(&self, name: String, bytes: f64) {
        let path = format!("{}{name}_bg.wasm", relative(api::PYTHON_FILES));
        self.name.replace(name);
        let (this, post) = (self.this.clone(), self.post.clone());
        let came = move |request: &XmlHttpRequest| {
            let Some(this) = this.upgrade() else { return };
            match request.response() {
                Ok(file) if request.status() == Ok(200) && !file.is_null() => this.compile(&file),
                _ => this.fail(),
            }
        };
        // Of a packed file the browser tells the unpacked bytes, and no total.
        let progress = move |loaded: f64| {
            post(Msg::Progress((loaded / bytes.max(1.0)).min(1.0)));
        };
        let kind = XmlHttpRequestResponseType::Arraybuffer;
        let progress: Box<dyn Fn(f64)> = Box::new(progress);
        match exchange(("GET", &path, ""), None, kind, Some(progress), Box::new(came)) {
            Ok(exchange) => drop(self.loading.replace(Some(exchange))),
            Err(_) => self.fail(),
        }
    }

    fn compile(&self, file: &JsValue) {
        let (this, that) = (self.this.clone(), self.this.clone());
        let done = Closure::new(move |module: JsValue| {
            if let Some(this) = this.upgrade() {
                this.compiled.replace(Some(module));
                (this.post)(Msg::Loaded(Ok(())));
            }
        });
        let failed = Closure::new(move |_: JsValue| {
            if let Some(this) = that.upgrade() {
                this.fail();
            }
        });
        let compiling: Promise<JsValue> = WebAssembly::compile(file).unchecked_into();
        let _ = compiling.then2(&done, &failed);
        self.compiling.replace(Some([done, failed]));
    }

    /// Starts a program.
    pub fn start(&self, start: &Start) {
        let script = format!("{}{}.js", relative(api::PYTHON_FILES), self.name.borrow());
        let Ok(worker) = Worker::new(&script) else {
            (self.post)(Msg::Broken("the browser starts no worker".to_owned()));
            return;
        };
        let (post, broken) = (self.post.clone(), self.post.clone());
        let heard = Listener::new(&worker, "message", move |event| {
            let event: MessageEvent = event.unchecked_into();
            let words: Array = Array::from(&event.data());
            let words = words.iter().filter_map(|word| word.as_string()).collect();
            post(Msg::Told(words));
        });
        let failed = Listener::new(&worker, "error", move |_| {
            broken(Msg::Broken("the worker is broken".to_owned()));
        });
        let order = Object::new();
        let set = |name: &str, value: JsValue| {
            let _ = Reflect::set(&order, &name.into(), &value);
        };
        let here = self.window.location().href().unwrap_or_default();
        let address = Url::new_with_base(relative(api::PROGRAM), &here);
        set("module", self.compiled.borrow().clone().unwrap_or_default());
        set("source", (&*start.source).into());
        set("file", (&*start.file).into());
        set("arguments", start.arguments.iter().map(JsValue::from).collect::<Array>().into());
        set("address", address.map(|url| url.href()).unwrap_or_default().into());
        set("token", (&**self.secret.borrow()).into());
        set("checks", start.checks.into());
        set("chinese", start.is_chinese.into());
        let _ = worker.post_message(&order);
        self.worker.replace(Some(Running { _listeners: [heard, failed], worker }));
    }

    /// Ends the program.
    pub fn terminate(&self) {
        self.worker.replace(None);
    }

    /// Asks the server for a session, or to begin anew with the one there is.
    pub fn open_session(&self) {
        let is_new = self.secret.borrow().is_empty();
        self.ask(&if is_new { self.opening() } else { "begin".to_owned() }, true);
    }

    /// The request for a session, under the key of the student's page if this is one, so
    /// that its conversation reaches the program.
    fn opening(&self) -> String {
        let key = PageStorage::of(&self.window).get(StorageKey::Homework).unwrap_or_default();
        ["open ", &key].concat()
    }

    /// Asks the server something about the session.
    pub fn ask(&self, request: &str, is_begin: bool) {
        self.requests.borrow_mut().push_back((request.to_owned(), is_begin));
        self.ask_next();
    }

    /// Tells the server that the page is being closed.
    pub fn leave(&self) {
        let secret = self.secret.borrow();
        if !secret.is_empty() {
            let line = format!("leave {secret}");
            let path = relative(api::PROGRAM);
            // Where it cannot be told, the server notices within half a minute.
            let _ = self.window.navigator().send_beacon_with_opt_str(path, Some(&line));
        }
    }

    /// Posts something whose answer does not matter.
    pub fn tell(&self, path: &str) {
        let kind = XmlHttpRequestResponseType::Text;
        let told = exchange(("POST", path, ""), None, kind, None, Box::new(|_| {}));
        self.telling.replace(told.ok());
    }

    fn ask_next(&self) {
        if self.is_asking.get() {
            return;
        }
        let Some((text, is_begin)) = self.requests.borrow_mut().pop_front() else { return };
        self.is_asking.set(true);
        let (this, is_open) = (self.this.clone(), text.starts_with("open "));
        let came = move |request: &XmlHttpRequest| {
            if let Some(this) = this.upgrade() {
                this.answered(request, is_open, is_begin);
            }
        };
        let secret = self.secret.borrow().clone();
        let request = ("POST", relative(api::PROGRAM), &*secret);
        let kind = XmlHttpRequestResponseType::Text;
        match exchange(request, Some(&text), kind, None, Box::new(came)) {
            Ok(exchange) => drop(self.asking.replace(Some(exchange))),
            Err(_) => self.is_asking.set(false),
        }
    }

    fn answered(&self, request: &XmlHttpRequest, is_open: bool, is_begin: bool) {
        self.is_asking.set(false);
        let status = request.status().unwrap_or_default();
        if is_open {
            let secret = request.response_text().ok().flatten().filter(|_| status == 200);
            self.secret.replace(secret.unwrap_or_default());
        }
        if status == 401 {
            // The server was started anew, or has not heard of this page for a while.
            self.secret.replace(String::new());
            if is_begin && !is_open {
                self.requests.borrow_mut().push_front((self.opening(), true));
            }
        } else if is_begin {
            (self.post)(Msg::Session(status == 200));
        }
        self.ask_next();
    }
}

/// The interpreter's name and bytes, or why the server has none.
fn program(text: &str) -> Option<Result<(String, f64), Missing>> {
    let answer = js_sys::JSON::parse(text).ok()?;
    let program = Reflect::get(&answer, &"program".into()).ok()?;
    if program.is_null() {
        let coming = json::field(&answer, "coming")?;
        return Some(Err(if coming { Missing::Coming } else { Missing::NotBuilt }));
    }
    let bytes: u64 = json::field(&program, "bytes")?;
    Some(Ok((json::field(&program, "name")?, bytes as f64)))
}

/// Begins a request: its method, path and secret.
fn exchange(
    (method, path, secret): (&str, &str, &str),
    body: Option<&str>,
    kind: XmlHttpRequestResponseType,
    progress: Option<Box<dyn Fn(f64)>>,
    ended: Box<dyn Fn(&XmlHttpRequest)>,
) -> Result<Exchange, JsValue> {
    let request = XmlHttpRequest::new()?;
    request.open(method, path)?;
    request.set_response_type(kind);
    if !secret.is_empty() {
        request.set_request_header("Authorization", &format!("Bearer {secret}"))?;
    }
    let mut listeners = vec![Listener::new(&request, "loadend", {
        let request = request.clone();
        move |_| ended(&request)
    })];
    if let Some(progress) = progress {
        listeners.push(Listener::new(&request, "progress", move |event| {
            let loaded = Reflect::get(&event, &"loaded".into()).ok();
            progress(loaded.and_then(|loaded| loaded.as_f64()).unwrap_or_default());
        }));
    }
    match body {
        Some(body) => request.send_with_opt_str(Some(body))?,
        None => request.send()?,
    }
    Ok(Exchange { _listeners: listeners, request })
}
