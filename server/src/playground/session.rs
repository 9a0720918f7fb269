//! A session: the program of one page, with its sockets, its limits, and what is typed
//! for its `input()`.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::playground::answer::{
    AGAIN, Answer, BAD_SOCKET, IN_USE, INVALID, NO_ADDRESS, REFUSED, TOO_MANY, UNREACHABLE,
    UNSUPPORTED, done, failed, received, sent,
};
use crate::playground::socket::{Connection, Listener};
use crate::playground::{Asker, Playground, Reach};

/// Connections and listeners of one program.
const SOCKETS: usize = 16;

/// Longest time until a request is answered: a proxy gives up after 30 or 60 s.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// So long after the last request has come the page is taken to be closed. A program that
/// waits asks again every 20 s, and the page of one that computes every 8 s.
pub(crate) const GONE: Duration = Duration::from_secs(25);

/// The same for a page whose conversation is open: in one that is hidden for five minutes
/// Chromium has the timers fire once a minute, and a program that computes or sleeps asks
/// nothing by itself.
pub(crate) const GONE_HIDDEN: Duration = Duration::from_secs(75);

/// How often it is looked whether the conversation of a page that is late is still open.
const LOOK: Duration = Duration::from_secs(1);

/// Requests a minute, and how many at once: a program that calls `recv` and `send`
/// in turn, without a pause, makes some 200 a second on a desktop.
const REQUESTS: f64 = 10_000.0;
const BURST: f64 = 1_000.0;

/// Lines that were typed and not yet read.
const LINES: usize = 16;

/// Bytes of a line, as many as a terminal of Linux takes.
const LINE: usize = 4 * 1024;

/// The program of one page.
#[derive(Debug)]
pub(crate) struct Session {
    secret: String,
    /// The key of its page; empty if it has none.
    key: String,
    address: IpAddr,
    playground: Weak<Playground>,
    state: Mutex<State>,
    typed: Notify,
}

#[derive(Debug)]
struct State {
    next: u32,
    sockets: BTreeMap<u32, Socket>,
    /// The port that its server had last.
    port: Option<u16>,
    /// Whether another tab of its student has a server now, and this one's was closed.
    is_replaced: bool,
    lines: VecDeque<String>,
    /// When the last request came. An answer that is sent shows nothing: the connection of
    /// a computer that has fallen asleep stays open.
    heard: Instant,
    credit: f64,
    reckoned: Instant,
}

#[derive(Clone, Debug)]
enum Socket {
    Bound { port: u16 },
    Listener { port: u16, listener: Arc<Listener> },
    Connection(Arc<Connection>),
}

impl Session {
    pub(super) fn new(
        secret: String,
        key: String,
        address: IpAddr,
        playground: Weak<Playground>,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            next: 0,
            sockets: BTreeMap::new(),
            port: None,
            is_replaced: false,
            lines: VecDeque::new(),
            heard: now,
            credit: BURST,
            reckoned: now,
        };
        let (state, typed) = (Mutex::new(state), Notify::new());
        Session { secret, key, address, playground, state, typed }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns once the page has made no request for [`GONE`], or, while it is `here`, for
    /// [`GONE_HIDDEN`].
    pub(crate) async fn gone(&self, here: impl Fn(&str) -> bool) {
        loop {
            let (heard, now) = (self.state().heard, Instant::now());
            if heard + GONE > now {
                tokio::time::sleep_until(heard + GONE).await;
            } else if heard + GONE_HIDDEN > now && here(&self.key) {
                tokio::time::sleep(LOOK).await;
            } else {
                return;
            }
        }
    }

    /// Closes all sockets and forgets what was typed.
    pub(crate) fn end(&self) {
        let sockets = {
            let mut state = self.state();
            state.lines.clear();
            state.is_replaced = false;
            std::mem::take(&mut state.sockets)
        };
        sockets.into_values().for_each(Socket::close);
    }

    /// Closes the program's server, if it has one: another tab of its student has one now.
    pub(super) fn close_listener(&self) {
        let listener = {
            let mut state = self.state();
            let mut sockets = state.sockets.iter();
            let is_listener = |socket: &Socket| matches!(socket, Socket::Listener { .. });
            let id = sockets.find(|(_, socket)| is_listener(socket)).map(|(id, _)| *id);
            state.is_replaced |= id.is_some();
            id.and_then(|id| state.sockets.remove(&id))
        };
        listener.into_iter().for_each(Socket::close);
    }

