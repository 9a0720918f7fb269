//! The editor: a text area with the numbers of its lines beside it.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, leaf};
use web::browser::listener::Listener;
use web::browser::program::Post;
use web_sys::{Document, HtmlDocument, HtmlTextAreaElement, KeyboardEvent};

use crate::editing::{line_end, tab};
use crate::model::Msg;
use crate::parts::{Parts, store};

/// Inserts a text where the cursor is, as if it were typed: the browser's undo takes it
/// back.
pub fn insert(document: &Document, text: &str) -> bool {
    let document: &HtmlDocument = document.unchecked_ref();
    document.exec_command_with_show_ui_and_value("insertText", false, text).unwrap_or_default()
}

/// Writes the numbers beside the editor's lines, and marks the one that is wrong.
pub fn number_lines(parts: &Parts, wrong: Option<usize>) {
    let count = parts.editor.value().matches('\n').count() + 1;
    let lines = &parts.lines;
    while (lines.child_element_count() as usize) < count {
        let number = lines.child_element_count() + 1;
        leaf(lines, "div", "", &number.to_string());
    }
    while lines.child_element_count() as usize > count {
        if let Some(last) = lines.last_element_child() {
            last.remove();
        }
    }
    if let Some(marked) = lines.find(".wrong") {
        marked.set_class_name("");
    }
    let number = wrong.filter(|number| (1..=count).contains(number));
    if let Some(line) = number.and_then(|number| lines.children().item(number as u32 - 1)) {
        line.set_class_name("wrong");
    }
    lines.set_scroll_top(parts.editor.scroll_top());
}

/// Stores what is typed, and gives Tab and Enter their meaning in Python.
pub fn listen_to_editor(document: &Document, parts: &Parts, post: &Post<Msg>) -> [Listener; 4] {
    let window = document.default_view().expect("an open document has a window");
    let (editor, file) = (parts.editor.clone(), parts.file.clone());
    let edited = {
        let (editor, file, window, post) =
            (editor.clone(), file.clone(), window.clone(), post.clone());
        move |_| {
            store(&window, &file.value(), &editor.value());
            post(Msg::Ticked);
        }
    };
    let argued = {
        let arguments = parts.arguments.clone();
        move |_| store(&window, &format!("{} arguments", file.value()), &arguments.value())
    };
    let scrolled = {
        let (editor, lines) = (editor.clone(), parts.lines.clone());
        move |_| lines.set_scroll_top(editor.scroll_top())
    };
    let pressed = {
        let (editor, document) = (editor.clone(), document.clone());
        // After Escape, Tab is the browser's: so the keyboard gets out of the editor.
        let leaves = Cell::new(false);
        move |event: web_sys::Event| {
            let press: &KeyboardEvent = event.unchecked_ref();
            let key = press.key();
            let left = leaves.replace(key == "Escape");
            let is_plain = !press.ctrl_key()
                && !press.alt_key()
                && !press.meta_key()
                && !press.shift_key()
                && !press.is_composing();
            if !is_plain {
                return;
            }
            let before = text_before(&editor);
            let text = match &*key {
                "Tab" if !left => tab(&before).to_owned(),
                "Enter" => line_end(&before),
                _ => return,
            };
            event.prevent_default();
            if !insert(&document, &text) {
                // Undo does not know of it, in browsers of before 2021.
                let _ = editor.set_range_text(&text);
            }
        }
    };
    [
        Listener::new(&parts.editor, "input", edited),
        Listener::new(&parts.arguments, "input", argued),
        Listener::new(&parts.editor, "scroll", scrolled),
        Listener::new(&parts.editor, "keydown", pressed),
    ]
}

/// The text before the cursor. Positions count UTF-16.
fn text_before(editor: &HtmlTextAreaElement) -> String {
    let at = editor.selection_start().ok().flatten().unwrap_or_default() as usize;
    let units: Vec<u16> = editor.value().encode_utf16().take(at).collect();
    String::from_utf16_lossy(&units)
}
