//! The relay: the classroom's side of a student's `check.py`, which connects the
//! student's own server to the classroom.
//!
//! ```text
//! page      -> GET api/homework        -> pairing: a key of the page's own, and a code
//! check.py  -> GET api/homework/relay  -> session <-> JSON lines <-> check.py <-> server.py
//!                                         |     |
//!           the checks (protocol) <- run -+     +- bridge <- GET ws?server=KEY <- page
//! ```
//!
//! This server connects nowhere: `check.py` does, to its own computer alone. All
//! checks and all words are in Rust, in [`protocol::homework`]; `check.py` passes on
//! bytes. What a `check.py` sends is bounded and concerns its own student only.

pub(crate) mod bridge;
pub(crate) mod code;
pub(crate) mod messages;
pub(crate) mod own_client;
pub(crate) mod pairing;
pub(crate) mod report;
mod run;
pub(crate) mod script;
pub(crate) mod session;
