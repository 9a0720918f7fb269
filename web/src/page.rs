//! The page as a whole: the model, and the rooms that touch the browser.
//!
//! It carries out what the model decided. It decides nothing itself, and
//! nothing but this calls the model.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::Math;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{
    Document, MediaQueryList, Performance, Url, Window, XmlHttpRequest, XmlHttpRequestResponseType,
};

use crate::alarm::Alarm;
use crate::appearance::{Language, Theme};
use crate::controls::{Listener, Post, Watch, listen, looked};
use crate::door::Door;
use crate::model::{Effect, Model, Moment, Msg, Remembered, Shelf};
use crate::request::{Request, answered};
use crate::shelves::Shelves;
use crate::socket::Socket;
use crate::texts::Texts;
use crate::view::View;

/// Where the server speaks the lesson's protocol, and where it says that it is
/// alive: both relative to where the page was opened.
const WEBSOCKET: &str = "ws";
const HEALTH: &str = "healthz";

/// What a live server answers to that. Another answer is of another server: a
/// proxy whose upstream is gone, or the login page of a Wi-Fi.
const HEALTHY: &str = "ok\n";

/// Where there is room for three panels, as in the style sheet.
const WIDE: &str = "(min-width:64em)";

/// An open page. Dropping it closes its connection and removes its listeners.
pub struct Page {
    model: RefCell<Model>,
    view: Rc<View>,
    socket: RefCell<Option<Socket>>,
    /// Where the WebSocket is, as a whole address.
    url: String,
    /// The liveness check that is under way.
    check: RefCell<Option<Request>>,
    alarm: Alarm,
    texts: Texts,
    /// The panels beside the conversation, once they have come.
    supplement: RefCell<Option<Box<dyn Door>>>,
    /// What they wait for.
    wanted: RefCell<Option<Request>>,
    classroom: RefCell<Option<Request>>,
    shelves: Shelves,
    /// Whether a mouse points here, and no finger.
    has_mouse: bool,
    clock: Performance,
    post: Post,
    _listeners: Vec<Listener>,
    _watch: Option<Watch>,
}

impl Page {
    /// Takes over the document and begins to connect.
    pub fn open(document: Document) -> Rc<Self> {
        let window = document.default_view().expect("an open document has a window");
        let looked = looked(&document);
        let page = Rc::new_cyclic(|page| Page::new(&window, document, page));
        page.post(looked);
        page.post(Msg::Opened);
        page
    }

    fn new(window: &Window, document: Document, page: &Weak<Page>) -> Self {
        let post: Post = {
            let page = page.clone();
            Rc::new(move |msg| page.upgrade().is_some_and(|page| page.post(msg)))
        };
        let alarm = Alarm::new(window.clone(), {
            let post = post.clone();
            move || {
                post(Msg::Woken);
            }
        });

        let shelves = Shelves::of(window);
        let language = Language::first(
            shelves.get(Shelf::Language).as_deref(),
            window.navigator().language().as_deref(),
        );
        let host = window.location().host().unwrap_or_default();
        let remembered = Remembered {
            draft: &shelves.get(Shelf::Draft).unwrap_or_default(),
            history: &shelves.get(Shelf::History).unwrap_or_default(),
            panel: &shelves.get(Shelf::Panel).unwrap_or_default(),
            progress: &shelves.get(Shelf::Progress).unwrap_or_default(),
        };
        let wide = media(window, WIDE);
        let has_room = wide.as_ref().is_none_or(MediaQueryList::matches);
        let model = Model::new(&host, has_room, language, remembered);

        let url = websocket_address(&document);
        let view = Rc::new(View::of(document));
        if let Some(theme) = Theme::remembered(shelves.get(Shelf::Theme).as_deref()) {
            view.paint(theme);
        }
        Page {
            model: RefCell::new(model),
            socket: RefCell::new(None),
            url,
            check: RefCell::default(),
            alarm,
            texts: Texts::new(post.clone()),
            supplement: RefCell::default(),
            wanted: RefCell::default(),
            classroom: RefCell::default(),
            shelves,
            has_mouse: !media(window, "(pointer:coarse)").is_some_and(|finger| finger.matches()),
            clock: window.performance().expect("browsers have a clock"),
            _listeners: listen(window, wide, &view, &post),
            _watch: Watch::of(&view),
            view,
            post,
        }
    }

    /// The document.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Where messages to the model go.
    pub fn mail(&self) -> Post {
        self.post.clone()
    }

    /// Keeps what the supplement waits for.
    pub fn wait_for(&self, request: Request) {
        self.wanted.replace(Some(request));
    }

    /// The supplement has come: from now on it shows what the model says, and
    /// what has been said before.
    pub fn supply(&self, supplement: impl Door + 'static) {
        self.view.speech().borrow(|words| supplement.lend(words));
        self.supplement.replace(Some(Box::new(supplement)));
        self.post(Msg::Supplied);
    }

    /// The supplement could not be had.
    pub fn miss(&self) {
        self.post(Msg::Missed);
    }

