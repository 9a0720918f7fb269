//! What the pages of the classroom have in common. Each page is a program of its
//! own in `pages/`, a folder with its markup, its model and its view; this
//! library is what they share.
//!
//! * [`core`]: everything that needs no browser. It runs in native tests, and
//!   cannot use `web-sys`, which is a dependency for WebAssembly only.
//! * `browser`: elements, sockets, streams of events, storage, timers, and the
//!   loop that hands messages to a page's program.
//!
//! `browser` uses `core`, a page uses both, and neither knows a page.

#![cfg_attr(not(test), warn(clippy::string_slice, reason = "`protocol::slice` is smaller"))]

pub mod core;

#[cfg(target_arch = "wasm32")]
pub mod browser;

// Half the size of the standard allocator: 3 KB less on the wire.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
