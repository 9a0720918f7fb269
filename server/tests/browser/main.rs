//! Tests of the page in a browser. One test program for all of them, so that they
//! share their browsers; a module is a feature.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say what it measured"
)]

#[path = "../classroom/mod.rs"]
mod classroom;

mod accessibility;
mod board;
mod book_on_view;
mod journey;
mod lesson;
mod page;
mod sheet;
mod views;
mod visit;
mod wrong_port;
