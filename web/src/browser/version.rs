//! The build of the page in the document, and how the server's own is opened.

use web_sys::Document;

use crate::browser::dom::Dom as _;
use crate::core::version::{self, Comparison};

/// Compares the page with the program of the server's.
pub fn compare(document: &Document, program: Option<String>) -> Comparison {
    let file = program_file(document);
    let location = document.default_view().map(|window| window.location());
    let query = location.and_then(|location| location.search().ok()).unwrap_or_default();
    version::compare(&file, &query, program)
}

/// The address of the page's program, from the link that `start.js` loads it from. The
/// other files that are only this page's are beside it.
pub fn program_file(document: &Document) -> String {
    let link = document.find("link[as=fetch]");
    link.and_then(|link| link.get_attribute("href")).unwrap_or_default()
}

/// Opens the page anew under another query. What it has stored stays.
pub fn reopen(document: &Document, query: &str) {
    if let Some(window) = document.default_view() {
        // Refused only for an address that is none.
        let _ = window.location().replace(query);
    }
}
