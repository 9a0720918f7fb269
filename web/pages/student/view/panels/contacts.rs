//! The contacts panel on view: its head, and a virtual list of the visible rows.
//!
//! However many contacts there are, the document has a few dozen rows, which
//! are filled anew while the list is scrolled.

use std::cell::RefCell;
use std::ops::Range;

use protocol::escape::Escaped;
use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, element, instantiate, template};
use web::browser::translator::Translator;
use web::core::book::list::ContactList;
use web::core::i18n::{Placeholder, Text, TextKey};
use web::core::message::Mode;
use web_sys::{Document, Element, HtmlElement, HtmlInputElement, HtmlTemplateElement};

use crate::panels::contacts::{ContactsPanel, Freshness, Viewport};

/// The parts of the panel that change.
pub struct ContactsView {
    search: HtmlInputElement,
    list: HtmlElement,
    /// As high as any row.
    head: HtmlElement,
    rows: HtmlElement,
    row: HtmlTemplateElement,
    state: HtmlElement,
    latest: HtmlElement,
    hint: HtmlElement,
    shown: RefCell<Option<Shown>>,
}

/// What is on the screen.
#[derive(PartialEq, Eq)]
struct Shown {
    freshness: Freshness,
    version: u32,
    range: Range<usize>,
}

impl ContactsView {
    /// Finds its parts in the document.
    pub fn of(document: &Document) -> Self {
        let find = |id: &str| element(document, id);
        ContactsView {
            search: find("search").unchecked_into(),
            list: find("book"),
            head: find("book-head"),
            rows: find("rows"),
            row: template(document, "contact"),
            state: find("book-state"),
            latest: find("book-latest"),
            hint: find("book-hint"),
            shown: RefCell::default(),
        }
    }

    /// The field for what is searched for.
    pub fn search(&self) -> &HtmlInputElement {
        &self.search
    }

    /// The list, which scrolls.
    pub fn list(&self) -> &HtmlElement {
        &self.list
    }

    /// What can be seen of the list. It forces a layout of the document.
    pub fn viewport(&self) -> Viewport {
        let pixels = |length: i32| usize::try_from(length).unwrap_or_default();
        Viewport {
            row: pixels(self.head.offset_height()),
            top: pixels(self.list.scroll_top()),
            height: pixels(self.list.client_height()),
        }
    }

    /// Shows the book of the server or of the page where it differs from what is
    /// shown.
    pub fn refresh(&self, contacts: &ContactsPanel, mode: Mode, translator: &Translator) {
        let (book, freshness) = (contacts.book(mode), contacts.freshness(mode));
        let range = contacts.visible_rows(mode);
        let now = Some(Shown { freshness, version: book.version(), range: range.clone() });
        let before = self.shown.replace(now);
        let is_same =
            |before: &Shown| (before.freshness, before.version) == (freshness, book.version());
        if before.as_ref().is_none_or(|before| !is_same(before)) {
            self.show_head(book, freshness, translator);
        } else if before.is_some_and(|before| before.range == range) {
            return;
        }
        self.show_rows(book, range);
    }

    fn show_head(&self, book: &ContactList, freshness: Freshness, translator: &Translator) {
        let is_search = !book.filter().is_empty();
        let word = match freshness {
            _ if is_search => TextKey::BookFound,
            Freshness::Live => TextKey::BookLive,
            Freshness::Stale => TextKey::BookSilent,
            Freshness::Local => TextKey::BookOwn,
        };
        let count = if is_search { book.shown() as u64 } else { book.count() };
        translator.show(&self.state, &Text::new(word).with(Placeholder::Count, count.to_string()));

        // Its line stays where it is, so that the list does not jump.
        self.latest.set_text_content(None);
        if let Some(latest) = book.latest() {
            let word = if latest.is_removed { TextKey::BookRemoved } else { TextKey::BookChanged };
            let name = Escaped(&latest.name).text();
            translator.show(&self.latest, &Text::new(word).with(Placeholder::Name, name));
        }

        let hint = match () {
            () if book.shown() == 0 && is_search => Some(TextKey::BookNobody),
            () if book.count() == 0 => Some(TextKey::BookEmpty),
            () if book.is_truncated() => Some(TextKey::BookCut),
            () => None,
        };
        self.hint.hide(hint.is_none());
        if let Some(word) = hint {
            translator.show(&self.hint, &Text::new(word));
        }
    }

    fn show_rows(&self, book: &ContactList, range: Range<usize>) {
        self.rows.style_with("--all", &book.shown().to_string());
        self.rows.style_with("--first", &range.start.to_string());
        // The head is a row, too.
        self.list.set("aria-rowcount", &(book.shown() + 1).to_string());

        let mut next = self.rows.first_element_child();
        for (index, contact) in (range.start + 2..).zip(book.rows(range)) {
            let row = next.unwrap_or_else(|| {
                let row = instantiate(&self.row);
                self.rows.add(&row);
                row
            });
            row.set("aria-rowindex", &index.to_string());
            row.set_class_name(if contact.is_latest { "fresh" } else { "" });
            put(row.first_element_child(), contact.name);
            put(row.last_element_child(), contact.phone);
            next = row.next_element_sibling();
        }
        while let Some(row) = next {
            next = row.next_element_sibling();
            row.remove();
        }
    }
}

fn put(cell: Option<Element>, text: &str) {
    if let Some(cell) = cell {
        cell.set_text_content(Some(&Escaped(text).text()));
    }
}
