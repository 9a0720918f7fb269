//! A period in which the book takes changes, and what is synced when.
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

use super::compact::{MOST_UNSETTLED, SETTLED_AT_ONCE};
use super::damage::{trouble, unusable};
use super::database::LOG_BYTES;
use super::header::Header;
use super::totals::BookRow;
use super::watched::Watched;
use super::{Store, StoreError, create, schema, wal};
use crate::language::localized;

/// An open book that takes changes. Dropping it ends the session and closes the
/// file, in which any SQLite tool then finds all contacts in one table.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) store: Store,
    /// The log, for syncing it.
    pub(super) log: File,
    pub(super) watched: Watched,
    /// Why no further change is stored, if that is so.
    pub(super) failed: Option<String>,
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
        self.begin_with(MOST_UNSETTLED, SETTLED_AT_ONCE)
    }

    pub(super) fn begin_with(
        mut self,
        most_unsettled: i64,
        settled_at_once: i64,
    ) -> anyhow::Result<Session> {
        let broken = |error| unusable(&self.place, error);
        let failed = |error: io::Error| trouble(&self.place, &error.to_string());
        if wal::holds_a_page(wal::length(&self.place.log).map_err(failed)?) {
            wal::write_again(&self.place.log).map_err(failed)?;
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
        let log = File::options().read(true).write(true).open(&self.place.log).map_err(failed)?;
        let watched = Watched::new(self.place.clone(), &self.file, &log).map_err(failed)?;
        if self.opened == 0 {
            self.opened = new_number();
        }
        let mut session =
            Session { store: self, log, watched, failed: None, most_unsettled, settled_at_once };
        if let Err(error) = session.mark() {
            let cause = error.cause().to_owned();
            session.failed = Some(cause.clone());
            return Err(trouble(&session.store.place, &cause));
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
    // Half of it, so that it is positive: 0 stands for none.
    ((RandomState::new().hash_one(()) >> 1) as i64).max(1)
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
