//! Presence: what each server tells the other servers of a room about those who are
//! connected to it.
//!
//! What is told is a text, opaque here: a row for each room and server. Rows of a server
//! whose last heartbeat is older than [`SEEN_FOR`] do not count: it has crashed or is cut
//! off, and its clients with it. The tables are unlogged: nothing in them is worth
//! anything after a crash of the database, so that telling costs neither a sync nor a
//! standby's time. A server that is alone writes nothing but that it is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::acts::KEPT_FOR;
use super::database::{Client, Database};
use super::lane::RETRY;
use super::{RoomId, authors, page_numbers};

/// Time between two heartbeats of a server, and between two comparisons of what others
/// have told, which find what a lost notification has missed.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Least time between two writings or readings: a fifth of the 100 ms in which others are
/// to know.
const PACE: Duration = Duration::from_millis(20);

/// Time for a round before its connection is given up.
const ROUND: Duration = Duration::from_secs(10);

/// How long a server counts without a heartbeat: the time of ten.
const SEEN_FOR: &str = "10 seconds";

/// Heartbeats between two deletions of stale rows: servers that are
/// gone for good with their lanes, old acts, page numbers and authors.
const CLEANING: u32 = 60;

const SEEN: &str = "insert into servers (id) values ($1) \
                    on conflict (id) do update set seen = now() returning xmax = 0";
const OTHERS: &str = "select count(*) from servers \
                      where id <> $1 and seen > now() - $2::text::interval";
const LEFT: &str = "delete from servers where id = $1";
const GONE: &str = "delete from servers where seen < now() - interval '1 minute'";
/// A server that still has a lane of such an age makes another one.
const GONE_LANES: &str = "delete from lanes where used < now() - interval '1 day'";
const GONE_ACTS: &str = "delete from acts where done < now() - $1::text::interval";
const GONE_NUMBERS: &str = "delete from page_numbers where given < now() - $1::text::interval";
const WRITE: &str = "insert into presence (room, server, number, text) \
                     select room, $1, number, text \
                     from unnest($2::bigint[], $3::bigint[], $4::text[]) \
                     as new(room, number, text) \
                     on conflict (room, server) \
                     do update set number = excluded.number, text = excluded.text";
const CLOSED: &str = "delete from presence where server = $1 and room = any($2)";
const NUMBERS: &str = "select p.room, p.server, p.number \
                       from presence p join servers s on s.id = p.server \
                       where p.room = any($1) and p.server <> $2 \
                       and s.seen > now() - $3::text::interval order by p.room, p.server";
const TEXTS: &str = "select p.room, p.server, p.number, p.text \
                     from presence p join servers s on s.id = p.server \
                     where p.room = any($1) and p.server <> $2 \
                     and s.seen > now() - $3::text::interval order by p.room, p.server";

/// What one other server told last about a room.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    server: i64,
    number: i64,
    pub(crate) text: Arc<str>,
    /// When this server read it.
    pub(crate) since: Instant,
}

/// What the servers of one room tell each other, as this server knows it.
#[derive(Debug)]
pub(crate) struct Presence {
    room: RoomId,
    /// This server's text and its number, until it is written.
    own: Mutex<Option<(i64, String)>>,
    others: watch::Sender<Vec<Told>>,
    changed: UnboundedSender<RoomId>,
}

impl Presence {
    /// Tells the other servers something else than before.
    pub(crate) fn tell(&self, text: String) {
        /// Of all rooms together, so that a room that is opened again goes on.
        static NUMBER: AtomicI64 = AtomicI64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        *lock(&self.own) = Some((number, text));
        // The task at the other end is gone only at the end of the program.
        let _ = self.changed.send(self.room);
    }

    /// What the others tell, and word of each change of it. What they told before counts as
    /// a change: it may have been read while the room was being opened.
    pub(crate) fn others(&self) -> watch::Receiver<Vec<Told>> {
        let mut others = self.others.subscribe();
        others.mark_changed();
        others
    }

    fn knows(&self, numbers: &[(i64, i64)]) -> bool {
        let others = self.others.borrow();
        others.len() == numbers.len()
            && others.iter().zip(numbers).all(|(told, known)| (told.server, told.number) == *known)
    }

    /// Takes what was read, in the order of the servers.
    fn take(&self, read: Vec<Told>) {
        self.others.send_if_modified(|known| {
            let is_same =
                |one: &Told, other: &Told| (one.server, one.number) == (other.server, other.number);
            let same = known.len() == read.len()
                && known.iter().zip(&read).all(|(one, other)| is_same(one, other));
            if !same {
                let before = std::mem::take(known);
                let since = |told: &Told| before.iter().find(|known| is_same(known, told));
                *known =
                    read.into_iter().map(|told| since(&told).cloned().unwrap_or(told)).collect();
            }
            !same
        });
    }
}

/// The rooms that this server has open.
#[derive(Clone, Debug)]
pub(super) struct Presences {
    rooms: Arc<Mutex<HashMap<RoomId, Weak<Presence>>>>,
    changed: UnboundedSender<RoomId>,
}

