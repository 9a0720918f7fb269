//! Authors: who stored each contact of a room, as it is stored with the contact.
//!
//! An author is a text, which is opaque here. It names a person, and is therefore
//! forgotten with the lesson, or the next time that the room is opened on another day, or
//! after two days in which it was not opened.

use super::RoomId;
use super::database::{Client, Database};

const OF: &str = "select author from contacts \
                  where room = $1 and name = $2 and phone is not null";
const FORGET: &str = "with over as (update rooms set authored = false \
                      where id = $1 and authored returning id) \
                      update contacts set author = null from over \
                      where room = over.id and author is not null";
const FORGET_OLD: &str = "with over as (update rooms set authored = false \
                          where authored and used < current_date - 1 returning id) \
                          update contacts set author = null from over \
                          where room = over.id and author is not null";

/// Who stored a contact, if that is known.
///
/// # Errors
///
/// The database is away.
pub(super) async fn of(
    database: &Database,
    room: RoomId,
    name: &str,
) -> anyhow::Result<Option<String>> {
    // No name in a book has one, and PostgreSQL takes no text with a NUL.
    if name.contains(char::is_control) {
        return Ok(None);
    }
    let asking = async {
        let client = database.client().await?;
        let statement = client.prepare_cached(OF).await?;
        let row = client.query_opt(&statement, &[&room.0, &name]).await?;
        client.give_back();
        Ok(row)
    };
    let row = database.in_time(asking).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Forgets the authors of a room.
///
/// # Errors
///
/// The database is away.
pub(super) async fn forget(client: &Client, room: RoomId) -> Result<(), tokio_postgres::Error> {
    client.execute(FORGET, &[&room.0]).await?;
    Ok(())
}

/// Forgets the authors of all rooms that were not used for two days.
///
/// # Errors
///
/// The database is away.
pub(super) async fn forget_old(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.execute(FORGET_OLD, &[]).await?;
    Ok(())
}
