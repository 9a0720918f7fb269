//! The book on disk: a SQLite file that any SQLite tool can open.
//!
//! One row a contact, and one row that says how many there are, how many
//! changes there have been, and what all contacts add up to, so that a damaged
//! file is noticed even where SQLite itself would not. The store answers
//! nobody; the [writer](crate::writer) does.
//!
//! A change is written at the end of a table of changes and moved to its name's
//! place among the contacts later, many at once. Names come in any order, so
//! that fifty changes at their places are fifty pages of 4 KB to be written
//! before anybody gets a reply; one behind another they are one or two.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use protocol::Contacts;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};
use xxhash_rust::xxh3::xxh3_64;

use crate::wal;

/// Marks a SQLite file as a contact book ("TCPb").
const APPLICATION_ID: i32 = 0x5443_5062;

/// The version of the tables below. A file of a newer one is refused, one of an
/// older one gets what it lacks.
const SCHEMA_VERSION: i32 = 2;

/// What a file of version 1 has.
const SCHEMA_1: &str = "
    CREATE TABLE contacts (
        name  TEXT NOT NULL PRIMARY KEY,
        phone TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- A single row, written with every change.
    CREATE TABLE book (
        id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        seq    INTEGER NOT NULL, -- changes made so far
        count  INTEGER NOT NULL, -- rows in contacts
        digest INTEGER NOT NULL  -- the sum of the rows' hashes, modulo 2^64
    ) STRICT;
    INSERT INTO book VALUES (1, 0, 0, 0);
";

/// What version 2 has besides.
const SCHEMA_2: &str = "
    -- Made, but not yet at their places in contacts; in the order of their ids.
    CREATE TABLE changes (
        id    INTEGER NOT NULL PRIMARY KEY,
        name  TEXT NOT NULL,
        phone TEXT -- none if the name was removed
    ) STRICT;
    CREATE VIEW latest_changes AS SELECT name, phone, max(id) FROM changes GROUP BY name;
    CREATE VIEW book_now AS
        SELECT name, phone FROM contacts WHERE name NOT IN (SELECT name FROM latest_changes)
        UNION ALL
        SELECT name, phone FROM latest_changes WHERE phone IS NOT NULL;
";

/// Moves the changes up to an id to their places. Who was removed and then
/// added again is removed and added again.
const SETTLE: [&str; 3] = [
    "DELETE FROM contacts WHERE name IN
         (SELECT name FROM changes WHERE id <= ?1 AND phone IS NULL)",
    "INSERT OR REPLACE INTO contacts
         SELECT name, phone FROM
             (SELECT name, phone, max(id) FROM changes WHERE id <= ?1 GROUP BY name)
         WHERE phone IS NOT NULL",
    "DELETE FROM changes WHERE id <= ?1",
];

/// How many changes are moved to their places at once: some 10 ms, for which
/// writers may have to wait.
const SETTLED_AT_ONCE: i64 = 10_000;

/// How many changes may wait to be moved: more than a class makes in years, so
/// that only a flood is slowed by moving them. After 3.6 million of them, 105
/// MB, a killed server was up again in two seconds.
const UNSETTLED: i64 = 4_000_000;

/// The id that SQLite gives the first change in an empty table.
const FIRST_ID: i64 = 1;

/// Pages of 4 KB in SQLite's log, 16 MB, before they are copied into the file:
/// four times the usual, since writers wait for it.
const LOG_PAGES: i32 = 4_000;

/// An open book file.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// Absent after an error that leaves open what the file holds, until it
    /// has been read again.
    connection: Option<Connection>,
    totals: Totals,
    /// The ids of the changes that are not at their places yet.
    unsettled: Range<i64>,
    /// How many those may be, and how many are moved at once.
    most_unsettled: i64,
    settled_at_once: i64,
}

/// What the file's single row says of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    seq: u64,
    count: u64,
    digest: u64,
}

/// A change: a name whose phone is another one after it, or gone.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) name: Rc<str>,
    pub(crate) before: Option<Box<str>>,
    pub(crate) after: Option<Box<str>>,
}

/// What became of the contacts of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Names that were not in the book.
    pub(crate) added: u64,
    /// Names that have another phone now.
    pub(crate) changed: u64,
    /// Contacts that were in the book just so.
    pub(crate) unchanged: u64,
}

