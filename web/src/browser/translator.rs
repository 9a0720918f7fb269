//! Translator: shows texts in the language of the page.
//!
//! An element that shows a text carries its key as `data-said` and the values in
//! its placeholders, so that the whole page can be translated where it stands. It
//! chooses no text.

use std::cell::RefCell;

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlTemplateElement};

use crate::browser::dom::Dom as _;
use crate::core::i18n::{Placeholder, Text, TextKey};

/// Shows texts in the language that was loaded last.
pub struct Translator {
    document: Document,
    /// The file of the language.
    texts: RefCell<Option<Element>>,
}

impl Translator {
    /// A translator for that document, without texts yet.
    pub fn of(document: &Document) -> Self {
        Translator { document: document.clone(), texts: RefCell::new(None) }
    }

    /// Loads a language and translates what is on the page and in its templates.
    pub fn load(&self, texts: Element) {
        self.texts.replace(Some(texts));
        let again = |element: Element| self.show_again(&element);
        self.document.each("[data-said]", again);
        self.document.each("template", |template| {
            let content = template.unchecked_into::<HtmlTemplateElement>().content();
            content.each("[data-said]", again);
        });
    }

    /// Shows a text in an element.
    pub fn show(&self, element: &Element, text: &Text) {
        self.show_with(element, text.key, &[]);
        for (placeholder, value) in &text.values {
            element.fill(placeholder.name(), value);
        }
    }

    /// Shows a text in an element, with these values in its placeholders.
    pub fn show_with(&self, element: &Element, key: TextKey, values: &[(Placeholder, &str)]) {
        element.set("data-said", key.name());
        self.show_text(element, key.name());
        for (placeholder, value) in values {
            element.fill(placeholder.name(), value);
        }
    }

    /// Shows the text of a key that is made of the server's words, such as a cause, or
    /// that word where there is no such text: the server may be newer than the page.
    pub fn say(&self, element: &Element, prefix: &str, word: &str, values: &[(&str, &str)]) {
        let key = [prefix, word].concat();
        if values.is_empty() && element.get_attribute("data-said").as_ref() == Some(&key) {
            // It says so already, in the language of the page.
            return;
        }
        let has_text = {
            let texts = self.texts.borrow();
            texts
                .as_ref()
                .is_some_and(|texts| texts.find(&format!("[data-word=\"{key}\"]")).is_some())
        };
        element.turn("data-said", false);
        if !has_text {
            return element.set_text_content(Some(word));
        }
        element.set("data-said", &key);
        self.show_text(element, &key);
        for (slot, value) in values {
            element.fill(slot, value);
        }
    }

    /// Shows a text whose only placeholder is a number of bytes.
    pub fn show_bytes(&self, element: &Element, key: TextKey, bytes: usize) {
        self.show_with(element, key, &[(Placeholder::Bytes, &bytes.to_string())]);
    }

    fn show_again(&self, element: &Element) {
        let mut values = Vec::new();
        element.each("[data-slot]", |placeholder| {
            let name = placeholder.get_attribute("data-slot");
            values.push((name, placeholder.text_content()));
        });
        self.show_text(element, &element.get_attribute("data-said").unwrap_or_default());
        for (placeholder, value) in values {
            element.fill(&placeholder.unwrap_or_default(), &value.unwrap_or_default());
        }
    }

    fn show_text(&self, element: &Element, key: &str) {
        let texts = self.texts.borrow();
        let texts = texts.as_ref().expect("nothing is shown before there are texts");
        let text = texts.query(&format!("[data-word={key}]")).copy();
        element.set_text_content(None);
        text.move_into(element);
    }
}
