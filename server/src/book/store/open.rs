//! Opening a book file: is it one, is it free, and is the log beside it its own?
//!
//! Nothing is written to the file or its log here.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::compact::Pending;
use super::damage::damaged;
use super::header::Header;
use super::pair::{check_log_presence, check_pair, main_row, unfit, warn_of_torn_end};
use super::place::Place;
use super::schema::{self, MARKED_SINCE};
use super::totals::BookRow;
use super::{create, wal};
use crate::language::localized;

/// An opened book file. Dropping it leaves the file as it was found.
#[derive(Debug)]
pub(crate) struct Store {
    // Dropped in this order: the connection's lock ends when the file is closed.
    pub(super) connection: Connection,
    pub(super) file: File,
    pub(super) place: Place,
    /// As last stored.
    pub(super) row: BookRow,
    /// The number of the session that did not end cleanly, or 0.
    pub(super) opened: i64,
    pub(super) pending: Pending,
}

/// Another process has the book open. The text says what to do.
#[derive(Debug)]
pub(crate) struct InUse(String);

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InUse {}

impl Store {
    /// Opens a book file for this process alone, or creates one.
    ///
    /// # Errors
    ///
    /// It is no book, of a newer version, damaged, read-only, in use, or not
    /// together with its log. The message says which, and what to do; the file
    /// has not been changed.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let place = Place::resolve(path)?;
        if !place.book.exists() {
            place.check_orphans()?;
            create::create(&place)?;
        }
        // Kept open as long as the connection: to close a file gives up all
        // locks that this process has on it, SQLite's included.
        let file = File::open(&place.book).with_context(|| no_access(&place, "cannot be read"))?;
        check_header(&place, &file)?;
        let log_length =
            || wal::length(&place.log).with_context(|| no_access(&place, "cannot be read"));
        let log_before = log_length()?;
        let connection = connect(&place)?;
        // With the lock: now no other server changes it.
        let (in_wal_mode, version) = check_header(&place, &file)?;
        // SQLite has made a log where there was none.
        let log = log_before.and(log_length()?);
        let main = if version < MARKED_SINCE { None } else { main_row(&place) };
        if version >= MARKED_SINCE {
            let opened = main.is_some_and(|row| row.opened != 0);
            if let Err(refusal) = check_log_presence(&place, in_wal_mode, opened, log) {
                if log_before.is_none() {
                    // It is empty, and was not there before.
                    let _ = std::fs::remove_file(&place.log);
                }
                return Err(refusal);
            }
        }
        let state = match log {
            Some(_) => {
                wal::check(&place.log).with_context(|| no_access(&place, "cannot be read"))?
            }
            None => wal::State::Sound,
        };
        if state == wal::State::Damaged {
            let why =
                localized!("已保存的改动无法读出", "changes that had been stored cannot be read");
            return Err(damaged(&place, &place.log, &why));
        }
        let broken = |error| unfit(&place, error);
        let version = schema::version(&connection).map_err(broken)?;
        let row = BookRow::read(&connection, version).map_err(broken)?;
        if let Some(main) = main {
            check_pair(&place, main, row)?;
        }
        // Of version 1 there are only contacts.
        let pending = if version < 2 { Ok(Pending::none()) } else { Pending::read(&connection) };
        let pending = pending.map_err(broken)?;
        if let wal::State::TornEnd { ended } = state {
            warn_of_torn_end(&place, row.totals.seq, ended);
        }
        let opened = main.map_or(0, |row| row.opened);
        Ok(Store { connection, file, place, row, opened, pending })
    }
}

/// What can be seen without SQLite. Returns whether the file is in WAL mode, and
/// its version.
fn check_header(place: &Place, file: &File) -> anyhow::Result<(bool, i32)> {
    let shown = place.book.display();
    let (wal, version, application) = match Header::read(file)
        .with_context(|| no_access(place, "cannot be read"))?
    {
        Header::Empty => bail!(localized!(
            "{0} 是空的，不是（或不再是）通讯录；请放回正确的文件，或者删除它，从空的联系人开始",
            "{0} is empty, so it is no contact book, or not any more; put the right file \
                 there, or delete it to begin with no contacts",
            shown
        )),
        Header::Foreign => {
            let why = localized!("开头不是 SQLite 文件", "it does not begin as a SQLite file does");
            return Err(damaged(place, &place.book, &why));
        }
        Header::Sqlite { wal, version, application } => (wal, version, application),
    };
    // The first versions, killed in their first second, left a file whose whole
    // content was in its log.
    let is_unborn = application == 0 && version == 0 && wal;
    let has_log = || wal::length(&place.log).is_ok_and(wal::holds_a_page);
    if application != schema::APPLICATION_ID && !(is_unborn && has_log()) {
        bail!(localized!(
            "{0} 是 SQLite 文件，但不是通讯录；请用 --data FILE 换一个文件",
            "{0} is a SQLite file but no contact book; choose another one with --data FILE",
            shown
        ));
    }
    if version > schema::VERSION {
        bail!(localized!(
            "{0} 由更新的 tcp-classroom 写成（文件版本 {1}，本程序只认识 {2}）；请用那个程序，\
             或者用 --data FILE 换一个文件",
            "{0} was written by a newer tcp-classroom (version {1} of the file, this program knows \
             {2}); use that program, or choose another file with --data FILE",
            shown,
            version,
            schema::VERSION
        ));
    }
    Ok((wal, version))
}

/// Opens the file and takes its lock. As long as the connection is in WAL mode
/// it writes nothing by itself: neither a checkpoint now and then nor one when
/// it closes.
fn connect(place: &Place) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&place.book, flags)?;
        // Another server holds the file for a whole lesson.
        connection.busy_timeout(Duration::ZERO)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // No temporary file: a full or read-only folder for them, or no free
        // descriptor, must not fail a change.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // On a Mac a sync otherwise stops at the disk's own cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        // Held until the connection closes: a second server, or a tool that
        // would change what this one has in memory, is kept out.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // Takes the lock now.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok(connection)
    };
    // SQLite would open a file that cannot be written for reading, and fail
    // later with less to say.
    if File::options().append(true).open(&place.book).is_err() {
        bail!(no_access(place, "cannot be written"));
    }
    open().map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            anyhow::Error::new(InUse(localized!(
                "{0} 正在使用中，可能是另一个 tcp-classroom；请先停止那个程序，或者用 --data FILE 换一个文件",
                "{0} is in use, perhaps by another tcp-classroom; stop that program, or choose \
                 another file with --data FILE",
                place.book.display()
            )))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            anyhow::Error::new(error).context(no_access(place, "cannot be written"))
        }
        _ => unfit(place, error),
    })
}

fn no_access(place: &Place, what: &str) -> String {
    let chinese = if what == "cannot be read" { "无法读取" } else { "无法写入" };
    localized!(
        "{chinese} {0}；请让文件和所在文件夹可读可写，或者用 --data FILE 换一个文件，或者用 --memory 只放在内存里",
        "{0} {what}; make it and its folder readable and writable, or choose another file with \
         --data FILE, or keep the contacts in memory with --memory",
        place.book.display()
    )
}
