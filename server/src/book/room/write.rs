//! Writes: a group of changes in one transaction, which is applied once or, if that can
//! be told, not at all.
//!
//! Each lane has a row with the mark of its last transaction. A transaction locks the row
//! and the rows of its rooms, reads what its changes depend on, decides their replies, and
//! writes the changes together with its own mark. Where the connection breaks during the
//! commit, the next attempt reads the mark: if it is there, the commit was made, and the
//! replies that were decided hold; if not, all is decided anew. An old attempt that is
//! still under way holds the lock, so that it is waited for.
//!
//! # After a failover
//!
//! An attempt and the next one may meet different histories of the database: a primary that
//! was stopped and goes on has commits that its successor lacks, and lacks the successor's.
//!
//! - A mark belongs to one group and is random, not a number that counts: another group
//!   of the lane may have come just as far in the other history.
//! - A mark that is found may be known to that machine alone, by a commit that was
//!   interrupted while it waited for another machine. [`confirm`] commits once more behind
//!   it, and that is confirmed only together with it: never by an old primary, which has
//!   no followers any more.
//! - The mark is found in the history in which the decided replies hold: an attempt that
//!   can still commit has the lane's row locked since before its mark was known, and the
//!   next attempt on that machine waits for it.
//!
//! It follows that a group is made once in the history that goes on, and that what was
//! acknowledged is in it. That the database itself confirms only what another machine has
//! is up to its operator: `synchronous_mode_strict`, no `pg_cancel_backend` on a session
//! that commits (PostgreSQL calls that commit done), no `statement_timeout`, which does the
//! same and is therefore [switched off](super::database).

use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::Row;

use super::RoomId;
use super::database::{Client, Database};
use super::decide::{Decided, Known, RoomRow, Work};
use super::feed::{Mirrors, Wake};
use super::lane::{Answer, RETRY, Revising, attempt_until, deadline, refuse};
use super::waiting::Job;
use crate::book::commits::Commits;
use crate::book::revision::NotRevised;
use crate::language::localized;

/// How long a teacher's revision may take: a book of the largest quota is some seconds.
const REVISING: Duration = Duration::from_secs(20);

const LAST_MARK: &str = "select mark from lanes where id = $1 for update";
/// In the order of their ids, so that transactions which share rooms wait for each other
/// and never in a circle.
const LOCK_ROOMS: &str = "select id, seq, contacts, removed, quota from rooms \
                          where id = any($1) and archived is null order by id for update";
/// `$1` and `$2` are pairs.
const READ_NAMES: &str = "select c.room, c.name, c.phone \
                          from unnest($1::bigint[], $2::text[]) as wanted(room, name) \
                          join contacts c on c.room = wanted.room and c.name = wanted.name";
const READ_BOOK: &str = "select room, name, phone from contacts where room = $1";
const WRITE_NAMES: &str = "insert into contacts (room, name, phone, seq, author) \
                           select * from unnest($1::bigint[], $2::text[], $3::text[], \
                           $4::bigint[], $5::text[]) \
                           on conflict (room, name) do update set phone = excluded.phone, \
                           seq = excluded.seq, author = excluded.author";
const WRITE_ROOMS: &str = "update rooms r set seq = new.seq, contacts = new.contacts, \
                           removed = new.removed, used = current_date, authored = true \
                           from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[]) \
                           as new(id, seq, contacts, removed) where r.id = new.id";
/// Forgets the removed names of one room up to a change.
const TRIM: &str = "with gone as (delete from contacts \
                    where room = $1 and phone is null and seq <= $2 returning 1) \
                    update rooms set trimmed = $2, removed = (select count(*) from contacts \
                    where room = $1 and phone is null and seq > $2) where id = $1";
const CLEAR: &str = "delete from contacts where room = $1";
const CLEARED: &str = "update rooms set trimmed = $2 where id = $1";
const WRITE_MARK: &str = "update lanes set mark = $2, used = now() where id = $1";

/// The lane of some rooms' changes.
#[derive(Debug)]
pub(super) struct Writes {
    database: Database,
    /// The id of the lane's row; none until it is made.
    lane: Option<i64>,
    commits: Commits,
    mirrors: Mirrors,
    feed: Wake,
}

/// The database was away for too long, or refuses them. The changes may have been made or not.
#[derive(Debug)]
struct NotConfirmed;

