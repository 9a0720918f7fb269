//! The command line: the options, and the banner that says where everything is.

pub mod banner;
pub mod options;
