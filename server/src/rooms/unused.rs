//! Retention of unused rooms: archived, and deleted where the operator has said so.

use std::time::SystemTime;

use anyhow::Context as _;

use crate::book::room::RoomId;
use crate::book::room::database::{Client, Database};
use crate::config::UnusedRooms;

/// The key of the lock that lets one server at a time look after unused rooms: the first
/// eight letters of what it does, so that it is another one than the schema's.
const LOCK: i64 = i64::from_be_bytes(*b"tcp-unus");

/// Rooms that are in use are noted as such, since one may be open for long without a change.
const USED: &str = "update rooms set used = ($2::timestamptz at time zone 'UTC')::date \
                    where id = any($1) and archived is null";
const ARCHIVE: &str = "update rooms set archived = $1 where archived is null \
                       and used < ($1::timestamptz at time zone 'UTC')::date - $2::int \
                       returning id";
const TO_DELETE: &str = "select id from rooms \
                         where archived < $1::timestamptz - make_interval(days => $2)";
/// Asked again, since somebody may have opened it meanwhile.
const DELETE: &str = "delete from rooms \
                      where id = $3 and archived < $1::timestamptz - make_interval(days => $2)";

/// What became of unused rooms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tidied {
    /// These were archived, and have their contacts.
    pub(crate) archived: Vec<RoomId>,
    /// These were deleted from the archive.
    pub(crate) deleted: Vec<RoomId>,
}

/// Archives the rooms that were not used for so many days up to `now`, and deletes those that
/// have been archived for so many. Returns which; nothing where another server is at it.
///
/// # Errors
///
/// The database is away. What was done is done.
pub(crate) async fn tidy(
    database: &Database,
    settings: &UnusedRooms,
    open: &[RoomId],
    now: SystemTime,
) -> anyhow::Result<Option<Tidied>> {
    let client = database.client().await?;
    // Of the session: it ends with the connection at the latest.
    let lock = client.query_one("select pg_try_advisory_lock($1)", &[&LOCK]).await?;
    let tidied = match lock.get(0) {
        true => {
            let tidied = tidy_alone(&client, settings, open, now).await?;
            client.execute("select pg_advisory_unlock($1)", &[&LOCK]).await?;
            Some(tidied)
        }
        false => None,
    };
    client.give_back();
    Ok(tidied)
}

async fn tidy_alone(
    client: &Client,
    settings: &UnusedRooms,
    open: &[RoomId],
    now: SystemTime,
) -> anyhow::Result<Tidied> {
    let days = |days: u32| i32::try_from(days).context("that many days are no time of a class");
    let open: Vec<i64> = open.iter().map(|room| room.0).collect();
    client.execute(USED, &[&open, &now]).await?;
    let mut tidied = Tidied::default();
    if let Some(after) = settings.archive_after {
        let rows = client.query(ARCHIVE, &[&now, &days(after.get())?]).await?;
        tidied.archived = rows.iter().map(|row| RoomId(row.get(0))).collect();
    }
    if let Some(after) = settings.delete_after {
        let after = days(after.get())?;
        // One after another: each takes its contacts along.
        for row in client.query(TO_DELETE, &[&now, &after]).await? {
            let room = RoomId(row.get(0));
            if client.execute(DELETE, &[&now, &after, &room.0]).await? > 0 {
                tidied.deleted.push(room);
            }
        }
    }
    Ok(tidied)
}