impl Presences {
    /// `changed` is told of rooms that this server has something new to tell about.
    pub(super) fn new(changed: UnboundedSender<RoomId>) -> Self {
        Presences { rooms: Arc::default(), changed }
    }

    /// The presence of a room.
    pub(super) fn of(&self, room: RoomId) -> Arc<Presence> {
        let mut rooms = lock(&self.rooms);
        if let Some(presence) = rooms.get(&room).and_then(Weak::upgrade) {
            return presence;
        }
        let (own, others) = (Mutex::default(), watch::Sender::default());
        let presence = Arc::new(Presence { room, own, others, changed: self.changed.clone() });
        rooms.insert(room, Arc::downgrade(&presence));
        presence
    }

    /// The same without keeping the exchange at work.
    pub(super) fn downgrade(&self) -> WeakPresences {
        WeakPresences(Arc::downgrade(&self.rooms))
    }
}

/// The rooms of a server that may be gone.
#[derive(Debug)]
pub(super) struct WeakPresences(Weak<Mutex<HashMap<RoomId, Weak<Presence>>>>);

impl WeakPresences {
    /// The open ones; none where the server is gone.
    fn open(&self) -> Option<BTreeMap<RoomId, Arc<Presence>>> {
        let rooms = self.0.upgrade()?;
        let mut rooms = lock(&rooms);
        rooms.retain(|_, presence| presence.strong_count() > 0);
        let open =
            |(room, presence): (&RoomId, &Weak<Presence>)| Some((*room, presence.upgrade()?));
        Some(rooms.iter().filter_map(open).collect())
    }
}

/// What tells the exchange what to do.
#[derive(Debug)]
pub(super) struct Calls {
    /// Rooms to be written.
    pub(super) changed: UnboundedReceiver<RoomId>,
    /// Rooms to be read.
    pub(super) woken: UnboundedReceiver<Vec<RoomId>>,
    /// Cancelled when the server stops.
    pub(super) stop: CancellationToken,
}

/// Writes what this server tells and reads what others do, until the server stops or is
/// gone. `elsewhere` is told of what was written.
pub(super) async fn exchange(
    database: Database,
    me: i64,
    presences: WeakPresences,
    calls: Calls,
    elsewhere: UnboundedSender<Vec<RoomId>>,
) {
    let Calls { mut changed, mut woken, stop } = calls;
    let mut exchange = Exchange {
        database,
        me,
        elsewhere,
        texts: HashMap::new(),
        to_write: BTreeSet::new(),
        to_read: BTreeSet::new(),
        is_alone: true,
        heartbeats: 0,
    };
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut not_before = Instant::now();
    loop {
        let is_heartbeat = tokio::select! {
            room = changed.recv() => {
                exchange.to_write.extend(room);
                false
            }
            rooms = woken.recv() => {
                exchange.to_read.extend(rooms.into_iter().flatten());
                false
            }
            _ = ticks.tick() => true,
            () = stop.cancelled() => return exchange.leave().await,
        };
        sleep_until(not_before).await;
        while let Ok(room) = changed.try_recv() {
            exchange.to_write.insert(room);
        }
        while let Ok(rooms) = woken.try_recv() {
            exchange.to_read.extend(rooms);
        }
        let Some(open) = presences.open() else { return };
        let round = timeout(ROUND, exchange.round(&open, is_heartbeat)).await;
        not_before = Instant::now() + PACE;
        if let Err(error) = round.context("it took too long").flatten() {
            // Whether the database answers is told by those who ask it for the book.
            tracing::debug!("the servers do not hear of each other: {error:#}");
            sleep(RETRY).await;
        }
    }
}

struct Exchange {
    database: Database,
    me: i64,
    elsewhere: UnboundedSender<Vec<RoomId>>,
    /// What this server tells about each room that it has open, with its number.
    texts: HashMap<RoomId, (i64, String)>,
    to_write: BTreeSet<RoomId>,
    to_read: BTreeSet<RoomId>,
    /// Whether no other server was there at the last heartbeat.
    is_alone: bool,
    heartbeats: u32,
}

impl Exchange {
    /// Deletes this server's row, and with it all that it told: the names of people are not
    /// kept where no server runs.
    async fn leave(self) {
        let leaving = async {
            let client = self.database.client().await?;
            client.execute(LEFT, &[&self.me]).await?;
            client.give_back();
            Ok(())
        };
        match self.database.in_time(leaving).await {
            Ok(()) => drop(self.elsewhere.send(self.texts.into_keys().collect())),
            Err(error) => tracing::debug!("the other servers do not know that it stops: {error:#}"),
        }
    }