/// Why a change was not stored. None was: a transaction is all or nothing.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// No room. It is tried again with the next change.
    Full(rusqlite::Error),
    /// The disk failed, perhaps in the middle of a sync. What was to be stored
    /// then may or may not be on it, so the file is read again first.
    Failed(rusqlite::Error),
    /// The file could not be read again after such a failure.
    Unreadable(anyhow::Error),
}

impl StoreError {
    /// The reason as the clients are told it.
    pub(crate) fn why(&self) -> &'static str {
        match self {
            StoreError::Full(_) => "the server's disk is full",
            StoreError::Failed(_) | StoreError::Unreadable(_) => {
                "the server's disk reports an error"
            }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full(error) => write!(f, "the disk is full ({error})"),
            StoreError::Failed(error) => write!(f, "the disk reports an error ({error})"),
            StoreError::Unreadable(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full(error),
            _ => StoreError::Failed(error),
        }
    }
}

impl Store {
    /// Opens a book file for this process alone, or creates one.
    ///
    /// # Errors
    ///
    /// It is no book, of a newer version, damaged, read-only, or in use. The
    /// message says which, and what to do; the file has not been changed.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let is_new = !check_header(path)?;
        let log = wal::path_of(path);
        if is_new && log.exists() {
            bail!(
                "{} is missing, but its log {} is there; put the file back, or move the log away \
                 to begin with no contacts",
                path.display(),
                log.display()
            );
        }
        if let (true, Some(folder)) = (is_new, path.parent()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        check_log(path)?;
        let connection = connect(path)?;
        if is_new {
            create(&connection)
                .with_context(|| format!("cannot create the contact book {}", path.display()))?;
        }
        let broken = |error: rusqlite::Error| damaged(path, &error.to_string());
        upgrade(&connection).map_err(broken)?;
        let totals = totals(&connection).map_err(broken)?;
        let unsettled = unsettled(&connection).map_err(broken)?;
        Ok(Store {
            path: path.to_owned(),
            connection: Some(connection),
            totals,
            unsettled,
            most_unsettled: UNSETTLED,
            settled_at_once: SETTLED_AT_ONCE,
        })
    }

    /// Reads all contacts into an empty book.
    ///
    /// # Errors
    ///
    /// The file is damaged. A copy of it has been made, and the message says
    /// where.
    pub(crate) fn load(&self, contacts: &mut Contacts) -> anyhow::Result<()> {
        self.for_each(|name, phone| {
            contacts.insert(name, phone);
            Ok(())
        })
    }

    /// Hands out every contact, ordered by name, and checks at the end that
    /// they were all there.
    ///
    /// # Errors
    ///
    /// The file is damaged, or `each` failed; what has been handed out must
    /// then not be used.
    pub(crate) fn for_each(
        &self,
        mut each: impl FnMut(&str, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let connection = self.connection.as_ref().context("the contact book is closed")?;
        let broken = |error: rusqlite::Error| damaged(&self.path, &error.to_string());
        let sound: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(broken)?;
        if sound != "ok" {
            return Err(damaged(&self.path, &sound));
        }

        let mut sum = Totals { seq: self.totals.seq, ..Totals::default() };
        let mut statement =
            connection.prepare("SELECT name, phone FROM book_now ORDER BY name").map_err(broken)?;
        let mut rows = statement.query([]).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let (name, phone) = (text(0).map_err(broken)?, text(1).map_err(broken)?);
            sum.add(name, phone);
            each(name, phone)?;
        }
        if sum != self.totals {
            let why = format!(
                "it should hold {} contacts and holds {}, or some of them have changed by themselves",
                self.totals.count, sum.count
            );
            return Err(damaged(&self.path, &why));
        }
        Ok(())
    }

    /// How many contacts there are.
    pub(crate) fn count(&self) -> u64 {
        self.totals.count
    }

