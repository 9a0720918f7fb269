//! The texts of a language, fetched when it is to be shown.
//!
//! Each page has one file a language, beside its program, so that a visit downloads
//! neither the other language nor the texts of another page. The browser parses it.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::browser::request::{Request, body};
use crate::browser::version::program_file;
use crate::core::appearance::Language;

/// Fetches the texts.
pub struct TextsClient {
    /// Whose texts they are.
    document: Document,
    /// Called when a file came (`true`) or could not be had.
    on_end: Rc<dyn Fn(bool)>,
    /// The last file asked for; an earlier one is no longer waited for.
    request: RefCell<Option<Request>>,
}

impl TextsClient {
    /// Nothing is fetched yet.
    pub fn new(document: Document, on_end: Rc<dyn Fn(bool)>) -> Self {
        TextsClient { document, on_end, request: RefCell::new(None) }
    }

    /// Begins to fetch a language.
    pub fn fetch(&self, language: Language) {
        let on_end = self.on_end.clone();
        let ended = move |request: &XmlHttpRequest| on_end(texts(request).is_some());
        let program = program_file(&self.document);
        let folder = program.rsplit_once('/').unwrap_or_default().0;
        let file = [folder, "/", language.file()].concat();
        match Request::get(&file, XmlHttpRequestResponseType::Document, Box::new(ended)) {
            Ok(request) => drop(self.request.replace(Some(request))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => (self.on_end)(false),
        }
    }

    /// The root of the file, if it came and is one of ours.
    pub fn texts(&self) -> Option<Element> {
        texts(self.request.borrow().as_ref()?.inner())
    }
}

/// The root of a file that has texts in it: a web server may answer with another
/// page, that there is no such file.
fn texts(request: &XmlHttpRequest) -> Option<Element> {
    let file: Document = body(request)?.unchecked_into();
    file.get_element_by_id("words")?;
    file.document_element()
}