    /// Tells the model what happened and does what it says. Returns whether
    /// the event behind it has been used up.
    fn post(&self, msg: Msg) -> bool {
        let moment = self.moment();
        // The model is given back before its effects are carried out: some of
        // them make the browser report something at once.
        let effects = self.model.borrow_mut().update(msg, moment);
        let mut swallowed = false;
        for effect in effects {
            swallowed |= matches!(effect, Effect::Swallow);
            self.carry_out(effect);
        }
        let model = self.model.borrow();
        self.view.refresh(&model, moment.millis);
        let beside = self.supplement.borrow();
        let due = beside.as_ref().and_then(|beside| beside.refresh(&model, moment));
        let due = due.map(|due| due.saturating_sub(moment.millis));
        self.alarm.set(model.next_wake(moment.millis).into_iter().chain(due).min());
        swallowed
    }

    fn moment(&self) -> Moment {
        Moment { millis: self.clock.now() as u64, jitter: (Math::random() * 400.0) as i32 - 200 }
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Connect => self.connect(),
            Effect::Disconnect => {
                drop(self.check.take());
                drop(self.socket.take());
            }
            Effect::CheckServer => self.check_server(),
            Effect::Transmit(text) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&text);
                }
            }
            Effect::Show(message) => self.view.show(&message),
            Effect::Annotate { id, note, take_back } => self.view.annotate(id, &note, take_back),
            Effect::Unannotate { id } => self.view.unannotate(id),
            Effect::Write(text) => self.view.write(&text),
            Effect::Focus => self.view.focus(),
            Effect::FocusTab => self.view.focus_tab(self.model.borrow().panels().selected()),
            Effect::FocusStep => self.view.steps().focus(),
            Effect::Guide => self.view.steps().guide(&self.model.borrow()),
            Effect::Swallow => {}
            Effect::Keep(shelf, text) => self.shelves.keep(shelf, &text),
            Effect::Supply => supply(),
            Effect::AskClassroom => self.ask_classroom(),
            Effect::Fetch(language) => self.texts.fetch(language),
            Effect::Speak => self.speak(),
            Effect::Fail => self.view.fail(),
            Effect::Paint(theme) => self.view.paint(theme),
        }
    }

    fn speak(&self) {
        let Some(words) = self.texts.words() else { return };
        if let Some(beside) = &*self.supplement.borrow() {
            beside.lend(&words);
        }
        if self.view.speak(words) {
            self.post(Msg::Taught(self.view.steps().read()));
            // On a phone the keyboard would jump up and cover half the page.
            if self.has_mouse {
                self.view.focus();
            }
        } else {
            self.view.steps().guide(&self.model.borrow());
        }
    }

    /// Asks where raw TCP clients connect.
    fn ask_classroom(&self) {
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            // Without an answer the page goes on with what it knows.
            if let Some(answer) = answered(request) {
                let answer: Classroom = answer.unchecked_into();
                post(Msg::Classroom { host: answer.tcp_host(), port: answer.tcp_port() });
            }
        };
        let request =
            Request::get(api::CLASSROOM, XmlHttpRequestResponseType::Json, Box::new(ended));
        self.classroom.replace(request.ok());
    }

    /// Asks the server for a sign of life.
    fn check_server(&self) {
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            let alive = request.status() == Ok(200) && text.as_deref() == Some(HEALTHY);
            post(Msg::Checked { alive });
        };
        let request = Request::get_fresh(HEALTH, XmlHttpRequestResponseType::Text, Box::new(ended));
        // What the browser refuses outright ends like a check without an answer.
        self.check.replace(request.ok());
    }

    fn connect(&self) {
        // The old connection goes before the new one comes.
        drop(self.socket.take());
        let socket = Socket::connect(&self.url, self.post.clone());
        // What the browser refuses outright is tried again like any failure,
        // when the model's patience ends.
        self.socket.replace(socket.ok());
    }
}

#[wasm_bindgen]
extern "C" {
    /// Has the program of the panels loaded; `static/start.js` does so.
    #[wasm_bindgen]
    fn supply();

    /// [`api::Classroom`], read by the browser: our own reader of JSON is 4 KB,
    /// and comes with the panels.
    type Classroom;

    #[wasm_bindgen(method, getter)]
    fn tcp_host(this: &Classroom) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    fn tcp_port(this: &Classroom) -> u16;
}

/// The address of the WebSocket beside the page. Whole, since older browsers take
/// no relative one, and with its own scheme.
fn websocket_address(document: &Document) -> String {
    let base = document.base_uri().ok().flatten().unwrap_or_default();
    // A document that came over http or https has such a base.
    let Ok(url) = Url::new_with_base(WEBSOCKET, &base) else { return String::new() };
    url.set_protocol(if url.protocol() == "https:" { "wss:" } else { "ws:" });
    url.href()
}

fn media(window: &Window, query: &str) -> Option<MediaQueryList> {
    window.match_media(query).ok().flatten()
}
