//! A whole list of contacts at once, all or none.

use anyhow::{Context as _, bail};
use rusqlite::{OptionalExtension as _, params};

use super::error::StoreError;
use super::housekeeping;
use super::open::Store;
use super::session::Session;
use super::totals::BookRow;
use crate::language::localized;

/// What became of the contacts of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Names that were not in the book.
    pub(crate) added: u64,
    /// Names that have another phone now.
    pub(crate) changed: u64,
    /// Contacts that were in the book just so.
    pub(crate) unchanged: u64,
}

type Contact = anyhow::Result<(String, String)>;

impl Store {
    /// Stores contacts over those of the same names, in one transaction, and
    /// closes the file.
    ///
    /// # Errors
    ///
    /// The book is damaged, `contacts` yielded an error or the disk has no room:
    /// none of them is stored. If the disk failed, all are or none, and the
    /// message says so.
    pub(crate) fn import(
        self,
        contacts: impl Iterator<Item = Contact>,
    ) -> anyhow::Result<Imported> {
        // Nothing is built on a damaged book.
        self.for_each(|_, _| Ok(()))?;
        self.begin()?.import(contacts)
    }
}

impl Session {
    fn import(&mut self, contacts: impl Iterator<Item = Contact>) -> anyhow::Result<Imported> {
        let Session { database, pending } = self;
        housekeeping::all(database, pending)
            .and_then(|()| database.checkpoint())
            .with_context(refused)?;
        let mut imported = Imported::default();
        let mut row = database.row;
        let transaction = database.connection.unchecked_transaction()?;
        {
            let mut find = transaction.prepare("SELECT phone FROM contacts WHERE name = ?1")?;
            let mut store =
                transaction.prepare("INSERT OR REPLACE INTO contacts VALUES (?1, ?2)")?;
            for contact in contacts {
                let (name, phone) = contact?;
                let before: Option<String> =
                    find.query_row([&name], |row| row.get(0)).optional().with_context(refused)?;
                match before {
                    Some(before) if before == phone => {
                        imported.unchanged += 1;
                        continue;
                    }
                    Some(before) => {
                        imported.changed += 1;
                        row.totals.subtract(&name, &before);
                    }
                    None => imported.added += 1,
                }
                row.totals.add(&name, &phone);
                row.totals.seq += 1;
                store.execute(params![name, phone]).with_context(refused)?;
            }
        }
        row.write(&transaction).with_context(refused)?;
        let committed = transaction.commit();
        self.finish(row, committed)?;
        Ok(imported)
    }

    fn finish(&mut self, row: BookRow, committed: rusqlite::Result<()>) -> anyhow::Result<()> {
        let database = &mut self.database;
        let stored =
            committed.map_err(|error| database.fail(&error)).and_then(|()| database.sync());
        match stored {
            Ok(()) => database.row = row,
            Err(StoreError::Full(cause)) => bail!("{} ({cause})", refused()),
            Err(error) => bail!(localized!(
                "磁盘出错（{0}），不能确定导入是否已保存：要么全部，要么一个也没有；请检查磁盘，再看一看通讯录",
                "the disk reports an error ({0}): either all contacts are imported or none; check \
                 the disk, then look into the book",
                error.cause()
            )),
        }
        Ok(())
    }
}

/// The error of a statement before the commit.
fn refused() -> String {
    localized!(
        "什么都没有导入：磁盘已满或出错",
        "nothing was imported: the disk is full or reports an error"
    )
}
