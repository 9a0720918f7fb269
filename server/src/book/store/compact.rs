//! Compaction: appended changes are merged into the table of contacts, many at
//! once, and deleted.

use std::ops::Range;

use rusqlite::Connection;

use super::database::Database;
use super::error::StoreError;

/// Merges the changes up to an id. In the order of their ids, so that of a name
/// the last phone stays; then a name whose last change is a removal is deleted.
const MERGE: [&str; 3] = [
    "INSERT OR REPLACE INTO contacts
         SELECT name, phone FROM changes WHERE id <= ?1 AND phone IS NOT NULL ORDER BY id",
    "DELETE FROM contacts WHERE name IN
         (SELECT name FROM
             (SELECT name, phone, max(id) FROM changes WHERE id <= ?1 AND name IN
                 (SELECT name FROM changes WHERE id <= ?1 AND phone IS NULL)
              GROUP BY name)
          WHERE phone IS NULL)",
    "DELETE FROM changes WHERE id <= ?1",
];

/// How many changes may be pending, and how many are merged in one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// So many may be pending in a book of any size. 300 KB, as contacts mostly
    /// are: a class's book is merged once in a lesson, or when nothing happens.
    pub(super) least: i64,
    /// Otherwise half as many as there are contacts, so that the file stays in
    /// proportion to what it holds, and never more than this: they are read
    /// again after a kill, which must not take longer than 2 s.
    pub(super) most: i64,
    pub(super) at_once: i64,
}

impl Limits {
    pub(super) const USUAL: Limits = Limits { least: 10_000, most: 100_000, at_once: 10_000 };

    fn pending(self, contacts: u64) -> i64 {
        i64::try_from(contacts / 2).unwrap_or(i64::MAX).clamp(self.least, self.most)
    }
}

/// The same on a disk that is nearly full: then the log and the table of changes
/// must not take the last room that the file needs for what is in the log. `FREE`
/// is twice the longest log, in bytes.
mod low_disk {
    pub(super) const FREE: u64 = 32 << 20;
    pub(super) const PENDING: i64 = 1_000;
    pub(super) const LOG_PAGES: u64 = 100;
}

/// The id that SQLite gives the first change in an empty table.
const FIRST_ID: i64 = 1;

/// The changes that are appended and not yet merged.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    ids: Range<i64>,
    pub(super) limits: Limits,
}

impl Pending {
    /// Of a file that has no table for them.
    pub(super) fn none() -> Self {
        Pending { ids: FIRST_ID..FIRST_ID, limits: Limits::USUAL }
    }

    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT min(id), max(id) FROM changes", [], |row| {
            let first: Option<i64> = row.get(0)?;
            let last: Option<i64> = row.get(1)?;
            let end = last.map_or(FIRST_ID, |last| last.saturating_add(1));
            Ok(Pending { ids: first.unwrap_or(FIRST_ID)..end, ..Pending::none() })
        })
    }

    pub(super) fn count(&self) -> i64 {
        self.ids.end - self.ids.start
    }

    /// Takes note of changes that were appended.
    pub(super) fn appended(&mut self, count: i64) {
        if self.ids.is_empty() {
            // The table is empty, so SQLite counts from the first id again.
            self.ids = FIRST_ID..FIRST_ID;
        }
        self.ids.end += count;
    }

    /// Makes room for so many changes among the pending ones, and in the log.
    pub(super) fn make_room(
        &mut self,
        database: &mut Database,
        more: i64,
    ) -> Result<(), StoreError> {
        database.check()?;
        let pages = database.log_pages()?;
        let many = self.count() + more > low_disk::PENDING || pages > low_disk::LOG_PAGES;
        let free = if many { database.place.free_bytes() } else { None };
        let (most, most_pages) = match free {
            Some(..low_disk::FREE) => (low_disk::PENDING, low_disk::LOG_PAGES),
            _ => {
                let contacts = database.row.totals.count;
                (self.limits.pending(contacts), database.most_log_pages())
            }
        };
        while self.count() > 0 && self.count() + more > most {
            self.merge(database)?;
        }
        if pages > most_pages { database.checkpoint() } else { Ok(()) }
    }

    /// Merges all changes.
    pub(super) fn merge_all(&mut self, database: &mut Database) -> Result<(), StoreError> {
        while self.count() > 0 {
            self.merge(database)?;
        }
        Ok(())
    }

    /// Merges the oldest changes.
    pub(super) fn merge(&mut self, database: &mut Database) -> Result<(), StoreError> {
        let until = self.ids.end.min(self.ids.start + self.limits.at_once);
        database.checkpoint_above(database.most_log_pages())?;
        database.write(database.row, |connection| {
            for statement in MERGE {
                connection.prepare_cached(statement)?.execute([until - 1])?;
            }
            Ok(())
        })?;
        self.ids.start = until;
        Ok(())
    }
}
