//! Schema: the tables of the database, brought up to date when a server starts.

use anyhow::{Context as _, bail};

use super::database::{Client, SCHEMA};
use crate::language::localized;

/// The steps to the newest version, each of which makes the version of its place, from 1.
/// A step that was released is never changed: another one follows.
const STEPS: [&str; 1] = [include_str!("schema/1.sql")];

/// The version that this program works with.
pub(super) const NEWEST: i32 = STEPS.len() as i32;

/// The key of the lock that lets one server at a time change the schema: the first eight
/// bytes of the program's name, so that other programs in the same database have another.
const LOCK: i64 = i64::from_be_bytes(*b"tcp-clas");

/// Brings the schema up to date, in one transaction. Servers that start together wait
/// for each other.
///
/// # Errors
///
/// The database is away, forbids it, or has a newer schema; nothing has changed.
pub(super) async fn migrate(client: &mut Client) -> anyhow::Result<()> {
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let prepare = format!(
        "create schema if not exists {SCHEMA};
         create table if not exists {SCHEMA}.version (version integer not null);"
    );
    // Looked up first: a user without the right to create must be able to serve.
    let lookup = "select to_regclass($1) is not null";
    let exists = transaction.query_one(lookup, &[&format!("{SCHEMA}.version")]).await?;
    if !exists.get::<_, bool>(0) {
        transaction.batch_execute(&prepare).await.with_context(cannot_prepare)?;
    }
    let row = transaction.query_opt("select version from version", &[]).await?;
    let version = row.as_ref().map_or(0, |row| row.get::<_, i32>(0));
    if version > NEWEST {
        bail!(localized!(
            "数据库里的表是更新的版本（{version}），这个程序只认识到 {NEWEST}；请升级程序",
            "the tables in the database are newer (version {version}) than this program knows \
             ({NEWEST}); use a newer program"
        ));
    }
    let missing = STEPS.iter().skip(usize::try_from(version).unwrap_or(0));
    for step in missing {
        transaction.batch_execute(step).await.with_context(cannot_prepare)?;
    }
    if row.is_none() {
        transaction.execute("insert into version values ($1)", &[&NEWEST]).await?;
    } else if version < NEWEST {
        transaction.execute("update version set version = $1", &[&NEWEST]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn cannot_prepare() -> String {
    localized!("无法在数据库里建表", "cannot make the tables in the database")
}