    /// Stores many contacts in one transaction, over those of the same names.
    ///
    /// # Errors
    ///
    /// The disk failed, or `contacts` yielded an error. None of them is stored.
    pub(crate) fn import(
        &mut self,
        contacts: impl Iterator<Item = anyhow::Result<(String, String)>>,
    ) -> anyhow::Result<Imported> {
        let mut imported = Imported::default();
        let connection = self.connection.as_mut().context("the contact book is closed")?;
        let mut totals = self.totals;
        let transaction = connection.transaction()?;
        settle(&transaction, self.unsettled.end)?;
        {
            let mut find = transaction.prepare("SELECT phone FROM contacts WHERE name = ?1")?;
            let mut store =
                transaction.prepare("INSERT OR REPLACE INTO contacts VALUES (?1, ?2)")?;
            for contact in contacts {
                let (name, phone) = contact?;
                let before: Option<String> =
                    find.query_row([&name], |row| row.get(0)).optional()?;
                match before {
                    Some(before) if before == phone => {
                        imported.unchanged += 1;
                        continue;
                    }
                    Some(before) => {
                        imported.changed += 1;
                        totals.subtract(&name, &before);
                    }
                    None => imported.added += 1,
                }
                totals.add(&name, &phone);
                totals.seq += 1;
                store.execute(params![name, phone])?;
            }
        }
        totals.write(&transaction)?;
        transaction.commit()?;
        self.totals = totals;
        self.unsettled.start = self.unsettled.end;
        Ok(imported)
    }

    /// Whether changes can be stored; not so after a failure that left open what
    /// the file holds.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Opens and reads the file again.
    ///
    /// # Errors
    ///
    /// It still cannot be used. Nothing has changed; try again later.
    pub(crate) fn reopen(&mut self, limit: usize) -> Result<Contacts, StoreError> {
        let mut contacts = Contacts::with_limit(limit);
        let store = Store::open(&self.path).map_err(StoreError::Unreadable)?;
        store.load(&mut contacts).map_err(StoreError::Unreadable)?;
        *self = store;
        Ok(contacts)
    }

    /// Stores changes, all or none. They are on the disk, synced, when it
    /// returns.
    ///
    /// # Errors
    ///
    /// None of them is stored for good.
    pub(crate) fn commit(&mut self, changes: &[Changed]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let Some(connection) = &mut self.connection else {
            return Err(StoreError::Unreadable(anyhow::anyhow!("the contact book is closed")));
        };
        match write(connection, self.totals, changes) {
            Ok(totals) => {
                self.totals = totals;
                if self.unsettled.is_empty() {
                    self.unsettled = FIRST_ID..FIRST_ID;
                }
                self.unsettled.end += changes.len() as i64;
            }
            Err(error) => return Err(self.failed(error)),
        }
        if self.unsettled.end - self.unsettled.start > self.most_unsettled {
            self.settle();
        }
        Ok(())
    }

    /// Whether all changes are at their places, or cannot be moved.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.is_empty() || self.connection.is_none()
    }

    /// Moves some changes to their places, the oldest first. If that fails they
    /// stay where they are, as safe as before. Returns whether it did not.
    pub(crate) fn settle(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let Range { start, end } = self.unsettled;
        let until = end.min(start + self.settled_at_once);
        let settled = connection.transaction().and_then(|transaction| {
            settle(&transaction, until)?;
            transaction.commit()
        });
        match settled {
            Ok(()) => {
                self.unsettled.start = until;
                true
            }
            Err(error) => {
                let error = self.failed(error);
                tracing::warn!("changes stay unsorted in the contact book: {error}");
                false
            }
        }
    }

    fn failed(&mut self, error: rusqlite::Error) -> StoreError {
        let error = StoreError::from(error);
        if let StoreError::Failed(_) = error {
            // A failed sync is not tried again: the system may have dropped
            // what it could not write. Closing writes down what was stored
            // before.
            self.connection = None;
        }
        error
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // So that any SQLite tool shows the contacts as they are.
        while !self.is_settled() && self.settle() {}
    }
}

/// Writes changes behind the others.
fn write(
    connection: &mut Connection,
    mut totals: Totals,
    changes: &[Changed],
) -> rusqlite::Result<Totals> {
    for Changed { name, before, after } in changes {
        if let Some(phone) = before {
            totals.subtract(name, phone);
        }
        if let Some(phone) = after {
            totals.add(name, phone);
        }
    }
    let transaction = connection.transaction()?;
    let (many, rest) = changes.as_chunks::<ROWS>();
    append(&transaction, many.iter().map(|many| &many[..]))?;
    append(&transaction, rest.chunks(1))?;
    totals.seq += changes.len() as u64;
    totals.write(&transaction)?;
    transaction.commit()?;
    Ok(totals)
}

