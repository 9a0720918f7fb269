//! `tcp-classroom check`: the homework, checked on this computer.
//!
//! What is checked and what a result means is decided in [`protocol::homework`]. Here
//! are the sockets (`connection`), the student's program (`process`, `python`), the
//! `driver` that brings them together with the checks, what is printed (`report`),
//! and the [`command`] that does it once, for a folder, or whenever the file is saved.

pub mod command;
mod connection;
mod driver;
mod process;
mod python;
mod report;
mod target;
mod watch;
