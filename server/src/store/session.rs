//! A period in which the book takes changes, and what is synced when.
//!
//! The file is in WAL mode for as long as a session lasts, and holds the
//! session's number once the log has begun; so a file that has the number needs
//! its log, and a file that is not in WAL mode has none. A kill between the
//! steps that begin and end a session leaves a file in WAL mode without a
//! number: it is complete by itself, whether or not there is a log.
//!
//! SQLite syncs nothing at a commit here (`synchronous=NORMAL`); each one is
//! followed by a sync of the log through a descriptor of our own. So an error
//! that SQLite reports came before the sync, and on Linux the sync is
//! `fdatasync`, which leaves out the file's times.
//!
//! A failed sync is final, as in PostgreSQL since 2018: the system may drop the
//! pages it could not write and report the next sync as good. Nothing is written
//! after it, not even when the file is closed; the next start examines the log.

use std::fs::File;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, ffi};

use super::header::Header;
use super::place::Watched;
use super::totals::BookRow;
use super::{Store, StoreError, create, log, schema};

/// What a log is cut down to when it begins anew after a transaction larger
/// than that, in bytes.
const LOG_BYTES: i64 = super::settle::LONG_LOG as i64 * 4_096;

/// An open book that takes changes. Dropping it ends the session and closes the
/// file, in which any SQLite tool then finds all contacts in one table.
#[derive(Debug)]
pub(crate) struct Session {
    store: Store,
    /// The log, for syncing it.
    log: File,
    watched: Watched,
    /// Why no further change is stored, if that is so.
    failed: Option<String>,
    /// How many changes may wait to be moved to their places, and how many are
    /// moved at once.
    pub(super) most_unsettled: i64,
    pub(super) settled_at_once: i64,
}

impl Store {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// The disk fails or has no room. What was in the file still is.
    pub(crate) fn begin(self) -> anyhow::Result<Session> {
        self.begin_with(super::settle::MOST_UNSETTLED, super::settle::SETTLED_AT_ONCE)
    }

    pub(super) fn begin_with(
        mut self,
        most_unsettled: i64,
        settled_at_once: i64,
    ) -> anyhow::Result<Session> {
        let broken = |error| super::unusable(&self.place, error);
        if log::holds_a_page(log::length(&self.place.log)?) {
            log::write_again(&self.place.log)?;
        }
        let connection = &self.connection;
        // In the order in which SQLite itself makes it safe: the folder is
        // synced after a journal was deleted.
        connection.pragma_update(None, "synchronous", "EXTRA").map_err(broken)?;
        if !log_belongs(&self.file) {
            // An empty log that could not be deleted is deleted now.
            journal_mode(connection, &self.file, "DELETE").map_err(broken)?;
            journal_mode(connection, &self.file, "WAL").map_err(broken)?;
        }
        schema::upgrade(connection).map_err(broken)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(broken)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(broken)?;
        let log = File::options().read(true).write(true).open(&self.place.log)?;
        let watched = Watched::new(self.place.clone(), &self.file, &log)?;
        if self.opened == 0 {
            self.opened = new_number();
        }
        let mut session =
            Session { store: self, log, watched, failed: None, most_unsettled, settled_at_once };
        if let Err(error) = session.mark() {
            let cause = error.cause().to_owned();
            session.failed = Some(cause.clone());
            return Err(super::damage::trouble(&session.store.place, &cause));
        }
        create::remove_leftovers(&session.store.place);
        Ok(session)
    }
}

impl Session {
    /// Brings the session's number first into the log, so that there is one,
    /// and then into the file.
    fn mark(&mut self) -> Result<(), StoreError> {
        self.checkpoint()?;
        let opened = self.store.opened;
        self.write(BookRow { opened, ..self.row() }, |_| Ok(()))?;
        self.checkpoint()?;
        self.log_is_cut()
    }

