//! DOM access: elements found and changed.
//!
//! web-sys has no common type for what a document, a fragment and an element can
//! all do (`querySelector` and others), so it is bound once here, for any node.
//! None of these calls can fail: names and selectors stand in the code, and the
//! tests run each of them.

use crate::core::message::visible;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{
    Document, Element, HtmlElement, HtmlTemplateElement, Node, NodeList, ScrollIntoViewOptions,
    ScrollLogicalPosition,
};

#[wasm_bindgen]
extern "C" {
    /// Whatever has a place in a document, or is one.
    pub type Part;

    #[wasm_bindgen(method, js_name = querySelector)]
    fn query_selector(this: &Part, selector: &str) -> Option<Element>;

    #[wasm_bindgen(method, js_name = querySelectorAll)]
    fn query_selector_all(this: &Part, selector: &str) -> NodeList;

    #[wasm_bindgen(method)]
    fn closest(this: &Part, selector: &str) -> Option<Element>;

    #[wasm_bindgen(method)]
    fn append(this: &Part, child: &Node);

    #[wasm_bindgen(method, js_name = cloneNode)]
    fn clone_node(this: &Part, deep: bool) -> Element;

    #[wasm_bindgen(method, js_name = createElement)]
    fn create_element(this: &Part, tag: &str) -> Element;

    #[wasm_bindgen(method, js_name = setAttribute)]
    fn set_attribute(this: &Part, name: &str, value: &str);

    #[wasm_bindgen(method, js_name = toggleAttribute)]
    fn toggle_attribute(this: &Part, name: &str, on: bool);

    #[wasm_bindgen(method)]
    fn focus(this: &Part);

    #[wasm_bindgen(method, getter)]
    fn style(this: &Part) -> Part;

    #[wasm_bindgen(method, js_name = setProperty)]
    fn set_property(this: &Part, name: &str, value: &str);
}

/// What is done to the markup.
pub trait Dom: JsCast {
    /// The first element within that a selector fits.
    fn find(&self, selector: &str) -> Option<Element> {
        self.unchecked_ref::<Part>().query_selector(selector)
    }

    /// The element within that a selector fits, where there has to be one.
    fn query(&self, selector: &str) -> Element {
        self.find(selector).expect("the markup has every part")
    }

    /// Does something with each element within that a selector fits.
    fn each(&self, selector: &str, mut with: impl FnMut(Element)) {
        let found = self.unchecked_ref::<Part>().query_selector_all(selector);
        for index in 0..found.length() {
            if let Some(node) = found.item(index) {
                with(node.unchecked_into());
            }
        }
    }

    /// The nearest element around that a selector fits, itself included.
    fn around(&self, selector: &str) -> Option<Element> {
        self.unchecked_ref::<Part>().closest(selector)
    }

    /// Puts something at the end of what is within, from wherever it was.
    fn add(&self, child: &Node) {
        self.unchecked_ref::<Part>().append(child);
    }

    /// Puts all that is within at the end of another one.
    fn move_into(&self, other: &Element) {
        while let Some(child) = self.unchecked_ref::<Node>().first_child() {
            other.add(&child);
        }
    }

    /// Gives an attribute a value.
    fn set(&self, name: &str, value: &str) {
        self.unchecked_ref::<Part>().set_attribute(name, value);
    }

    /// Has an attribute without a value, or does not have it at all.
    fn turn(&self, name: &str, on: bool) {
        self.unchecked_ref::<Part>().toggle_attribute(name, on);
    }

    /// Cannot be seen, or can.
    fn hide(&self, hides: bool) {
        self.turn("hidden", hides);
    }

    /// Gives a property of the style a value.
    fn style_with(&self, name: &str, value: &str) {
        self.unchecked_ref::<Part>().style().set_property(name, value);
    }

    /// Is what the next key goes to.
    fn take_focus(&self) {
        self.unchecked_ref::<Part>().focus();
    }

    /// Is scrolled to, no further than needed.
    fn come_into_sight(&self) {
        let nearest = ScrollIntoViewOptions::new();
        nearest.set_block(ScrollLogicalPosition::Nearest);
        self.unchecked_ref::<Element>().scroll_into_view_with_scroll_into_view_options(&nearest);
    }

    /// The same once more, with all that is within.
    fn copy(&self) -> Element {
        self.unchecked_ref::<Part>().clone_node(true)
    }

    /// Has this text. The same text anew would be a new node, which is laid out again.
    fn write(&self, text: &str) {
        write(self.unchecked_ref(), text);
    }

    /// Writes a value into every placeholder of that name, as text.
    fn fill(&self, slot: &str, value: &str) {
        fill(self.unchecked_ref(), slot, value);
    }
}

impl<T: JsCast> Dom for T {}

/// [`Dom::fill`], once for all types.
fn fill(within: &Element, slot: &str, value: &str) {
    within.each(&format!("[data-slot={slot}]"), |placeholder| placeholder.write(value));
}

/// [`Dom::write`], once for all types.
fn write(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

// The tests put the page's own markup through all of this; a part that is
// missing, or of another kind, does not get past them.

/// The element of an id.
pub fn element(document: &Document, id: &str) -> HtmlElement {
    document.get_element_by_id(id).expect("the markup has every part").unchecked_into()
}

/// The `<html>` element.
pub fn root(document: &Document) -> HtmlElement {
    document.document_element().expect("a document has a root").unchecked_into()
}

/// The template of an id.
pub fn template(document: &Document, name: &str) -> HtmlTemplateElement {
    element(document, name).unchecked_into()
}

/// A copy of the one element in a template.
pub fn instantiate(template: &HtmlTemplateElement) -> Element {
    template.content().query("*").copy()
}

/// A new element.
pub fn create(document: &Document, tag: &str) -> Element {
    document.unchecked_ref::<Part>().create_element(tag)
}

/// Gives an element a text that may go on in the next line behind each `;` and `(`, with
/// a sign for each line end: so an address in brackets stays whole.
pub fn breakable(element: &Element, text: &str) {
    let document = element.owner_document().expect("elements are in a document");
    element.set_text_content(None);
    for piece in visible(text).split_inclusive([';', '(']) {
        element.add(&document.create_text_node(piece));
        element.add(&create(&document, "wbr"));
    }
}

/// Adds an element with a text to another one.
pub fn leaf(parent: &Element, tag: &str, class: &str, text: &str) -> Element {
    let document = parent.owner_document().expect("elements are in a document");
    let leaf = create(&document, tag);
    if !class.is_empty() {
        leaf.set_class_name(class);
    }
    if !text.is_empty() {
        leaf.set_text_content(Some(text));
    }
    parent.add(&leaf);
    leaf
}
