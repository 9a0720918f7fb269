//! SQLite's write-ahead log: whether a killed server left it whole.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong and takes
//! the rest for what a power cut left. That is right for the last transaction,
//! which was never confirmed, and wrong for a flipped bit further up: all that
//! follows would be lost in silence. So the log is examined before its content
//! is used. It is read in pieces, since an import of a large book leaves
//! hundreds of megabytes.
//!
//! The format is described in SQLite's documentation, "WAL-mode File Format".

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// SQLite's smallest page.
const SMALLEST_PAGE: usize = 512;

/// Bits of a frame's salts that may be damaged: among 32 random bits so few
/// differ in one case of 100,000.
const DAMAGED_BITS: u32 = 4;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// What a log is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Everything in it can be read.
    Sound,
    /// The last transaction cannot, or is not complete, and nothing follows it.
    TornEnd {
        /// Whether its end is there, so that it may have been confirmed.
        ended: bool,
    },
    /// A transaction cannot, though others were stored after it; or the log
    /// as a whole cannot.
    Damaged,
}

/// Bytes in a log; `None` if there is no such file.
pub(super) fn length(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(about) => Ok(Some(about.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a log of so many bytes can hold anything.
pub(super) fn holds_a_page(length: Option<u64>) -> bool {
    length.is_some_and(|length| length >= (HEADER + FRAME_HEADER + SMALLEST_PAGE) as u64)
}

/// Examines a log.
pub(super) fn check(path: &Path) -> io::Result<State> {
    examine(BufReader::with_capacity(PIECE, File::open(path)?))
}

fn examine(mut log: impl Read) -> io::Result<State> {
    let mut header = [0; HEADER];
    if fill(&mut log, &mut header)? < HEADER {
        // Begun and not yet used, or emptied.
        return Ok(State::Sound);
    }
    let magic = word(&header, 0);
    let big_endian = magic & 1 == 1;
    let page = word(&header, 8) as usize;
    let mut sum = checksum(&header[..24], (0, 0), big_endian);
    if magic & !1 != 0x377f_0682
        || sum != (word(&header, 24), word(&header, 28))
        || !(SMALLEST_PAGE..=65_536).contains(&page)
    {
        return Ok(State::Damaged);
    }
    let salts = double_word(&header[16..24]);
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut open_transaction = false;
    let mut readable = true;
    // Frames behind the last readable one, and transactions that end there.
    let (mut frames_beyond, mut commits_beyond) = (0_u64, 0_u64);
    loop {
        let length = fill(&mut log, &mut frame)?;
        if length < FRAME_HEADER {
            break;
        }
        // Frames with other salts are left over from before the log was last
        // reset. Half of the salts is random, so that few other bits are damage.
        let other_bits = (double_word(&frame[8..16]) ^ salts).count_ones();
        let is_current = other_bits <= DAMAGED_BITS;
        let is_commit = word(&frame, 4) != 0;
        if readable {
            let after_header = checksum(&frame[..8], sum, big_endian);
            let after_page = checksum(&frame[FRAME_HEADER..], after_header, big_endian);
            readable = other_bits == 0
                && length == frame.len()
                && after_page == (word(&frame, 16), word(&frame, 20));
            if readable {
                sum = after_page;
                open_transaction = !is_commit;
                continue;
            }
        }
        frames_beyond += u64::from(is_current);
        commits_beyond += u64::from(is_current && is_commit);
    }
    // Each transaction ends with one commit, synced before the next begins. So
    // two of them beyond the break mean that it is no torn end.
    Ok(match commits_beyond {
        0 if frames_beyond == 0 && !open_transaction => State::Sound,
        commits @ (0 | 1) => State::TornEnd { ended: commits == 1 },
        _ => State::Damaged,
    })
}

/// Writes a log's bytes over themselves and syncs them. After a failed sync the
/// system may keep pages in memory that are not on the disk and never will be,
/// but count as written: syncing again would not write them, this does.
pub(super) fn write_again(path: &Path) -> io::Result<()> {
    let mut log = File::options().read(true).write(true).open(path)?;
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        log.seek(SeekFrom::Start(at))?;
        let length = fill(&mut log, &mut piece)?;
        if length == 0 {
            return log.sync_all();
        }
        log.seek(SeekFrom::Start(at))?;
        log.write_all(&piece[..length])?;
        at += length as u64;
    }
}

/// Reads until the buffer is full or the input ends. Returns how much was read.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, &byte| (word << 8) | u32::from(byte))
}

fn double_word(bytes: &[u8]) -> u64 {
    u64::from(word(bytes, 0)) << 32 | u64::from(word(bytes, 4))
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
