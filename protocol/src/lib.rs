//! The lesson's protocol: what the bytes of a TCP classroom mean.
//!
//! This crate turns bytes into messages, messages into commands, and commands
//! into replies. It deliberately opens no socket, reads no clock and touches
//! no file, so that the server, the page in the browser and the tests all run
//! this same code.
//!
//! # Layout
//!
//! In the order in which a byte travels:
//!
//! * [`decoder`]: bytes as they arrive → [`Message`]s. Knows line ends,
//!   packets, unfinished characters and the longest message. Before that,
//!   [`foreign`] tells a client of the lesson from one that speaks HTTP or TLS.
//! * [`command`]: a message → a [`Command`], or the [`Mistake`] in it.
//! * [`contacts`]: the book in memory that commands read and change.
//! * [`reply`]: the answers, and [`Replies`], where they wait to be sent.
//! * [`answer()`]: all of these together, where the book is in memory. [`read()`]
//!   and [`Batch`] are for a book on another thread.
//!
//! [`homework`] checks a student's own server.
//!
//! [`mistake`] is what can be wrong with a message and `sentence` how that is
//! said; `slip` recognises a message that is nearly a command and [`corrected`]
//! puts it right. [`escape`] shows what a stranger typed without letting it play
//! tricks on the screen.
//!
//! No module imports one that imports it, directly or by a detour: `slice`,
//! `escape`, `text` and `verb` are at the bottom, `answer` is at the top.
//!
//! ```
//! use protocol::{Contacts, Decoder, Replies, Stage, answer};
//!
//! let mut decoder = Decoder::new(Stage::Contacts);
//! let mut contacts = Contacts::default();
//! let mut replies = Replies::default();
//!
//! decoder.push(b"add;zhangsan;13800138000\nfind;zhangsan\n");
//! let _ = answer(&mut decoder, &mut contacts, &mut replies, 10);
//! assert_eq!(replies.as_bytes(), b"zhangsan added!\n13800138000\n");
//! ```
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::string_slice, reason = "`slice` is smaller in the page"))]

mod answer;
mod batch;
mod book;
mod cause;
pub mod command;
pub mod contacts;
mod correction;
pub mod decoder;
mod encoding;
pub mod escape;
pub mod foreign;
mod heard;
#[allow(clippy::string_slice, reason = "it is in no page")]
pub mod homework;
pub mod mistake;
pub mod reply;
mod sentence;
mod slice;
mod slip;
mod text;
mod verb;

pub use answer::{Next, answer, read};
pub use batch::{Batch, Request};
pub use book::Book;
pub use cause::Cause;
pub use command::{Change, Command, Field, Stage, Verb};
pub use contacts::Contacts;
pub use correction::corrected;
pub use decoder::{Decoder, Message};
pub use foreign::{Detection, ForeignProtocol};
pub use heard::{Heard, Verbs};
pub use mistake::{Mistake, Reason};
pub use reply::{Replies, Reply, WELCOME};
pub use slice::slice;