impl Answer for Writes {
    async fn answer(&mut self, mut group: Vec<Job>) {
        let start = Instant::now();
        let deadline = deadline(&group);
        group.sort_by_key(|job| job.room);
        let mut work = Work::Batches(group);
        let made = self.make(&mut work, deadline).await;
        let Work::Batches(group) = work else { unreachable!("it was made of batches") };
        match made {
            Ok(()) => {
                self.commits.add(start.elapsed());
                group.into_iter().for_each(Job::deliver);
            }
            Err(NotConfirmed) => refuse(group),
        }
    }

    async fn revise(&mut self, revising: Revising) {
        let Revising { room, revision, to } = revising;
        let mut work = Work::Revision { room, revision, outcome: Err(NotRevised::Away) };
        let made = self.make(&mut work, Instant::now() + REVISING).await;
        let Work::Revision { outcome, .. } = work else { unreachable!("it was a revision") };
        // A teacher's page that is gone needs no answer.
        let _ = to.send(made.map_err(|NotConfirmed| NotRevised::Away).and(outcome));
    }
}

impl Writes {
    pub(super) fn new(database: Database, commits: Commits, mirrors: Mirrors, feed: Wake) -> Self {
        Writes { database, lane: None, commits, mirrors, feed }
    }

    /// Makes the work's changes once, and notes the replies in it.
    async fn make(&mut self, work: &mut Work, deadline: Instant) -> Result<(), NotConfirmed> {
        let mark = random()?;
        let mut tried = false;
        loop {
            let until = attempt_until(deadline);
            let attempt = timeout_at(until, self.attempt(work, mark, &mut tried)).await;
            let error = match attempt.unwrap_or_else(|_| Err(anyhow!("it took too long"))) {
                Ok(()) => {
                    self.database.health().answered();
                    return Ok(());
                }
                Err(error) => error,
            };
            if is_refusal(&error) {
                self.database.health().answered();
                tracing::error!(
                    "{}",
                    localized!(
                        "数据库拒绝了改动（{error:#}）",
                        "the database refuses changes ({error:#})"
                    )
                );
                return Err(NotConfirmed);
            }
            self.database.health().failed(&error);
            // They may lead to the same machine.
            self.database.close_idle();
            if Instant::now() >= deadline {
                return Err(NotConfirmed);
            }
            sleep(RETRY).await;
        }
    }

    /// One attempt. `tried` says whether a commit with the mark may have been made already.
    /// All servers are told of the rooms that have changed.
    ///
    /// # Errors
    ///
    /// The database failed. If `tried` is set, the work may be done.
    async fn attempt(
        &mut self,
        work: &mut Work,
        mark: i64,
        tried: &mut bool,
    ) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        let lane = match self.lane {
            Some(lane) => lane,
            None if *tried => bail!("the lane's row is gone"),
            None => *self.lane.insert(new_lane(&client).await?),
        };
        let (last, known) = read(&client, lane, work).await?;
        let Some(last) = last else {
            // It was not used for so long that it was deleted.
            self.lane = None;
            bail!("the lane's row is gone");
        };
        if *tried && last == mark {
            confirm(&client, lane, mark).await?;
            client.give_back();
            self.feed.changed(work.rooms());
            return Ok(());
        }
        let decided = work.decide(known);
        if decided.is_empty() {
            client.batch_execute("rollback").await?;
            client.give_back();
            return Ok(());
        }
        *tried = true;
        write(&client, lane, mark, &decided).await?;
        client.give_back();
        self.feed.changed_and_known(decided.rooms(), self.mirrors.apply(&decided));
        Ok(())
    }
}

/// Whether the database answered that it does not take these changes, which it would say
/// to the next attempt as well.
fn is_refusal(error: &anyhow::Error) -> bool {
    /// Classes of SQLSTATE: values and names that are none, and violated constraints.
    const CLASSES: [&str; 3] = ["22", "23", "42"];
    let error = error.downcast_ref::<tokio_postgres::Error>();
    error
        .and_then(tokio_postgres::Error::code)
        .is_some_and(|code| CLASSES.iter().any(|class| code.code().starts_with(class)))
}

async fn new_lane(client: &Client) -> anyhow::Result<i64> {
    let row = client.query_one("insert into lanes default values returning id", &[]).await?;
    Ok(row.get(0))
}

