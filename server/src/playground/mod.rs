//! The playground: the network of the Python programs that run in students' pages.
//!
//! ```text
//! page:  worker -> POST api/program -> session: its sockets -> TCP, on this computer
//! ```
//!
//! A page opens a [`Session`](session::Session) and gets a secret for it; with that its
//! program binds, accepts, connects, sends and receives as on a desktop. What it may
//! reach is the lesson's port of this server and the servers of this class, never
//! another computer: this server connects nowhere else. A page's conversation reaches
//! them as well, by a [`line`](line) behind the relay's bridge.

mod answer;
pub(crate) mod checked;
mod line;
mod reach;
pub(crate) mod session;
pub(crate) mod socket;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::checked::{Checked, Results};
pub(crate) use self::line::{Line, Target};
pub(crate) use self::reach::Reach;
use self::session::Session;
use self::socket::Listener;
use crate::config::PortRange;

/// Most sessions at once: pages that run a program, ten for each of the usual ports.
const SESSIONS: usize = 1_000;

/// Most sessions of one address, as many as a class of 60 behind one router has
/// when each reloads the page several times.
const SESSIONS_PER_ADDRESS: usize = 400;

/// Of ten ports of students' servers, those that one address may have at the same time: of
/// the usual hundred as many as a class of 60 behind one router needs.
const PORTS_PER_ADDRESS: usize = 6;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 16;

/// All programs that run in the pages of one class.
#[derive(Debug, Default)]
pub(crate) struct Playground {
    /// Whether other computers may connect to students' servers.
    lets_neighbours: AtomicBool,
    table: Mutex<Table>,
    /// What pages have checked by themselves.
    checked: Mutex<Results>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<String, Arc<Session>>,
    /// The servers of this class, by where they listen.
    servers: BTreeMap<u16, Server>,
}

/// A program that listens.
#[derive(Debug)]
struct Server {
    /// The key of its page; empty if the page has none.
    key: String,
    /// Where its page is.
    address: IpAddr,
    /// Whether it listens at all addresses of this computer, and not on it alone.
    is_for_all: bool,
    /// Cancelled when it no longer listens, before its connections are closed.
    closed: CancellationToken,
    /// Room for conversations of pages.
    talks: Arc<Semaphore>,
}

/// A server of this class, as other pages are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// The key of its page, which no other page is told.
    pub(crate) key: String,
    pub(crate) port: u16,
    pub(crate) is_for_all: bool,
}

/// The page that asks for a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// Its key; empty if it has none.
    pub(crate) key: &'a str,
    /// Whether this server is on the network, where the teacher decides, and not on this
    /// computer alone.
    pub(crate) is_on_network: bool,
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

    /// Notes what a page with this key has checked: the best of its results. Where there
    /// are too many, those of pages that are not here are forgotten.
    pub(crate) fn check(
        &self,
        key: &str,
        checked: Checked,
        is_here: impl Fn(&str) -> bool,
    ) -> Result<(), Full> {
        self.results().enter(key, checked, is_here)
    }

    /// What each page has checked by itself, by their keys.
    pub(crate) fn all_checked(&self) -> Vec<(String, Checked)> {
        self.results().all()
    }

    /// Forgets what pages have checked: the lesson is over.
    pub(crate) fn forget_checked(&self) {
        self.results().clear();
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session for a page from an address, which has a key or an empty one.
    pub(crate) fn open(self: &Arc<Self>, address: IpAddr, key: &str) -> Result<Arc<Session>, Full> {
        let session = Session::new(secret(), key.to_owned(), address, Arc::downgrade(self));
        let session = Arc::new(session);
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

    /// The servers of this class that this page may talk to, without its own.
    pub(crate) fn neighbours(&self, asker: Asker<'_>) -> Vec<Neighbour> {
        let table = self.table();
        let others = table.servers.iter().filter(|(_, server)| !server.is_of(asker));
        let reached = others.filter(|(_, server)| self.lets_in(server, asker));
        let neighbour = |(port, server): (&u16, &Server)| Neighbour {
            key: server.key.clone(),
            port: *port,
            is_for_all: server.is_for_all,
        };
        reached.map(neighbour).collect()
    }

    /// Whether this page may talk to servers of others now.
    pub(crate) fn has_neighbours(&self, asker: Asker<'_>) -> bool {
        !asker.is_on_network || self.lets_neighbours()
    }

    /// Whether a server of this class listens on a port, and this page may reach it.
    fn has_server(&self, port: u16, asker: Asker<'_>) -> bool {
        self.table().servers.get(&port).is_some_and(|server| self.lets_in(server, asker))
    }

    fn lets_in(&self, server: &Server, asker: Asker<'_>) -> bool {
        !server.closed.is_cancelled() && (server.is_of(asker) || self.has_neighbours(asker))
    }

    /// Ends the servers that a page has by other sessions, as before it was loaded anew: the
    /// ports are for all students.
    fn end_others(&self, session: &Session) {
        if session.key().is_empty() {
            return;
        }
        let others: Vec<_> = {
            let table = self.table();
            let of_page = table.sessions.values().filter(|other| other.key() == session.key());
            of_page.filter(|other| other.secret() != session.secret()).map(Arc::clone).collect()
        };
        // Their ports are given back without this lock.
        others.iter().for_each(|other| other.close_listener());
    }

    /// Listens on a student's port, the same one as before if it is free.
    fn listen(
        self: &Arc<Self>,
        session: &Session,
        before: Option<u16>,
        ports: PortRange,
        is_for_all: bool,
    ) -> Option<Listener> {
        self.end_others(session);
        let mut table = self.table();
        let address = session.address();
        let of_address = table.servers.values().filter(|server| server.address == address).count();
        // Behind a proxy that is not trusted all are at this computer's address.
        if !address.is_loopback() && of_address >= most_ports_per_address(ports) {
            return None;
        }
        let host = if is_for_all { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        for number in before.into_iter().chain(ports.first..=ports.last) {
            if table.servers.contains_key(&number) {
                continue;
            }
            // Another program of this computer may have it.
            let Ok(listener) = bind(SocketAddr::from((host, number))) else { continue };
            let closed = CancellationToken::new();
            let server = Server {
                key: session.key().to_owned(),
                address,
                is_for_all,
                closed: closed.clone(),
                talks: Arc::new(Semaphore::new(line::TALKS)),
            };
            table.servers.insert(number, server);
            let port = Port { number, playground: Arc::clone(self) };
            return Some(Listener { listener, port, closed });
        }
        None
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete before anything could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Whether it is the asking page's own.
    fn is_of(&self, asker: Asker<'_>) -> bool {
        !asker.key.is_empty() && self.key == asker.key
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
        self.playground.table().servers.remove(&self.number);
    }
}

fn most_ports_per_address(ports: PortRange) -> usize {
    let all = usize::from(ports.last.saturating_sub(ports.first)) + 1;
    (all * PORTS_PER_ADDRESS).div_ceil(10)
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
