//! Finds: a group of them in one query.
//!
//! They are asked of the primary, so that a client finds what another one on another
//! server was told is there.

use std::collections::HashMap;

use anyhow::anyhow;
use protocol::{Reply, Request};
use tokio::time::{Instant, sleep, timeout_at};

use super::database::Database;
use super::decide::Work;
use super::lane::{Answer, RETRY, Revising, attempt_until, deadline, refuse};
use super::waiting::Job;

/// `$1` and `$2` are pairs.
const FIND: &str = "select c.room, c.name, c.phone \
                    from unnest($1::bigint[], $2::text[]) as wanted(room, name) \
                    join contacts c on c.room = wanted.room and c.name = wanted.name \
                    where c.phone is not null";

/// A lane of finds.
#[derive(Debug)]
pub(super) struct Finds(pub(super) Database);

impl Answer for Finds {
    async fn answer(&mut self, group: Vec<Job>) {
        let deadline = deadline(&group);
        let work = Work::Batches(group);
        let found = self.find(&work, deadline).await;
        let Work::Batches(group) = work else { unreachable!("it was made of batches") };
        let Some(found) = found else { return refuse(group) };
        for mut job in group {
            let Job { room, batch, replies, .. } = &mut job;
            for (request, ending) in batch.requests() {
                let reply = match request {
                    Request::Find { name } => found
                        .get(&(room.0, name.to_owned()))
                        .map_or(Reply::NotFound, |phone| Reply::Phone(phone)),
                    Request::Answered(reply) => reply,
                    Request::Change(_) => unreachable!("a batch with a change goes to the writes"),
                };
                replies.push(&reply, ending);
            }
            job.deliver();
        }
    }

    async fn revise(&mut self, _: Revising) {
        unreachable!("revisions go to the writes");
    }
}

/// Phones by room and name.
type Found = HashMap<(i64, String), String>;

impl Finds {
    /// None if the database was away for too long.
    async fn find(&self, work: &Work, deadline: Instant) -> Option<Found> {
        loop {
            let attempt = timeout_at(attempt_until(deadline), self.attempt(work)).await;
            match attempt.unwrap_or_else(|_| Err(anyhow!("it took too long"))) {
                Ok(found) => {
                    self.0.health().answered();
                    return Some(found);
                }
                Err(error) => {
                    self.0.health().failed(&error);
                    self.0.close_idle();
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(RETRY).await;
        }
    }

    async fn attempt(&self, work: &Work) -> anyhow::Result<Found> {
        let (rooms, names) = work.names();
        let client = self.0.client().await?;
        let statement = client.prepare_cached(FIND).await?;
        let rows = client.query(&statement, &[&rooms, &names]).await?;
        client.give_back();
        Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect())
    }
}
