//! Is a SQLite write-ahead log whole?
//!
//! SQLite reads a log up to the first frame whose checksum is wrong and takes
//! the rest for what a power cut left. That is right for the last transaction,
//! which nobody has been told about, and wrong for a flipped bit further up:
//! then everything behind it would be lost in silence. This looks at a log
//! before SQLite does. It changes nothing.
//!
//! The format is described in SQLite's documentation, "WAL-mode File Format".

use std::ffi::OsString;
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What a log is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything in it can be read.
    Sound,
    /// The last transaction cannot, and nothing follows it.
    TornEnd,
    /// A transaction cannot, though others were stored after it; or the log
    /// as a whole cannot.
    Damaged,
}

/// The log that belongs to a database file.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-wal");
    path.into()
}

/// Looks at the bytes of a log.
pub(crate) fn check(log: &[u8]) -> State {
    if log.len() <= HEADER {
        // Begun and not yet used, or emptied.
        return State::Sound;
    }
    let (header, frames) = log.split_at(HEADER);
    let magic = word(header, 0);
    let big_endian = magic & 1 == 1;
    let mut sum = checksum(&header[..24], (0, 0), big_endian);
    if magic & !1 != 0x377f_0682 || sum != (word(header, 24), word(header, 28)) {
        return State::Damaged;
    }
    let salts = &header[16..24];
    let page = word(header, 8) as usize;

    // Frames with other salts are left over from before the log was last reset.
    let current = |frame: &[u8]| frame.get(8..16) == Some(salts);
    let is_commit = |frame: &[u8]| word(frame, 4) != 0;
    let mut frames = frames.chunks(FRAME_HEADER + page).peekable();
    let mut open_transaction = false;
    while let Some(frame) = frames.peek() {
        if frame.len() < FRAME_HEADER + page || !current(frame) {
            break;
        }
        let after_header = checksum(&frame[..8], sum, big_endian);
        let after_page = checksum(&frame[FRAME_HEADER..], after_header, big_endian);
        if after_page != (word(frame, 16), word(frame, 20)) {
            break;
        }
        sum = after_page;
        open_transaction = !is_commit(frame);
        frames.next();
    }
    // Each transaction ends with one commit, synced before the next begins. So
    // two of them beyond the break mean that it is no torn end.
    let beyond: Vec<_> =
        frames.filter(|frame| frame.len() >= FRAME_HEADER && current(frame)).collect();
    match beyond.iter().filter(|frame| is_commit(frame)).count() {
        0 if beyond.is_empty() && !open_transaction => State::Sound,
        0 | 1 => State::TornEnd,
        _ => State::Damaged,
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, &byte| (word << 8) | u32::from(byte))
}

/// SQLite's running checksum over pairs of 32-bit words.
fn checksum(bytes: &[u8], sum: (u32, u32), big_endian: bool) -> (u32, u32) {
    let read = |at: &[u8]| {
        let bytes = [at[0], at[1], at[2], at[3]];
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    bytes.chunks_exact(8).fold(sum, |(first, second), pair| {
        let first = first.wrapping_add(read(&pair[..4])).wrapping_add(second);
        let second = second.wrapping_add(read(&pair[4..])).wrapping_add(first);
        (first, second)
    })
}
