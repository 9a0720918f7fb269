//! The class's book as the server tells it: the stream of its changes, its
//! pages, and where raw TCP clients connect.
//!
//! It reads what comes and hands it on. When to open and what to ask for,
//! only the model knows.

use std::cell::RefCell;

use js_sys::encode_uri_component;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventSource, MessageEvent, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::controls::{Listener, Post};
use crate::following::News;
use crate::model::Msg;
use crate::request::Request;
use crate::roster::Wanted;

/// What is open and under way.
pub struct Newsstand {
    post: Post,
    stream: RefCell<Option<Stream>>,
    page: RefCell<Option<Request>>,
    classroom: RefCell<Option<Request>>,
}

impl Newsstand {
    /// Nothing is asked for yet.
    pub fn new(post: Post) -> Self {
        Newsstand {
            post,
            stream: RefCell::default(),
            page: RefCell::default(),
            classroom: RefCell::default(),
        }
    }

    /// Opens the stream anew.
    pub fn watch(&self) {
        match Stream::open(&self.post) {
            Ok(stream) => drop(self.stream.replace(Some(stream))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => drop((self.post)(Msg::News(News::Cut { for_good: true }))),
        }
    }

    /// Closes the stream.
    pub fn unwatch(&self) {
        drop(self.stream.take());
    }

    /// Asks for a page, and not for the one before it any more.
    pub fn ask(&self, wanted: Option<Wanted>) {
        drop(self.page.take());
        let Some(Wanted { after, .. }) = wanted else { return };
        let after: String = encode_uri_component(&after).into();
        let post = self.post.clone();
        // A `concat` would be one more of everything that slices have for this.
        let address: String = [api::CONTACTS, "?after=", &after].into_iter().collect();
        let request = ask(&address, move |text| {
            post(Msg::News(News::Page(api::json::read(text))));
        });
        match request {
            Ok(request) => drop(self.page.replace(Some(request))),
            Err(_) => drop((self.post)(Msg::News(News::Page(None)))),
        }
    }

    /// Asks where raw TCP clients connect.
    pub fn ask_classroom(&self) {
        let post = self.post.clone();
        let request = ask(api::CLASSROOM, move |text| {
            // Without an answer the page goes on with what it knows.
            if let Some(classroom) = api::json::read(text) {
                post(Msg::Classroom(classroom));
            }
        });
        self.classroom.replace(request.ok());
    }
}

/// Asks for a text, and gets an empty one where there is none.
fn ask(url: &str, answered: impl Fn(&str) + 'static) -> Result<Request, JsValue> {
    let ended = move |request: &XmlHttpRequest| {
        answered(&request.response_text().ok().flatten().unwrap_or_default());
    };
    Request::get(url, XmlHttpRequestResponseType::Text, ended)
}

/// The stream of changes.
struct Stream {
    source: EventSource,
    // Dropped with the stream, so that an old one can no longer be heard.
    _listeners: [Listener; 4],
}

impl Stream {
    fn open(post: &Post) -> Result<Self, JsValue> {
        let source = EventSource::new(api::EVENTS)?;
        let listen = |event, read: fn(&Event, &EventSource) -> Option<News>| {
            let (post, source) = (post.clone(), source.clone());
            Listener::new(&source.clone(), event, move |event| {
                let news = read(&event, &source).unwrap_or_else(|| {
                    // The server is of another version than the page. It is
                    // tried again, as after any failure.
                    source.close();
                    News::Cut { for_good: true }
                });
                post(Msg::News(news));
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
