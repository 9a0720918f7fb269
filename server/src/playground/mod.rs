//! The playground: the network of the Python programs that run in students' pages.
//!
//! ```text
//! page:  worker -> POST api/program -> session: its sockets -> TCP, on this computer
//! ```
//!
//! A page opens a [`Session`](session::Session) and gets a secret for it; with that its
//! program binds, accepts, connects, sends and receives as on a desktop. What it may
//! reach is the lesson's port of this server and the servers of this class, never
//! another computer: this server connects nowhere else.

mod answer;
pub(crate) mod session;
pub(crate) mod socket;

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;

use self::session::Session;
use crate::config::PortRange;

/// Most sessions at once: pages that run a program, ten for each of the usual ports.
const SESSIONS: usize = 1_000;

/// Most sessions of one address, as many as a class of 60 behind one router has
/// when each reloads the page several times.
const SESSIONS_PER_ADDRESS: usize = 400;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 16;

/// All programs that run in the pages of one class.
#[derive(Debug, Default)]
pub(crate) struct Playground {
    /// Whether other computers may connect to students' servers.
    lets_neighbours: AtomicBool,
    table: Mutex<Table>,
    /// What pages have checked by themselves, by their keys: required checks passed, and
    /// how many there are.
    checked: Mutex<HashMap<String, (u8, u8)>>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<String, Arc<Session>>,
    /// Where servers of this class listen.
    ports: BTreeSet<u16>,
}

/// There are too many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Playground {
    /// Whether other computers may connect to students' servers: to those that begin to
    /// listen while they may, and no longer than they may. A switch of the teacher's, of
    /// effect only where the class is on the network.
    pub(crate) fn let_neighbours(&self, lets: bool) {
        self.lets_neighbours.store(lets, Ordering::Relaxed);
    }

    pub(crate) fn lets_neighbours(&self) -> bool {
        self.lets_neighbours.load(Ordering::Relaxed)
    }

    /// Notes what a page with this key has checked: the best of its results.
    pub(crate) fn check(&self, key: &str, passed: u8, of: u8) -> Result<(), Full> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() >= SESSIONS && !checked.contains_key(key) {
            return Err(Full);
        }
        let best = checked.entry(key.to_owned()).or_insert((passed, of));
        if best.0 < passed {
            *best = (passed, of);
        }
        Ok(())
    }

    /// What a page with this key has checked by itself.
    pub(crate) fn checked(&self, key: &str) -> Option<(u8, u8)> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Forgets what pages have checked: the lesson is over.
    pub(crate) fn forget_checked(&self) {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A new session for a page from an address.
    pub(crate) fn open(self: &Arc<Self>, address: IpAddr) -> Result<Arc<Session>, Full> {
        let session = Arc::new(Session::new(secret(), address, Arc::downgrade(self)));
        let mut table = self.table();
        let of_address = table.sessions.values().filter(|other| other.address() == address).count();
        if table.sessions.len() >= SESSIONS || of_address >= SESSIONS_PER_ADDRESS {
            return Err(Full);
        }
        table.sessions.insert(session.secret().to_owned(), Arc::clone(&session));
        Ok(session)
    }

    /// The session with this secret.
    pub(crate) fn session(&self, secret: &str) -> Option<Arc<Session>> {
        self.table().sessions.get(secret).map(Arc::clone)
    }

    /// Ends a session: its sockets are closed.
    pub(crate) fn close(&self, session: &Session) {
        self.table().sessions.remove(session.secret());
        session.end();
    }

    /// Listens on a student's port, the same one as before if it is free.
    fn listen(
        self: &Arc<Self>,
        before: Option<u16>,
        ports: PortRange,
        all: bool,
    ) -> Option<(TcpListener, Port)> {
        let mut table = self.table();
        let host = if all { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        for number in before.into_iter().chain(ports.first..=ports.last) {
            if table.ports.contains(&number) {
                continue;
            }
            // Another program of this computer may have it.
            let Ok(listener) = bind(SocketAddr::from((host, number))) else { continue };
            table.ports.insert(number);
            return Some((listener, Port { number, playground: Arc::clone(self) }));
        }
        None
    }

    /// Whether a server of this class listens on a port.
    fn has_server(&self, port: u16) -> bool {
        self.table().ports.contains(&port)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete before anything could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port that a student's server has. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    playground: Arc<Playground>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.playground.table().ports.remove(&self.number);
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    // On Windows that would share a port with another program.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Those that wait to be accepted have their buffers from here.
    socket.set_recv_buffer_size(socket::BUFFER)?;
    socket.set_send_buffer_size(socket::BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// 128 random bits as hexadecimal digits.
fn secret() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
