//! What a run and its driver tell each other.

/// A connection to the server under test. Numbered from 0 in each run, and a number
/// is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(pub u32);

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server's process runs; the answer to [`Action::Start`].
    Started,
    /// The server's process ended: by itself, after [`Action::Stop`], or because it
    /// could not be started. Comes after all of its output.
    Exited {
        /// Its exit code, if it has one.
        code: Option<i32>,
    },
    /// The server printed text. It may come in any pieces.
    Printed(String),
    /// The server printed text on standard error: where Python shows exceptions. A
    /// driver to which both outputs come as one tells each text as both.
    Stderr(String),
    /// The connection is open.
    Connected(Conn),
    /// The connection could not be opened: nothing listens there.
    Refused(Conn),
    /// One `recv` brought bytes, at least one.
    Received(Conn, Vec<u8>),
    /// The server ended its side of the connection (`recv` brought nothing).
    Closed(Conn),
    /// The connection broke: it was reset, or the network failed.
    Reset(Conn),
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the server's process. Answered by [`Event::Started`].
    Start,
    /// End the server's process and whatever it started. Answered by
    /// [`Event::Exited`].
    Stop,
    /// Open a connection. Answered by [`Event::Connected`] or [`Event::Refused`].
    Connect(Conn),
    /// Send all of these bytes with one `send`. Not answered.
    Send(Conn, Vec<u8>),
    /// End our side, as `shutdown(SHUT_WR)` does; what the server sends is still
    /// read. Not answered. Nothing is to be done if the server has ended its side
    /// already: ending ours as well would leave `TIME_WAIT` on its port.
    FinishWriting(Conn),
    /// Let go of the connection at once and reset it (`SO_LINGER` of 0 seconds, then
    /// `close`), so that no `TIME_WAIT` stays on the server's port, where it would
    /// keep the student from starting the server again. Without a reset if our side
    /// was ended and the server's is not: `TIME_WAIT` then stays on our side, and a
    /// reset would end a server that still writes. Not answered, and no event of this
    /// connection may follow.
    Abort(Conn),
}
