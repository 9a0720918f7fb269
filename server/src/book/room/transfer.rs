//! Transfer: a room's contacts as a whole, out of the database and into it.

use std::collections::HashMap;

use anyhow::{Context as _, bail};

use super::RoomId;
use super::database::Database;
use crate::book::store::Imported;
use crate::language::localized;

/// All contacts of a room, in order of their names.
///
/// # Errors
///
/// There is no such room, or the database is away.
pub(crate) async fn contacts(
    database: &Database,
    room: RoomId,
) -> anyhow::Result<Vec<(String, String)>> {
    let client = database.client().await?;
    let exists = client.query_opt("select 1 from rooms where id = $1", &[&room.0]).await?;
    exists.with_context(|| no_such_room(room))?;
    let select = "select name, phone from contacts where room = $1 and phone is not null \
                  order by name";
    let rows = client.query(select, &[&room.0]).await?;
    client.give_back();
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Adds contacts to a room, all or none. Of a name that comes twice the last phone holds.
///
/// # Errors
///
/// There is no such room, they are more than it takes, or the database is away.
pub(crate) async fn import(
    database: &Database,
    room: RoomId,
    contacts: Vec<(String, String)>,
) -> anyhow::Result<Imported> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let lock = "select seq, quota from rooms where id = $1 for update";
    let row = transaction.query_opt(lock, &[&room.0]).await?.with_context(|| no_such_room(room))?;
    let (seq, quota): (i64, i32) = (row.get(0), row.get(1));
    let select = "select name, phone from contacts where room = $1 and phone is not null";
    let rows = transaction.query(select, &[&room.0]).await?;
    let before: HashMap<&str, &str> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();

    let mut imported = Imported::default();
    let new: HashMap<String, String> = contacts.into_iter().collect();
    let (mut names, mut phones) = (Vec::new(), Vec::new());
    for (name, phone) in new {
        match before.get(&*name) {
            Some(same) if *same == phone => {
                imported.unchanged += 1;
                continue;
            }
            Some(_) => imported.changed += 1,
            None => imported.added += 1,
        }
        names.push(name);
        phones.push(phone);
    }
    let count = before.len() as u64 + imported.added;
    if count > u64::try_from(quota).unwrap_or(0) {
        bail!(localized!(
            "这个课堂最多 {quota} 个联系人，这样就有 {count} 个了；什么都没有改动",
            "this class takes {quota} contacts and would have {count}; nothing was changed"
        ));
    }
    let insert = "insert into contacts (room, name, phone, seq) \
                  select $1, name, phone, $2 + number \
                  from unnest($3::text[], $4::text[]) with ordinality as new(name, phone, number) \
                  on conflict (room, name) \
                  do update set phone = excluded.phone, seq = excluded.seq, author = null";
    transaction.execute(insert, &[&room.0, &seq, &names, &phones]).await?;
    let update = "update rooms set seq = seq + $2, contacts = $3, used = current_date, \
                  removed = (select count(*) from contacts where room = $1 and phone is null) \
                  where id = $1";
    let changed = i64::try_from(names.len()).context("it fits into a book")?;
    let count = i32::try_from(count).context("it fits into a book")?;
    transaction.execute(update, &[&room.0, &changed, &count]).await?;
    transaction.commit().await?;
    client.give_back();
    Ok(imported)
}

fn no_such_room(room: RoomId) -> String {
    let room = room.0;
    localized!("没有编号为 {room} 的课堂", "there is no class with the number {room}")
}
