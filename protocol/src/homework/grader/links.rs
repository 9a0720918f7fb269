//! The connections of a run.

use core::time::Duration;

use crate::homework::checks::Seat;
use crate::homework::event::Conn;

/// How many unread bytes of a connection are kept. An answer of the lesson has a
/// hundred at most; a server that floods must not fill the memory.
const MAX_KEPT: usize = 8 * 1024;

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    Connecting,
    Open,
    Refused,
    /// The server ended its side, or reset it.
    Ended,
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Link {
    pub conn: Conn,
    pub state: LinkState,
    /// What came and was not yet taken for a greeting or an answer.
    pub unread: Vec<u8>,
    /// When something came last.
    pub heard: Duration,
    /// Whether its greeting was awaited.
    pub is_greeted: bool,
    /// How many messages were answered on it.
    pub answered: usize,
    /// Whether `exit` was sent or our side ended: the server may end it.
    pub may_end: bool,
    /// Whether our side ended.
    pub is_finished: bool,
}

impl Link {
    pub fn is_open(&self) -> bool {
        self.state == LinkState::Open
    }

    /// Whether more came than any answer can have.
    pub fn is_flooded(&self) -> bool {
        self.unread.len() == MAX_KEPT
    }
}

/// All connections that the driver has.
#[derive(Debug, Default)]
pub(super) struct Links {
    next: u32,
    main: Option<Link>,
    beside: Option<Link>,
    /// Those that our side has left; the server has not ended its side yet.
    left: Vec<Conn>,
}

impl Links {
    /// A new connection in a seat.
    pub fn open(&mut self, seat: Seat, now: Duration) -> Conn {
        let conn = Conn(self.next);
        self.next += 1;
        *self.seat_mut(seat) = Some(Link {
            conn,
            state: LinkState::Connecting,
            unread: Vec::new(),
            heard: now,
            is_greeted: false,
            answered: 0,
            may_end: false,
            is_finished: false,
        });
        conn
    }

    pub fn get(&self, seat: Seat) -> Option<&Link> {
        match seat {
            Seat::Main => self.main.as_ref(),
            Seat::Beside => self.beside.as_ref(),
        }
    }

    pub fn get_mut(&mut self, seat: Seat) -> Option<&mut Link> {
        self.seat_mut(seat).as_mut()
    }

    fn seat_mut(&mut self, seat: Seat) -> &mut Option<Link> {
        match seat {
            Seat::Main => &mut self.main,
            Seat::Beside => &mut self.beside,
        }
    }

    pub fn take(&mut self, seat: Seat) -> Option<Link> {
        self.seat_mut(seat).take()
    }

    /// Remembers a connection that our side has left.
    pub fn leave(&mut self, conn: Conn) {
        self.left.push(conn);
    }

    /// Whether a client that left is still being served.
    pub fn has_left_unnoticed(&self) -> bool {
        !self.left.is_empty()
    }

    /// The connection of this number, if it has a seat.
    pub fn find(&mut self, conn: Conn) -> Option<&mut Link> {
        [&mut self.main, &mut self.beside].into_iter().flatten().find(|link| link.conn == conn)
    }

    /// Keeps what came, up to a limit.
    pub fn received(&mut self, conn: Conn, bytes: &[u8], now: Duration) {
        if let Some(link) = self.find(conn) {
            let room = MAX_KEPT.saturating_sub(link.unread.len());
            link.unread.extend_from_slice(&bytes[..bytes.len().min(room)]);
            link.heard = now;
        }
    }

    /// The server ended a connection. Whether the driver still has it.
    pub fn ended(&mut self, conn: Conn) -> bool {
        if let Some(link) = self.find(conn) {
            link.state = LinkState::Ended;
            return true;
        }
        let before = self.left.len();
        self.left.retain(|left| *left != conn);
        self.left.len() < before
    }

    /// What has come on a connection on which more came than any answer can have.
    pub fn flood(&self) -> Option<&[u8]> {
        let mut seats = [&self.main, &self.beside].into_iter().flatten();
        seats.find(|link| link.is_flooded()).map(|link| link.unread.as_slice())
    }

    /// All connections that the driver still has; they are forgotten.
    pub fn drain(&mut self) -> Vec<Conn> {
        let seats = [self.main.take(), self.beside.take()];
        let open = seats.into_iter().flatten().filter(Link::is_open).map(|link| link.conn);
        open.chain(core::mem::take(&mut self.left)).collect()
    }
}
