//! Feed: how the changes of a room come to all servers that have it open.
//!
//! A mirror is a server's copy of a room's contacts, for its lists and watchers. One task
//! keeps all mirrors of a server up to date: it reads the changes behind the number each
//! has come to, whenever it is woken for a room. It is woken by the server's own lanes,
//! by notifications of other servers, and by a comparison of all numbers each second,
//! which finds what a broken connection has missed. A change of this server that directly
//! follows what its mirror has is applied without reading.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context as _;
use protocol::Contacts;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::RoomId;
use super::database::{Client, Database};
use super::decide::Decided;
use super::lane::RETRY;
use crate::book::contacts::{ObservableContacts, SharedContacts};

/// Time between two comparisons of all numbers.
const COMPARING: Duration = Duration::from_secs(1);

/// Least time between two readings: a fifth of the 100 ms in which a change is to be
/// everywhere. Under load all rooms that have changed meanwhile share one query.
const PACE: Duration = Duration::from_millis(20);

/// Time for a reading before the connection is given up.
const READING: Duration = Duration::from_secs(20);

/// Time for a room to be read for the first time.
const OPENING: Duration = Duration::from_secs(10);

/// `$1` and `$2` are pairs.
const CHANGES: &str = "select c.room, c.name, c.phone, c.seq \
                       from unnest($1::bigint[], $2::bigint[]) as known(room, seq) \
                       join contacts c on c.room = known.room and c.seq > known.seq \
                       order by c.seq";
const STANDS: &str = "select id, trimmed, seq, shared_no, acts from rooms where id = any($1)";
const NUMBERS: &str = "select id, seq, shared_no, acts from rooms where id = any($1)";
const NUMBER: &str = "select seq from rooms where id = $1";
const BOOK: &str = "select name, phone from contacts where room = $1 and phone is not null";

/// A name, its phone if it has one, and the number of the change.
type Row<'r> = (&'r str, Option<&'r str>, i64);

/// The number of a mirror that nothing has been read into.
const UNREAD: i64 = -1;

/// Tells that rooms have changed: this server's mirrors, and the other servers.
#[derive(Clone, Debug)]
pub(super) struct Wake {
    pub(super) here: UnboundedSender<Vec<RoomId>>,
    pub(super) elsewhere: UnboundedSender<Vec<RoomId>>,
}

impl Wake {
    pub(super) fn changed(&self, rooms: Vec<RoomId>) {
        self.changed_and_known(rooms.clone(), rooms);
    }

    /// Tells the other servers of all `rooms`, and this one of those of which its mirrors
    /// have come to lack something.
    pub(super) fn changed_and_known(&self, rooms: Vec<RoomId>, to_read: Vec<RoomId>) {
        // The tasks at the other ends are gone only at the end of the program.
        if !to_read.is_empty() {
            let _ = self.here.send(to_read);
        }
        if !rooms.is_empty() {
            let _ = self.elsewhere.send(rooms);
        }
    }
}

/// A room's contacts as far as this server knows them.
#[derive(Debug)]
pub(crate) struct Mirror {
    room: RoomId,
    contacts: SharedContacts,
    /// The number of the last change in them.
    seq: watch::Sender<i64>,
    /// The number of the last [shared text](super::shared_text).
    shared: watch::Sender<i64>,
    /// The number of the last of the teacher's [acts](super::acts).
    acts: watch::Sender<i64>,
}

impl Mirror {
    pub(super) fn contacts(&self) -> &SharedContacts {
        &self.contacts
    }

    pub(super) fn room(&self) -> RoomId {
        self.room
    }

    /// The number of the shared text.
    pub(super) fn shared(&self) -> watch::Receiver<i64> {
        self.shared.subscribe()
    }

    /// The number of the last act.
    pub(super) fn acts(&self) -> watch::Receiver<i64> {
        self.acts.subscribe()
    }

    /// Waits until it has been read for the first time.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(super) async fn is_read(&self) -> anyhow::Result<()> {
        let mut seq = self.seq.subscribe();
        let is_read = timeout(OPENING, seq.wait_for(|seq| *seq != UNREAD)).await;
        is_read.context("the room cannot be read")?.context("its sender is in this value")?;
        Ok(())
    }

    fn seq(&self) -> i64 {
        *self.seq.borrow()
    }
}

/// The mirrors of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirrors(Arc<Mutex<HashMap<RoomId, Weak<Mirror>>>>);

