//! Tests of the page in a browser. One test program for all of them, so that they
//! share their browsers; a module is a feature.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say what it measured"
)]

#[path = "../classroom/mod.rs"]
mod classroom;

/// Starts a server and a browser on its page, or returns from the test.
macro_rules! open {
    ($visitor:expr) => {{
        let server = crate::classroom::TestServer::start().await;
        match crate::classroom::browser::Browser::open($visitor, server.http).await {
            Some(browser) => (server, browser),
            None => return,
        }
    }};
}

/// The lesson's first command.
const ADD: &str = "add;zhangsan;13800138000";

mod accessibility;
mod beginner;
mod board;
mod book_on_view;
mod class;
mod class_figures;
mod connection;
mod journey;
mod lesson;
mod own_server;
mod page;
mod program;
mod program_class;
mod program_lesson;
mod program_talk;
mod rooms;
mod sheet;
mod sizes;
mod teacher;
mod teacher_actions;
mod teacher_layout;
mod teacher_rows;
mod version;
mod views;
mod visit;
mod wrong_port;
