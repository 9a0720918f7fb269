//! The browser's side of a page: everything that touches it, and nothing that
//! decides.
//!
//! * [`program`]: a page's program and the loop that hands it its messages.
//! * The document: [`dom`] (elements found and changed), [`listener`] (events),
//!   [`translator`] (texts in the language that is shown), [`appearance`]
//!   (language and theme as a whole).
//! * The server: [`request`], [`socket`], [`events`] (a stream of events),
//!   [`json`], [`texts`] (a language's file), [`step_titles`], [`book_client`],
//!   [`version`] (the build of the page).
//! * [`storage`], [`timer`], [`clock`], [`clipboard`].

pub mod appearance;
pub mod book_client;
pub mod clipboard;
pub mod clock;
pub mod dom;
pub mod events;
pub mod json;
pub mod listener;
pub mod program;
pub mod request;
pub mod socket;
pub mod step_titles;
pub mod storage;
pub mod texts;
pub mod timer;
pub mod translator;
pub mod version;
