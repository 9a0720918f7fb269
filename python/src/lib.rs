//! The page's Python: runs a student's program over a [`Host`], which prints its lines
//! and has its connections. It deliberately knows neither a page nor a server: in the
//! browser the host is `worker`, with the classroom's server behind it; for the
//! homework it is [`Homework`](homework::Homework), the checks themselves; in the tests
//! it is a script.

pub mod homework;
mod host;
pub mod interpreter;
mod traceback;
#[cfg(target_arch = "wasm32")]
mod worker;

pub use self::host::{Answer, Host, Status};
