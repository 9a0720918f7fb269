//! Opening a book file: is it one, is it free, and is the log beside it its own?
//!
//! Nothing is written to the file or its log here.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::damage::{damaged, keep, unusable};
use super::header::Header;
use super::place::Place;
use super::schema::{self, MARKED_SINCE};
use super::totals::BookRow;
use super::{Store, create, log};
use crate::language::localized;

/// The id that SQLite gives the first change in an empty table.
pub(super) const FIRST_ID: i64 = 1;

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
        let log_before = log::length(&place.log)?;
        let connection = connect(&place)?;
        // With the lock: now no other server changes it.
        let (in_wal_mode, version) = check_header(&place, &file)?;
        // SQLite has made a log where there was none.
        let log = log_before.and(log::length(&place.log)?);
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
                log::check(&place.log).with_context(|| no_access(&place, "cannot be read"))?
            }
            None => log::State::Sound,
        };
        if state == log::State::Damaged {
            let why =
                localized!("已保存的改动无法读出", "changes that had been stored cannot be read");
            return Err(damaged(&place, &place.log, &why));
        }
        let broken = |error| unusable(&place, error);
        let version = schema::version(&connection).map_err(broken)?;
        let row = BookRow::read(&connection, version).map_err(broken)?;
        if let Some(main) = main {
            check_pair(&place, main, row)?;
        }
        let unsettled = unsettled(&connection, version).map_err(broken)?;
        if let log::State::TornEnd { ended } = state {
            warn_of_torn_end(&place, row.totals.seq, ended);
        }
        let opened = main.map_or(0, |row| row.opened);
        Ok(Store { connection, file, place, row, opened, unsettled })
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
    let has_log = || log::length(&place.log).is_ok_and(log::holds_a_page);
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
            anyhow::anyhow!(localized!(
                "{0} 正在使用中，可能是另一个 tcp-classroom；请先停止那个程序，或者用 --data FILE 换一个文件",
                "{0} is in use, perhaps by another tcp-classroom; stop that program, or choose \
                 another file with --data FILE",
                place.book.display()
            ))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            anyhow::Error::new(error).context(no_access(place, "cannot be written"))
        }
        _ => unusable(place, error),
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

/// The book's row in the file alone, as it was when the log was last copied
/// into it. Nothing if it cannot be read: a power cut in the middle of that
/// copying may leave half a page, which the log has whole.
fn main_row(place: &Place) -> Option<BookRow> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    // What cannot change needs no lock, and no log is looked for.
    let uri = format!("file:{}?immutable=1", percent_encoded(&place.book));
    let connection = Connection::open_with_flags(uri, flags).ok()?;
    BookRow::read(&connection, MARKED_SINCE).ok()
}

