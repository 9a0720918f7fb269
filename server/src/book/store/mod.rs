//! The book on disk: a SQLite file that any SQLite tool can open.
//!
//! A [`Store`] is an opened file, locked and checked but not written to. It
//! becomes a [`Session`] to take changes: a period that begins with a mark in
//! the file, that a log belongs to it, and ends with taking that mark away. The
//! store answers no client; the [writer](crate::book::writer) does.
//!
//! A change is appended to a table of changes, and moved to its name's place
//! among the contacts later, many at once. Names come in any order, so that
//! fifty changes at their places are fifty pages of 4 KB to be written before
//! anybody gets a reply; one behind another they are one or two.
//!
//! In the order in which they are met: `place` is where the file is, `create`
//! makes a new one, `header` and `log` read files without SQLite, `open` decides
//! whether they can be used and `pair` whether they belong together; `schema` and
//! `totals` are the tables; `session` begins and ends, `transact` stores and syncs,
//! `watched` notices when the files are gone; `append` takes changes, `settle`
//! tidies up, `import` takes a whole list; `error` and `damage` say what went wrong.

mod append;
mod compact;
mod create;
mod damage;
mod database;
mod error;
mod header;
mod import;
mod open;
mod pair;
mod place;
mod schema;
mod session;
mod totals;
mod wal;
mod watched;

use std::fs::File;
use std::ops::Range;

use protocol::Contacts;
use rusqlite::Connection;

pub(crate) use self::append::Update;
use self::damage::{damaged, unusable};
pub(crate) use self::error::StoreError;
pub(crate) use self::import::Imported;
use self::place::Place;
pub(crate) use self::session::Session;
use self::totals::{BookRow, Totals};
use crate::language::localized;

/// An opened book file. Dropping it leaves the file as it was found.
#[derive(Debug)]
pub(crate) struct Store {
    // Dropped in this order: the connection's lock ends when the file is closed.
    connection: Connection,
    file: File,
    place: Place,
    /// As last stored.
    row: BookRow,
    /// The number of the session that did not end cleanly, or 0.
    opened: i64,
    /// The ids of the changes that are not at their places yet.
    unsettled: Range<i64>,
}

impl Store {
    /// Reads all contacts into an empty book.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each).
    pub(crate) fn load(&self, contacts: &mut Contacts) -> anyhow::Result<()> {
        self.read("", |name, phone| {
            contacts.insert(name, phone);
            Ok(())
        })
    }

    /// Hands out every contact, ordered by name, and checks at the end that
    /// they were all there.
    ///
    /// # Errors
    ///
    /// The file is damaged, and the message says where a copy is; or `each`
    /// failed. What has been handed out must then not be used.
    pub(crate) fn for_each(
        &self,
        each: impl FnMut(&str, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.read("ORDER BY name", each)
    }

    /// How many contacts there are.
    pub(crate) fn count(&self) -> u64 {
        self.row.totals.count
    }

    fn read(
        &self,
        order: &str,
        mut each: impl FnMut(&str, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let broken = |error| unusable(&self.place, error);
        let sound: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(broken)?;
        if sound != "ok" {
            return Err(damaged(&self.place, &self.place.book, &sound));
        }
        // Of version 1 there are only contacts.
        let version = schema::version(&self.connection).map_err(broken)?;
        let source = if version < 2 { "contacts" } else { "book_now" };
        let sql = format!("SELECT name, phone FROM {source} {order}");
        let mut statement = self.connection.prepare(&sql).map_err(broken)?;
        let mut rows = statement.query([]).map_err(broken)?;
        let mut sum = Totals { seq: self.row.totals.seq, ..Totals::default() };
        while let Some(row) = rows.next().map_err(broken)? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let (name, phone) = (text(0).map_err(broken)?, text(1).map_err(broken)?);
            sum.add(name, phone);
            each(name, phone)?;
        }
        if sum != self.row.totals {
            let (expected, found) = (self.row.totals.count, sum.count);
            let why = localized!(
                "应该有 {expected} 个联系人，实际有 {found} 个，或者有的自己变了",
                "it should hold {expected} contacts and holds {found}, or some of them have changed \
                 by themselves"
            );
            return Err(damaged(&self.place, &self.place.book, &why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
