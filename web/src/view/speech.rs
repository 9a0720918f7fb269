//! Sentences, in the language that is spoken.
//!
//! Whatever says something carries the key of its words as `data-said` and the
//! values of its blanks in them, so that all of it can be said again in
//! another language, where it stands. It chooses no sentence.

use std::cell::RefCell;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlTemplateElement, NodeList};

use crate::words::{Note, Slot, Word};

use super::{copy, fill, set_attribute};

/// The page's voice.
pub struct Speech {
    document: Document,
    /// The file of the language that is spoken.
    words: RefCell<Option<Element>>,
}

impl Speech {
    /// A voice for that document, without words yet.
    pub fn of(document: &Document) -> Self {
        Speech { document: document.clone(), words: RefCell::new(None) }
    }

    /// Speaks in other words, and says in them what is on the page and what
    /// its templates say.
    pub fn change(&self, words: Element) {
        self.words.replace(Some(words));
        let again = |element: Element| self.say_again(&element);
        each(self.document.query_selector_all("[data-said]"), again);
        each(self.document.query_selector_all("template"), |template| {
            let content = template.unchecked_into::<HtmlTemplateElement>().content();
            each(content.query_selector_all("[data-said]"), again);
        });
    }

    /// Puts a sentence into an element.
    pub fn say(&self, element: &Element, note: &Note) {
        self.put(element, note.word, &[]);
        for (slot, value) in &note.slots {
            fill(element, slot.key(), value);
        }
    }

    /// Puts a sentence into an element, with these values in its blanks.
    pub fn put(&self, element: &Element, word: Word, values: &[(Slot, &str)]) {
        set_attribute(element, "data-said", word.key());
        self.put_words(element, word.key());
        for (slot, value) in values {
            fill(element, slot.key(), value);
        }
    }

    /// Puts a number into a sentence's only blank for bytes.
    pub fn count(&self, element: &Element, word: Word, bytes: usize) {
        self.put(element, word, &[(Slot::Bytes, &bytes.to_string())]);
    }

    fn say_again(&self, element: &Element) {
        let mut values = Vec::new();
        each(element.query_selector_all("[data-slot]"), |blank| {
            values.push((blank.get_attribute("data-slot"), blank.text_content()));
        });
        self.put_words(element, &element.get_attribute("data-said").unwrap_or_default());
        for (slot, value) in values {
            fill(element, &slot.unwrap_or_default(), &value.unwrap_or_default());
        }
    }

    fn put_words(&self, element: &Element, key: &str) {
        let words = self.words.borrow();
        let words = words
            .as_ref()
            .and_then(|words| words.query_selector(&format!("[data-word={key}]")).ok().flatten());
        let words = copy(&words.expect("both languages have every word, a test says so"));
        element.set_text_content(None);
        while let Some(child) = words.first_child() {
            let _ = element.append_child(&child);
        }
    }
}

/// Does something with each element that a selector found.
pub fn each(found: Result<NodeList, JsValue>, mut with: impl FnMut(Element)) {
    // Built once, and not for each who calls it.
    each_of(found, &mut with);
}

fn each_of(found: Result<NodeList, JsValue>, with: &mut dyn FnMut(Element)) {
    let Ok(found) = found else { return };
    for index in 0..found.length() {
        if let Some(node) = found.item(index) {
            with(node.unchecked_into());
        }
    }
}
