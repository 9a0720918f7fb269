//! The command line: the options, what shells and `man` know of them, the
//! banner that says where everything is, and the health check.

pub mod banner;
pub mod health;
pub mod options;
pub mod reset;
pub mod room;
pub mod shell_files;
