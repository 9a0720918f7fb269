//! Tidying up: changes move to their names' places among the contacts, and
//! the file and its log give back the room they do not need.

use super::StoreError;
use super::session::Session;

/// Moves the changes up to an id to their places. A name that was removed and
/// added again is deleted, then inserted.
const SETTLE: [&str; 3] = [
    "DELETE FROM contacts WHERE name IN
         (SELECT name FROM changes WHERE id <= ?1 AND phone IS NULL)",
    "INSERT OR REPLACE INTO contacts
         SELECT name, phone FROM
             (SELECT name, phone, max(id) FROM changes WHERE id <= ?1 GROUP BY name)
         WHERE phone IS NOT NULL",
    "DELETE FROM changes WHERE id <= ?1",
];

/// How many changes may wait to be moved: they are read again after a kill,
/// which must not take longer than 2 s.
pub(super) const MOST_UNSETTLED: i64 = 100_000;

/// How many changes are moved at once.
pub(super) const SETTLED_AT_ONCE: i64 = 10_000;

/// Pages of 4 KB in the log, 16 MB, before they are copied into the file. Four
/// times SQLite's usual number, since writers wait for the copying; and a log
/// is written over in place, which costs a third of making a file longer.
pub(super) const LONG_LOG: i32 = 4_000;

/// Bytes of free room on the disk below which the log and the table of changes
/// are kept short: twice the longest log. Otherwise the log takes the last room
/// that the file needs for what is in the log.
const LOW_DISK: u64 = 32 << 20;

/// Pages in the log, and changes that wait to be moved, on such a disk.
const SHORT_LOG: i32 = 100;
const FEW_UNSETTLED: i64 = 1_000;

/// Bytes of log that an idle server keeps.
const IDLE_LOG: u64 = 1 << 20;

impl Session {
    /// Makes room for so many changes among those that wait to be moved, and in
    /// the log.
    pub(super) fn make_room(&mut self, more: i64) -> Result<(), StoreError> {
        self.check()?;
        let pages = self.log_pages()?;
        let many = self.waiting() + more > FEW_UNSETTLED || pages > SHORT_LOG;
        let is_low = many && self.place().free_bytes().is_some_and(|free| free < LOW_DISK);
        let most = if is_low { FEW_UNSETTLED } else { self.most_unsettled };
        while self.waiting() > 0 && self.waiting() + more > most {
            self.settle()?;
        }
        if pages > if is_low { SHORT_LOG } else { LONG_LOG } { self.checkpoint() } else { Ok(()) }
    }

    /// Does the next thing that can be done while no change comes. Returns
    /// whether there was any.
    ///
    /// # Errors
    ///
    /// The contacts are as safe as before.
    pub(crate) fn tidy(&mut self) -> Result<bool, StoreError> {
        self.check()?;
        if self.waiting() > 0 {
            self.settle()?;
        } else if self.is_mostly_free()? {
            self.shrink()?;
        } else if self.log_bytes() > IDLE_LOG {
            self.cut_log()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Does all that an idle server does, but for the log.
    pub(super) fn tidy_all(&mut self) -> Result<(), StoreError> {
        self.settle_all()?;
        if self.is_mostly_free()? {
            self.shrink()?;
        }
        Ok(())
    }

    /// Moves all changes to their places.
    pub(super) fn settle_all(&mut self) -> Result<(), StoreError> {
        while self.waiting() > 0 {
            self.settle()?;
        }
        Ok(())
    }

    /// How many changes are not at their places.
    pub(super) fn waiting(&mut self) -> i64 {
        let unsettled = self.unsettled_mut();
        unsettled.end - unsettled.start
    }

    /// Moves the oldest changes to their places.
    fn settle(&mut self) -> Result<(), StoreError> {
        let unsettled = self.unsettled_mut().clone();
        let until = unsettled.end.min(unsettled.start + self.settled_at_once);
        if self.log_pages()? > LONG_LOG {
            self.checkpoint()?;
        }
        self.write(self.row(), |connection| {
            for statement in SETTLE {
                connection.prepare_cached(statement)?.execute([until - 1])?;
            }
            Ok(())
        })?;
        self.unsettled_mut().start = until;
        Ok(())
    }

    /// Whether more of the file is free than in use.
    fn is_mostly_free(&mut self) -> Result<bool, StoreError> {
        let pages = |name| self.connection().pragma_query_value(None, name, |row| row.get(0));
        let counted =
            pages("freelist_count").and_then(|free: i64| Ok((free, pages("page_count")?)));
        counted.map(|(free, all)| 2 * free > all).map_err(|error| self.fail(&error))
    }

    /// Writes what is in use, the smaller part of the file, again without gaps.
    fn shrink(&mut self) -> Result<(), StoreError> {
        let shrunk = self.connection().execute_batch("VACUUM");
        shrunk.map_err(|error| self.fail(&error))?;
        self.sync()?;
        self.checkpoint()
    }
}
