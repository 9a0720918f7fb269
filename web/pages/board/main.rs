//! The board: the page for the projector. It shows how to join the class and how
//! many have, live, and takes part in nothing.
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively there is only the model, and its tests")
)]

mod model;

#[cfg(target_arch = "wasm32")]
mod class;
#[cfg(target_arch = "wasm32")]
mod view;

fn main() {
    #[cfg(target_arch = "wasm32")]
    web::browser::program::run::<view::BoardPage>();
}
