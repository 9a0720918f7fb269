//! What goes between the page and its class: the stream of what holds for it, and its
//! reports. When to open and what to report, only the model knows.

use std::cell::RefCell;
use std::rc::Rc;

use web::browser::events::EventStream;
use web::browser::json;
use web::browser::request::Request;
use web::core::subscription::{StreamEvent, StreamRequest};
use web_sys::XmlHttpRequest;

use crate::controls::Post;
use crate::model::class::{ClassEffect, ClassMsg};

/// The stream that is open and the report that is under way.
pub struct ClassClient {
    /// Names this page, and is said to nobody else.
    key: String,
    post: Post,
    stream: RefCell<Option<EventStream>>,
    report: RefCell<Option<Request>>,
}

impl ClassClient {
    /// The page with this key.
    pub fn new(key: String, post: Post) -> Self {
        ClassClient { key, post, stream: RefCell::default(), report: RefCell::default() }
    }

    /// A path that ends with the page's key.
    pub fn path(&self, path: &str) -> String {
        [path, &self.key].concat()
    }

    /// Does what the model asks for.
    pub fn carry_out(&self, effect: ClassEffect) {
        // The old one goes before the new one comes.
        match effect {
            ClassEffect::Stream(request) => {
                drop(self.stream.take());
                if request == StreamRequest::Open {
                    self.stream.replace(self.follow());
                }
            }
            ClassEffect::Report(student) => {
                let post = self.post.clone();
                let ended = move |_: &XmlHttpRequest| {
                    post(ClassMsg::Reported.into());
                };
                let path = self.path("api/student?key=");
                // What the browser refuses outright is reported with the next change.
                self.report.replace(Request::post(&path, &student, Box::new(ended)).ok());
            }
        }
    }

    fn follow(&self) -> Option<EventStream> {
        let post = self.post.clone();
        let on_event = move |event: StreamEvent<(usize, String)>| {
            let event = match event {
                StreamEvent::Opened => StreamEvent::Opened,
                StreamEvent::Interrupted { is_final } => StreamEvent::Interrupted { is_final },
                StreamEvent::Message((_, data)) => match json::parse(&data) {
                    Some(state) => StreamEvent::Message(state),
                    None => return false,
                },
            };
            post(ClassMsg::Stream(event).into());
            true
        };
        let path = self.path("api/class?key=");
        EventStream::open_raw(&path, &[api::CLASS_EVENT], Rc::new(on_event)).ok()
    }
}
