//! Transactions, syncs and checkpoints, and what their errors mean.
//!
//! SQLite syncs nothing at a commit here (`synchronous=NORMAL`); each one is
//! followed by a sync of the log through a descriptor of our own. So an error
//! that SQLite reports came before the sync, and on Linux the sync is
//! `fdatasync`, which leaves out the file's times.
//!
//! A failed sync is final, as in PostgreSQL since 2018: the system may drop the
//! pages it could not write and report the next sync as good. Nothing is written
//! after it, not even when the file is closed; the next start examines the log.

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::compact::LONG_LOG;
use super::place::Place;
use super::session::Session;
use super::totals::BookRow;

/// What a log is cut down to when it begins anew after a transaction larger
/// than that, in bytes.
pub(super) const LOG_BYTES: i64 = LONG_LOG as i64 * 4_096;

impl Session {
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

    pub(super) fn place(&self) -> &Place {
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

    pub(super) fn checkpoint_as(&mut self, mode: CheckpointMode) -> Result<(), StoreError> {
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

    pub(super) fn log_is_cut(&mut self) -> Result<(), StoreError> {
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
