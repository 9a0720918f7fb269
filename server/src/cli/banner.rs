//! The start-up banner: where everything is, and how to stop it.
//!
//! `sections` has the texts, `layout` arranges them for the screen with the QR code
//! that `qr_lines` draws.

mod layout;
mod qr_lines;
mod sections;
#[cfg(test)]
mod tests;

pub use self::sections::{Banner, Screen};
