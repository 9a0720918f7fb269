//! Watcher: what a teacher's page is told of the people, all of them first, then the
//! rows that have changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use api::Person;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{People, SAMPLED_EVERY};

/// Follows the people for one teacher's page.
#[derive(Debug)]
pub(crate) struct Watcher {
    people: Arc<People>,
    version: watch::Receiver<u64>,
    /// The rows as they were last told, without their idle times, which are no changes;
    /// none before the first time.
    told: Option<HashMap<u64, Person>>,
    not_before: Instant,
}

impl People {
    /// Follows the people from now on.
    pub(crate) fn watch(self: &Arc<Self>) -> Watcher {
        let version = self.version.subscribe();
        Watcher { people: Arc::clone(self), version, told: None, not_before: Instant::now() }
    }
}

impl Watcher {
    /// Waits until there is something that this watcher does not know, at most twice a
    /// second. Safe to cancel: what is not returned is not known.
    pub(crate) async fn changed(&mut self) -> api::People {
        loop {
            sleep_until(self.not_before).await;
            if self.told.is_some() {
                // Its sender lives as long as the people.
                let _ = self.version.changed().await;
            }
            self.version.mark_unchanged();
            self.not_before = Instant::now() + SAMPLED_EVERY;
            let news = self.news(Instant::now());
            if news.complete || !news.rows.is_empty() || !news.gone.is_empty() {
                return news;
            }
        }
    }

    fn news(&mut self, now: Instant) -> api::People {
        let mut rows = self.people.rows(now);
        let complete = self.told.is_none();
        let told = self.told.get_or_insert_default();
        let here: HashSet<_> = rows.iter().map(|row| row.id).collect();
        let mut gone: Vec<_> = told.keys().copied().filter(|id| !here.contains(id)).collect();
        gone.sort_unstable();
        gone.iter().for_each(|id| drop(told.remove(id)));
        rows.retain(|row| {
            let known = told.get(&row.id).is_some_and(|known| is_same(known, row));
            if !known {
                told.insert(row.id, Person { idle: 0, ..row.clone() });
            }
            !known
        });
        api::People { complete, rows, gone }
    }
}

/// Whether two rows say the same but for the idle time.
fn is_same(known: &Person, row: &Person) -> bool {
    known.messages == row.messages && *known == Person { idle: 0, ..row.clone() }
}
