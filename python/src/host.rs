//! What a program asks of the world around it.

/// What answers a program's requests. A request is a line of words:
///
/// | request | body | answer |
/// | --- | --- | --- |
/// | `stdout`, `stderr` | text | |
/// | `input MS` | | the line that was typed |
/// | `sleep MS` | | |
/// | `bind HOST PORT` | | `ID PORT` |
/// | `listen ID` | | |
/// | `accept ID MS` | | `ID HOST PORT` |
/// | `connect HOST PORT MS` | | `ID PORT` |
/// | `recv ID BYTES MS` | | bytes, none at the end |
/// | `send ID MS` | bytes | how many were taken |
/// | `shutdown ID HOW` | | |
/// | `close ID` | | |
///
/// `MS` is how many milliseconds it may take; then it is answered with
/// [`Status::AGAIN`].
pub trait Host {
    /// Answers a request.
    fn call(&self, request: &str, body: &[u8]) -> Answer;
}

/// What became of a request: 0, an error number of Linux, or one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// It is done.
    pub const DONE: Status = Status(0);
    /// Nothing came in time.
    pub const AGAIN: Status = Status(11);
    /// There is no such socket.
    pub const BAD_SOCKET: Status = Status(9);
    /// It makes no sense for this socket.
    pub const INVALID: Status = Status(22);
    /// The other side does not read any more.
    pub const BROKEN_PIPE: Status = Status(32);
    /// It is not possible here.
    pub const UNSUPPORTED: Status = Status(95);
    /// Another program has the port.
    pub const IN_USE: Status = Status(98);
    /// The address is not one of this computer's.
    pub const NO_ADDRESS: Status = Status(99);
    /// The other side has reset the connection.
    pub const RESET: Status = Status(104);
    /// Nothing listens there.
    pub const REFUSED: Status = Status(111);
    /// There is no more input.
    pub const EOF: Status = Status(1000);
    /// The program is to end.
    pub const STOPPED: Status = Status(1001);
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of it.
    pub status: Status,
    /// What came, or a text about the error in place of the usual one.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// It is done, with these bytes.
    pub fn done(bytes: impl Into<Vec<u8>>) -> Self {
        Answer { status: Status::DONE, bytes: bytes.into() }
    }
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Answer { status, bytes: Vec::new() }
    }
}
