//! Many classes in a database, `cargo xtask bench rooms`. Needs PostgreSQL, and Linux, where
//! the tests start one of their own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[cfg(target_os = "linux")]
#[path = "../../tests/classroom/mod.rs"]
mod classroom;
#[cfg(target_os = "linux")]
mod measure;

fn main() {
    #[cfg(target_os = "linux")]
    measure::all();
}
