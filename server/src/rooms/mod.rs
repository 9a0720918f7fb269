//! Rooms: many classes in one database, each with a code by which it is entered.

mod code;
pub(crate) mod entrance;
pub(crate) mod registry;
pub(crate) mod unused;

use std::time::{Duration, SystemTime};

use anyhow::bail;

pub(crate) use self::code::Code;
use self::registry::About;
pub use self::registry::NewRoom;
use crate::book::Book;
use crate::book::room::database::Database;
use crate::book::room::{Lanes, Shared};
use crate::config::UnusedRooms;
use crate::language::localized;

/// The rooms of a database, as one server serves them.
#[derive(Debug)]
pub struct Rooms {
    lanes: Lanes,
}

impl Rooms {
    /// Connects to the database and brings its tables up to date. To be called within a
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// The database cannot be used; the message says why.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        Ok(Rooms { lanes: Lanes::connect(url).await? })
    }

    /// Makes a room that takes at most `quota` contacts.
    ///
    /// # Errors
    ///
    /// The name is none, or the database is away.
    pub async fn create(&self, name: &str, quota: usize) -> anyhow::Result<NewRoom> {
        registry::create(self.lanes.database(), name, quota).await
    }

    /// The book of the room with a code.
    ///
    /// # Errors
    ///
    /// There is no such room, or the database is away.
    pub async fn book(&self, code: &str) -> anyhow::Result<Book> {
        let about = match Code::parse(code) {
            Some(code) => self.find(&code).await?,
            None => None,
        };
        let Some(about) = about else {
            bail!(localized!("没有这个课堂", "there is no such class"));
        };
        Ok(self.open(&about).await?.0)
    }

    /// Archives and deletes the rooms that are not used, as they stand at a moment. Returns
    /// how many were archived and how many were deleted.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub async fn tidy(
        &self,
        settings: &UnusedRooms,
        now: SystemTime,
    ) -> anyhow::Result<(usize, usize)> {
        let tidied = unused::tidy(self.lanes.database(), settings, &[], now).await?;
        let tidied = tidied.unwrap_or_default();
        Ok((tidied.archived.len(), tidied.deleted.len()))
    }

    /// The database.
    pub(crate) fn database(&self) -> &Database {
        self.lanes.database()
    }

    /// Tells the other servers that this one stops.
    pub(crate) async fn leave(&self) {
        self.lanes.leave().await;
    }

    /// How many groups of changes of all rooms were stored, and how long that took together.
    pub(crate) fn commits(&self) -> (u64, Duration) {
        self.lanes.commits()
    }

    /// The room with a code, unless it is archived.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn find(&self, code: &Code) -> anyhow::Result<Option<About>> {
        registry::by_code(self.lanes.database(), code).await
    }

    /// The book of a room, and what else the room's servers share.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn open(&self, about: &About) -> anyhow::Result<(Book, Shared)> {
        if registry::note_use(self.lanes.database(), about.id).await? {
            self.lanes.forget_authors(about.id).await?;
        }
        let (room, shared) = self.lanes.room(about.id, about.quota).await?;
        Ok((Book::in_room(room), shared))
    }
}
