//! The page's Python: runs a student's program over a [`Host`], which prints its lines
//! and has its connections. It deliberately knows neither a page nor a server: in the
//! browser the host is `worker`, with the classroom's server behind it; for the
//! homework it is [`Homework`](homework::Homework), the checks themselves; in the tests
//! it is a script.
//!
//! # Licences
//!
//! This crate is under the project's own licences. RustPython, which it links, computes
//! with `malachite-base`, `-nz`, `-q` and `-bigint`, libraries under the GNU Lesser General
//! Public License 3. That licence lets a program under any licence use them, if it says
//! so, comes with both GNU licences, and can be linked with a changed version of them.
//! It can: all source is here, and `cargo xtask dist` builds it, with a
//! `[patch.crates-io]` in the root's `Cargo.toml` for another `malachite`. The archives
//! have the notice and the texts (`packaging`).

pub mod homework;
mod host;
pub mod interpreter;
mod traceback;
#[cfg(target_arch = "wasm32")]
mod worker;

pub use self::host::{Answer, Host, Status};
