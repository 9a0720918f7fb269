//! Keeping the contacts as a file of its own beside the book: the last class's.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use rusqlite::{Connection, params};

use super::create::{self, sync_folder};
use super::schema;
use super::session::Session;
use super::totals::{BookRow, Totals};
use crate::language::{Language, localized};

/// Characters of the longest name: some 200 bytes in Chinese, and file systems take
/// 255 with the ending.
const LONGEST: usize = 64;

/// The ending of a book's file.
const ENDING: &str = ".db";

/// Names that are devices on Windows, whatever their ending.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Why the contacts were not kept. The book is as it was.
#[derive(Debug)]
pub(crate) enum KeepError {
    /// It is no name for a file.
    BadName,
    /// There is such a file.
    Exists(PathBuf),
    /// The disk.
    Failed(String),
}

impl KeepError {
    /// What the teacher reads.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match self {
            KeepError::BadName => localized!(
                in language;
                "文件名只能用文字、数字、空格和 . _ -，以文字或数字开头，最多 {LONGEST} 个字",
                "a file's name has letters, digits, spaces and . _ - only, begins with a letter \
                 or digit, and has at most {LONGEST} characters"
            ),
            KeepError::Exists(path) => {
                let path = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                localized!(
                    in language;
                    "{path} 已经存在；请换一个名字",
                    "{path} is there already; choose another name"
                )
            }
            KeepError::Failed(cause) => localized!(
                in language;
                "旧的通讯录无法留存（{cause}），所以什么都没有改动",
                "the old book could not be kept ({cause}), so nothing was changed"
            ),
        }
    }
}

impl Session {
    /// Writes contacts to a new file beside the book, as complete as one that was
    /// closed, and synced.
    ///
    /// # Errors
    ///
    /// There is no such file now, or it was there before.
    pub(crate) fn keep(
        &self,
        name: &str,
        contacts: &[(Box<str>, Box<str>)],
    ) -> Result<PathBuf, KeepError> {
        let file_name = file_name(name).ok_or(KeepError::BadName)?;
        let place = &self.database.place;
        let path = place.folder().join(file_name);
        if path.symlink_metadata().is_ok() {
            return Err(KeepError::Exists(path));
        }
        let failed = |error: anyhow::Error| KeepError::Failed(format!("{error:#}"));
        let file = create::unfinished(place).map_err(|error| failed(error.into()))?;
        write(&file, contacts).map_err(failed)?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => {
                return Err(KeepError::Exists(path));
            }
            Err(refused) => return Err(KeepError::Failed(refused.error.to_string())),
        }
        sync_folder(&place.folder()).map_err(|error: io::Error| failed(error.into()))?;
        Ok(path)
    }
}

fn write(
    file: &tempfile::NamedTempFile<File>,
    contacts: &[(Box<str>, Box<str>)],
) -> anyhow::Result<()> {
    let mut connection = Connection::open(file.path())?;
    // An unfinished file is thrown away, so it needs no journal.
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    schema::create(&connection)?;
    let transaction = connection.transaction()?;
    let mut totals = Totals { seq: contacts.len() as u64, ..Totals::default() };
    {
        let mut insert = transaction.prepare("INSERT INTO contacts VALUES (?1, ?2)")?;
        for (name, phone) in contacts {
            totals.add(name, phone);
            insert.execute(params![name, phone])?;
        }
    }
    BookRow { totals, ..BookRow::default() }.write(&transaction)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    file.as_file().sync_all()?;
    Ok(())
}

/// The name of the file, with its ending; none if it is no name that every system
/// takes.
fn file_name(name: &str) -> Option<String> {
    let name = name.trim();
    let name = name.strip_suffix(ENDING).unwrap_or(name);
    let is_fit = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let begins_well = name.chars().next().is_some_and(char::is_alphanumeric);
    let ends_well = !name.ends_with([' ', '.']);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = |port: &str| {
        let number = stem.strip_prefix(port);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let is_device = DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT");
    let is_name = begins_well
        && ends_well
        && !is_device
        && name.chars().all(is_fit)
        && name.chars().count() <= LONGEST;
    is_name.then(|| format!("{name}{ENDING}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_a_file_is_one_on_every_system_and_in_this_folder() {
        for (name, file) in [
            ("class-7b", "class-7b.db"),
            ("  7班 2026.11.26 ", "7班 2026.11.26.db"),
            ("old.db", "old.db"),
            ("console", "console.db"),
        ] {
            assert_eq!(file_name(name).as_deref(), Some(file), "{name:?}");
        }
        for bad in [
            "", " ", ".", "..", ".hidden", "../up", "a/b", "a\\b", "C:x", "a\0b", "a\nb", "nul",
            "NUL.txt", "com1", "lpt9.x", "a.", "x?", "<img>", "-wal", ".db",
        ] {
            assert_eq!(file_name(bad), None, "{bad:?}");
        }
        assert_eq!(file_name(&"长".repeat(LONGEST + 1)), None);
    }
}
