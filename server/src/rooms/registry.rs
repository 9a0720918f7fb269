//! Registry: which rooms there are. Made, listed, archived and deleted from the command
//! line, and looked up by their code.

use anyhow::{Context as _, bail};
use tokio_postgres::Row;

use super::code::{Code, cookie_hash, token_hash};
use crate::book::room::RoomId;
use crate::book::room::database::Database;
use crate::classroom::lead::access::Secret;
use crate::language::localized;

/// The most characters of a room's name: a line of a list.
const MOST_NAME: usize = 64;

/// The name of each column that [`about`] reads.
const COLUMNS: &str = "id, quota";

/// A room that was just made: the only time that its secrets can be read.
#[derive(Debug)]
pub struct NewRoom {
    /// By what students enter it.
    pub code: String,
    /// By what its teacher is known.
    pub token: Secret,
}

/// A room as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) id: RoomId,
    pub(crate) quota: usize,
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
            "a room's name is one line of 1 to {MOST_NAME} characters"
        ));
    }
    let (code, token) = (Code::random()?, Secret::random()?);
    let shown = code.to_string();
    let quota = i32::try_from(quota).context("the quota is a number of contacts in a book")?;
    let client = database.client().await?;
    let insert = "insert into rooms (name, code_hash, token_hash, cookie_hash, quota) \
                  values ($1, $2, $3, $4, $5)";
    let hashes = [code.hash(), token_hash(&token), cookie_hash(&token)];
    let [code, token_hash, cookie_hash] = hashes.each_ref().map(|hash| &hash[..]);
    client.execute(insert, &[&name, &code, &token_hash, &cookie_hash, &quota]).await?;
    client.give_back();
    Ok(NewRoom { code: shown, token })
}

/// The room with a code, unless it is archived.
///
/// # Errors
///
/// The database is away.
pub(crate) async fn by_code(database: &Database, code: &Code) -> anyhow::Result<Option<About>> {
    let select = format!("select {COLUMNS} from rooms where code_hash = $1 and archived is null");
    let client = database.client().await?;
    let statement = client.prepare_cached(&select).await?;
    let row = client.query_opt(&statement, &[&&code.hash()[..]]).await?;
    client.give_back();
    Ok(row.as_ref().map(about))
}

fn about(row: &Row) -> About {
    let quota = row.get::<_, i32>("quota");
    About { id: RoomId(row.get("id")), quota: usize::try_from(quota).unwrap_or(0) }
}
