//! The class's book as the server tells it: the stream of its changes, and its
//! pages.
//!
//! It reads what comes and hands it on. When to open and what to ask for,
//! only [`following`](super::following) knows.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::encode_uri_component;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventSource, MessageEvent, XmlHttpRequest, XmlHttpRequestResponseType};

use super::following::{Errand, News};
use super::roster::Wanted;
use crate::controls::Listener;
use crate::request::{Request, answered, relative};

/// Where news goes.
pub type Tell = Rc<dyn Fn(News)>;

/// What is open and under way.
pub struct Newsstand {
    tell: Tell,
    stream: RefCell<Option<Stream>>,
    page: RefCell<Option<Request>>,
}

impl Newsstand {
    /// Nothing is asked for yet.
    pub fn new(tell: Tell) -> Self {
        Newsstand { tell, stream: RefCell::default(), page: RefCell::default() }
    }

    /// Does what is to be done.
    pub fn run(&self, errand: Errand) {
        match errand {
            Errand::Watch => self.watch(),
            Errand::Unwatch => drop(self.stream.take()),
            Errand::Ask(wanted) => self.ask(wanted),
        }
    }

    /// Opens the stream anew.
    fn watch(&self) {
        match Stream::open(&self.tell) {
            Ok(stream) => drop(self.stream.replace(Some(stream))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => (self.tell)(News::Cut { for_good: true }),
        }
    }

    /// Asks for a page, and not for the one before it any more.
    fn ask(&self, wanted: Option<Wanted>) {
        drop(self.page.take());
        let Some(Wanted { after, .. }) = wanted else { return };
        let after: String = encode_uri_component(&after).into();
        let tell = self.tell.clone();
        // A `concat` would be one more of everything that slices have for this.
        let address: String = [api::CONTACTS, "?after=", &after].into_iter().collect();
        let ended = move |request: &XmlHttpRequest| {
            let text = answered(request).and_then(|text| JsValue::from(text).as_string());
            let text = text.unwrap_or_default();
            tell(News::Page(api::json::read(&text)));
        };
        match Request::get(&address, XmlHttpRequestResponseType::Text, Box::new(ended)) {
            Ok(request) => drop(self.page.replace(Some(request))),
            Err(_) => (self.tell)(News::Page(None)),
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
    fn open(tell: &Tell) -> Result<Self, JsValue> {
        let source = EventSource::new(relative(api::EVENTS))?;
        let listen = |event, read: fn(&Event, &EventSource) -> Option<News>| {
            let (tell, source) = (tell.clone(), source.clone());
            Listener::new(&source.clone(), event, move |event| {
                let news = read(&event, &source).unwrap_or_else(|| {
                    // The server is of another version than the page. It is
                    // tried again, as after any failure.
                    source.close();
                    News::Cut { for_good: true }
                });
                tell(news);
            })
        };
        let listeners = [
            listen("open", |_, _| Some(News::Open)),
            listen("error", |_, source| {
                Some(News::Cut { for_good: source.ready_state() == EventSource::CLOSED })
            }),
            listen(api::SNAPSHOT, |event, _| Some(News::Snapshot(api::json::read(&data(event)?)?))),
            listen(api::CHANGES, |event, _| Some(News::Changes(api::json::read(&data(event)?)?))),
        ];
        Ok(Stream { source, _listeners: listeners })
    }
}

fn data(event: &Event) -> Option<String> {
    event.unchecked_ref::<MessageEvent>().data().as_string()
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}
