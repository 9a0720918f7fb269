//! Rooms' books: the books of many classes in one PostgreSQL database, which any number of
//! servers share.
//!
//! # Layout
//!
//! ```text
//! conversation -> storage -> lane of writes -> decide -> one transaction -> PostgreSQL
//!                         \> lane of finds  -> one query -----------------> PostgreSQL
//!                                                                               |
//! lists, watchers <- mirror <- feed: the changes behind its number <------------+
//!                               \ woken by this server's writes and by notify
//! ```
//!
//! Beside the book the servers of a room share what is no part of it: the last
//! [switches](shared_text), the teacher's [acts], [who is connected](presence) where, and
//! the pages' [numbers](page_numbers).
//!
//! A room's order is one number, `rooms.seq`, which each change raises while it holds the
//! room's row: so a reader of the changes behind a number misses none.

pub(crate) mod acts;
mod authors;
pub(crate) mod database;
mod decide;
mod feed;
mod find;
mod lane;
mod notify;
pub(crate) mod page_numbers;
pub(crate) mod presence;
mod schema;
pub(crate) mod shared_text;
mod storage;
mod tls;
pub(crate) mod transfer;
mod waiting;
mod write;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::acts::Acts;
use self::database::Database;
use self::feed::{Mirrors, Wake};
use self::find::Finds;
use self::lane::Task;
use self::notify::Channel;
use self::page_numbers::PageNumbers;
use self::presence::{Calls, Presence, Presences};
use self::shared_text::SharedText;
pub(crate) use self::storage::Room;
use self::write::Writes;
use crate::book::commits::Commits;
use crate::terminal::diagnostics::exit_on_panic;

/// Lanes of writes of a server: while one waits for its commit, others decide. Four keep
/// a database of two processors busy.
const WRITES: usize = 4;

/// Lanes of finds of a server.
const FINDS: usize = 2;

/// Connections of a server for its lanes, its feed and its presence: one each.
const CONNECTIONS: usize = WRITES + FINDS + 2;

/// Connections of a server for what is rare: looking codes up, and what teachers switch and
/// do. They are apart from the lanes', so that looking many codes up delays no change.
const RARE: usize = 3;

/// Time for the last word to the other servers, within the three seconds that a server may
/// take to stop.
const LEAVING: Duration = Duration::from_millis(500);

/// The number of a room in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoomId(pub(crate) i64);

/// What the rooms of one server share: the lanes, and the feed of changes.
#[derive(Debug)]
pub(crate) struct Lanes {
    database: Database,
    writes: Vec<UnboundedSender<Task>>,
    finds: Vec<UnboundedSender<Task>>,
    commits: Commits,
    mirrors: Mirrors,
    feed: Wake,
    presences: Presences,
    /// Ends the exchange of who is connected where.
    stop: CancellationToken,
    exchange: Mutex<Option<JoinHandle<()>>>,
}

/// What the servers of a room share beside its book.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) text: SharedText,
    pub(crate) acts: Acts,
    pub(crate) presence: Arc<Presence>,
    pub(crate) numbers: PageNumbers,
}

impl Lanes {
    /// Connects to the database, brings its tables up to date and starts the lanes. To be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`Database::connect`].
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let database = Database::connect(url, RARE).await?;
        let of_lanes = database.apart(CONNECTIONS)?;
        let (commits, mirrors) = <(Commits, Mirrors)>::default();
        let (here, woken) = unbounded_channel();
        let (elsewhere, changed) = unbounded_channel();
        let mut me = [0; 8];
        getrandom::fill(&mut me)?;
        let me = u64::from_ne_bytes(me);
        spawn_critical(feed::follow(of_lanes.clone(), mirrors.clone(), woken));
        let rooms = Channel::Rooms;
        spawn_critical(notify::exchange(database.clone(), rooms, me, changed, here.clone()));
        let stop = CancellationToken::new();
        let (presences, exchange) = tell_of_people(&database, of_lanes.clone(), me, stop.clone());
        let exchange = Mutex::new(Some(exchange));
        let feed = Wake { here, elsewhere };
        let write =
            || Writes::new(of_lanes.clone(), commits.clone(), mirrors.clone(), feed.clone());
        let writes = (0..WRITES).map(|_| lane(write())).collect();
        let finds = (0..FINDS).map(|_| lane(Finds(of_lanes.clone()))).collect();
        Ok(Lanes { database, writes, finds, commits, mirrors, feed, presences, stop, exchange })
    }

    /// Tells the other servers that this one stops, and has the database forget what it told
    /// of people.
    pub(crate) async fn leave(&self) {
        self.stop.cancel();
        let exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(exchange) = exchange {
            // Without it they notice after ten seconds.
            let _ = timeout(LEAVING, exchange).await;
        }
    }

    /// The database, for what is no part of a room's book.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// How many groups of changes were stored, and how long that took together.
    pub(crate) fn commits(&self) -> (u64, Duration) {
        self.commits.sums()
    }

    /// Forgets who stored the contacts of a room: those were earlier lessons.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn forget_authors(&self, id: RoomId) -> anyhow::Result<()> {
        let forgetting = async {
            let client = self.database.client().await?;
            authors::forget(&client, id).await?;
            client.give_back();
            Ok(())
        };
        self.database.in_time(forgetting).await
    }

    /// The storage of a room's book, with the room's contacts read; and what else the
    /// servers of the room share.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn room(&self, id: RoomId, quota: usize) -> anyhow::Result<(Room, Shared)> {
        let mirror = self.mirrors.of(id, quota);
        // Read in any case: what is open already may be behind.
        let _ = self.feed.here.send(vec![id]);
        mirror.is_read().await?;
        let place = usize::try_from(id.0).unwrap_or(0);
        let (writes, finds) = (&self.writes[place % WRITES], &self.finds[place % FINDS]);
        let (writes, finds, commits) = (writes.clone(), finds.clone(), self.commits.clone());
        let both = || (self.database.clone(), self.feed.clone(), Arc::clone(&mirror));
        let (database, feed, of) = both();
        let text = SharedText { database, feed, mirror: of };
        let (database, feed, of) = both();
        let acts = Acts { database, feed, mirror: of };
        let numbers = PageNumbers::new(self.database.clone(), id);
        let shared = Shared { text, acts, presence: self.presences.of(id), numbers };
        let database = self.database.clone();
        Ok((Room { id, database, writes, finds, commits, mirror }, shared))
    }
}

/// Starts the exchange of who is connected where.
fn tell_of_people(
    database: &Database,
    of_lanes: Database,
    me: u64,
    stop: CancellationToken,
) -> (Presences, JoinHandle<()>) {
    let (changed, to_write) = unbounded_channel();
    let (elsewhere, written) = unbounded_channel();
    let (woken, to_read) = unbounded_channel();
    let presences = Presences::new(changed);
    let server = me.cast_signed();
    let all = presences.downgrade();
    let calls = Calls { changed: to_write, woken: to_read, stop };
    let exchange = spawn_critical(presence::exchange(of_lanes, server, all, calls, elsewhere));
    spawn_critical(notify::exchange(database.clone(), Channel::Presence, me, written, woken));
    (presences, exchange)
}

/// Starts a lane.
fn lane(by: impl lane::Answer + Send + 'static) -> UnboundedSender<Task> {
    let (tasks, waiting) = unbounded_channel();
    spawn_critical(lane::run(waiting, by));
    tasks
}

/// Starts a task that the server cannot be without: a panic in it ends the program, so
/// that another server takes its place.
fn spawn_critical(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
            exit_on_panic(|| resume_unwind(panic));
        }
    })
}
