//! The panel of the student's own program. It is a page of its own, `/program`, taken
//! over when it is first opened: no visit pays for it otherwise.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, create};
use web::browser::listener::Listener;
use web::browser::program::Post;
use web::browser::request::{Request, body};
use web_sys::{Document, HtmlElement, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::model::Msg;
use crate::model::lesson::LessonMsg;

/// The panel, empty until it is seen.
pub struct ProgramView {
    panel: HtmlElement,
    request: RefCell<Option<Request>>,
    has_failed: Rc<Cell<bool>>,
    _passed: Listener,
}

impl ProgramView {
    /// Finds its element by its id.
    pub fn of(find: impl Fn(&str) -> HtmlElement, post: &Post<Msg>) -> Self {
        let (panel, has_failed) = (find("program"), Rc::new(Cell::new(true)));
        let post = post.clone();
        // The panel's own program tells it.
        let _passed =
            Listener::new(&panel, "passed", move |_| drop(post(LessonMsg::PassedInPage.into())));
        ProgramView { panel, request: RefCell::default(), has_failed, _passed }
    }

    /// Fetches the page, the first time and after it could not be had.
    pub fn refresh(&self) {
        if !self.has_failed.replace(false) {
            return;
        }
        let (panel, has_failed) = (self.panel.clone(), self.has_failed.clone());
        let came = move |request: &XmlHttpRequest| {
            has_failed
                .set(body(request).is_none_or(|page| !take_over(&page.unchecked_into(), &panel)));
        };
        let request = Request::get("program", XmlHttpRequestResponseType::Document, Box::new(came));
        self.request.replace(request.ok());
    }
}

/// Moves what the page has into the panel, and starts its program.
fn take_over(page: &Document, panel: &HtmlElement) -> bool {
    let (Some(content), Some(script)) = (page.find("#program"), page.find("script[src]")) else {
        return false;
    };
    content.move_into(panel);
    // Its style, and where its program is. What all pages share is here already.
    page.each("link[href*=style-],link[rel$=load]", |link| panel.add(&link));
    // A script of another document would not run.
    let start = create(&panel.owner_document().expect("it is in a document"), "script");
    start.set("type", "module");
    start.set("src", &script.get_attribute("src").unwrap_or_default());
    panel.add(&start);
    true
}
