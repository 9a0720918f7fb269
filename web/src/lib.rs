//! The page of the classroom: the conversation with the server, and the line
//! being written.
//!
//! It understands no message by itself, `protocol` does; and it holds no
//! sentence, `static/zh.html` and `static/en.html` do.
//!
//! # Layout
//!
//! A gesture travels through the rooms in this order:
//!
//! * [`keyboard`] and `controls`: a gesture or a browser event → a [`Msg`].
//! * [`model`]: a [`Msg`] → a new state and its [`Effect`]s. With it, as pure:
//!   [`connection`], [`offline`] (the server in the page), [`history`],
//!   [`completion`], [`advice`] (the red pen's sentences), [`marks`] (its lines
//!   under the input), [`panels`] (which of them can be seen), [`words`] (the
//!   keys of all sentences), [`appearance`] (language and light), [`lesson`] (the
//!   steps and their goals), [`roster`] (the class's book) and [`following`] (how
//!   the page keeps up with it); and what no terminal shows: [`wire`] (the bytes
//!   of a message), [`sequence`] (who said what when), [`sticky`] (messages that
//!   stick together) and [`twin`] (the same conversation in Python and `nc`).
//! * `page`: an [`Effect`] → a call to one of the rooms that touch the browser:
//!   `view` (the document), `texts` (the words of a language), `socket`, `news`
//!   (the server's book) with `request`, `alarm` (the one timer) and `shelves`
//!   (what outlives a reload).
//!
//! The rooms named second exist in a browser only. The pure ones are tested
//! natively, the view in a headless browser.
//!
//! [`Msg`]: model::Msg
//! [`Effect`]: model::Effect

pub mod advice;
pub mod appearance;
pub mod completion;
pub mod connection;
pub mod following;
pub mod history;
pub mod keyboard;
pub mod lesson;
pub mod marks;
pub mod model;
pub mod offline;
pub mod panels;
pub mod roster;
pub mod sequence;
pub mod sticky;
pub mod twin;
pub mod wire;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod alarm;
#[cfg(target_arch = "wasm32")]
mod controls;
#[cfg(target_arch = "wasm32")]
mod news;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
mod request;
#[cfg(target_arch = "wasm32")]
mod shelves;
#[cfg(target_arch = "wasm32")]
mod socket;
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
    use web_sys::Document;

    use crate::page::Page;

    #[wasm_bindgen]
    extern "C" {
        /// Asked for by name: `web_sys::window` tries four names of the global
        /// object, and is half a kilobyte of every first visit.
        #[wasm_bindgen(thread_local_v2, js_name = document)]
        static DOCUMENT: Document;
    }

    thread_local! {
        /// The page owns its listeners, its socket and its timer; this owns
        /// the page, for as long as the document lives.
        static PAGE: RefCell<Option<Rc<Page>>> = const { RefCell::new(None) };
    }

    #[wasm_bindgen(start)]
    fn start() {
        let page = Page::open(DOCUMENT.with(Document::clone));
        PAGE.with(|kept| *kept.borrow_mut() = Some(page));
    }
}
