//! The elements of the panel, and where the browser keeps what is written in them.

use wasm_bindgen::JsCast;
use web::browser::dom::element;
use web_sys::{
    Document, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement, Window,
};

/// The elements of the panel.
pub struct Parts {
    pub panel: HtmlElement,
    pub file: HtmlSelectElement,
    pub about: HtmlElement,
    pub lines: HtmlElement,
    pub editor: HtmlTextAreaElement,
    pub arguments: HtmlInputElement,
    pub run: HtmlElement,
    pub stop: HtmlElement,
    pub check: HtmlElement,
    pub status: HtmlElement,
    pub progress: HtmlElement,
    pub address: HtmlElement,
    pub talk: HtmlElement,
    pub servers: HtmlElement,
    pub output: HtmlElement,
    pub ask: HtmlElement,
    pub line: HtmlInputElement,
    pub why: HtmlElement,
    pub checks: HtmlElement,
}

impl Parts {
    /// Finds them by their ids.
    pub fn of(document: &Document) -> Self {
        let find = |id: &str| element(document, id);
        Parts {
            panel: find("program"),
            file: find("program-file").unchecked_into(),
            about: find("program-about"),
            lines: find("program-lines"),
            editor: find("editor").unchecked_into(),
            arguments: find("arguments").unchecked_into(),
            run: find("run"),
            stop: find("stop"),
            check: find("program-check"),
            status: find("program-state"),
            progress: find("program-progress"),
            address: find("program-address"),
            talk: find("program-talk"),
            servers: find("program-servers"),
            output: find("output"),
            ask: find("program-ask"),
            line: find("program-line").unchecked_into(),
            why: find("program-why"),
            checks: find("program-checks"),
        }
    }
}

/// Under this the browser keeps which file was open last.
pub const OPEN: &str = "open";

/// Where the browser keeps what is written for a file, until it is cleared.
pub fn stored(window: &Window, file: &str) -> Option<String> {
    window.local_storage().ok().flatten()?.get_item(&format!("program {file}")).ok().flatten()
}

/// Has the browser keep it.
pub fn store(window: &Window, file: &str, text: &str) {
    if let Ok(Some(storage)) = window.local_storage() {
        // A browser that keeps nothing costs a reload, not the lesson.
        let _ = storage.set_item(&format!("program {file}"), text);
    }
}
