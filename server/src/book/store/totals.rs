//! What the single row of the table `book` says of all others: how many
//! contacts and changes there are and what they add up to, so that damage is
//! noticed even where SQLite itself would not; and which log belongs to them.

use std::io::Write as _;

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64;

use super::schema::MARKED_SINCE;

/// The sums over all contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Changes made so far.
    pub(super) seq: u64,
    pub(super) count: u64,
    pub(super) digest: u64,
}

/// The whole row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BookRow {
    pub(super) totals: Totals,
    /// The number of the session that has the file open, or 0.
    pub(super) opened: i64,
    /// [`Totals::seq`] when the present log began.
    pub(super) log_start: u64,
}

impl Totals {
    pub(super) fn add(&mut self, name: &str, phone: &str) {
        self.count = self.count.wrapping_add(1);
        self.digest = self.digest.wrapping_add(hash(name, phone));
    }

    pub(super) fn subtract(&mut self, name: &str, phone: &str) {
        self.count = self.count.wrapping_sub(1);
        self.digest = self.digest.wrapping_sub(hash(name, phone));
    }
}

impl BookRow {
    /// Reads the row of a file of any version.
    pub(super) fn read(connection: &Connection, version: i32) -> rusqlite::Result<Self> {
        let marks = if version < MARKED_SINCE { "0, 0" } else { "opened, log_start" };
        connection.query_row(&format!("SELECT seq, count, digest, {marks} FROM book"), [], |row| {
            // SQLite's integers are signed; the bits are the same.
            let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)? as u64);
            Ok(BookRow {
                totals: Totals { seq: number(0)?, count: number(1)?, digest: number(2)? },
                opened: row.get(3)?,
                log_start: number(4)?,
            })
        })
    }

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Totals { seq, count, digest } = self.totals;
        let numbers = [seq, count, digest, self.opened as u64, self.log_start];
        connection
            .prepare_cached(
                "UPDATE book SET seq = ?1, count = ?2, digest = ?3, opened = ?4, log_start = ?5",
            )?
            .execute(numbers.map(|number| number as i64))?;
        Ok(())
    }
}

/// A row's hash: XXH3, the same on every machine and in every version.
fn hash(name: &str, phone: &str) -> u64 {
    /// Bytes of the longest row that clients make: a name of 64 characters, a
    /// phone of 32, four bytes each, and the separator.
    const ROOM: usize = (64 + 32) * 4 + 1;
    // Neither holds a semicolon, so no two rows have the same text.
    let row = [name, ";", phone].map(str::as_bytes);
    let mut room = [0; ROOM];
    let mut free = &mut room[..];
    // On the stack: it is done twice for each change.
    match row.into_iter().try_for_each(|part| free.write_all(part)) {
        Ok(()) => {
            let free = free.len();
            xxh3_64(&room[..ROOM - free])
        }
        Err(_) => xxh3_64(&row.concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_s_hash_is_that_of_its_text_however_long_it_is() {
        for (name, phone) in [("a", "1"), ("张三", "13800138000"), ("", "")] {
            assert_eq!(hash(name, phone), xxh3_64(format!("{name};{phone}").as_bytes()));
        }
        for length in [256, 257, 10_000] {
            let (name, phone) = ("n".repeat(length), "p".repeat(128));
            assert_eq!(hash(&name, &phone), xxh3_64(format!("{name};{phone}").as_bytes()));
        }
    }
}