    /// Ends the session. On an error the file stays with its log, from which the
    /// next start goes on.
    fn end(&mut self) -> Result<(), StoreError> {
        self.check()?;
        match self.tidy_all() {
            // There may yet be room for the few pages that are to come.
            Err(StoreError::Full(_)) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        self.leave()
    }

    /// Takes the mark away, first in the log and the file, and then the log.
    pub(super) fn leave(&mut self) -> Result<(), StoreError> {
        self.write(BookRow { opened: 0, ..self.row() }, |_| Ok(()))?;
        // Emptied, it does no harm where it cannot be deleted.
        self.checkpoint_as(CheckpointMode::TRUNCATE)?;
        let Store { connection, file, .. } = &self.store;
        let left = connection
            .pragma_update(None, "synchronous", "EXTRA")
            // Deletes the log, syncs the folder, then marks the file.
            .and_then(|()| journal_mode(connection, file, "DELETE"));
        left.map_err(|error| self.fail(&error))
    }

    pub(super) fn row(&self) -> BookRow {
        self.store.row
    }

    /// Takes note of a row that was stored by other means than [`write`](Self::write).
    pub(super) fn has_stored(&mut self, row: BookRow) {
        self.store.row = row;
    }

    pub(super) fn unsettled_mut(&mut self) -> &mut std::ops::Range<i64> {
        &mut self.store.unsettled
    }

    pub(super) fn place(&self) -> &super::place::Place {
        &self.store.place
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.store.connection
    }

    /// Checks that changes can be stored where they will be found.
    ///
    /// # Errors
    ///
    /// The disk failed earlier, or a file is not where it was.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if let Some(cause) = &self.failed {
            return Err(StoreError::Failed(cause.clone()));
        }
        self.watched.check().map_err(StoreError::Displaced)
    }

    /// Runs a transaction that leaves the book with this row, and syncs it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`]: it left no trace. [`StoreError::NotConfirmed`]:
    /// perhaps it did.
    pub(super) fn write(
        &mut self,
        row: BookRow,
        work: impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        match self.attempt(row, &work) {
            // The log itself may fill the disk. Once copied into the file it
            // begins anew, over what it held.
            Err(StoreError::Full(_)) => {
                self.checkpoint()?;
                let log_start = self.row().log_start;
                self.attempt(BookRow { log_start, ..row }, &work)
            }
            done => done,
        }
    }

    fn attempt(
        &mut self,
        row: BookRow,
        work: &impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let connection = &mut self.store.connection;
        let committed = connection.transaction().and_then(|transaction| {
            work(&transaction)?;
            row.write(&transaction)?;
            transaction.commit()
        });
        committed.map_err(|error| self.fail(&error))?;
        self.sync()?;
        self.store.row = row;
        Ok(())
    }

    /// Syncs what was committed.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.log.sync_data().map_err(|error| self.fail_for(error.to_string()))
    }

    /// Copies the log into the file, and syncs both. The next transaction
    /// begins the log anew.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.checkpoint_as(CheckpointMode::PASSIVE)
    }

    fn checkpoint_as(&mut self, mode: CheckpointMode) -> Result<(), StoreError> {
        let copied = self.store.connection.wal_checkpoint_v2(Some("main"), mode);
        let noted = self.watched.book_written(&self.store.file);
        match copied {
            Ok((pages, copied)) if pages == copied => {
                self.store.row.log_start = self.store.row.totals.seq;
                noted.map_err(|error| self.fail_for(error.to_string()))
            }
            Ok((pages, copied)) => {
                Err(self.fail_for(format!("{copied} of {pages} pages were copied into the file")))
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Pages in the log, unless all of them are in the file: then the next
    /// transaction begins the log anew.
    pub(super) fn log_pages(&mut self) -> Result<i32, StoreError> {
        let looked = self.connection().wal_checkpoint_v2(Some("main"), CheckpointMode::NOOP);
        looked
            .map(|(pages, copied)| if pages == copied { 0 } else { pages })
            .map_err(|error| self.fail(&error))
    }

    /// Bytes of the log file.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log.metadata().map_or(0, |about| about.len())
    }

    /// Begins the log anew and cuts off all but that.
    pub(super) fn cut_log(&mut self) -> Result<(), StoreError> {
        self.checkpoint()?;
        self.limit_log(0)?;
        // With its first transaction the new log is cut to the limit.
        self.write(self.row(), |_| Ok(()))?;
        self.limit_log(LOG_BYTES)?;
        self.log_is_cut()
    }

    fn limit_log(&mut self, bytes: i64) -> Result<(), StoreError> {
        let limited = self.connection().pragma_update(None, "journal_size_limit", bytes);
        limited.map_err(|error| self.fail(&error))
    }

    fn log_is_cut(&mut self) -> Result<(), StoreError> {
        self.watched.log_written(&self.log).map_err(|error| self.fail_for(error.to_string()))
    }

    /// The error for a failed transaction. Unless there was just no room, it is
    /// the last one.
    pub(super) fn fail(&mut self, error: &rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full(error.to_string()),
            _ => self.fail_for(error.to_string()),
        }
    }

    /// Ends all storing.
    pub(crate) fn fail_for(&mut self, cause: String) -> StoreError {
        self.failed = Some(cause.clone());
        StoreError::NotConfirmed(cause)
    }
}

/// Puts the file into WAL mode or takes it out again: a transaction of its own,
/// with a rollback journal.
fn journal_mode(connection: &Connection, file: &File, mode: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA journal_mode = {mode}"))?;
    let mut rows = statement.query([])?;
    // Only behind its one row the statement commits.
    while rows.next()?.is_some() {}
    if log_belongs(file) != (mode == "WAL") {
        let error = format!("the file cannot be put into mode {mode}");
        return Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_IOERR),
            Some(error),
        ));
    }
    Ok(())
}

/// Whether the file itself says that it is in WAL mode.
fn log_belongs(file: &File) -> bool {
    matches!(Header::read(file), Ok(Header::Sqlite { wal: true, .. }))
}

/// A number that no other session has had.
fn new_number() -> i64 {
    use std::hash::{BuildHasher as _, RandomState};
    (RandomState::new().hash_one(()) as i64).max(1)
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failure nothing may be written, and it has been told.
        if self.failed.is_none()
            && let Err(error) = self.end()
        {
            let shown = self.store.place.book.display();
            tracing::warn!(
                "{}",
                crate::language::localized!(
                    "{0} 没有正常关闭，日志留在旁边，下次启动会接着用：{1}",
                    "{0} was not closed cleanly; its log stays beside it, and the next start goes \
                     on from there: {1}",
                    shown,
                    error
                )
            );
        }
    }
}
