//! The first start: a new book file appears under its name only when it is
//! complete and on the disk.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use anyhow::Context as _;
use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::place::Place;
use super::schema;
use crate::language::localized;

/// Characters that `tempfile` adds to a prefix to make a name that is free.
const RANDOM: usize = 6;

/// Creates an empty book. If another process creates the same one first, that
/// one is left as it is.
///
/// # Errors
///
/// The folder cannot be written or has no room. Nothing is left behind.
pub(super) fn create(place: &Place) -> anyhow::Result<()> {
    match build(place) {
        Err(error) if !place.book.exists() => Err(error).with_context(|| {
            localized!(
                "无法创建通讯录 {0}；请检查文件夹是否可写、磁盘是否已满，或者用 --data FILE 换一个文件，\
                 或者用 --memory 只放在内存里",
                "cannot create the contact book {0}; make its folder writable and make room on the \
                 disk, or choose another file with --data FILE, or keep the contacts in memory \
                 with --memory",
                place.book.display()
            )
        }),
        _ => Ok(()),
    }
}

fn build(place: &Place) -> anyhow::Result<()> {
    let folder = place.folder();
    let file = unfinished(place)?;
    let connection = Connection::open(file.path())?;
    // An unfinished file is thrown away, so it needs no journal.
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    schema::create(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    file.as_file().sync_all()?;
    if let Err(refused) = file.persist_noclobber(&place.book) {
        if refused.error.kind() == ErrorKind::AlreadyExists {
            return Ok(());
        }
        // A file system that cannot rename without replacing; what is replaced
        // can only be another empty book of this moment.
        refused.file.persist(&place.book)?;
    }
    sync_folder(&folder)?;
    Ok(())
}

/// A new file beside a book, under a name that [`remove_leftovers`] knows. Dropping it
/// deletes it.
pub(super) fn unfinished(place: &Place) -> io::Result<NamedTempFile<File>> {
    // Not `tempfile()`, whose files only their owner may read.
    tempfile::Builder::new()
        .prefix(&prefix(&place.book))
        .rand_bytes(RANDOM)
        .make_in(place.folder(), |path| File::create_new(path))
}

fn prefix(book: &Path) -> String {
    let name = book.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}.new-")
}

/// Deletes what killed first starts have left. Only to be called by the process
/// that has the book: whatever another one is creating cannot become the book.
pub(super) fn remove_leftovers(place: &Place) {
    let Ok(entries) = std::fs::read_dir(place.folder()) else { return };
    let prefix = prefix(&place.book);
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_named_so =
            name.to_str().and_then(|name| name.strip_prefix(&prefix)).is_some_and(|random| {
                random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if is_named_so && is_unfinished(&entry.path()).unwrap_or(false) {
            // If it cannot be deleted it does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a file is what [`build`] makes: the beginning of a SQLite file, or
/// what a power cut leaves of that, zeros or nothing.
fn is_unfinished(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    if std::fs::symlink_metadata(path)?.is_file() {
        File::open(path)?.take(16).read_to_end(&mut start)?;
        return Ok(b"SQLite format 3\0".starts_with(&start) || start.iter().all(|&byte| byte == 0));
    }
    Ok(false)
}

/// Makes a rename in a folder outlive a power cut.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows opens no folders, and NTFS logs its renames.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