impl Mirrors {
    /// The mirror of a room; a new one, which is unread, if there is none.
    pub(super) fn of(&self, room: RoomId, quota: usize) -> Arc<Mirror> {
        let mut mirrors = self.lock();
        if let Some(mirror) = mirrors.get(&room).and_then(Weak::upgrade) {
            return mirror;
        }
        let contacts = SharedContacts::new(Contacts::with_limit(quota));
        let (seq, shared) = (watch::Sender::new(UNREAD), watch::Sender::new(0));
        let acts = watch::Sender::new(0);
        let mirror = Arc::new(Mirror { room, contacts, seq, shared, acts });
        mirrors.insert(room, Arc::downgrade(&mirror));
        mirror
    }

    /// Applies what this server has changed, where it follows what the mirror has. Returns
    /// the rooms that have to be read.
    pub(super) fn apply(&self, decided: &Decided) -> Vec<RoomId> {
        let changes = decided.names.iter().zip(&decided.phones).zip(&decided.seqs);
        let mut changes = decided.name_rooms.iter().zip(changes).peekable();
        let mut to_read = Vec::new();
        for room in &decided.rooms {
            let mut of_room: Vec<Row<'_>> = Vec::new();
            while let Some((_, ((name, phone), seq))) = changes.next_if(|(of, _)| **of == room.id.0)
            {
                of_room.push((name, phone.as_deref(), *seq));
            }
            let mirror = self.lock().get(&room.id).and_then(Weak::upgrade);
            let is_simple = decided.cleared != Some(room.id);
            if !(is_simple && mirror.is_some_and(|mirror| mirror.go_on(&of_room))) {
                to_read.push(room.id);
            }
        }
        to_read
    }

    /// All that are in use. Forgets the others.
    fn all(&self) -> BTreeMap<RoomId, Arc<Mirror>> {
        let mut mirrors = self.lock();
        mirrors.retain(|_, mirror| mirror.strong_count() > 0);
        mirrors.iter().filter_map(|(room, mirror)| Some((*room, mirror.upgrade()?))).collect()
    }

