//! Acts: what teachers did, in one order for all servers of a room, for their journals.
//!
//! An act is a text, which is opaque here, and so is what it took out of the book. Acts are
//! numbered by the room's row, so that reading those behind a number misses none.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_postgres::types::ToSql;

use super::authors;
use super::database::Database;
use super::feed::{Mirror, Wake};

/// Acts that are kept: as many as a journal remembers.
const KEPT: i64 = 500;

/// How long they are kept: they name people, and not every lesson is ended by its teacher.
pub(super) const KEPT_FOR: &str = "1 day";

/// One that was added already, whose confirmation was lost, is not added again.
const ADD: &str = "with next as (update rooms set acts = acts + 1 where id = $1 \
                   returning acts), \
                   over as (delete from acts where room = $1 \
                   and (number <= (select acts from next) - $5 \
                   or done < now() - $6::text::interval)), \
                   spent as (update acts set removed = null \
                   where $7::text is not null and room = $1 and number in \
                   (select number from acts where room = $1 and removed is not null \
                   order by number desc offset $8)) \
                   insert into acts (room, number, origin, entry, text, removed) \
                   select $1, acts, $2, $3, $4, $7 from next \
                   on conflict (room, origin, entry) do nothing";
const SINCE: &str = "select number, origin, text, removed from acts \
                     where room = $1 and number > $2 and done > now() - $3::text::interval \
                     order by number";

/// The acts of one room.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(super) database: Database,
    pub(super) feed: Wake,
    pub(super) mirror: Arc<Mirror>,
}

/// An act as it was read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: i64,
    /// Where it was done.
    pub(crate) origin: i64,
    pub(crate) text: String,
    pub(crate) removed: Option<String>,
}

/// An act that is to be added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewAct<'t> {
    /// Where it was done. Together with `entry` it names the act.
    pub(crate) origin: i64,
    pub(crate) entry: i64,
    pub(crate) text: &'t str,
    /// What it took out of the book, if it can be undone.
    pub(crate) removed: Option<&'t str>,
    /// Of how many acts it is kept what they took out.
    pub(crate) most_removed: usize,
}

impl Acts {
    /// The number of the last act that is known to be there, and word of each new one.
    pub(crate) fn number(&self) -> watch::Receiver<i64> {
        self.mirror.acts()
    }

    /// Adds an act and wakes the other servers.
    ///
    /// # Errors
    ///
    /// The database is away; it may be added, and can be added again.
    pub(crate) async fn add(&self, act: NewAct<'_>) -> anyhow::Result<()> {
        self.add_to(KEPT, act).await
    }

    /// As [`add`](Self::add), and forgets all earlier ones, and who stored what: the lesson
    /// is over.
    ///
    /// # Errors
    ///
    /// The database is away; it may be added, and can be added again.
    pub(crate) async fn add_alone(&self, act: NewAct<'_>) -> anyhow::Result<()> {
        let forgetting = async {
            let client = self.database.client().await?;
            authors::forget(&client, self.mirror.room()).await?;
            client.give_back();
            Ok(())
        };
        self.database.in_time(forgetting).await?;
        self.add_to(1, act).await
    }

    async fn add_to(&self, kept: i64, act: NewAct<'_>) -> anyhow::Result<()> {
        let room = self.mirror.room();
        let NewAct { origin, entry, text, removed, most_removed } = act;
        // With this one they are as many as may be.
        let others = i64::try_from(most_removed).unwrap_or(i64::MAX) - 1;
        let values: [&(dyn ToSql + Sync); 8] =
            [&room.0, &origin, &entry, &text, &kept, &KEPT_FOR, &removed, &others];
        let adding = async {
            let client = self.database.client().await?;
            let statement = client.prepare_cached(ADD).await?;
            client.execute(&statement, &values).await?;
            client.give_back();
            Ok(())
        };
        self.database.in_time(adding).await?;
        self.feed.changed(vec![room]);
        Ok(())
    }

    /// The acts behind a number.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn since(&self, number: i64) -> anyhow::Result<Vec<Row>> {
        let reading = async {
            let client = self.database.client().await?;
            let statement = client.prepare_cached(SINCE).await?;
            let values: [&(dyn ToSql + Sync); 3] = [&self.mirror.room().0, &number, &KEPT_FOR];
            let rows = client.query(&statement, &values).await?;
            client.give_back();
            Ok(rows)
        };
        let rows = self.database.in_time(reading).await?;
        let row = |row: &tokio_postgres::Row| Row {
            number: row.get(0),
            origin: row.get(1),
            text: row.get(2),
            removed: row.get(3),
        };
        Ok(rows.iter().map(row).collect())
    }
}
