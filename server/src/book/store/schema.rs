//! The tables of a book, and how those of older versions get what they lack.

use rusqlite::Connection;

/// Marks a SQLite file as a contact book ("TCPb").
pub(super) const APPLICATION_ID: i32 = 0x5443_5062;

/// The version of the tables below. A file of a newer one is refused.
pub(super) const VERSION: i32 = 3;

/// The first version whose files say whether a log belongs to them.
pub(super) const MARKED_SINCE: i32 = 3;

pub(super) const TABLES_1: &str = "
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

pub(super) const TABLES_2: &str = "
    -- Appended, but not yet merged into contacts; in the order of their ids.
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

const TABLES_3: &str = "
    -- A random number while a server has the file open: then a log belongs to
    -- it. 0 once it was closed cleanly.
    ALTER TABLE book ADD COLUMN opened INTEGER NOT NULL DEFAULT 0;
    -- The value of seq when the present log began.
    ALTER TABLE book ADD COLUMN log_start INTEGER NOT NULL DEFAULT 0;
";

/// Makes the tables in an empty file.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN; {TABLES_1} {TABLES_2} {TABLES_3} PRAGMA application_id = {APPLICATION_ID}; \
         PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

/// Adds what a file of an older version lacks.
pub(super) fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let missing = match version(connection)? {
        1 => format!("{TABLES_2} {TABLES_3}"),
        2 => TABLES_3.to_owned(),
        _ => return Ok(()),
    };
    connection.execute_batch(&format!("BEGIN; {missing} PRAGMA user_version = {VERSION}; COMMIT"))
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
