//! The panel "my program": an editor for Python, what the program prints, and the
//! homework's checks on it.
//!
//! A program of its own beside the student's page, which loads it when its tab is
//! opened: so a visit that never opens it pays nothing. It understands no Python: the
//! crate `python` runs the program, in a worker.
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively there is only the model, and its tests")
)]

mod console;
mod editing;
#[cfg(target_arch = "wasm32")]
mod editor;
mod explain;
mod model;
#[cfg(target_arch = "wasm32")]
mod neighbours;
#[cfg(target_arch = "wasm32")]
mod parts;
#[cfg(target_arch = "wasm32")]
mod runner;
#[cfg(target_arch = "wasm32")]
mod texts;
#[cfg(target_arch = "wasm32")]
mod view;

fn main() {
    #[cfg(target_arch = "wasm32")]
    web::browser::program::run::<view::ProgramPanel>();
}
