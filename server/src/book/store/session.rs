//! A session: the period in which the book takes changes.
//!
//! The file is in WAL mode for as long as a session lasts, and holds the
//! session's number once the log has begun; so a file that has the number needs
//! its log, and a file that is not in WAL mode has none. A kill between the
//! steps that begin and end a session leaves a file in WAL mode without a
//! number: it is complete by itself, whether or not there is a log.
//!
//! What happens in between is in `database`.

use std::fs::File;
use std::io;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ffi};

use super::append::{self, Update};
use super::compact::Pending;
use super::damage::{trouble, unusable};
use super::database::{Database, LOG_BYTES};
use super::error::StoreError;
use super::header::Header;
use super::open::Store;
use super::totals::BookRow;
use super::watched::Watched;
use super::{create, housekeeping, schema, wal};
use crate::language::localized;

/// An open book that takes changes. Dropping it ends the session and closes the
/// file, in which any SQLite tool then finds all contacts in one table.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) database: Database,
    pub(super) pending: Pending,
}

impl Store {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// The disk fails or has no room. What was in the file still is.
    pub(crate) fn begin(self) -> anyhow::Result<Session> {
        let Store { connection, file, place, row, opened, pending } = self;
        let broken = |error| unusable(&place, error);
        let failed = |error: io::Error| trouble(&place, &error.to_string());
        if wal::holds_a_page(wal::length(&place.log).map_err(failed)?) {
            wal::write_again(&place.log).map_err(failed)?;
        }
        // In the order in which SQLite itself makes it safe: the folder is
        // synced after a journal was deleted.
        connection.pragma_update(None, "synchronous", "EXTRA").map_err(broken)?;
        if !is_in_wal_mode(&file) {
            // An empty log that could not be deleted is deleted now.
            journal_mode(&connection, &file, "DELETE").map_err(broken)?;
            journal_mode(&connection, &file, "WAL").map_err(broken)?;
        }
        schema::upgrade(&connection).map_err(broken)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(broken)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(broken)?;
        let log = File::options().read(true).write(true).open(&place.log).map_err(failed)?;
        let watched = Watched::new(place.clone(), &file, &log).map_err(failed)?;
        let database = Database { connection, file, place, row, log, watched, failed: None };
        let mut session = Session { database, pending };
        if let Err(error) = session.mark(if opened == 0 { new_number() } else { opened }) {
            let cause = error.cause().to_owned();
            session.database.failed = Some(cause.clone());
            return Err(trouble(&session.database.place, &cause));
        }
        create::remove_leftovers(&session.database.place);
        Ok(session)
    }
}

impl Session {
    /// Stores updates, all or none. They are on the disk, synced, when it
    /// returns.
    ///
    /// # Errors
    ///
    /// They are not stored, or perhaps not; see [`StoreError`].
    pub(crate) fn commit(&mut self, updates: &[Update<'_>]) -> Result<(), StoreError> {
        append::commit(&mut self.database, &mut self.pending, updates)
    }

    /// Does the next piece of housekeeping. Returns whether there was any.
    ///
    /// # Errors
    ///
    /// The contacts are as safe as before.
    pub(crate) fn tidy(&mut self) -> Result<bool, StoreError> {
        housekeeping::step(&mut self.database, &mut self.pending)
    }

    /// Ends all storing, and returns the error that says so.
    pub(crate) fn fail_for(&mut self, cause: String) -> StoreError {
        self.database.fail_for(cause)
    }

    /// Brings the session's number first into the log, so that there is one,
    /// and then into the file.
    fn mark(&mut self, opened: i64) -> Result<(), StoreError> {
        let database = &mut self.database;
        database.checkpoint()?;
        database.write(BookRow { opened, ..database.row }, |_| Ok(()))?;
        database.checkpoint()?;
        database.log_is_truncated()
    }

    /// Ends the session. On an error the file stays with its log, from which the
    /// next start goes on.
    fn end(&mut self) -> Result<(), StoreError> {
        self.database.check()?;
        match housekeeping::all(&mut self.database, &mut self.pending) {
            // There may yet be room for the few pages that are to come.
            Err(StoreError::Full(_)) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        self.leave()
    }

    /// Takes the number away, first in the log and the file, and then the log.
    pub(super) fn leave(&mut self) -> Result<(), StoreError> {
        let database = &mut self.database;
        database.write(BookRow { opened: 0, ..database.row }, |_| Ok(()))?;
        // Emptied, it does no harm where it cannot be deleted.
        database.checkpoint_as(CheckpointMode::TRUNCATE)?;
        let Database { connection, file, .. } = &*database;
        let left = connection
            .pragma_update(None, "synchronous", "EXTRA")
            // Deletes the log, syncs the folder, then marks the file.
            .and_then(|()| journal_mode(connection, file, "DELETE"));
        left.map_err(|error| database.fail(&error))
    }
}

/// Puts the file into WAL mode or takes it out again: a transaction of its own,
/// with a rollback journal.
fn journal_mode(connection: &Connection, file: &File, mode: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA journal_mode = {mode}"))?;
    let mut rows = statement.query([])?;
    // Only behind its one row the statement commits.
    while rows.next()?.is_some() {}
    if is_in_wal_mode(file) != (mode == "WAL") {
        let error = format!("the file cannot be put into mode {mode}");
        return Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_IOERR),
            Some(error),
        ));
    }
    Ok(())
}

/// Whether the file itself says that it is in WAL mode.
fn is_in_wal_mode(file: &File) -> bool {
    matches!(Header::read(file), Ok(Header::Sqlite { wal: true, .. }))
}

/// A number that no other session has had.
fn new_number() -> i64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Half of it, so that it is positive: 0 stands for none.
    ((RandomState::new().hash_one(()) >> 1) as i64).max(1)
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failure nothing may be written, and it has been told.
        if self.database.failed.is_none()
            && let Err(error) = self.end()
        {
            let shown = self.database.place.book.display();
            tracing::warn!(
                "{}",
                localized!(
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
