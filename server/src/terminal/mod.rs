//! The terminal: the lesson's lines on standard output, diagnostics on standard
//! error. Neither blocks a conversation.

pub mod console;
pub mod diagnostics;
pub(crate) mod printer;
