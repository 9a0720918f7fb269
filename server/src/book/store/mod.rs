//! The book on disk: a SQLite file that any SQLite tool can open.
//!
//! A [`Store`] is an opened file, locked and checked but not written to. It
//! becomes a [`Session`] to take changes: a period that begins with a mark in
//! the file, that a log belongs to it, and ends with taking that mark away. The
//! store answers no client; the [writer](crate::book::writer) does.
//!
//! It is built as a log-structured store: a change is appended to a table of
//! changes and merged into the table of contacts later, many at once. Names come
//! in any order, so that fifty changes in the table of contacts are fifty pages
//! of 4 KB to be written before any client gets a reply; one behind another they
//! are one or two.
//!
//! The modules, from the bottom up:
//!
//! * `place` is where the file is; `header` and `wal` read the file and its log
//!   without SQLite; `schema` and `totals` are the tables; `error` and `damage`
//!   say what went wrong.
//! * `create` makes a new file, `open` decides whether one can be used, `pair`
//!   whether it and its log belong together, `read` hands out the contacts.
//! * `database` runs transactions, syncs and checkpoints, `watched` notices when
//!   the files are gone.
//! * `append` stores changes, `compact` merges them, `housekeeping` is what an
//!   idle server does.
//! * `session` begins and ends, `import` takes a whole list, `keep` copies the contacts
//!   into a file of their own.

mod append;
mod compact;
mod create;
mod damage;
mod database;
mod error;
mod header;
mod housekeeping;
mod import;
mod keep;
mod open;
mod pair;
mod place;
mod read;
mod schema;
mod session;
mod totals;
mod wal;
mod watched;

pub(crate) use self::append::Update;
pub(crate) use self::error::StoreError;
pub(crate) use self::import::Imported;
pub(crate) use self::keep::KeepError;
pub(crate) use self::open::{InUse, Store};
pub(crate) use self::place::file_beside;
pub(crate) use self::session::Session;

#[cfg(test)]
mod tests;
