//! Copying: the old way, since the new one is forbidden on a page that comes over plain
//! http, as in a class.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlDocument};

/// Copies the text of an element. Where that is forbidden it stays selected, so that a
/// key does it; the answer is whether it was copied.
pub fn copy(document: &Document, element: &Element) -> bool {
    let Some(selection) = document.get_selection().ok().flatten() else { return false };
    let _ = selection.select_all_children(element);
    let document: &HtmlDocument = document.unchecked_ref();
    document.exec_command("copy").unwrap_or_default()
}
