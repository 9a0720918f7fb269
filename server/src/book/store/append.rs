//! Storing changes: one behind another, all of a group or none.

use std::rc::Rc;

use rusqlite::Connection;

use super::StoreError;
use super::session::Session;
use super::totals::BookRow;

/// Rows that one statement adds. To run a statement costs several rows.
const ROWS: usize = 16;

/// A change: a name whose phone is another one after it, or gone.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) name: Rc<str>,
    pub(crate) before: Option<Box<str>>,
    pub(crate) after: Option<Box<str>>,
}

impl Session {
    /// Stores changes, all or none. They are on the disk, synced, when it
    /// returns.
    ///
    /// # Errors
    ///
    /// They are not stored, or perhaps not; see [`StoreError`].
    pub(crate) fn commit(&mut self, changes: &[Changed]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let count = changes.len() as i64;
        // Before the commit, so that trouble with it never concerns changes
        // that are stored already.
        self.make_room(count).map_err(StoreError::before_commit)?;
        let row = after(self.row(), changes);
        match self.write(row, |connection| append(connection, changes)) {
            Err(StoreError::Full(_)) if self.waiting() > 0 => {
                // The changes that wait may be what fills the disk.
                self.settle_all().map_err(StoreError::before_commit)?;
                let log_start = self.row().log_start;
                self.write(BookRow { log_start, ..row }, |connection| append(connection, changes))?;
            }
            done => done?,
        }
        let unsettled = self.unsettled_mut();
        if unsettled.is_empty() {
            // The table is empty, so SQLite counts from the first id again.
            *unsettled = super::open::FIRST_ID..super::open::FIRST_ID;
        }
        unsettled.end += count;
        Ok(())
    }
}

/// The book's row after some changes.
fn after(mut row: BookRow, changes: &[Changed]) -> BookRow {
    for Changed { name, before, after } in changes {
        if let Some(phone) = before {
            row.totals.subtract(name, phone);
        }
        if let Some(phone) = after {
            row.totals.add(name, phone);
        }
    }
    row.totals.seq += changes.len() as u64;
    row
}

/// Adds changes to their table.
fn append(connection: &Connection, changes: &[Changed]) -> rusqlite::Result<()> {
    let (many, rest) = changes.as_chunks::<ROWS>();
    append_equal(connection, many.iter().map(|many| &many[..]))?;
    append_equal(connection, rest.chunks(1))
}

/// Adds portions of changes, as many in each as in every other.
fn append_equal<'c>(
    connection: &Connection,
    portions: impl ExactSizeIterator<Item = &'c [Changed]>,
) -> rusqlite::Result<()> {
    let mut portions = portions.peekable();
    let Some(first) = portions.peek() else { return Ok(()) };
    // Without ids, which SQLite then chooses in order, and finds the end faster.
    let rows = vec!["(?, ?)"; first.len()].join(", ");
    let sql = format!("INSERT INTO changes (name, phone) VALUES {rows}");
    let mut statement = connection.prepare_cached(&sql)?;
    for portion in portions {
        for (row, Changed { name, after, .. }) in portion.iter().enumerate() {
            statement.raw_bind_parameter(2 * row + 1, &**name)?;
            statement.raw_bind_parameter(2 * row + 2, after)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}
