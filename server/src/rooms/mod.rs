//! Rooms: many classes in one database, each with a code by which it is entered.

mod code;
mod registry;

use anyhow::bail;

use self::code::Code;
pub use self::registry::NewRoom;
use crate::book::Book;
use crate::book::room::Lanes;
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
            Some(code) => registry::by_code(self.lanes.database(), &code).await?,
            None => None,
        };
        let Some(about) = about else {
            bail!(localized!("没有这个课堂", "there is no such class"));
        };
        Ok(Book::in_room(self.lanes.room(about.id, about.quota).await?))
    }
}
