//! What a student's Python file and its traceback tell. Nothing here runs Python or
//! parses it: lines are searched, which is enough to find what the lesson's server
//! consists of, and a file that is no Python harms nothing.

mod bind;
mod source;
mod traceback;

pub use self::source::{Source, SourceLine};
pub use self::traceback::Traceback;
