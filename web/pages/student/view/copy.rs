//! Copying what a button stands beside.

use web::browser::clipboard;
use web::core::i18n::TextKey;
use web_sys::Element;

use crate::view::View;

/// Copies the text of the element with that id, and says so on the button.
pub fn copy(view: &View, button: &Element, id: &str) {
    let Some(code) = view.document().get_element_by_id(id) else { return };
    let copied = clipboard::copy(view.document(), &code);
    let word = if copied { TextKey::Copied } else { TextKey::NotCopied };
    view.translator().show_with(button, word, &[]);
}
