//! A text that the servers of a room share: the last one that was written holds.
//!
//! It has a number, by which a server notices that another one wrote. Its contents are
//! opaque here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::database::Database;
use super::feed::{Mirror, Wake};

const READ: &str = "select shared, shared_no, \
                    (1000 * extract(epoch from now() - shared_at))::bigint \
                    from rooms where id = $1";
const WRITE: &str = "update rooms set shared = $2, shared_no = shared_no + 1, shared_at = now() \
                     where id = $1 and shared_no = $3 returning shared_no";

/// The shared text of one room.
#[derive(Debug)]
pub(crate) struct SharedText {
    pub(super) database: Database,
    pub(super) feed: Wake,
    pub(super) mirror: Arc<Mirror>,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// None where nothing has been written yet.
    pub(crate) text: Option<String>,
    pub(crate) number: i64,
    /// How long ago it was written.
    pub(crate) age: Duration,
}

impl SharedText {
    /// The number of the text that is known to be there, and word of each new one.
    pub(crate) fn number(&self) -> watch::Receiver<i64> {
        self.mirror.shared()
    }

    /// Reads the text.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn read(&self) -> anyhow::Result<Read> {
        let reading = async {
            let client = self.database.client().await?;
            let statement = client.prepare_cached(READ).await?;
            let row = client.query_opt(&statement, &[&self.mirror.room().0]).await?;
            client.give_back();
            Ok(row)
        };
        Ok(match self.database.in_time(reading).await? {
            Some(row) => {
                let age: Option<i64> = row.get(2);
                let age = u64::try_from(age.unwrap_or(0)).unwrap_or(0);
                let (text, number) = (row.get(0), row.get(1));
                Read { text, number, age: Duration::from_millis(age) }
            }
            None => Read { text: None, number: 0, age: Duration::ZERO },
        })
    }

    /// Writes it in the place of the text with the number `known`, and wakes the other
    /// servers. Returns its number; none where another server has written meanwhile.
    ///
    /// # Errors
    ///
    /// The database is away; it may be written.
    pub(crate) async fn write(&self, text: &str, known: i64) -> anyhow::Result<Option<i64>> {
        let room = self.mirror.room();
        let writing = async {
            let client = self.database.client().await?;
            let statement = client.prepare_cached(WRITE).await?;
            let row = client.query_opt(&statement, &[&room.0, &text, &known]).await?;
            client.give_back();
            Ok(row)
        };
        let row = self.database.in_time(writing).await?;
        self.feed.changed(vec![room]);
        Ok(row.map(|row| row.get(0)))
    }
}