/// A path as it stands in a URI.
fn percent_encoded(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = if cfg!(windows) { format!("/{}", path.replace('\\', "/")) } else { path.into() };
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' | b':' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Checks that a log is there if one belongs to the file, and only then.
fn check_log_presence(
    place: &Place,
    in_wal_mode: bool,
    opened: bool,
    log: Option<u64>,
) -> anyhow::Result<()> {
    let (book, log_path) = (place.book.display(), place.log.display());
    // An empty log is left by a system that could not delete it.
    if !in_wal_mode && log::holds_a_page(log) {
        bail!(localized!(
            "{0} 是正常关闭的，不带日志，可是旁边有日志 {1}，它属于另一个文件（也许 {0} 是刚放回去的备份）。\
             要用 {0}，请移走 {1}；要用原来的文件，请把它放回日志旁边",
            "{0} was closed cleanly and has no log, but beside it is the log {1} of another file \
             (perhaps {0} is a backup that was put back). To use {0}, move {1} away; to use the \
             other file, put it back beside its log",
            book,
            log_path
        ));
    }
    if opened && !log::holds_a_page(log) {
        let what = match log {
            None => localized!("不见了", "is missing"),
            Some(_) => localized!("是空的", "is empty"),
        };
        bail!(localized!(
            "{0} 没有正常关闭，最后的改动在它的日志 {1} 里，而日志{2}。请把日志放回去，\
             或者换成服务器停止后做的备份；如果只有这个文件，可以放弃日志里的改动：\
             sqlite3 {0} \"PRAGMA journal_mode=DELETE\"",
            "{0} was not closed cleanly: its latest changes are in its log {1}, which {2}. Put the \
             log back, or use a backup that was made while no server was running. If there is \
             neither, give up what the log held: sqlite3 {0} \"PRAGMA journal_mode=DELETE\"",
            book,
            log_path,
            what
        ));
    }
    Ok(())
}

/// Checks that a log continues this very file: `main` is what the file says by
/// itself, `whole` what it says together with the log.
fn check_pair(place: &Place, main: BookRow, whole: BookRow) -> anyhow::Result<()> {
    let (in_file, in_all) = (main.totals.seq, whole.totals.seq);
    let (book, log) = (place.book.display(), place.log.display());
    // The number is in the file before the first change is in the log, and is
    // taken back only when the file has everything.
    let is_other_log = match main.opened {
        0 => in_file != in_all,
        opened => whole.opened != 0 && whole.opened != opened,
    };
    let from = whole.log_start;
    if is_other_log || in_file < from {
        bail!(localized!(
            "{0} 和它旁边的日志 {1} 不是一对（文件里有 {in_file} 次改动，日志从第 {from} 次开始）：\
             也许 {0} 是放回去的备份。请放回属于这个日志的文件，或者放一个服务器停止后做的备份，并移走 {1}",
            "{0} and the log {1} beside it do not belong together (the file has {in_file} changes, \
             the log begins at change {from}): perhaps {0} is a backup that was put back. Put the \
             file back that the log belongs to, or put a backup there that was made while no \
             server was running, and move {1} away",
            book,
            log
        ));
    }
    if in_file > in_all {
        let gone = in_file - in_all;
        bail!(localized!(
            "{1} 不完整：文件里已有 {in_file} 次改动，日志只到第 {in_all} 次，至少缺 {gone} 次。\
             请放回完整的日志；或者放一个服务器停止后做的备份代替 {0}，并移走 {1}",
            "{1} is cut short: the file has {in_file} changes, the log ends at change {in_all}, so \
             at least {gone} are gone from it. Put the whole log back; or put a backup in the \
             place of {0} that was made while no server was running, and move {1} away",
            book,
            log
        ));
    }
    Ok(())
}

/// A damaged last transaction cannot be told from one that a power cut
/// interrupted, which was never confirmed.
fn warn_of_torn_end(place: &Place, seq: u64, ended: bool) {
    let copy = match ended {
        false => String::new(),
        true => match keep(&place.log, "torn") {
            Ok(copy) => localized!("日志的副本：{0}", "A copy of the log: {0}", copy.display()),
            Err(error) => {
                localized!("日志没有复制（{error}）", "The log could not be copied ({error})")
            }
        },
    };
    tracing::warn!(
        "{}",
        localized!(
            "{0} 的末尾无法读出：断电或被强行结束时正在写的内容从未确认，已丢弃；到第 {seq} 次改动为止都在。\
             如果日志是被截短的，后面的改动就没有了。{copy}",
            "the end of {0} cannot be read and is dropped: what was being written in a power cut \
             or a kill, and never confirmed. Everything up to change {seq} is there; if the log \
             was cut short, what came later is gone. {copy}",
            place.log.display()
        )
    );
}

fn unsettled(connection: &Connection, version: i32) -> rusqlite::Result<Range<i64>> {
    if version < 2 {
        return Ok(FIRST_ID..FIRST_ID);
    }
    connection.query_row("SELECT min(id), max(id) FROM changes", [], |row| {
        let first: Option<i64> = row.get(0)?;
        let last: Option<i64> = row.get(1)?;
        Ok(first.unwrap_or(FIRST_ID)..last.map_or(FIRST_ID, |last| last.saturating_add(1)))
    })
}
