//! Tests from outside that need no browser: over sockets, and of the program
//! itself. One test program for all of them, which is linked once; a module is a
//! feature.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say how much it tried"
)]

#[path = "../classroom/mod.rs"]
mod classroom;

mod behind_proxy;
mod board;
mod book_file;
mod class_board;
mod console;
#[cfg(target_os = "linux")]
mod deploy;
mod diagnostics;
mod durability;
mod exchange;
mod faults;
mod floods;
mod history;
mod homework;
mod homework_command;
mod homework_in_class;
#[cfg(unix)]
mod homework_watched;
#[cfg(unix)]
mod https;
#[cfg(target_os = "linux")]
mod lan;
mod leading;
mod old_files;
#[cfg(target_os = "linux")]
mod opening;
mod own_server;
mod page;
mod people;
mod playground;
mod playground_talk;
mod power_loss;
mod program;
mod python;
mod python_export;
#[cfg(target_os = "linux")]
mod rooms;
mod sticky_replies;
mod stopping;
mod teacher_access;
mod transcripts;
mod watching;
mod wrong_port;
