//! The Python export on view: the conversation as a program, and as a line of
//! shell; and the server to be finished.

use std::cell::RefCell;

use web::browser::dom::{Dom as _, breakable, leaf};
use web::browser::request::Request;
use web::browser::translator::Translator;
use web::core::i18n::TextKey;
use web::core::message::{Address, Direction};
use web::core::python_export::{nc, one_liner, program};
use web_sys::{Document, Element, HtmlElement, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::model::Model;
use crate::panels::python::messages;
use crate::view::exercise;

/// The panel of the program.
pub struct PythonView {
    document: Document,
    panel: Element,
    what: HtmlElement,
    whole: HtmlElement,
    python: Element,
    nc: Element,
    line: Element,
    link: Element,
    own: Element,
    request: RefCell<Option<Request>>,
    /// What the program depends on.
    drawn: RefCell<Option<(usize, Option<u32>, Address)>>,
}

impl PythonView {
    /// Finds its elements by their ids.
    pub fn of(document: &Document, find: impl Fn(&str) -> HtmlElement) -> Self {
        PythonView {
            document: document.clone(),
            panel: find("python").into(),
            what: find("python-what"),
            whole: find("python-whole"),
            python: find("python-code").into(),
            nc: find("nc-code").into(),
            line: find("line-code").into(),
            link: find("link-code").into(),
            own: find("own-code").into(),
            request: RefCell::default(),
            drawn: RefCell::new(None),
        }
    }

    /// Shows the state of the model where it differs from what is shown.
    pub fn refresh(&self, translator: &Translator, model: &Model) {
        let state = (
            model.conversation().log().entries().len(),
            model.selected(),
            model.conversation().tcp().clone(),
        );
        if self.drawn.borrow().as_ref() == Some(&state) {
            return;
        }
        let (is_one, messages) = messages(model);
        self.whole.hide(!is_one);
        let word = if is_one { TextKey::PythonOne } else { TextKey::PythonAll };
        translator.show_with(&self.what, word, &[]);
        self.python.set_text_content(None);
        for line in program(model.conversation().tcp(), &messages) {
            let class = match line.direction {
                Some(Direction::Sent) => "sent",
                Some(Direction::Received) => "recv",
                None => "",
            };
            leaf(&self.python, "span", class, &line.text);
            // Not in the line itself: this is what a copy has.
            self.python.add(&self.document.create_text_node("\n"));
        }
        let tcp = model.conversation().tcp();
        self.nc.set_text_content(Some(&nc(tcp, &messages)));
        breakable(&self.line, &one_liner(tcp, &messages));
        self.link.set_text_content(Some(&exercise::link(&self.document, &messages)));
        self.panel.each("[data-copy]", |button| {
            translator.show_with(&button, TextKey::Copy, &[]);
        });
        self.drawn.replace(Some(state));
    }

    /// Fetches the server to be finished when it is to be seen for the first time, so
    /// that no other visit pays for it.
    pub fn show_own_server(&self) {
        let code = self.own.clone();
        if code.first_child().is_some() {
            return;
        }
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            if let Some(text) = text.filter(|_| request.status() == Ok(200)) {
                code.set_text_content(Some(&text));
            }
        };
        let request = Request::get("server2.py", XmlHttpRequestResponseType::Text, Box::new(ended));
        self.request.replace(request.ok());
    }
}
