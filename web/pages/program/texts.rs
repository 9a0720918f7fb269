//! The panel's texts in the language of the page. They are in files of the panel's own,
//! which a visit that does not open it does not download.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, root};
use web::browser::request::{Request, body};
use web_sys::{Document, Element, XmlHttpRequest, XmlHttpRequestResponseType};

/// The texts of a language, once they are there.
pub struct Texts {
    document: Document,
    texts: Rc<RefCell<Option<Element>>>,
    request: RefCell<Option<Request>>,
}

impl Texts {
    /// None yet.
    pub fn new(document: &Document) -> Self {
        let (texts, request) = (Rc::default(), RefCell::default());
        Texts { document: document.clone(), texts, request }
    }

    /// Whether the page is in Chinese.
    pub fn is_chinese(&self) -> bool {
        root(&self.document).get_attribute("lang").is_some_and(|lang| lang.starts_with("zh"))
    }

    /// Fetches the language of the page; `ended` is called when it is there.
    pub fn fetch(&self, ended: impl Fn() + 'static) {
        let file = if self.is_chinese() { "program/zh.html" } else { "program/en.html" };
        let texts = self.texts.clone();
        let came = move |request: &XmlHttpRequest| {
            let document = body(request).map(|body| body.unchecked_into::<Document>());
            let Some(root) = document.and_then(|document| document.document_element()) else {
                return;
            };
            if root.find("[data-word]").is_some() {
                texts.replace(Some(root));
                ended();
            }
        };
        let request = Request::get(file, XmlHttpRequestResponseType::Document, Box::new(came));
        self.request.replace(request.ok());
    }

    /// A text without placeholders, as it stands in an attribute.
    pub fn text(&self, key: &str) -> Option<String> {
        self.find(key)?.text_content()
    }

    fn find(&self, key: &str) -> Option<Element> {
        self.texts.borrow().as_ref()?.find(&["[data-word=\"", key, "\"]"].concat())
    }

    /// Shows a text, with values in its placeholders.
    pub fn show(&self, element: &Element, key: &str, values: &[(&str, &str)]) {
        let Some(text) = self.find(key) else { return };
        element.set_text_content(None);
        text.copy().move_into(element);
        for (slot, value) in values {
            element.fill(slot, value);
        }
    }
}
