//! Registry: which rooms there are. Made, listed, archived and deleted from the command
//! line, and looked up by their code.

use anyhow::{Context as _, bail};
use tokio_postgres::Row;

use super::code::Code;
use crate::book::room::RoomId;
use crate::book::room::database::Database;
use crate::classroom::lead::access::{Secret, Stored};
use crate::language::localized;

/// The most characters of a room's name: a line of a list.
const MOST_NAME: usize = 64;

/// The name of each column that [`about`] reads.
const COLUMNS: &str = "id, name, contacts, quota, token_hash, cookie_hash, \
                       to_char(used, 'YYYY-MM-DD') as used, archived is not null as archived";

/// A room that was just made: the only time that its secrets can be read.
#[derive(Debug)]
pub struct NewRoom {
    pub(crate) id: RoomId,
    /// By what students enter it.
    pub code: String,
    /// By what its teacher is known.
    pub token: Secret,
}

/// A room as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) id: RoomId,
    pub(crate) name: String,
    pub(crate) contacts: u32,
    pub(crate) quota: usize,
    /// By what its teacher is known.
    pub(crate) stored: Stored,
    /// The day of the last change or visit, as `2026-11-26`.
    pub(crate) used: String,
    pub(crate) archived: bool,
}

/// Makes a room that takes at most `quota` contacts.
///
/// # Errors
///
/// The name is none, or the database is away.
pub(crate) async fn create(
    database: &Database,
    name: &str,
    quota: usize,
) -> anyhow::Result<NewRoom> {
    let name = name.trim();
    if !(1..=MOST_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        bail!(localized!(
            "课堂的名字要写成一行，1 到 {MOST_NAME} 个字",
            "the name of a class is one line of 1 to {MOST_NAME} characters"
        ));
    }
    let (code, token) = (Code::random()?, Secret::random()?);
    let quota = i32::try_from(quota).context("the quota is a number of contacts in a book")?;
    let client = database.client().await?;
    let insert = "insert into rooms (name, code_hash, token_hash, cookie_hash, quota) \
                  values ($1, $2, $3, $4, $5) returning id";
    let (code_hash, stored) = (code.hash(), token.stored());
    let hashes = [&code_hash, &stored.token, &stored.cookie];
    let [code_hash, token_hash, cookie_hash] = hashes.map(|hash| &hash[..]);
    let row =
        client.query_one(insert, &[&name, &code_hash, &token_hash, &cookie_hash, &quota]).await?;
    client.give_back();
    Ok(NewRoom { id: RoomId(row.get(0)), code: code.to_string(), token })
}

/// The room with a code, unless it is archived.
///
/// # Errors
///
/// The database is away.
pub(crate) async fn by_code(database: &Database, code: &Code) -> anyhow::Result<Option<About>> {
    let select = format!("select {COLUMNS} from rooms where code_hash = $1 and archived is null");
    let asking = async {
        let client = database.client().await?;
        let statement = client.prepare_cached(&select).await?;
        let row = client.query_opt(&statement, &[&&code.hash()[..]]).await?;
        client.give_back();
        Ok(row)
    };
    database.in_time(asking).await?.as_ref().map(about).transpose()
}

/// Notes that a room is in use today. Returns whether it was not known to be.
///
/// # Errors
///
/// The database is away.
pub(crate) async fn note_use(database: &Database, room: RoomId) -> anyhow::Result<bool> {
    let update = "update rooms set used = current_date where id = $1 and used <> current_date";
    let noting = async {
        let client = database.client().await?;
        let count = client.execute(update, &[&room.0]).await?;
        client.give_back();
        Ok(count > 0)
    };
    database.in_time(noting).await
}

/// All rooms, in the order in which they were made.
///
/// # Errors
///
/// The database is away.
pub(crate) async fn list(database: &Database) -> anyhow::Result<Vec<About>> {
    let client = database.client().await?;
    let rows = client.query(&format!("select {COLUMNS} from rooms order by id"), &[]).await?;
    client.give_back();
    rows.iter().map(about).collect()
}

/// Closes a room for students and keeps its contacts, or opens it again.
///
/// # Errors
///
/// There is no such room, or the database is away.
pub(crate) async fn set_archived(
    database: &Database,
    room: RoomId,
    archived: bool,
) -> anyhow::Result<()> {
    // Opened today it is used today, and not archived again tonight.
    let update = "update rooms set archived = case when $2 then now() end, \
                  used = case when $2 then used else current_date end where id = $1";
    let client = database.client().await?;
    let count = client.execute(update, &[&room.0, &archived]).await?;
    client.give_back();
    check_exists(room, count)
}

/// Deletes a room with its contacts.
///
/// # Errors
///
/// There is no such room, or the database is away.
pub(crate) async fn delete(database: &Database, room: RoomId) -> anyhow::Result<()> {
    let client = database.client().await?;
    let count = client.execute("delete from rooms where id = $1", &[&room.0]).await?;
    client.give_back();
    check_exists(room, count)
}

fn check_exists(room: RoomId, count: u64) -> anyhow::Result<()> {
    if count == 0 {
        let room = room.0;
        bail!(localized!("没有编号为 {room} 的课堂", "there is no class with the number {room}"));
    }
    Ok(())
}

fn about(row: &Row) -> anyhow::Result<About> {
    let hash = |column| -> anyhow::Result<[u8; 32]> {
        let bytes: &[u8] = row.try_get(column)?;
        bytes.try_into().with_context(|| format!("{column} is no SHA-256"))
    };
    let number = |column| u32::try_from(row.get::<_, i32>(column)).unwrap_or(0);
    Ok(About {
        id: RoomId(row.get("id")),
        name: row.get("name"),
        contacts: number("contacts"),
        quota: number("quota") as usize,
        stored: Stored { token: hash("token_hash")?, cookie: hash("cookie_hash")? },
        used: row.get("used"),
        archived: row.get("archived"),
    })
}
