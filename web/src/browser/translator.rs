//! Sentences, in the language that is spoken.
//!
//! Whatever says something carries the key of its words as `data-said` and the
//! values of its blanks in them, so that all of it can be said again in
//! another language, where it stands. It chooses no sentence.

use std::cell::RefCell;

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlTemplateElement};

use crate::browser::dom::Markup as _;
use crate::core::i18n::{Note, Slot, Word};

/// The page's voice.
pub struct Translator {
    document: Document,
    /// The file of the language that is spoken.
    words: RefCell<Option<Element>>,
}

impl Translator {
    /// A voice for that document, without words yet.
    pub fn of(document: &Document) -> Self {
        Translator { document: document.clone(), words: RefCell::new(None) }
    }

    /// Speaks in other words, also what is on the page and in its templates.
    pub fn load(&self, words: Element) {
        self.words.replace(Some(words));
        let again = |element: Element| self.say_again(&element);
        self.document.each("[data-said]", again);
        self.document.each("template", |template| {
            let content = template.unchecked_into::<HtmlTemplateElement>().content();
            content.each("[data-said]", again);
        });
    }

    /// Puts a sentence into an element.
    pub fn say(&self, element: &Element, note: &Note) {
        self.put(element, note.word, &[]);
        for (slot, value) in &note.slots {
            element.fill(slot.key(), value);
        }
    }

    /// Puts a sentence into an element, with these values in its blanks.
    pub fn put(&self, element: &Element, word: Word, values: &[(Slot, &str)]) {
        element.set("data-said", word.key());
        self.put_words(element, word.key());
        for (slot, value) in values {
            element.fill(slot.key(), value);
        }
    }

    /// Puts a number into a sentence's only blank for bytes.
    pub fn count(&self, element: &Element, word: Word, bytes: usize) {
        self.put(element, word, &[(Slot::Bytes, &bytes.to_string())]);
    }

    fn say_again(&self, element: &Element) {
        let mut values = Vec::new();
        element.each("[data-slot]", |blank| {
            values.push((blank.get_attribute("data-slot"), blank.text_content()));
        });
        self.put_words(element, &element.get_attribute("data-said").unwrap_or_default());
        for (slot, value) in values {
            element.fill(&slot.unwrap_or_default(), &value.unwrap_or_default());
        }
    }

    fn put_words(&self, element: &Element, key: &str) {
        let words = self.words.borrow();
        let words = words.as_ref().expect("nothing is said before there are words");
        let sentence = words.query(&format!("[data-word={key}]")).copy();
        element.set_text_content(None);
        sentence.move_into(element);
    }
}