/// A new mark.
fn random() -> Result<i64, NotConfirmed> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| NotConfirmed)?;
    Ok(i64::from_ne_bytes(bytes))
}

/// Begins a transaction, and reads the lane's last mark and what the work depends on.
async fn read(
    client: &Client,
    lane: i64,
    work: &Work,
) -> Result<(Option<i64>, Known), tokio_postgres::Error> {
    let mark = client.prepare_cached(LAST_MARK).await?;
    let lock = client.prepare_cached(LOCK_ROOMS).await?;
    let (rooms, (of, names)) = (work.room_ids(), work.names());
    let whole = work.whole_book();
    let contacts = client.prepare_cached(if whole { READ_BOOK } else { READ_NAMES }).await?;
    let read_contacts = async {
        match whole {
            true => client.query(&contacts, &[&rooms[0]]).await,
            false => client.query(&contacts, &[&of, &names]).await,
        }
    };
    // Sent at once and carried out in this order.
    let ((), last, rooms, contacts) = tokio::try_join!(
        biased;
        client.batch_execute("begin"),
        async { client.query_opt(&mark, &[&lane]).await },
        async { client.query(&lock, &[&rooms]).await },
        read_contacts,
    )?;
    let mut known = Known::default();
    rooms.iter().for_each(|row| known.insert_room(room(row)));
    for row in &contacts {
        known.insert_name(RoomId(row.get(0)), row.get(1), row.get(2));
    }
    Ok((last.map(|row| row.get(0)), known))
}

fn room(row: &Row) -> RoomRow {
    RoomRow {
        id: RoomId(row.get(0)),
        seq: row.get(1),
        contacts: row.get(2),
        removed: row.get(3),
        quota: row.get(4),
    }
}

/// Makes sure that a commit which is seen is confirmed, too. One that was interrupted is
/// seen on its machine before another machine has it. A commit behind it is confirmed
/// only together with it.
async fn confirm(client: &Client, lane: i64, mark: i64) -> Result<(), tokio_postgres::Error> {
    client.execute(WRITE_MARK, &[&lane, &mark]).await?;
    client.batch_execute("commit").await
}

/// Writes what was decided, and commits.
async fn write(
    client: &Client,
    lane: i64,
    mark: i64,
    decided: &Decided,
) -> Result<(), tokio_postgres::Error> {
    if let Some(room) = decided.cleared {
        client.execute(CLEAR, &[&room.0]).await?;
    }
    let write_names = client.prepare_cached(WRITE_NAMES).await?;
    let write_rooms = client.prepare_cached(WRITE_ROOMS).await?;
    let write_mark = client.prepare_cached(WRITE_MARK).await?;
    let Decided { rooms, name_rooms, names, phones, authors, seqs, .. } = decided;
    let ids: Vec<i64> = rooms.iter().map(|room| room.id.0).collect();
    let room_seqs: Vec<i64> = rooms.iter().map(|room| room.seq).collect();
    let contacts: Vec<i32> = rooms.iter().map(|room| room.contacts).collect();
    let removed: Vec<i32> = rooms.iter().map(|room| room.removed).collect();
    if decided.cleared.is_some() || rooms.iter().any(RoomRow::is_to_be_trimmed) {
        client.execute(&write_names, &[name_rooms, names, phones, seqs, authors]).await?;
        client.execute(&write_rooms, &[&ids, &room_seqs, &contacts, &removed]).await?;
        for room in rooms {
            match room.is_to_be_trimmed() {
                true => client.execute(TRIM, &[&room.id.0, &room.trimmed_up_to()]).await?,
                false if decided.cleared == Some(room.id) => {
                    client.execute(CLEARED, &[&room.id.0, &room.seq]).await?
                }
                false => 0,
            };
        }
        client.execute(&write_mark, &[&lane, &mark]).await?;
        return client.batch_execute("commit").await;
    }
    // Sent at once and carried out in this order.
    tokio::try_join!(
        biased;
        async { client.execute(&write_names, &[name_rooms, names, phones, seqs, authors]).await },
        async { client.execute(&write_rooms, &[&ids, &room_seqs, &contacts, &removed]).await },
        async { client.execute(&write_mark, &[&lane, &mark]).await },
        client.batch_execute("commit"),
    )?;
    Ok(())
}
