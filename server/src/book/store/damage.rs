//! What the teacher is told about a file that cannot be used, and the copy that
//! is kept of a damaged one.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::{ErrorCode, ffi};

use super::place::Place;
use crate::language::localized;

/// The largest file that is copied: twice a book of a million contacts. The
/// file itself is left as it is, so a copy is a convenience.
const MOST_COPIED: u64 = 256 << 20;

/// The error for a failed read of a book: damage, or trouble with the disk.
pub(super) fn unusable(place: &Place, error: rusqlite::Error) -> anyhow::Error {
    match is_trouble(&error) {
        true => trouble(place, &error.to_string()),
        false => damaged(place, &place.book, &error.to_string()),
    }
}

/// The error for a disk that has no room for the book's work, or fails.
pub(super) fn trouble(place: &Place, cause: &str) -> anyhow::Error {
    anyhow::anyhow!(localized!(
        "磁盘无法使用 {0}；请腾出空间或检查磁盘，或者用 --data FILE 换一个文件（{1}）",
        "the disk does not let {0} be used; make room on it or check it, or choose another file \
         with --data FILE ({1})",
        place.book.display(),
        cause
    ))
}

/// Whether the machine is at fault and not the file: then there is no reason to
/// call it damaged.
fn is_trouble(error: &rusqlite::Error) -> bool {
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
    {
        // The file is shorter than it says.
        return false;
    }
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
        )
    )
}

/// The error for a file, the book's or its log's, that is not as this program
/// left it. Keeps a copy of it, before any attempt to repair it.
pub(super) fn damaged(place: &Place, file: &Path, why: &str) -> anyhow::Error {
    let copy = copied(place);
    // SQLite's findings are several lines.
    let why = why.replace('\n', " ");
    anyhow::anyhow!(localized!(
        "{0} 已损坏：{1}；{2}。请把 {3} 换成一个好的备份，并移走它的日志 {4}；或者用 --data FILE 换一个文件",
        "{0} is damaged: {1}; {2}. Put a good file in the place of {3} and move its log {4} away, \
         or start with another file with --data FILE",
        file.display(),
        why,
        copy,
        place.book.display(),
        place.log.display()
    ))
}

/// Copies the book and its log beside the book, and says where. The copy is
/// named for the time of the last change, so that a second start finds it.
fn copied(place: &Place) -> String {
    let files = [&place.book, &place.log].map(|file| (file, std::fs::metadata(file)));
    let bytes: u64 =
        files.iter().filter_map(|(_, about)| about.as_ref().ok()).map(|a| a.len()).sum();
    if bytes > MOST_COPIED {
        let megabytes = bytes >> 20;
        return localized!(
            "没有复制（{megabytes} MB 太大），原文件没有改动",
            "no copy was made of its {megabytes} MB, the file is as it was"
        );
    }
    match keep(&place.book, "damaged") {
        Ok(copy) => {
            // The book itself is kept; its log is worth a try.
            let _ = keep_as(&place.log, &Place::at(copy.clone()).log);
            localized!("副本是 {0}", "a copy of it is {0}", copy.display())
        }
        Err(error) => localized!("无法复制（{error}）", "a copy could not be made ({error})"),
    }
}

/// Copies a file beside itself, once for each of its states.
pub(super) fn keep(file: &Path, why: &str) -> std::io::Result<PathBuf> {
    let modified = std::fs::metadata(file)?.modified()?;
    let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let copy = super::place::beside(file, &format!(".{why}-{seconds}"));
    keep_as(file, &copy)?;
    Ok(copy)
}

fn keep_as(file: &Path, copy: &Path) -> std::io::Result<()> {
    let about = std::fs::metadata(file)?;
    if std::fs::metadata(copy).is_ok_and(|there| there.len() == about.len()) {
        return Ok(());
    }
    if let Err(error) = std::fs::copy(file, copy) {
        // A partial copy is of no use and takes room on a full disk.
        let _ = std::fs::remove_file(copy);
        return Err(error);
    }
    Ok(())
}
