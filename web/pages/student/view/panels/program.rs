//! The panel of the student's own program. It is a page of its own, `/program`, taken
//! over by its script when it is first opened: no visit pays for it otherwise.

use web::browser::dom::{Dom as _, create};
use web::browser::listener::Listener;
use web::browser::program::Post;
use web_sys::{Document, Element, HtmlElement};

use crate::model::Msg;
use crate::model::lesson::LessonMsg;

/// The address of the panel's script, with a number of its content: browsers keep it for
/// good. Made by the compiler.
const START: [u8; 25] = {
    let mut address = *b"program/start.js?00000000";
    let (script, mut hash, mut at) = (include_bytes!("../../../program/start.js"), FNV, 0);
    while at < script.len() {
        hash = (hash ^ script[at] as u32).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    while at > script.len() - 8 {
        address[17 + script.len() - at] = b'a' + (hash % 16) as u8;
        hash /= 16;
        at -= 1;
    }
    address
};

/// FNV-1a of 32 bits.
const FNV: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

/// The panel, empty until it is seen.
pub struct ProgramView {
    panel: HtmlElement,
    script: Element,
    _passed: Listener,
}

impl ProgramView {
    /// Finds its element by its id.
    pub fn of(document: &Document, find: impl Fn(&str) -> HtmlElement, post: &Post<Msg>) -> Self {
        let (panel, post) = (find("program"), post.clone());
        // The panel's own program tells it.
        let _passed = Listener::new(&panel, "passed", move |_| {
            post(LessonMsg::PassedInPage.into());
        });
        ProgramView { panel, script: create(document, "script"), _passed }
    }

    /// Loads it, the first time.
    pub fn refresh(&self) {
        if !self.script.has_attribute("src") {
            self.script.set("src", str::from_utf8(&START).unwrap_or_default());
            self.panel.add(&self.script);
        }
    }
}
