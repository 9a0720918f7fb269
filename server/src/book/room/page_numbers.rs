//! Page numbers: which page of a room has which, so that no two have the same examples,
//! whichever server they ask.
//!
//! A page is known by a hash of its key. What stands in the examples is harmless, so that
//! a number which a page brings along is believed unless another page has it.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::RoomId;
use super::database::Database;

/// The most numbers of a room that are noted: as many as people are remembered of a class.
const MOST: usize = 1_000;

/// Attempts to get a number. Each that fails gives another page its number, of which so
/// many hardly ask in the same millisecond.
const ATTEMPTS: usize = 100;

/// How long a page waits for its number, which it gets with all else that it has to know:
/// half of the 10 s after which it takes its connection for broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is noted who has a number: what a lesson takes at most, breaks included.
pub(super) const KEPT_FOR: &str = "1 day";

const NUMBERS: &str = "select number, page from page_numbers where room = $1";
/// Returns a row unless another page has the number.
const CLAIM: &str = "insert into page_numbers (room, number, page) values ($1, $2, $3) \
                     on conflict (room, number) do update set given = now() \
                     where page_numbers.page = excluded.page returning number";

/// The page numbers of one room.
#[derive(Debug)]
pub(crate) struct PageNumbers {
    database: Database,
    room: RoomId,
    /// Locked while this server asks, so that the pages of one room take no more than one of
    /// its connections.
    asking: Mutex<()>,
}

impl PageNumbers {
    pub(super) fn new(database: Database, room: RoomId) -> Self {
        PageNumbers { database, room, asking: Mutex::default() }
    }

    /// The number of a page, from 1: the one that it brings along, unless another page has
    /// that; 0 is none. Otherwise one that no page has, and that `is_free`. None where too
    /// many are noted already.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn number(
        &self,
        page: u64,
        brought: u64,
        is_free: impl Fn(u64) -> bool,
    ) -> anyhow::Result<Option<u64>> {
        let asking = self.ask(page.cast_signed(), brought, is_free);
        timeout(PATIENCE, asking).await.context("it took too long")?
    }

    async fn ask(
        &self,
        page: i64,
        brought: u64,
        is_free: impl Fn(u64) -> bool,
    ) -> anyhow::Result<Option<u64>> {
        let _asking = self.asking.lock().await;
        for _ in 0..ATTEMPTS {
            let holders = self.database.in_time(self.holders()).await?;
            let Some(number) = choose(&holders, page, brought, &is_free) else { return Ok(None) };
            if self.database.in_time(self.claim(page, number)).await? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    async fn holders(&self) -> anyhow::Result<HashMap<u64, i64>> {
        let client = self.database.client().await?;
        let statement = client.prepare_cached(NUMBERS).await?;
        let rows = client.query(&statement, &[&self.room.0]).await?;
        client.give_back();
        Ok(rows.iter().map(|row| (row.get::<_, i64>(0).cast_unsigned(), row.get(1))).collect())
    }

    async fn claim(&self, page: i64, number: u64) -> anyhow::Result<bool> {
        let client = self.database.client().await?;
        let statement = client.prepare_cached(CLAIM).await?;
        let number = number.cast_signed();
        let row = client.query_opt(&statement, &[&self.room.0, &number, &page]).await?;
        client.give_back();
        Ok(row.is_some())
    }
}

/// A number for a page, where so many pages have one.
fn choose(
    holders: &HashMap<u64, i64>,
    page: i64,
    brought: u64,
    is_free: impl Fn(u64) -> bool,
) -> Option<u64> {
    let is_own = |number: &u64| holders.get(number) == Some(&page);
    if brought > 0 && is_own(&brought) {
        return Some(brought);
    }
    if let Some(own) = holders.keys().copied().filter(is_own).min() {
        return Some(own);
    }
    if holders.len() >= MOST {
        return None;
    }
    let is_nobody_s = |number: &u64| !holders.contains_key(number);
    if brought > 0 && is_nobody_s(&brought) {
        return Some(brought);
    }
    // Where all those are taken in the book, examples may meet.
    let mut unheld = (1..).filter(is_nobody_s);
    let first = unheld.next();
    first.into_iter().chain(unheld.take(MOST)).find(|number| is_free(*number)).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_number_and_gets_no_other_s() {
        let holders = HashMap::from([(1, 10), (2, 20), (4, 40)]);
        let number = |page, brought| choose(&holders, page, brought, |number| number != 3);
        // Its own, whatever it brings; a number that no page has; the next one that is free.
        assert_eq!((number(20, 2), number(20, 0), number(20, 7)), (Some(2), Some(2), Some(2)));
        assert_eq!((number(50, 7), number(50, 3)), (Some(7), Some(3)));
        assert_eq!((number(50, 2), number(50, 0)), (Some(5), Some(5)));
        let full: HashMap<_, _> = (1..).zip(0..1_000).collect();
        assert_eq!(choose(&full, 5_000, 7_000, |_| true), None);
        assert_eq!(choose(&full, 3, 0, |_| true), Some(4));
        assert_eq!(choose(&holders, 50, 0, |_| false), Some(3), "all stand in the book");
    }
}
