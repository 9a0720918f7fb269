//! Book client: the class's book over HTTP, as server-sent events and as pages.
//!
//! It parses what comes and hands it on. When to open and what to ask for, only
//! [`sync`](crate::core::book::sync) knows.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::encode_uri_component;
use wasm_bindgen::JsValue;
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

use crate::browser::events::EventStream;
use crate::browser::json;
use crate::browser::request::{Request, body};
use crate::core::book::list::PageRequest;
use crate::core::book::sync::{BookEvent, BookRequest};
use crate::core::subscription::StreamEvent;

/// Where events go.
pub type OnEvent = Rc<dyn Fn(BookEvent)>;

/// The stream that is open and the page that is asked for.
pub struct BookClient {
    on_event: OnEvent,
    stream: RefCell<Option<EventStream>>,
    page: RefCell<Option<Request>>,
}

impl BookClient {
    /// Nothing is asked for yet.
    pub fn new(on_event: OnEvent) -> Self {
        BookClient { on_event, stream: RefCell::default(), page: RefCell::default() }
    }

    /// Begins a request. What comes of it is an event.
    pub fn run(&self, request: BookRequest) {
        match request {
            BookRequest::Subscribe => self.subscribe(),
            BookRequest::Unsubscribe => drop(self.stream.take()),
            BookRequest::Page(page) => self.ask(page),
        }
    }

    /// Opens the stream anew.
    fn subscribe(&self) {
        let on_event = self.on_event.clone();
        let on_stream = move |event: StreamEvent<(usize, String)>| {
            let event = match event {
                StreamEvent::Opened => Some(BookEvent::Opened),
                StreamEvent::Interrupted { is_final } => Some(BookEvent::Interrupted { is_final }),
                StreamEvent::Message((0, data)) => json::parse(&data).map(BookEvent::Snapshot),
                StreamEvent::Message((_, data)) => json::parse(&data).map(BookEvent::Changes),
            };
            event.map(&*on_event).is_some()
        };
        let kinds = [api::SNAPSHOT, api::CHANGES];
        match EventStream::open_raw(api::EVENTS, &kinds, Rc::new(on_stream)) {
            Ok(stream) => drop(self.stream.replace(Some(stream))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => (self.on_event)(BookEvent::Interrupted { is_final: true }),
        }
    }

    /// Asks for a page, and not for the one before it any more.
    fn ask(&self, page: Option<PageRequest>) {
        drop(self.page.take());
        let Some(PageRequest { after, .. }) = page else { return };
        let after: String = encode_uri_component(&after).into();
        let on_event = self.on_event.clone();
        let address = format!("{}?after={after}", api::CONTACTS);
        let ended = move |request: &XmlHttpRequest| {
            let text = body(request).and_then(|text| JsValue::from(text).as_string());
            let text = text.unwrap_or_default();
            on_event(BookEvent::Page(json::parse(&text)));
        };
        match Request::get(&address, XmlHttpRequestResponseType::Text, Box::new(ended)) {
            Ok(request) => drop(self.page.replace(Some(request))),
            Err(_) => (self.on_event)(BookEvent::Page(None)),
        }
    }
}
