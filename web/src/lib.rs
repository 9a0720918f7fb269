//! The page of the classroom: the conversation with the server, and the line
//! being written.
//!
//! It understands no message by itself, `protocol` does; and it holds no
//! sentence, the files in `static` do.
//!
//! # Layout
//!
//! A gesture travels through the rooms in this order:
//!
//! * [`keyboard`] and `controls`: a gesture or a browser event → a [`Msg`].
//! * [`model`]: a [`Msg`] → a new state and its [`Effect`]s. With it, as pure:
//!   [`connection`], [`liveness`] (half-open connections), [`offline`] (the server in the page), [`history`],
//!   [`completion`], [`advice`] (the red pen's sentences), [`marks`] (its lines
//!   under the input), [`tabs`] (which panels can be seen), [`words`] (the
//!   keys of all sentences), [`appearance`] (language and light) and [`lesson`]
//!   (the steps and their goals).
//! * `page`: an [`Effect`] → a call to one of the rooms that touch the browser:
//!   `view` (the document) with `markup`, `texts` (the words of a language),
//!   `request`, `json`, `socket`, `alarm` (the one timer) and `shelves` (what
//!   outlives a reload).
//! * [`panels`]: the side panels, each a pure module and a small view.
//!
//! The rooms named second exist in a browser only. The pure ones are tested
//! natively, the view in a headless browser.
//!
//! [`Msg`]: model::Msg
//! [`Effect`]: model::Effect

pub mod advice;
pub mod appearance;
pub mod clock;
pub mod completion;
pub mod connection;
pub mod history;
pub mod keyboard;
pub mod lesson;
pub mod liveness;
pub mod marks;
pub mod message;
pub mod model;
pub mod offline;
pub mod panels;
pub mod tabs;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod alarm;
#[cfg(target_arch = "wasm32")]
mod controls;
#[cfg(target_arch = "wasm32")]
mod json;
#[cfg(target_arch = "wasm32")]
pub mod markup;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
mod request;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod storage;
#[cfg(target_arch = "wasm32")]
mod texts;
#[cfg(target_arch = "wasm32")]
pub mod view;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

// The tests open pages as they need them.
#[cfg(all(target_arch = "wasm32", not(test)))]
mod start {
    use std::cell::RefCell;
    use std::rc::Rc;

    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::page::Page;

    thread_local! {
        /// The page owns its listeners, its socket and its timer; this owns
        /// the page, for as long as the document lives.
        static PAGE: RefCell<Option<Rc<Page>>> = const { RefCell::new(None) };
    }

    #[wasm_bindgen(start)]
    fn start() {
        let window = web_sys::window().expect("the program is loaded by a page");
        let document = window.document().expect("a page has a document");
        let page = Page::open(document);
        PAGE.with(|kept| *kept.borrow_mut() = Some(page));
    }
}
