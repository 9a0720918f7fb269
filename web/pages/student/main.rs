//! The student's page: the conversation with the server, the line being written,
//! the lesson and the side panels.
//!
//! It understands no message by itself, `protocol` does; and it holds no text,
//! the files in `static` do. An event of the browser becomes a message to the
//! [`model`] (`controls`), the model answers with effects, and the `page` carries
//! them out and has the `view` show the new state.
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively there is only the model, and its tests")
)]
#![cfg_attr(not(test), warn(clippy::string_slice, reason = "`protocol::slice` is smaller"))]

mod model;
mod panels;

#[cfg(target_arch = "wasm32")]
mod class_client;
#[cfg(target_arch = "wasm32")]
mod controls;
#[cfg(all(test, target_arch = "wasm32"))]
mod json_tests;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod view;

fn main() {
    #[cfg(target_arch = "wasm32")]
    web::browser::program::run::<page::StudentPage>();
}
