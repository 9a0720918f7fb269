//! Acts: what teachers did, in one order for all servers of a room, for their journals.
//!
//! An act is a text, which is opaque here. Acts are numbered by the room's row, so that
//! reading those behind a number misses none.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_postgres::types::ToSql;

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
                   or done < now() - $6::text::interval)) \
                   insert into acts (room, number, origin, entry, text) \
                   select $1, acts, $2, $3, $4 from next \
                   on conflict (room, origin, entry) do nothing";
const SINCE: &str = "select number, origin, text from acts \
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
}

impl Acts {
    /// The number of the last act that is known to be there, and word of each new one.
    pub(crate) fn number(&self) -> watch::Receiver<i64> {
        self.mirror.acts()
    }

    /// Adds an act and wakes the other servers. `origin` and `entry` together name it.
    /// With `alone` all earlier ones are forgotten.
    ///
    /// # Errors
    ///
    /// The database is away; it may be added, and can be added again.
    pub(crate) async fn add(
        &self,
        origin: i64,
        entry: i64,
        text: &str,
        alone: bool,
    ) -> anyhow::Result<()> {
        let room = self.mirror.room();
        let kept = if alone { 1 } else { KEPT };
        let values: [&(dyn ToSql + Sync); 6] = [&room.0, &origin, &entry, &text, &kept, &KEPT_FOR];
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
        };
        Ok(rows.iter().map(row).collect())
    }
}
