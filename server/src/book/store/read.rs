//! Reading the contacts of an opened book, and proving that they are all there.

use protocol::Contacts;

use super::damage::{damaged, unusable};
use super::open::Store;
use super::schema;
use super::totals::Totals;
use crate::language::localized;

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