    async fn round(
        &mut self,
        open: &BTreeMap<RoomId, Arc<Presence>>,
        is_heartbeat: bool,
    ) -> anyhow::Result<()> {
        for (room, presence) in open {
            if let Some(text) = lock(&presence.own).take() {
                if self.texts.insert(*room, text).is_none() {
                    self.to_read.insert(*room);
                }
                self.to_write.insert(*room);
            }
        }
        if !is_heartbeat && self.is_alone {
            return Ok(());
        }
        let client = self.database.client().await?;
        if is_heartbeat {
            self.heartbeat(&client, open).await?;
        }
        if !self.is_alone {
            self.write(&client).await?;
            self.read(&client, open, is_heartbeat).await?;
        }
        client.give_back();
        Ok(())
    }

    /// Writes this server's heartbeat, and counts the others that have one.
    async fn heartbeat(
        &mut self,
        client: &Client,
        open: &BTreeMap<RoomId, Arc<Presence>>,
    ) -> anyhow::Result<()> {
        let seen = client.prepare_cached(SEEN).await?;
        let is_new: bool = client.query_one(&seen, &[&self.me]).await?.get(0);
        let others = client.prepare_cached(OTHERS).await?;
        let others: i64 = client.query_one(&others, &[&self.me, &SEEN_FOR]).await?.get(0);
        self.is_alone = others == 0;
        if is_new {
            // With the row all that was told is gone.
            self.to_write.extend(self.texts.keys());
        }
        let closed: Vec<_> =
            self.texts.keys().filter(|room| !open.contains_key(room)).copied().collect();
        if !closed.is_empty() {
            let ids: Vec<i64> = closed.iter().map(|room| room.0).collect();
            client.execute(CLOSED, &[&self.me, &ids]).await?;
            self.texts.retain(|room, _| !closed.contains(room));
            let _ = self.elsewhere.send(closed);
        }
        if self.is_alone {
            // What they told is over.
            open.values().for_each(|presence| presence.take(Vec::new()));
        }
        if self.heartbeats.is_multiple_of(CLEANING) {
            client.execute(GONE, &[]).await?;
            client.execute(GONE_LANES, &[]).await?;
            client.execute(GONE_ACTS, &[&KEPT_FOR]).await?;
            client.execute(GONE_NUMBERS, &[&page_numbers::KEPT_FOR]).await?;
            authors::forget_old(client).await?;
        }
        self.heartbeats = self.heartbeats.wrapping_add(1);
        Ok(())
    }

    async fn write(&mut self, client: &Client) -> anyhow::Result<()> {
        let told = self.to_write.iter().filter_map(|room| Some((*room, self.texts.get(room)?)));
        let (mut rooms, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (room, (number, text)) in told {
            rooms.push(room.0);
            numbers.push(*number);
            texts.push(&**text);
        }
        if !rooms.is_empty() {
            let write = client.prepare_cached(WRITE).await?;
            client.execute(&write, &[&self.me, &rooms, &numbers, &texts]).await?;
            let _ = self.elsewhere.send(rooms.into_iter().map(RoomId).collect());
        }
        self.to_write.clear();
        Ok(())
    }

    async fn read(
        &mut self,
        client: &Client,
        open: &BTreeMap<RoomId, Arc<Presence>>,
        compares: bool,
    ) -> anyhow::Result<()> {
        if compares && !open.is_empty() {
            let numbers = client.prepare_cached(NUMBERS).await?;
            let ids: Vec<i64> = open.keys().map(|room| room.0).collect();
            let mut told: HashMap<RoomId, Vec<(i64, i64)>> = HashMap::new();
            for row in client.query(&numbers, &[&ids, &self.me, &SEEN_FOR]).await? {
                told.entry(RoomId(row.get(0))).or_default().push((row.get(1), row.get(2)));
            }
            let differs = open.iter().filter(|(room, presence)| {
                !presence.knows(told.get(room).map_or(&[], |told| told))
            });
            self.to_read.extend(differs.map(|(room, _)| *room));
        }
        self.to_read.retain(|room| open.contains_key(room));
        if self.to_read.is_empty() {
            return Ok(());
        }
        let texts = client.prepare_cached(TEXTS).await?;
        let ids: Vec<i64> = self.to_read.iter().map(|room| room.0).collect();
        let mut read: HashMap<RoomId, Vec<Told>> = HashMap::new();
        for row in client.query(&texts, &[&ids, &self.me, &SEEN_FOR]).await? {
            let text: &str = row.get(3);
            let (server, number) = (row.get(1), row.get(2));
            let told = Told { server, number, text: text.into(), since: Instant::now() };
            read.entry(RoomId(row.get(0))).or_default().push(told);
        }
        for room in std::mem::take(&mut self.to_read) {
            open[&room].take(read.remove(&room).unwrap_or_default());
        }
        Ok(())
    }
}

/// Locks what nothing panics under.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn a_new_receiver_is_told_what_was_read_before_it() {
        let (changed, _to_write) = unbounded_channel();
        let presence = Presences::new(changed).of(RoomId(1));
        presence.take(vec![Told {
            server: 7,
            number: 1,
            text: "Ann".into(),
            since: Instant::now(),
        }]);
        let others = presence.others();
        assert!(others.has_changed().unwrap());
        assert_eq!(&*others.borrow()[0].text, "Ann");
    }
}
