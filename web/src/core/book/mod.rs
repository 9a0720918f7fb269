//! The class's book on a page: [`list`] is the contacts in order, [`sync`] keeps
//! them up to date.

pub mod list;
pub mod sync;
