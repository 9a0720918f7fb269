//! Transactions, syncs and checkpoints of an open book, and what their errors
//! mean.
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
use rusqlite::{Connection, ErrorCode};

use super::error::StoreError;
use super::place::Place;
use super::totals::BookRow;
use super::watched::Watched;

/// Contacts whose rows take a page of 4 KB: one takes some 40 bytes, of which
/// half are its name and phone, and a page is two thirds full.
const CONTACTS_PER_PAGE: u64 = 67;

/// Pages in the log at which it is checkpointed, as a fraction of those that the
/// contacts take, and at least and at most.
///
/// Writers wait for a checkpoint, so the most, 16 MB, is four times SQLite's
/// usual number; and a log is written over in place, which costs a third of
/// making a file longer. The least, 640 KB, is some 80 commits of a class.
const LOG_SHARE: (u64, u64) = (2, 3);
const SHORTEST_LOG: u64 = 160;
const LONGEST_LOG: u64 = 4_000;

/// What the log file is cut down to when it begins anew after a transaction
/// larger than that, in bytes.
pub(super) const LOG_BYTES: i64 = LONGEST_LOG as i64 * 4_096;

/// An open book that can be written.
#[derive(Debug)]
pub(super) struct Database {
    // Dropped in this order: the connection's lock ends when the file is closed.
    pub(super) connection: Connection,
    pub(super) file: File,
    pub(super) place: Place,
    /// The book's row, as last stored.
    pub(super) row: BookRow,
    /// The log, for syncing it.
    pub(super) log: File,
    pub(super) watched: Watched,
    /// Why nothing more is stored, if that is so.
    pub(super) failed: Option<String>,
}

impl Database {
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
        match self.try_write(row, &work) {
            // The log itself may fill the disk. Once copied into the file it
            // begins anew, over what it held.
            Err(StoreError::Full(_)) => {
                self.checkpoint()?;
                let log_start = self.row.log_start;
                self.try_write(BookRow { log_start, ..row }, &work)
            }
            done => done,
        }
    }

    fn try_write(
        &mut self,
        row: BookRow,
        work: &impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let committed = self.connection.transaction().and_then(|transaction| {
            work(&transaction)?;
            row.write(&transaction)?;
            transaction.commit()
        });
        committed.map_err(|error| self.fail(&error))?;
        self.sync()?;
        self.row = row;
        Ok(())
    }

    /// Syncs what was committed.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.log.sync_data().map_err(|error| self.fail_for(error.to_string()))
    }

    /// Checkpoint: copies the log into the file, and syncs both. The next
    /// transaction begins the log anew.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.checkpoint_as(CheckpointMode::PASSIVE)
    }

    pub(super) fn checkpoint_as(&mut self, mode: CheckpointMode) -> Result<(), StoreError> {
        let copied = self.connection.wal_checkpoint_v2(Some("main"), mode);
        let noted = self.watched.book_written(&self.file);
        match copied {
            Ok((pages, copied)) if pages == copied => {
                self.row.log_start = self.row.totals.seq;
                noted.map_err(|error| self.fail_for(error.to_string()))
            }
            Ok((pages, copied)) => {
                Err(self.fail_for(format!("{copied} of {pages} pages were copied into the file")))
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Checkpoints a log of more than `most` pages.
    pub(super) fn checkpoint_above(&mut self, most: u64) -> Result<(), StoreError> {
        if self.log_pages()? > most { self.checkpoint() } else { Ok(()) }
    }

    /// Pages in the log, unless all of them are in the file: then the next
    /// transaction begins the log anew.
    pub(super) fn log_pages(&mut self) -> Result<u64, StoreError> {
        let counted = self.connection.wal_checkpoint_v2(Some("main"), CheckpointMode::NOOP);
        let (pages, copied) = counted.map_err(|error| self.fail(&error))?;
        // SQLite says -1 where there is no log.
        Ok(if pages == copied { 0 } else { u64::try_from(pages).unwrap_or(0) })
    }

    /// Pages in the log above which it is to be checkpointed.
    pub(super) fn most_log_pages(&self) -> u64 {
        let (share, of) = LOG_SHARE;
        let pages = self.row.totals.count / CONTACTS_PER_PAGE * share / of;
        pages.clamp(SHORTEST_LOG, LONGEST_LOG)
    }

    /// Bytes of the log file.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log.metadata().map_or(0, |about| about.len())
    }

    /// Begins the log anew and cuts off all but that.
    pub(super) fn truncate_log(&mut self) -> Result<(), StoreError> {
        self.checkpoint()?;
        self.limit_log(0)?;
        // With its first transaction the new log is cut to the limit.
        self.write(self.row, |_| Ok(()))?;
        self.limit_log(LOG_BYTES)?;
        self.log_is_truncated()
    }

    fn limit_log(&mut self, bytes: i64) -> Result<(), StoreError> {
        let limited = self.connection.pragma_update(None, "journal_size_limit", bytes);
        limited.map_err(|error| self.fail(&error))
    }

    /// Takes note of how long the log is now.
    pub(super) fn log_is_truncated(&mut self) -> Result<(), StoreError> {
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
    pub(super) fn fail_for(&mut self, cause: String) -> StoreError {
        self.failed = Some(cause.clone());
        StoreError::NotConfirmed(cause)
    }
}
