//! The words of a language, fetched when it is to be spoken.
//!
//! One file a language, so that nobody downloads the other one. The browser
//! parses it; what is said with it is decided elsewhere.

use std::cell::RefCell;

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::appearance::Language;
use crate::controls::Post;
use crate::model::language::LanguageMsg;
use crate::request::{Request, answered};

/// Where the words come from.
pub struct Texts {
    post: Post,
    /// The last file asked for; an earlier one is no longer waited for.
    request: RefCell<Option<Request>>,
}

impl Texts {
    /// Nothing is fetched yet.
    pub fn new(post: Post) -> Self {
        Texts { post, request: RefCell::new(None) }
    }

    /// Begins to fetch a language. [`LanguageMsg::Fetched`] says how it went.
    pub fn fetch(&self, language: Language) {
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            post(LanguageMsg::Fetched { found: words(request).is_some() }.into());
        };
        match Request::get(language.file(), XmlHttpRequestResponseType::Document, Box::new(ended)) {
            Ok(request) => drop(self.request.replace(Some(request))),
            // What the browser refuses outright is reported like a failure.
            Err(_) => drop((self.post)(LanguageMsg::Fetched { found: false }.into())),
        }
    }

    /// The file, if it came and is one of ours.
    pub fn words(&self) -> Option<Element> {
        words(self.request.borrow().as_ref()?.inner())
    }
}

/// The root of a file that has words in it: a web server may answer with another
/// page, that there is no such file.
pub fn words(request: &XmlHttpRequest) -> Option<Element> {
    let file: Document = answered(request)?.unchecked_into();
    file.get_element_by_id("words")?;
    file.document_element()
}
