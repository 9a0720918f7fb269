//! Whether a file and the log beside it belong together.
//!
//! A log that continues another file, or an older state of this one, would
//! make a mixture; a file without its log would be older without a word.

use std::path::Path;

use anyhow::bail;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::damage::{keep, unusable};
use super::place::Place;
use super::schema::MARKED_SINCE;
use super::totals::BookRow;
use super::wal;
use crate::language::localized;

/// The book's row in the file alone, as it was when the log was last copied
/// into it. Nothing if it cannot be read: a power cut in the middle of that
/// copying may leave half a page, which the log has whole.
pub(super) fn main_row(place: &Place) -> Option<BookRow> {
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
pub(super) fn check_log_presence(
    place: &Place,
    in_wal_mode: bool,
    opened: bool,
    log: Option<u64>,
) -> anyhow::Result<()> {
    let (book, log_path) = (place.book.display(), place.log.display());
    // An empty log is left by a system that could not delete it.
    if !in_wal_mode && wal::holds_a_page(log) {
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
    if opened && !wal::holds_a_page(log) {
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
pub(super) fn check_pair(place: &Place, main: BookRow, whole: BookRow) -> anyhow::Result<()> {
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

/// The error for a book that cannot be read together with its log. Where each
/// of the two is sound, it is the log that does not fit.
pub(super) fn unfit(place: &Place, error: rusqlite::Error) -> anyhow::Error {
    let log_is_sound = || {
        wal::length(&place.log).is_ok_and(wal::holds_a_page)
            && wal::check(&place.log).is_ok_and(|state| state != wal::State::Damaged)
    };
    let is_damage = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt));
    match main_row(place) {
        Some(main) if is_damage && main.opened != 0 && log_is_sound() => {
            anyhow::anyhow!(localized!(
                "日志 {1} 接不上 {0}（文件里有 {2} 次改动）：它被截短了，或者属于另一个文件，或者属于这个文件更早的时候。\
                 请放回正确的日志；或者放一个服务器停止后做的备份代替 {0}，并移走 {1}",
                "the log {1} does not continue {0}, which has {2} changes: it was cut short, or \
                 belongs to another file or to an earlier state of this one. Put the right log \
                 back; or put a backup in the place of {0} that was made while no server was \
                 running, and move {1} away",
                place.book.display(),
                place.log.display(),
                main.totals.seq
            ))
        }
        _ => unusable(place, error),
    }
}

/// A damaged last transaction cannot be told from one that a power cut
/// interrupted, which was never confirmed.
pub(super) fn warn_of_torn_end(place: &Place, seq: u64, ended: bool) {
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
