//! The panels beside the conversation, which come when one is first opened: the
//! bytes of a message, the sequence picture, the lab for sticky packets, the
//! class's book and the conversation as a program.
//!
//! Whatever stands in this folder is cut off the page's program when it is
//! built, and fetched later; the rest may come in only by the
//! [`Door`](crate::door). Their markup and their words stand in
//! `static/supplement.html`, their looks in `static/supplement.css`.
//!
//! The pure rooms know what is to be shown: [`wire`] (the bytes of a message),
//! [`sequence`] (who said what when), [`sticky`] (messages that stick together),
//! [`register`] (the contacts on view) with [`roster`] (a book of names) and
//! [`following`] (how the page keeps up with the server's), [`twin`] (the same
//! conversation in Python and `nc`). `view` shows it, `news` fetches the book.

pub mod following;
pub mod register;
pub mod roster;
pub mod sequence;
pub mod sticky;
pub mod twin;
pub mod wire;

#[cfg(target_arch = "wasm32")]
mod news;
#[cfg(target_arch = "wasm32")]
pub mod view;
