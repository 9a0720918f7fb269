//! The homework on view: the code, the checks as they turn green, and the bytes of
//! each on request.
//!
//! Its stream is open from the first time that the step is, so that a visit that does
//! not come so far costs the server nothing. All words come from there, and what comes
//! is drawn as it is: types for it, [`api::Homework`] and what is in it, would be 3 KB
//! of every visit.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Array, encode_uri_component};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web::browser::dom::{Dom as _, instantiate, leaf, root, template};
use web::browser::events::EventStream;
use web::browser::json::{self, field};
use web::browser::listener::{Listener, closest};
use web::browser::request::Request;
use web::browser::socket;
use web::core::bytes::hex;
use web::core::subscription::StreamEvent;
use web_sys::{Document, Element, Event, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::controls::Post;
use crate::model::homework::HomeworkMsg;
use crate::model::{Model, Msg};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// A random key for a page that has none: 128 bits.
pub fn new_key() -> String {
    let mut bytes = [0; 16];
    get_random_values(&mut bytes);
    bytes.into_iter().map(hex).collect()
}

/// The homework step.
pub struct HomeworkView {
    document: Document,
    key: String,
    post: Post,
    stream: RefCell<Option<EventStream>>,
    /// What the stream was opened for: its language and the student's name.
    query: RefCell<String>,
    is_broken: Rc<Cell<bool>>,
    /// What came last.
    told: Rc<RefCell<JsValue>>,
    /// For the bytes of a check, or another run.
    request: RefCell<Option<Request>>,
    /// A click on a check, or on the button for another run.
    clicked: RefCell<Option<Listener>>,
}

impl HomeworkView {
    /// The step of the page with this key.
    pub fn of(document: Document, key: String, post: Post) -> Rc<Self> {
        let view = Rc::new(HomeworkView {
            key,
            post,
            stream: RefCell::default(),
            query: RefCell::default(),
            is_broken: Rc::default(),
            told: Rc::default(),
            request: RefCell::default(),
            clicked: RefCell::default(),
            document,
        });
        let this: Weak<Self> = Rc::downgrade(&view);
        let clicked = move |event: Event| {
            let Some(this) = this.upgrade() else { return };
            if closest(&event, "[data-check]>button").is_some() {
                this.turn(&closest(&event, "li").expect("a check is an item of the list"));
            } else if closest(&event, "#check-again").is_some() {
                let path = [api::HOMEWORK_RUN, &*this.query.borrow()].concat();
                this.request.replace(Request::post(&path, "", Box::new(|_| ())).ok());
            }
        };
        view.clicked.replace(Some(Listener::new(&view.document, "click", clicked)));
        view
    }

    /// Shows the state of the model.
    pub fn refresh(&self, model: &Model) {
        let is_open = model.lesson().open().is_some_and(|step| step.name() == "homework");
        let is_open = is_open && model.conversation().can_follow_book();
        if is_open || self.stream.borrow().is_some() {
            // The name in the examples, where it is the student's own.
            let name = model.owner().adapt("zhangsan");
            self.follow(if name == "zhangsan" { "" } else { &name });
        }
        let root = root(&self.document);
        root.turn("data-own", !model.conversation().server().is_empty());
        let told = self.told.borrow();
        let list = self.document.get_element_by_id("homework");
        if let Some(list) =
            list.filter(|list| told.is_object() && list.get_attribute("data-told").is_none())
        {
            list.set("data-told", "");
            self.draw(&list, &told);
        }
    }

    /// Opens the stream, if another one is open or none.
    fn follow(&self, name: &str) {
        let language = root(&self.document).get_attribute("lang").unwrap_or_default();
        let name: String = encode_uri_component(name).into();
        let query = ["?key=", &self.key, "&lang=", &language, "&name=", &name].concat();
        if !self.is_broken.take() && *self.query.borrow() == query {
            return;
        }
        let (post, is_broken, told) =
            (self.post.clone(), self.is_broken.clone(), self.told.clone());
        let document = self.document.clone();
        let on_event = move |event: StreamEvent<(usize, String)>| match event {
            StreamEvent::Message((_, data)) => {
                let Some(value) = json::parse(&data) else { return false };
                let is = |name| field(&value, name).unwrap_or_default();
                root(&document).turn("data-relay", is("relay"));
                let msg = HomeworkMsg { passed: is("passed") };
                told.replace(value);
                if let Some(list) = document.get_element_by_id("homework") {
                    list.turn("data-told", false);
                }
                post(Msg::Homework(msg));
                true
            }
            // Opened anew with the next thing that happens on the page.
            StreamEvent::Interrupted { is_final } => {
                is_broken.set(is_final);
                true
            }
            StreamEvent::Opened => true,
        };
        let path = [api::HOMEWORK, &query].concat();
        self.stream
            .replace(EventStream::open_raw(&path, &[api::HOMEWORK_EVENT], Rc::new(on_event)).ok());
        self.query.replace(query);
    }

    fn draw(&self, list: &Element, told: &JsValue) {
        let code = text(told, "code");
        let page = socket::address(&self.document, ".");
        let find = |id| self.document.get_element_by_id(id);
        if let (Some(link), Some(pairing)) = (find("check-py"), find("pairing")) {
            link.set("href", &["check.py?code=", &code, "&page=", &page].concat());
            pairing.set_text_content(Some(&code));
        }
        if let Some(summary) = find("summary") {
            summary.set_text_content(Some(&text(told, "summary")));
        }
        each(told, "checks", &mut |check| {
            let name = text(check, "name");
            let row = list.find(&["[data-check=", &name, "]"].concat()).unwrap_or_else(|| {
                let row = instantiate(&template(&self.document, "check"));
                row.set("data-check", &name);
                list.add(&row);
                row
            });
            row.set("data-state", &text(check, "state"));
            row.turn("data-extra", field(check, "extra").unwrap_or_default());
            for slot in ["title", "text", "line"] {
                row.fill(slot, &text(check, slot));
            }
        });
    }

    /// Shows the bytes of a check, or hides them.
    fn turn(&self, row: &Element) {
        let bytes = row.query(".bytes");
        if bytes.first_child().is_some() {
            return bytes.set_text_content(None);
        }
        let check = row.get_attribute("data-check").unwrap_or_default();
        let path = [api::HOMEWORK_CHECK, &self.query.borrow(), "&check=", &check].concat();
        let ended = move |request: &XmlHttpRequest| {
            let answer = request.response_text().ok().flatten();
            if let Some(rows) = answer.and_then(|text| json::parse::<JsValue>(&text)) {
                bytes.set_text_content(None);
                each(&rows, "rows", &mut |row| draw_bytes(&bytes, row));
            }
        };
        let request = Request::get(&path, XmlHttpRequestResponseType::Text, Box::new(ended));
        self.request.replace(request.ok());
    }
}

/// Characters above their bytes, as everywhere on the page; the first difference is
/// in red, with a caret below it.
fn draw_bytes(parent: &Element, row: &JsValue) {
    leaf(parent, "small", "", &text(row, "title"));
    let wire = leaf(parent, "div", &["wire ", &text(row, "class")].concat(), "");
    each(row, "bytes", &mut |character| {
        let is_wrong = field(character, "wrong").unwrap_or_default();
        let part = leaf(&wire, "span", if is_wrong { "part bad" } else { "part" }, "");
        let (shown, hex) = (text(character, "shown"), text(character, "hex"));
        let cell =
            leaf(&part, "span", ["ch", "ch n2", "ch han n3", "ch n4"][hex.len() / 3 % 4], "");
        leaf(&cell, "b", if shown.len() > 4 { "tight" } else { "" }, &shown);
        hex.split(' ').for_each(|byte| drop(leaf(&cell, "i", "", byte)));
    });
}

fn text(value: &JsValue, name: &str) -> String {
    field(value, name).unwrap_or_default()
}

/// Does something with each item of a list.
fn each(value: &JsValue, name: &str, with: &mut dyn FnMut(&JsValue)) {
    if let Some(list) = field::<JsValue>(value, name)
        && let Some(list) = list.dyn_ref::<Array>()
    {
        for index in 0..list.length() {
            with(&list.get(index));
        }
    }
}