/// Rows that one statement adds. To run a statement costs several rows.
const ROWS: usize = 16;

/// Adds changes, as many in each portion as in every other.
fn append<'c>(
    transaction: &Connection,
    portions: impl ExactSizeIterator<Item = &'c [Changed]>,
) -> rusqlite::Result<()> {
    let mut portions = portions.peekable();
    let Some(first) = portions.peek() else { return Ok(()) };
    // Without ids, which SQLite then chooses in order, and finds the end faster.
    let rows = vec!["(?, ?)"; first.len()].join(", ");
    let sql = format!("INSERT INTO changes (name, phone) VALUES {rows}");
    let mut statement = transaction.prepare_cached(&sql)?;
    for portion in portions {
        for (row, Changed { name, after, .. }) in portion.iter().enumerate() {
            statement.raw_bind_parameter(2 * row + 1, &**name)?;
            statement.raw_bind_parameter(2 * row + 2, after)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

impl Totals {
    fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut update =
            connection.prepare_cached("UPDATE book SET seq = ?1, count = ?2, digest = ?3")?;
        // SQLite's integers are signed; the bits are the same.
        update.execute([self.seq, self.count, self.digest].map(|number| number as i64))?;
        Ok(())
    }

    fn add(&mut self, name: &str, phone: &str) {
        self.count += 1;
        self.digest = self.digest.wrapping_add(hash(name, phone));
    }

    fn subtract(&mut self, name: &str, phone: &str) {
        self.count -= 1;
        self.digest = self.digest.wrapping_sub(hash(name, phone));
    }
}

/// A row's hash: XXH3, the same on every machine and in every version.
fn hash(name: &str, phone: &str) -> u64 {
    /// Bytes of the longest row that clients make: a name of 64 characters, a
    /// phone of 32, four bytes each, and what stands between them.
    const ROOM: usize = (64 + 32) * 4 + 1;
    // Neither holds a semicolon, so no two rows run together alike.
    let row = [name, ";", phone].map(str::as_bytes);
    let mut room = [0; ROOM];
    let mut free = &mut room[..];
    // Not on the heap: it is done twice for each change.
    match row.into_iter().try_for_each(|part| free.write_all(part)) {
        Ok(()) => {
            let free = free.len();
            xxh3_64(&room[..ROOM - free])
        }
        Err(_) => xxh3_64(&row.concat()),
    }
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        // Whoever holds the file will hold it for a whole lesson.
        connection.busy_timeout(Duration::ZERO)?;
        // Held until the connection closes: a second server, or a tool that
        // would change what this one has in memory, is kept out.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // Every commit is synced before it counts; on a Mac down to the platter.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        // Takes the lock now.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok(connection)
    };
    // SQLite would open a file that cannot be written for reading, and fail
    // later with less to say.
    let is_writable = !path.exists() || File::options().append(true).open(path).is_ok();
    let shown = path.display();
    let not_writable = format!(
        "{shown} cannot be written; make it and its folder writable, or choose another file with \
         --data FILE, or keep the contacts in memory with --memory"
    );
    if !is_writable {
        bail!(not_writable);
    }
    open().map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => anyhow::anyhow!(
            "{shown} is in use, perhaps by another tcp-classroom; stop that program, or choose \
             another file with --data FILE"
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            anyhow::Error::new(error).context(not_writable.clone())
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull) => anyhow::Error::new(error)
            .context(format!(
                "the disk does not let {shown} be used; make room on it, or choose another file \
                 with --data FILE"
            )),
        _ => damaged(path, &error.to_string()),
    })
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN; {SCHEMA_1} {SCHEMA_2} PRAGMA application_id = {APPLICATION_ID}; \
         PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
    ))
}

fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 1 {
        connection.execute_batch(&format!("BEGIN; {SCHEMA_2} PRAGMA user_version = 2; COMMIT"))?;
    }
    Ok(())
}