    /// Answers a request, a line of words with a body.
    pub(crate) async fn answer(&self, line: &str, body: &[u8], reach: &Reach) -> Answer {
        let until = Instant::now() + LONGEST;
        self.slow_down(until).await;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
        let Some(&kind) = words.first() else { return failed(INVALID) };
        let id = number(1).unwrap_or(0);
        let millis = words.last().and_then(|word| word.parse().ok()).unwrap_or(0);
        let left = until.saturating_duration_since(Instant::now());
        let longest = Duration::from_millis(millis).min(left);
        match kind {
            "begin" | "end" => {
                self.end();
                done([])
            }
            "alive" => done([]),
            "type" => self.put_line(body),
            "input" => self.take_line(longest).await,
            "bind" => match number(2).and_then(|port| u16::try_from(port).ok()) {
                Some(port) => self.bind(words[1], port, reach),
                None => failed(INVALID),
            },
            "listen" => self.listen(id, reach),
            "accept" => self.accept(id, longest).await,
            "connect" => match number(2).and_then(|port| u16::try_from(port).ok()) {
                Some(port) => self.connect(words[1], port, longest, reach).await,
                None => failed(INVALID),
            },
            "recv" => match self.connection(id) {
                Some(connection) => {
                    let most = number(2).unwrap_or(0) as usize;
                    received(connection.receive(most, longest).await)
                }
                None => failed(BAD_SOCKET),
            },
            "send" => match self.connection(id) {
                Some(connection) => sent(connection.send(body, longest).await),
                None => failed(BAD_SOCKET),
            },
            "shutdown" => match self.connection(id) {
                Some(connection) => {
                    if number(2) != Some(0) {
                        connection.finish().await;
                    }
                    done([])
                }
                None => failed(BAD_SOCKET),
            },
            "close" => {
                // Its port is given back without this lock.
                let socket = self.state().sockets.remove(&id);
                socket.into_iter().for_each(Socket::close);
                done([])
            }
            _ => failed(UNSUPPORTED),
        }
    }

    /// Notes that a request came. Has a program that makes too many wait for its share.
    async fn slow_down(&self, until: Instant) {
        let wait = {
            let mut state = self.state();
            let now = Instant::now();
            state.heard = now;
            let gained = (now - state.reckoned).as_secs_f64() * REQUESTS / 60.0;
            state.credit = (state.credit + gained).min(BURST) - 1.0;
            state.reckoned = now;
            (-state.credit).max(0.0) * 60.0 / REQUESTS
        };
        if wait > 0.0 {
            let due = Instant::now() + Duration::from_secs_f64(wait);
            tokio::time::sleep_until(due.min(until)).await;
        }
    }

    fn put_line(&self, line: &[u8]) -> Answer {
        let mut state = self.state();
        if line.len() > LINE || state.lines.len() >= LINES {
            return failed(TOO_MANY);
        }
        state.lines.push_back(String::from_utf8_lossy(line).into_owned());
        drop(state);
        self.typed.notify_one();
        done([])
    }

    async fn take_line(&self, longest: Duration) -> Answer {
        let line = async {
            loop {
                let line = self.state().lines.pop_front();
                match line {
                    Some(line) => return line,
                    None => self.typed.notified().await,
                }
            }
        };
        timeout(longest, line).await.map_or(failed(AGAIN), done)
    }

    fn bind(&self, host: &str, port: u16, reach: &Reach) -> Answer {
        if !reach.is_here(host) && host != "0.0.0.0" {
            return failed(NO_ADDRESS);
        }
        let mut state = self.state();
        let has_port = |socket: &Socket| match socket {
            Socket::Bound { port: other } | Socket::Listener { port: other, .. } => *other == port,
            Socket::Connection(_) => false,
        };
        if port != 0 && state.sockets.values().any(has_port) {
            return failed(IN_USE);
        }
        match state.enter(Socket::Bound { port }) {
            Some(id) => done(format!("{id} {port}")),
            None => failed(TOO_MANY),
        }
    }

    /// Listens, and tells where: the address for neighbours.
    fn listen(&self, id: u32, reach: &Reach) -> Answer {
        let (port, before) = {
            let state = self.state();
            match state.sockets.get(&id) {
                // The ports are for all students: no page has two.
                Some(Socket::Bound { .. }) if state.has_listener() => {
                    let text = "One server at a time runs in the page: close the other one first";
                    return Answer { status: IN_USE, bytes: text.into() };
                }
                Some(Socket::Bound { port }) => (*port, state.port),
                Some(Socket::Listener { .. }) => return done([]),
                _ => return failed(BAD_SOCKET),
            }
        };
        let Some(playground) = self.playground.upgrade() else { return failed(BAD_SOCKET) };
        let all = reach.is_on_network && playground.lets_neighbours();
        let Some(listener) = playground.listen(self, before, reach.ports, all) else {
            return Answer { status: IN_USE, bytes: b"No port is free for your server".into() };
        };
        let number = listener.port.number;
        let listener = Arc::new(listener);
        let mut state = self.state();
        // Another request of this page may have come between.
        if state.has_listener() || !state.sockets.contains_key(&id) {
            return failed(IN_USE);
        }
        state.port = Some(number);
        state.sockets.insert(id, Socket::Listener { port, listener });
        let host = reach.hosts.first().filter(|_| all).map_or("127.0.0.1", |host| host);
        done(format!("{host}:{number}"))
    }

