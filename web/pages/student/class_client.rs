//! What goes between the page and its class: the stream of what holds for it, and its
//! reports. What to report, only the model knows.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use web::browser::events::EventStream;
use web::browser::json;
use web::browser::request::Request;
use web::core::subscription::StreamEvent;
use web_sys::XmlHttpRequest;

use crate::controls::Post;
use crate::model::class::ClassMsg;

/// The stream that is open and the report that is under way.
pub struct ClassClient {
    /// Names this page; a secret between it and the server.
    key: String,
    post: Post,
    stream: RefCell<Option<EventStream>>,
    is_broken: Rc<Cell<bool>>,
    report: Cell<Option<Request>>,
}

impl ClassClient {
    /// The page with this key.
    pub fn new(key: String, post: Post) -> Self {
        ClassClient {
            key,
            post,
            stream: RefCell::default(),
            is_broken: Rc::default(),
            report: Cell::default(),
        }
    }

    /// A path that ends with the page's key.
    pub fn path(&self, path: &str) -> String {
        [path, &self.key].concat()
    }

    /// Has the stream open if it is wanted, and closed if not.
    pub fn follow(&self, is_wanted: bool) {
        let mut stream = self.stream.borrow_mut();
        if is_wanted == (stream.is_some() && !self.is_broken.take()) {
            return;
        }
        // The old one goes before the new one comes.
        *stream = None;
        if is_wanted {
            *stream = self.open();
        }
    }

    fn open(&self) -> Option<EventStream> {
        let (post, is_broken) = (self.post.clone(), self.is_broken.clone());
        let on_event = move |event: StreamEvent<(usize, String)>| {
            match event {
                StreamEvent::Opened => {}
                StreamEvent::Interrupted { is_final } => {
                    post(ClassMsg::Lost.into());
                    // Opened anew with the next thing that happens on the page, and not
                    // with this message.
                    is_broken.set(is_final);
                }
                StreamEvent::Message((_, data)) => {
                    let Some(state) = json::parse(&data) else { return false };
                    post(ClassMsg::Told(state).into());
                }
            }
            true
        };
        let path = self.path("api/class?key=");
        EventStream::open_raw(&path, &[api::CLASS_EVENT], Rc::new(on_event)).ok()
    }

    /// Delivers what the page says of itself. What the browser refuses outright is
    /// delivered with the next change.
    pub fn report(&self, student: &str) {
        let post = self.post.clone();
        let ended = move |_: &XmlHttpRequest| {
            post(ClassMsg::Reported.into());
        };
        let path = self.path("api/student?key=");
        self.report.set(Request::post(&path, student, Box::new(ended)).ok());
    }
}
