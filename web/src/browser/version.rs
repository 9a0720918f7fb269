//! The build of the page in the document, and how the server's own is opened.

use web_sys::Document;

use crate::browser::dom::Dom as _;
use crate::core::version::{self, Comparison};

/// Compares the page with the program of the server's.
pub fn compare(document: &Document, program: Option<String>) -> Comparison {
    // The link that `start.js` loads the program from.
    let link = document.find("link[rel=preload]");
    let file = link.and_then(|link| link.get_attribute("href")).unwrap_or_default();
    let location = document.default_view().map(|window| window.location());
    let query = location.and_then(|location| location.search().ok()).unwrap_or_default();
    version::compare(&file, &query, program)
}

/// Opens the page anew under another query. What it has stored stays.
pub fn reopen(document: &Document, query: &str) {
    if let Some(window) = document.default_view() {
        // Refused only for an address that is none.
        let _ = window.location().replace(query);
    }
}
