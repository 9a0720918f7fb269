//! The command line: the options, what shells and `man` know of them, and the
//! banner that says where everything is.

pub mod banner;
pub mod options;
pub mod shell_files;
