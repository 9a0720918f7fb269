//! Storing changes: one behind another, all of a group or none.

use rusqlite::Connection;

use super::compact::Pending;
use super::database::Database;
use super::error::StoreError;
use super::totals::BookRow;

/// Rows that one statement adds. To run a statement costs several rows.
const ROWS: usize = 16;

/// A change that was decided: a name whose phone is another one after it, or gone.
#[derive(Debug)]
pub(crate) struct Update<'t> {
    pub(crate) name: &'t str,
    pub(crate) before: Option<Box<str>>,
    pub(crate) after: Option<&'t str>,
    /// Whether no later update of the same transaction has the same name.
    pub(crate) is_latest: bool,
}

/// Appends updates to the table of changes, all or none. They are on the disk,
/// synced, when it returns.
///
/// # Errors
///
/// They are not stored, or perhaps not; see [`StoreError`].
pub(super) fn commit(
    database: &mut Database,
    pending: &mut Pending,
    updates: &[Update<'_>],
) -> Result<(), StoreError> {
    if updates.is_empty() {
        return Ok(());
    }
    // They come into force together, so only a name's last one is a row.
    let rows: Vec<_> = updates.iter().filter(|update| update.is_latest).collect();
    let count = rows.len() as i64;
    // Before the commit, so that trouble with it never concerns changes that are
    // stored already.
    pending.make_room(database, count).map_err(StoreError::before_commit)?;
    let row = after(database.row, updates);
    match database.write(row, |connection| append(connection, &rows)) {
        Err(StoreError::Full(_)) if pending.count() > 0 => {
            // The pending changes may be what fills the disk.
            pending.merge_all(database).map_err(StoreError::before_commit)?;
            let log_start = database.row.log_start;
            database.write(BookRow { log_start, ..row }, |connection| append(connection, &rows))?;
        }
        done => done?,
    }
    pending.appended(count);
    Ok(())
}

/// The book's row after some updates.
fn after(mut row: BookRow, updates: &[Update<'_>]) -> BookRow {
    for Update { name, before, after, .. } in updates {
        if let Some(phone) = before {
            row.totals.subtract(name, phone);
        }
        if let Some(phone) = after {
            row.totals.add(name, phone);
        }
    }
    row.totals.seq += updates.len() as u64;
    row
}

/// Adds rows to the table of changes.
fn append(connection: &Connection, rows: &[&Update<'_>]) -> rusqlite::Result<()> {
    let (many, rest) = rows.as_chunks::<ROWS>();
    append_equal(connection, many.iter().map(|many| &many[..]))?;
    append_equal(connection, rest.chunks(1))
}

/// Adds portions of rows, as many in each as in every other.
fn append_equal<'u, 't: 'u>(
    connection: &Connection,
    portions: impl ExactSizeIterator<Item = &'u [&'u Update<'t>]>,
) -> rusqlite::Result<()> {
    let mut portions = portions.peekable();
    let Some(first) = portions.peek() else { return Ok(()) };
    // Without ids, which SQLite then chooses in order, and finds the end faster.
    let rows = vec!["(?, ?)"; first.len()].join(", ");
    let sql = format!("INSERT INTO changes (name, phone) VALUES {rows}");
    let mut statement = connection.prepare_cached(&sql)?;
    for portion in portions {
        for (row, Update { name, after, .. }) in portion.iter().enumerate() {
            statement.raw_bind_parameter(2 * row + 1, name)?;
            statement.raw_bind_parameter(2 * row + 2, after)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}
