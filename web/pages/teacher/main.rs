//! The teacher's page: everybody who is here, and what can be done about it. What it
//! may do the server decides, at each action.
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively there is only the model, and its tests")
)]

mod model;

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(target_arch = "wasm32")]
mod controls;
#[cfg(target_arch = "wasm32")]
mod homework;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod view;

fn main() {
    #[cfg(target_arch = "wasm32")]
    web::browser::program::run::<page::TeacherPage>();
}
