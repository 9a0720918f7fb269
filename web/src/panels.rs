//! Side panels: the tabs beside the conversation. The bytes of a message, the
//! sequence picture, the lab for sticky packets, the class's book and the
//! conversation as a program.
//!
//! The pure modules know what is to be shown: [`wire`] (the bytes of a message),
//! [`sequence`] (who said what when), [`sticky`] (messages that stick together),
//! [`contacts`] (the contacts panel) with [`contact_list`] (names in order) and
//! [`book_sync`] (how the page keeps up with the server's book), [`python`] (the
//! same conversation in Python and `nc`). `view` shows it, `book_client` fetches
//! the book.
//!
//! A panel keeps no history: whatever it shows it works out from the model when
//! it is opened.

pub mod book_sync;
pub mod contact_list;
pub mod contacts;
pub mod python;
pub mod sequence;
pub mod sticky;
pub mod wire;

#[cfg(target_arch = "wasm32")]
mod book_client;
#[cfg(target_arch = "wasm32")]
pub mod view;