    async fn accept(&self, id: u32, longest: Duration) -> Answer {
        // Looked up apart: what is asked for below takes the lock again.
        let socket = self.state().sockets.get(&id).cloned();
        let listener = match socket {
            Some(Socket::Listener { listener, .. }) => listener,
            Some(_) => return failed(INVALID),
            None => return self.no_listener(),
        };
        if !self.state().has_room() {
            return failed(TOO_MANY);
        }
        let until = Instant::now() + longest;
        let (stream, peer) = loop {
            match listener.accept(until).await {
                None => return failed(AGAIN),
                Some(Err(_)) => return self.no_listener(),
                Some(Ok((stream, peer))) if self.lets_in(peer.ip()) => break (stream, peer),
                // It is closed, and the next one may be let in.
                Some(Ok(_)) => {}
            }
        };
        match self.state().enter(Socket::Connection(Connection::new(stream))) {
            Some(id) => done(format!("{id} {} {}", peer.ip().to_canonical(), peer.port())),
            None => failed(TOO_MANY),
        }
    }

    /// Why a program cannot accept where it does not listen.
    fn no_listener(&self) -> Answer {
        if self.state().is_replaced {
            let text = "Another tab of yours runs a server now, and a student has one at a time";
            return Answer { status: IN_USE, bytes: text.into() };
        }
        failed(BAD_SOCKET)
    }

    /// Whether a client from this address may connect now.
    fn lets_in(&self, peer: IpAddr) -> bool {
        let lets_neighbours = || self.playground.upgrade().is_some_and(|p| p.lets_neighbours());
        peer.to_canonical().is_loopback() || lets_neighbours()
    }

    async fn connect(&self, host: &str, port: u16, longest: Duration, reach: &Reach) -> Answer {
        if !reach.is_here(host) {
            let text = "Network is unreachable: in the page, connect reaches the classroom's \
                        server and servers of this class, at 127.0.0.1";
            return Answer { status: UNREACHABLE, bytes: text.into() };
        }
        let Some(target) = self.target(port, reach) else { return failed(REFUSED) };
        if !self.state().has_room() {
            return failed(TOO_MANY);
        }
        let stream = match timeout(longest, TcpStream::connect(target)).await {
            Err(_) => return failed(AGAIN),
            Ok(Err(_)) => return failed(REFUSED),
            Ok(Ok(stream)) => stream,
        };
        let own = stream.local_addr().map_or(0, |address| address.port());
        match self.state().enter(Socket::Connection(Connection::new(stream))) {
            Some(id) => done(format!("{id} {own}")),
            None => failed(TOO_MANY),
        }
    }

    /// What a port stands for: a server of this class, or the lesson's, which a program
    /// may call by its usual number wherever it is.
    fn target(&self, port: u16, reach: &Reach) -> Option<SocketAddr> {
        /// The port of the lesson in all its programs.
        const USUAL: u16 = 9999;
        let local = |ip: IpAddr, port| {
            let ip = if ip.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { ip };
            Some(SocketAddr::new(ip, port))
        };
        let own = self.state().sockets.values().find_map(|socket| match socket {
            Socket::Listener { port: own, listener } if *own == port => Some(listener.port.number),
            _ => None,
        });
        let playground = self.playground.upgrade()?;
        let asker = Asker { key: &self.key, is_on_network: reach.is_on_network };
        if let Some(number) = own.or(playground.has_server(port, asker).then_some(port)) {
            return local(IpAddr::from([127, 0, 0, 1]), number);
        }
        if port == reach.port || port == USUAL {
            return local(reach.lesson.ip(), reach.lesson.port());
        }
        None
    }

    fn connection(&self, id: u32) -> Option<Arc<Connection>> {
        match self.state().sockets.get(&id) {
            Some(Socket::Connection(connection)) => Some(Arc::clone(connection)),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.sockets.len() < SOCKETS
    }

    fn has_listener(&self) -> bool {
        self.sockets.values().any(|socket| matches!(socket, Socket::Listener { .. }))
    }

    /// Takes a socket in, if there is room.
    fn enter(&mut self, socket: Socket) -> Option<u32> {
        if !self.has_room() {
            return None;
        }
        self.next += 1;
        self.sockets.insert(self.next, socket);
        Some(self.next)
    }
}

impl Socket {
    /// Wakes what waits for it. The system's socket is closed with the last use of it.
    fn close(self) {
        match self {
            Socket::Bound { .. } => {}
            Socket::Listener { listener, .. } => listener.closed.cancel(),
            Socket::Connection(connection) => connection.close(),
        }
    }
}

#[cfg(test)]
mod tests;