fn settle(connection: &Connection, until: i64) -> rusqlite::Result<()> {
    for statement in SETTLE {
        connection.prepare_cached(statement)?.execute([until - 1])?;
    }
    Ok(())
}

fn unsettled(connection: &Connection) -> rusqlite::Result<Range<i64>> {
    connection.query_row("SELECT min(id), max(id) FROM changes", [], |row| {
        let first: Option<i64> = row.get(0)?;
        let last: Option<i64> = row.get(1)?;
        Ok(first.unwrap_or(FIRST_ID)..last.map_or(FIRST_ID, |last| last + 1))
    })
}

fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    connection.query_row("SELECT seq, count, digest FROM book", [], |row| {
        let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)? as u64);
        Ok(Totals { seq: number(0)?, count: number(1)?, digest: number(2)? })
    })
}

/// Looks at a file's first bytes without SQLite, which would begin to change
/// it. Returns whether there is a file.
fn check_header(path: &Path) -> anyhow::Result<bool> {
    /// The 100 bytes of a SQLite file's header, as its file format says.
    const HEADER: u64 = 100;
    let shown = path.display();
    let mut header = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(HEADER).read_to_end(&mut header),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot read {shown}; choose another file with --data FILE"))?;

    if header.is_empty() {
        bail!(
            "{shown} is empty, so it is no contact book, or not any more; put the right file there, \
             or delete it to begin with no contacts"
        );
    }
    if header.len() < HEADER as usize || !header.starts_with(b"SQLite format 3\0") {
        return Err(damaged(path, "it does not begin as a SQLite file does"));
    }
    let number = |at: usize| {
        header[at..at + 4].iter().fold(0_i32, |number, &byte| (number << 8) | i32::from(byte))
    };
    let (version, application) = (number(60), number(68));
    if application != APPLICATION_ID {
        // A crash in the first second leaves a file whose content is still in
        // its log; SQLite puts it right.
        let log = std::fs::metadata(wal::path_of(path)).is_ok_and(|log| log.len() > 0);
        if !log {
            bail!(
                "{shown} is a SQLite file but no contact book; choose another one with --data FILE"
            );
        }
    }
    if version > SCHEMA_VERSION {
        bail!(
            "{shown} was written by a newer tcp-classroom (version {version} of the file, this \
             program knows {SCHEMA_VERSION}); use that program, or choose another file with --data \
             FILE"
        );
    }
    Ok(true)
}

/// Looks at the write-ahead log that a killed server leaves behind, since
/// SQLite takes a damaged one for the trace of a power cut and drops what
/// follows the damage.
fn check_log(path: &Path) -> anyhow::Result<()> {
    let log = wal::path_of(path);
    let bytes = match std::fs::read(&log) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", log.display()));
        }
    };
    match wal::check(&bytes) {
        wal::State::Sound => Ok(()),
        wal::State::TornEnd => {
            let kept = keep_copy(path);
            tracing::warn!(
                "the last change in {} was not written to its end, as after a power cut, and is \
                 dropped; a copy as it was found is {kept}",
                log.display()
            );
            Ok(())
        }
        wal::State::Damaged => Err(damaged(&log, "changes that had been stored cannot be read")),
    }
}

/// The error for a file that is not as this program left it. Keeps a copy
/// before anybody tries anything.
fn damaged(path: &Path, why: &str) -> anyhow::Error {
    let kept = keep_copy(path);
    anyhow::anyhow!(
        "{} is damaged: {why}; a copy of it is {kept}; put a good file in its place, or start with \
         another one with --data FILE",
        path.display()
    )
}

/// Copies a book file, and its log if there is one, beside the original.
/// Returns where, or why not, for the message.
fn keep_copy(path: &Path) -> String {
    let book = path.to_string_lossy();
    let book = book.strip_suffix("-wal").unwrap_or(&book);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let copy = format!("{book}.damaged-{now}");
    match std::fs::copy(book, &copy) {
        Ok(_) => {
            let log = wal::path_of(Path::new(book));
            if log.exists() {
                // The book itself is kept; its log is worth a try.
                let _ = std::fs::copy(log, wal::path_of(Path::new(&copy)));
            }
            copy
        }
        Err(error) => format!("not made ({error})"),
    }
}

#[cfg(test)]
mod tests;
