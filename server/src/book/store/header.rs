//! The first bytes of a SQLite file, read without SQLite, which would begin to
//! recover the file as soon as it reads it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// Bytes of the header, and where its fields are: "Database File Format" in
/// SQLite's documentation, section 1.3.
const LENGTH: u64 = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const WRITE_VERSION: usize = 18;
const READ_VERSION: usize = 19;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// There are no bytes at all.
    Empty,
    /// It is no SQLite file.
    Foreign,
    Sqlite {
        /// Whether the file is in WAL mode. A [`Session`](super::Session) puts
        /// it there and takes it out again when it ends: a file that is not in
        /// WAL mode was closed cleanly and has no log.
        wal: bool,
        version: i32,
        application: i32,
    },
}

impl Header {
    pub(super) fn read(mut file: &File) -> io::Result<Self> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(LENGTH).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(Header::Empty);
        }
        let is_sqlite = bytes.len() as u64 == LENGTH
            && bytes.starts_with(MAGIC)
            // 1 with a rollback journal, 2 in WAL mode.
            && matches!(bytes[WRITE_VERSION], 1 | 2)
            && bytes[READ_VERSION] == bytes[WRITE_VERSION];
        if !is_sqlite {
            return Ok(Header::Foreign);
        }
        let number = |at: usize| {
            bytes[at..at + 4].iter().fold(0_i32, |number, &byte| (number << 8) | i32::from(byte))
        };
        Ok(Header::Sqlite {
            wal: bytes[WRITE_VERSION] == 2,
            version: number(USER_VERSION),
            application: number(APPLICATION_ID),
        })
    }
}
