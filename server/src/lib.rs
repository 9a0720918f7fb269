//! The classroom server: raw TCP and a WebSocket in front of one contact book.
//!
//! # Layout
//!
//! The way of a byte is one-directional:
//!
//! ```text
//! TCP 9999 -> tcp       \
//!                        > conversation -> protocol::Decoder -> protocol::answer
//! GET /ws  -> websocket /                                             |
//!                                                                   book
//! ```
//!
//! * [`server`](Server): accepts and shuts down; `listen`: the sockets, of both
//!   families, and why a port cannot be had.
//! * `accept`: the accept loop and the limits on connections.
//! * `tcp`, `websocket`: the two transports; they move bytes, a `chunk` at a time,
//!   and know no command. `frames`: what a WebSocket puts around them.
//! * `linger`: closing so that the last reply still arrives, or by a reset.
//! * `wrong_port`: what a browser gets on the lesson's port, and a client of the
//!   lesson on the page's. `rate_limit`: how many messages a second are answered.
//! * `conversation`: the one loop behind both: chunks in, replies out.
//! * [`book`](Book): the contacts, shared by all conversations.
//! * `contacts`: the map they are read from, and the `feed` of its latest
//!   changes; `writer`: the one thread that changes them on disk; `store`: the
//!   file.
//! * [`exchange`]: the contacts as CSV, in and out.
//! * `http`: the routes, the page and the checks on `Host` and `Origin`.
//! * `events`: the changes as they happen; `directory`: the contacts in order.
//! * `console`: the lines the lesson's own server prints; [`diagnostics`]: all
//!   that goes to standard error; `printer`: the queue and the thread behind both.
//! * [`signals`]: what stops the program.
//! * [`options`]: the command line; [`banner`]: what is printed at start;
//!   [`language`]: Chinese or English.
//!
//! What the bytes mean is decided in the `protocol` crate and nowhere here.

mod accept;
pub mod addresses;
pub mod banner;
mod book;
mod chunk;
pub mod console;
mod contacts;
mod conversation;
pub mod diagnostics;
mod directory;
mod events;
pub mod exchange;
mod feed;
mod frames;
mod http;
pub mod language;
mod linger;
mod listen;
pub mod options;
mod printer;
mod rate_limit;
mod server;
pub mod signals;
mod store;
mod tcp;
mod websocket;
mod writer;
mod wrong_port;

pub use accept::PerAddress;
pub use book::Book;
pub use http::HostNames;
pub use rate_limit::{Rate, RateLimits};
pub use server::{Config, Limits, Server, raise_descriptor_limit};
