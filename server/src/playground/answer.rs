//! The answers to a program's requests, with the errors that it is told.

use std::io;

/// The errors of Linux that a program is told.
pub(super) const BAD_SOCKET: i32 = 9;
pub(super) const AGAIN: i32 = 11;
pub(super) const INVALID: i32 = 22;
pub(super) const TOO_MANY: i32 = 24;
pub(super) const BROKEN_PIPE: i32 = 32;
pub(super) const UNSUPPORTED: i32 = 95;
pub(super) const IN_USE: i32 = 98;
pub(super) const NO_ADDRESS: i32 = 99;
pub(super) const UNREACHABLE: i32 = 101;
pub(super) const RESET: i32 = 104;
pub(super) const REFUSED: i32 = 111;

/// The answer to a request: 0 or an error, and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) bytes: Vec<u8>,
}

/// It is done.
pub(super) fn done(bytes: impl Into<Vec<u8>>) -> Answer {
    Answer { status: 0, bytes: bytes.into() }
}

/// It has failed.
pub(super) fn failed(status: i32) -> Answer {
    Answer { status, bytes: Vec::new() }
}

/// What became of a read: nothing in time, bytes or an error.
pub(super) fn received(read: Option<io::Result<Vec<u8>>>) -> Answer {
    match read {
        None => failed(AGAIN),
        Some(Ok(bytes)) => done(bytes),
        Some(Err(error)) => failed(number_of(&error)),
    }
}

/// What became of a write.
pub(super) fn sent(written: Option<io::Result<usize>>) -> Answer {
    match written {
        None => failed(AGAIN),
        Some(Ok(length)) => done(length.to_string()),
        Some(Err(error)) => failed(number_of(&error)),
    }
}

fn number_of(error: &io::Error) -> i32 {
    match error.kind() {
        io::ErrorKind::BrokenPipe => BROKEN_PIPE,
        io::ErrorKind::ConnectionAborted => BAD_SOCKET,
        _ => RESET,
    }
}
