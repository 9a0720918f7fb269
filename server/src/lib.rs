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
//! * [`server`](Server): binds, serves, shuts down. [`config`](Config) says how,
//!   `context` is what all its connections share.
//! * `classroom`: all that one class shares: its book, its connected clients, its
//!   stage, pause and console.
//! * `transport`: the listening sockets, the accept loop with its limits, raw TCP and
//!   the WebSocket, and the one conversation behind both.
//! * [`book`](Book): the contacts, shared by all conversations: the map they are read
//!   from, the feed of its latest changes, the writer thread and the file.
//! * `rooms`: many classes in one PostgreSQL database: the book's third storage.
//! * `http`: the routes, the pages, the APIs of the book and the board, and the checks
//!   on `Host` and `Origin` (`host_names`).
//! * `relay`: the students' own servers, which their `check.py` connects to the class.
//! * `playground`: the network of the programs that run in students' pages.
//! * [`join`]: how students reach this machine: addresses, URLs, QR codes.
//! * [`homework`]: checks a student's own server: `tcp-classroom check`.
//! * [`doctor`]: tries what keeps students out.
//! * [`csv`]: the contacts as a spreadsheet's file, in and out.
//! * [`terminal`]: the lesson's lines on standard output, diagnostics on standard error.
//! * [`control`]: how a command finds the server that has a book open.
//! * [`cli`]: the options, and the banner at start. [`signals`]: what stops the
//!   program. [`language`]: Chinese or English.
//!
//! What the bytes mean is decided in the `protocol` crate and nowhere here.

#![cfg_attr(not(windows), forbid(unsafe_code))]

mod book;
mod classroom;
pub mod cli;
mod config;
mod context;
pub mod control;
pub mod csv;
pub mod doctor;
pub mod homework;
mod host_names;
mod http;
pub mod join;
pub mod language;
mod playground;
mod relay;
mod rooms;
mod server;
pub mod signals;
pub mod terminal;
mod transport;

pub use book::Book;
pub use classroom::lead::access::Secret;
pub use config::{Config, Limits, PortRange, RoomLimits, UnusedRooms};
pub use host_names::HostNames;
pub use rooms::{NewRoom, Rooms};
pub use server::rooms::RoomPort;
pub use server::{Server, raise_descriptor_limit};
pub use transport::admission::PerAddress;
pub use transport::rate_limit::{Rate, RateLimits};
