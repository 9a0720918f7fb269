//! What the teacher's page asks of the server. The token is in the address behind `#`,
//! and goes nowhere but into an `Authorization` header.

use std::cell::Cell;

use api::{Act, Person};
use js_sys::{JSON, encode_uri_component};
use wasm_bindgen::JsValue;
use web::browser::dom::root;
use web::browser::events::{EventKind, EventStream, OnEvent};
use web::browser::json::{self, FromJson};
use web::browser::program::Post;
use web::browser::request::Request;
use web_sys::{Document, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::model::{Msg, Told};

/// The events of the stream.
const KINDS: [EventKind<Told>; 3] = [
    (api::TEACHER_EVENT, |data| json::parse(data).map(|lead| Told::Lead(Box::new(lead)))),
    (api::PEOPLE_EVENT, |data| json::parse(data).map(Told::People)),
    (api::JOURNAL_EVENT, |data| json::parse(data).map(Told::Journal)),
];

/// The stream that is open and the requests that are under way.
pub struct Client {
    document: Document,
    post: Post<Msg>,
    stream: Cell<Option<EventStream>>,
    session: Cell<Option<Request>>,
    act: Cell<Option<Request>>,
    author: Cell<Option<Request>>,
}

impl Client {
    /// Nothing is asked for yet.
    pub fn new(document: Document, post: Post<Msg>) -> Self {
        Client {
            document,
            post,
            stream: Cell::default(),
            session: Cell::default(),
            act: Cell::default(),
            author: Cell::default(),
        }
    }

    /// Asks to be let in.
    pub fn let_in(&self) {
        let location = self.document.default_view().map(|window| window.location());
        let token = location.and_then(|location| location.hash().ok()).unwrap_or_default();
        let token = token.trim_start_matches('#');
        let header = (!token.is_empty()).then(|| ["Bearer ", token].concat());
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            post(Msg::LetIn(request.status().unwrap_or_default()));
        };
        let ended = Box::new(ended);
        let request = Request::authorize(api::TEACHER_SESSION, header.as_deref(), ended);
        self.session.set(request.ok());
    }

    /// Opens the stream anew.
    pub fn open_stream(&self, on_event: &OnEvent<Told>) {
        // The old one goes before the new one comes.
        drop(self.stream.take());
        self.stream.set(EventStream::open(api::TEACHER, &KINDS, on_event).ok());
    }

    /// Has the server do something. A refusal comes in the language of the page.
    pub fn act(&self, act: &Act) {
        let language = root(&self.document).lang();
        let path = [api::TEACHER_ACT, "?lang=", &language].concat();
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            let is_done = request.status() == Ok(204);
            let text = request.response_text().ok().flatten().unwrap_or_default();
            post(Msg::Done((!is_done).then_some(text)));
        };
        self.act.set(Request::post(&path, &written(act), Box::new(ended)).ok());
    }

    /// Asks who stored a contact.
    pub fn ask_author(&self, name: &str) {
        let name: String = encode_uri_component(name).into();
        let path = [api::TEACHER_AUTHOR, "?name=", &name].concat();
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten().unwrap_or_default();
            let found = (request.status() == Ok(200)).then(|| json::parse::<Person>(&text));
            post(Msg::Author(found.flatten()));
        };
        let request = Request::get_fresh(&path, XmlHttpRequestResponseType::Text, Box::new(ended));
        self.author.set(request.ok());
    }
}

/// An act as JSON. `serde_json` would be larger than all of this page's requests.
fn written(act: &Act) -> String {
    let mut json = ["{\"action\":\"", act.action.name(), "\""].concat();
    if let Some(person) = act.person {
        json.push_str(&format!(",\"person\":{person}"));
    }
    if let Some(millis) = act.millis {
        json.push_str(&format!(",\"millis\":{millis}"));
    }
    if let Some(text) = &act.text {
        let text = JSON::stringify(&JsValue::from(text)).ok();
        let text = text.and_then(|text| String::from_json(&text)).unwrap_or_default();
        json.push_str(&format!(",\"text\":{text}"));
    }
    json + "}"
}