    /// Those of some rooms.
    fn some(&self, rooms: &BTreeSet<RoomId>) -> BTreeMap<RoomId, Arc<Mirror>> {
        let mirrors = self.lock();
        let open = |room: &RoomId| Some((*room, mirrors.get(room)?.upgrade()?));
        rooms.iter().filter_map(open).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Weak<Mirror>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the mirrors up to date for as long as somebody can wake it.
pub(super) async fn follow(
    database: Database,
    mirrors: Mirrors,
    mut woken: UnboundedReceiver<Vec<RoomId>>,
) {
    /// More than are ever woken at once.
    const MOST: usize = 1_024;
    let mut ticks = interval(COMPARING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut due, mut received) = (BTreeSet::new(), Vec::new());
    let mut not_before = Instant::now();
    loop {
        let compares = tokio::select! {
            count = woken.recv_many(&mut received, MOST) => {
                if count == 0 {
                    return;
                }
                false
            }
            _ = ticks.tick() => true,
        };
        sleep_until(not_before).await;
        while let Ok(more) = woken.try_recv() {
            received.push(more);
        }
        due.extend(received.drain(..).flatten());
        let reading = timeout(READING, read(&database, &mirrors, &mut due, compares)).await;
        not_before = Instant::now() + PACE;
        if let Err(error) = reading.context("it took too long").flatten() {
            database.health().failed(&error);
            database.close_idle();
            sleep(RETRY).await;
        }
    }
}

/// Reads what has changed in the rooms that are due, and with `compares` in all whose
/// numbers differ. Those that were read are not due any more.
async fn read(
    database: &Database,
    mirrors: &Mirrors,
    due: &mut BTreeSet<RoomId>,
    compares: bool,
) -> anyhow::Result<()> {
    let all = if compares { mirrors.all() } else { BTreeMap::new() };
    if all.is_empty() && mirrors.some(due).is_empty() {
        due.clear();
        return Ok(());
    }
    let ids: Vec<i64> = all.keys().map(|room| room.0).collect();
    // Asked even for no rooms: a machine that is stopped is given up in less than the time
    // that a book may take.
    let asking = async {
        let client = database.client().await?;
        let numbers = client.prepare_cached(NUMBERS).await?;
        let rows = client.query(&numbers, &[&ids]).await?;
        Ok((client, rows))
    };
    let (client, rows) = database.in_time(asking).await?;
    for row in rows {
        let room = RoomId(row.get(0));
        let stands = (row.get(1), row.get(2), row.get(3));
        let differs = |mirror: &Mirror| {
            (mirror.seq(), *mirror.shared.borrow(), *mirror.acts.borrow()) != stands
        };
        if all.get(&room).is_some_and(|mirror| differs(mirror)) {
            due.insert(room);
        }
    }
    let due_mirrors = mirrors.some(due);
    read_changes(&client, &due_mirrors).await?;
    client.give_back();
    database.health().answered();
    due.clear();
    Ok(())
}

async fn read_changes(client: &Client, due: &BTreeMap<RoomId, Arc<Mirror>>) -> anyhow::Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    let changes = client.prepare_cached(CHANGES).await?;
    let stands = client.prepare_cached(STANDS).await?;
    let all: Vec<i64> = due.keys().map(|room| room.0).collect();
    // Noted now: this server's own changes may bring a mirror further meanwhile.
    let known: HashMap<RoomId, i64> = due.iter().map(|(room, of)| (*room, of.seq())).collect();
    let read = known.iter().filter(|(_, seq)| **seq != UNREAD);
    let (ids, seqs): (Vec<i64>, Vec<i64>) = read.map(|(room, seq)| (room.0, *seq)).unzip();
    // In this order: what is trimmed after the first query has been read by it.
    let (rows, stands) = tokio::try_join!(
        biased;
        async { client.query(&changes, &[&ids, &seqs]).await },
        async { client.query(&stands, &[&all]).await },
    )?;
    let mut changes: HashMap<RoomId, Vec<Row<'_>>> = HashMap::new();
    for row in &rows {
        let change = (row.get(1), row.get(2), row.get(3));
        changes.entry(RoomId(row.get(0))).or_default().push(change);
    }
    for row in &stands {
        let Some(mirror) = due.get(&RoomId(row.get(0))) else { continue };
        let (trimmed, last): (i64, i64) = (row.get(1), row.get(2));
        for (number, now) in [(&mirror.shared, row.get(3)), (&mirror.acts, row.get(4))] {
            number.send_if_modified(|known: &mut i64| std::mem::replace(known, now) != now);
        }
        let known = known.get(&mirror.room).copied().unwrap_or(UNREAD);
        // It is ahead where the database was put back to an older state.
        let is_elsewhere = known < trimmed || known > last;
        if known == UNREAD || is_elsewhere {
            read_again(client, mirror).await?;
        } else if let Some(changes) = changes.get(&mirror.room) {
            mirror.apply(changes);
        }
    }
    Ok(())
}

/// Reads the whole book.
async fn read_again(client: &Client, mirror: &Mirror) -> anyhow::Result<()> {
    let number = client.prepare_cached(NUMBER).await?;
    let book = client.prepare_cached(BOOK).await?;
    // In this order: changes in between are in the book already, and read once more.
    let (seq, rows) = tokio::try_join!(
        biased;
        async { client.query_opt(&number, &[&mirror.room.0]).await },
        async { client.query(&book, &[&mirror.room.0]).await },
    )?;
    mirror.contacts.change(|contacts| {
        contacts.replace(rows.iter().map(|row| (row.get(0), row.get(1))));
        mirror.seq.send_replace(seq.map_or(0, |row| row.get(0)));
    });
    Ok(())
}

impl Mirror {
    /// Applies changes in the order of their numbers, but for those that it has.
    fn apply(&self, changes: &[Row<'_>]) {
        self.contacts.change(|contacts| self.apply_to(contacts, changes));
    }

    /// Applies changes if the first is the next one to those that it has. Returns whether
    /// it was.
    fn go_on(&self, changes: &[Row<'_>]) -> bool {
        self.contacts.change(|contacts| {
            let is_next = changes.first().is_some_and(|(.., seq)| *seq == self.seq() + 1);
            if is_next {
                self.apply_to(contacts, changes);
            }
            is_next
        })
    }

    /// The number is changed under the lock of the contacts only.
    fn apply_to(&self, contacts: &mut ObservableContacts, changes: &[Row<'_>]) {
        let known = self.seq();
        for (name, phone, _) in changes.iter().filter(|(.., seq)| *seq > known) {
            match phone {
                Some(phone) => contacts.insert(name, phone),
                None => contacts.remove(name),
            }
        }
        if let Some((.., seq)) = changes.last() {
            self.seq.send_replace(known.max(*seq));
        }
    }
}
