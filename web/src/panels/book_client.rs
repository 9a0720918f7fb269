//! Book client: the class's book over HTTP, as server-sent events and as pages.
//!
//! It parses what comes and hands it on. When to open and what to ask for, only
//! [`book_sync`](super::book_sync) knows.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::encode_uri_component;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventSource, MessageEvent, XmlHttpRequest, XmlHttpRequestResponseType};

use super::book_sync::{BookEvent, BookRequest};
use super::contact_list::PageRequest;
use crate::controls::Listener;
use crate::json::{self, FromJson};
use crate::request::{Request, answered, relative};

/// Where events go.
pub type OnEvent = Rc<dyn Fn(BookEvent)>;

/// The stream that is open and the page that is asked for.
pub struct BookClient {
    on_event: OnEvent,
    stream: RefCell<Option<Stream>>,
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
        match Stream::open(&self.on_event) {
            Ok(stream) => drop(self.stream.replace(Some(stream))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => (self.on_event)(BookEvent::Interrupted { for_good: true }),
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
            let text = answered(request).and_then(|text| JsValue::from(text).as_string());
            let text = text.unwrap_or_default();
            on_event(BookEvent::Page(json::parse(&text)));
        };
        match Request::get(&address, XmlHttpRequestResponseType::Text, Box::new(ended)) {
            Ok(request) => drop(self.page.replace(Some(request))),
            Err(_) => (self.on_event)(BookEvent::Page(None)),
        }
    }
}

/// The stream of changes.
struct Stream {
    source: EventSource,
    // Dropped with the stream, so that an old one can no longer be heard.
    _listeners: [Listener; 4],
}

impl Stream {
    fn open(on_event: &OnEvent) -> Result<Self, JsValue> {
        let source = EventSource::new(relative(api::EVENTS))?;
        let listen = |event, read: fn(&Event, &EventSource) -> Option<BookEvent>| {
            let (on_event, source) = (on_event.clone(), source.clone());
            Listener::new(&source.clone(), event, move |event| {
                let event = read(&event, &source).unwrap_or_else(|| {
                    // The server is of a version that leaves something out. It is
                    // tried again, as after any failure.
                    source.close();
                    BookEvent::Interrupted { for_good: true }
                });
                on_event(event);
            })
        };
        let listeners = [
            listen("open", |_, _| Some(BookEvent::Open)),
            listen("error", |_, source| {
                Some(BookEvent::Interrupted {
                    for_good: source.ready_state() == EventSource::CLOSED,
                })
            }),
            listen(api::SNAPSHOT, |event, _| Some(BookEvent::Snapshot(parsed(event)?))),
            listen(api::CHANGES, |event, _| Some(BookEvent::Changes(parsed(event)?))),
        ];
        Ok(Stream { source, _listeners: listeners })
    }
}

fn parsed<T: FromJson>(event: &Event) -> Option<T> {
    json::parse(&event.unchecked_ref::<MessageEvent>().data().as_string()?)
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}
