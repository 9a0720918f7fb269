//! The titles of the lesson's steps, for pages that show how far the class is. They
//! stand in the student's texts and nowhere else, so those are fetched.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Document, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::browser::dom::Dom as _;
use crate::browser::request::{Request, body};
use crate::core::appearance::Language;

/// Fetches the titles.
pub struct StepTitles {
    on_titles: Rc<dyn Fn(Vec<String>)>,
    request: RefCell<Option<Request>>,
}

impl StepTitles {
    /// Nothing is fetched yet; `on_titles` is told what came.
    pub fn new(on_titles: Rc<dyn Fn(Vec<String>)>) -> Self {
        StepTitles { on_titles, request: RefCell::default() }
    }

    /// Begins to fetch those of a language. Without them the steps have numbers.
    pub fn fetch(&self, language: Language) {
        let on_titles = self.on_titles.clone();
        let ended = move |request: &XmlHttpRequest| {
            let Some(file) = body(request).map(|body| body.unchecked_into::<Document>()) else {
                return;
            };
            let mut titles = Vec::new();
            file.each("[data-step]>h3", |title| {
                titles.push(title.text_content().unwrap_or_default());
            });
            on_titles(titles);
        };
        let kind = XmlHttpRequestResponseType::Document;
        self.request.replace(Request::get(language.file(), kind, Box::new(ended)).ok());
    }
}
