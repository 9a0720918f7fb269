//! Housekeeping: what is done while no change comes, and at the end. Changes are
//! merged, and the file and its log give back the room they do not need.

use super::compact::Pending;
use super::database::Database;
use super::error::StoreError;

/// Bytes of log that an idle server keeps.
const IDLE_LOG: u64 = 1 << 20;

/// Does the next thing there is to do. Returns whether there was any.
///
/// # Errors
///
/// The contacts are as safe as before.
pub(super) fn step(database: &mut Database, pending: &mut Pending) -> Result<bool, StoreError> {
    database.check()?;
    if pending.count() > 0 {
        pending.merge(database)?;
    } else if is_mostly_free(database)? {
        vacuum(database)?;
    } else if database.log_bytes() > IDLE_LOG {
        database.truncate_log()?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Does all of it, but for the log.
pub(super) fn all(database: &mut Database, pending: &mut Pending) -> Result<(), StoreError> {
    pending.merge_all(database)?;
    if is_mostly_free(database)? { vacuum(database) } else { Ok(()) }
}

/// Whether more of the file is free than in use.
fn is_mostly_free(database: &mut Database) -> Result<bool, StoreError> {
    let pages = |name| database.connection.pragma_query_value(None, name, |row| row.get(0));
    let counted = pages("freelist_count").and_then(|free: i64| Ok((free, pages("page_count")?)));
    counted.map(|(free, all)| 2 * free > all).map_err(|error| database.fail(&error))
}

/// Writes what is in use, the smaller part of the file, again without gaps.
fn vacuum(database: &mut Database) -> Result<(), StoreError> {
    let shrunk = database.connection.execute_batch("VACUUM");
    shrunk.map_err(|error| database.fail(&error))?;
    database.sync()?;
    database.checkpoint()
}
