//! Serving many classes: the rooms of a database, each opened when the first of its
//! students comes and closed when the last has been gone for a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use futures_util::future::BoxFuture;
use hyper_util::service::TowerToHyperService;
use tokio::sync::OnceCell;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::arrival::Arrival;
use super::{SEND_BUFFER, Server, context, finish, note_arrival};
use super::{shared_acts, shared_lead, shared_people, unused_rooms};
use crate::book::Book;
use crate::book::room::{RoomId, Shared};
use crate::classroom::Classroom;
use crate::classroom::lead::access::Access;
use crate::classroom::people::{Present, Visitor};
use crate::config::{Config, RoomLimits};
use crate::context::ServerContext;
use crate::http;
use crate::http::rooms::{Figures, Found};
use crate::language::localized;
use crate::rooms::entrance::{Classes, Entry, enter};
use crate::rooms::registry::About;
use crate::rooms::{Code, Rooms};
use crate::terminal::console::Console;
use crate::transport::accept::accept_loop;
use crate::transport::admission::Admission;
use crate::transport::bind_error;
use crate::transport::conversation::ConversationOptions;
use crate::transport::listen::Listeners;
use crate::transport::refusal::{Refusal, refuse_http, refuse_raw_tcp};
use crate::transport::tcp::Tcp;

/// How long a room stays open without a client: a break between two lessons.
const UNUSED: Duration = Duration::from_secs(15 * 60);

/// Time between two looks for unused rooms.
const LOOKING: Duration = Duration::from_secs(60);

/// How long a code is taken for current: a page loads its files and opens its streams
/// with one look into the database, and an archived room is closed soon.
const CURRENT: Duration = Duration::from_secs(5);

/// A port of one room, on which no client has to join.
#[derive(Debug)]
pub struct RoomPort {
    code: Code,
    listeners: Listeners,
}

impl RoomPort {
    /// Listens on an address for the clients of the room with a code. To be called within
    /// a Tokio runtime.
    ///
    /// # Errors
    ///
    /// The code is none, or the address cannot be bound; the message says why.
    pub fn bind(code: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let code = Code::parse(code)
            .with_context(|| localized!("{code} 不是课堂的代码", "{code} is no code of a class"))?;
        let listeners = Listeners::bind(address)
            .map_err(|error| bind_error::explain(error, address, "--room"))?;
        listeners.limit_send_buffers(SEND_BUFFER);
        Ok(RoomPort { code, listeners })
    }

    fn by_hash(&self) -> Option<([u8; 32], SocketAddr)> {
        Some((self.code.hash(), self.local_addr().ok()?))
    }

    /// Where it really listens.
    ///
    /// # Errors
    ///
    /// Never on a bound socket, short of a failure of the system.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listeners.local_addr()
    }
}

/// A room that this server has open.
struct OpenRoom {
    id: RoomId,
    name: String,
    classroom: Arc<Classroom>,
    routes: Router,
    used: Mutex<Instant>,
    /// References to the class without a connection: those of the room's own tasks.
    unused_count: usize,
    /// Ends the tasks of the class.
    _ended: DropGuard,
}

/// The rooms of a database, and those that this server has open.
struct OpenRooms {
    rooms: Rooms,
    options: ConversationOptions,
    limits: RoomLimits,
    server: Arc<ServerContext>,
    open: Mutex<HashMap<RoomId, Arc<OnceCell<Arc<OpenRoom>>>>>,
    /// Rooms by the hashes of their codes, as they were looked up a moment ago, or last
    /// where they are open.
    recent: Mutex<HashMap<[u8; 32], (Instant, About)>>,
    admission: Arc<Admission>,
    /// The ports that rooms have of their own, by the hashes of their codes.
    ports: HashMap<[u8; 32], SocketAddr>,
}

impl Server {
    /// Serves the rooms of a database until `stop` is cancelled, some on ports of their
    /// own, too, then finishes what is in flight. Clients that do not read are left to the
    /// end of the runtime.
    pub async fn serve_rooms(
        self,
        rooms: Rooms,
        ports: Vec<RoomPort>,
        stopping: CancellationToken,
    ) {
        let Server { tcp, http, config, .. } = self;
        let Config { stage, pause, rooms: limits, .. } = config;
        let options = ConversationOptions { stage, pause, ..ConversationOptions::default() };
        let stop = stop_after(stopping.clone(), limits.drain);
        let mut server = context(config, &tcp, &http, false, stop.clone());
        server.stopping = stopping;
        let server = Arc::new(server);
        let admission = Arc::new(Admission::new(&server.limits, &server.proxies));
        tcp.limit_send_buffers(SEND_BUFFER);
        http.limit_send_buffers(SEND_BUFFER);
        let rooms = Arc::new(OpenRooms {
            rooms,
            options,
            limits,
            server: Arc::clone(&server),
            open: Mutex::default(),
            recent: Mutex::default(),
            admission: Arc::clone(&admission),
            ports: ports.iter().filter_map(RoomPort::by_hash).collect(),
        });
        server.tasks.spawn(Arc::clone(&rooms).close_unused());
        server.tasks.spawn({
            let (of, database) = (Arc::clone(&rooms), rooms.rooms.database().clone());
            let open = move || of.open_rooms().map(|room| room.id).collect();
            unused_rooms::look_after(database, limits.unused, open, stop.clone())
        });
        for RoomPort { code, listeners } in ports {
            server.tasks.spawn(accept_loop(listeners, stop.clone(), {
                let (admission, rooms) = (Arc::clone(&admission), Arc::clone(&rooms));
                move |stream, peer| {
                    let (rooms, code) = (Arc::clone(&rooms), code.clone());
                    let tasks = rooms.server.tasks.clone();
                    match admission.admit(peer.ip()) {
                        Ok(permit) => {
                            let arrival = Arrival { stream, peer, permit };
                            drop(tasks.spawn(serve_in_room(arrival, rooms, code)));
                        }
                        Err(refusal) => drop(tasks.spawn(refuse_raw_tcp(stream, peer, refusal))),
                    }
                }
            }));
        }

        let raw_tcp = accept_loop(tcp, stop.clone(), {
            let (admission, rooms, server) =
                (Arc::clone(&admission), Arc::clone(&rooms), Arc::clone(&server));
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let arrival = Arrival { stream, peer, permit };
                    drop(server.tasks.spawn(serve_raw_tcp(arrival, Arc::clone(&rooms))))
                }
                Err(refusal) => drop(server.tasks.spawn(refuse_raw_tcp(stream, peer, refusal))),
            }
        });
        let http = accept_loop(http, stop, {
            let server = Arc::clone(&server);
            let routes = http::rooms::router(Arc::clone(&rooms) as _, &server);
            let routes = TowerToHyperService::new(routes);
            move |stream, peer| match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let (routes, context) = (routes.clone(), Arc::clone(&server));
                    let serving = http::connection::serve(stream, peer, permit, routes, context);
                    drop(server.tasks.spawn(serving))
                }
                Err(refusal) => drop(server.tasks.spawn(refuse_http(stream, peer, refusal))),
            }
        });
        tokio::join!(raw_tcp, http);
        finish(&server).await;
        rooms.rooms.leave().await;
    }
}

/// A token that is cancelled a while after the server was told to stop.
fn stop_after(told: CancellationToken, drain: Duration) -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        told.cancelled().await;
        sleep(drain).await;
        stopped.cancel();
    });
    stop
}

/// One raw TCP connection: first at the entrance, then in a class.
async fn serve_raw_tcp(arrival: Arrival, rooms: Arc<OpenRooms>) {
    let server = &rooms.server;
    let Some(arrival) = arrival.of_client(server).await else { return };
    let Arrival { stream, peer, permit } = arrival;
    let here = stream.local_addr().ok().map(|address| address.ip());
    let classes = Visit { rooms: &rooms, from: peer.ip(), here };
    let mut limiter = permit.rate_limiter();
    let transport = Tcp::new(stream, server.limits.write_timeout, Arc::clone(&server.http), None);
    let (opening, room) =
        match enter(transport, limiter.as_deref_mut(), &server.stop, &classes).await {
            Ok(Some(entered)) => entered,
            Ok(None) => return,
            Err(error) => return tracing::debug!(%peer, "it broke off at the entrance: {error}"),
        };
    let visitor = Visitor::raw_tcp(peer.ip());
    room.classroom.go_on(visitor, opening, peer, limiter, &server.stop).await;
    room.use_now();
}

/// One raw TCP connection on a room's own port.
async fn serve_in_room(arrival: Arrival, rooms: Arc<OpenRooms>, code: Code) {
    let Some(arrival) = arrival.of_client(&rooms.server).await else { return };
    let refusal = match rooms.room(&code).await {
        Ok(Some(room)) if room.is_full(&rooms.limits) => Refusal::ClassFull,
        Ok(Some(room)) => {
            note_arrival(&room.classroom, &arrival.stream, arrival.peer);
            let (classroom, server) = (Arc::clone(&room.classroom), Arc::clone(&rooms.server));
            super::serve_raw_tcp(arrival, classroom, server).await;
            return room.use_now();
        }
        Ok(None) => Refusal::ClassOver,
        Err(error) => {
            tracing::debug!("a room cannot be opened: {error:#}");
            Refusal::DatabaseAway
        }
    };
    refuse_raw_tcp(arrival.stream, arrival.peer, refusal).await;
}

impl OpenRoom {
    /// Opens a room, which stands as its other servers say before a client is in it.
    ///
    /// # Errors
    ///
    /// The database is away, or there is no free port.
    async fn open(
        about: About,
        code: &Code,
        (book, shared): (Book, Shared),
        rooms: &OpenRooms,
    ) -> anyhow::Result<Self> {
        let mut tag = [0; 4];
        getrandom::fill(&mut tag)?;
        let tag = u32::from_ne_bytes(tag);
        let Shared { text, acts, presence, numbers } = shared;
        let classroom = Classroom::new(book, rooms.options, Console::silent());
        let classroom = classroom.at_server(tag, numbers).led_with(Access::stored(about.stored));
        let classroom = Arc::new(classroom);
        let known = shared_lead::take_over(&classroom, &text, None).await?;
        let ended = CancellationToken::new();
        let inside = rooms.listen_inside(&classroom, ended.clone())?;
        let (folder, own) = (format!("r/{code}/"), rooms.ports.get(&code.hash()));
        let server = Arc::new(rooms.server.of_class(folder, own.copied(), inside));
        // All end with the room.
        drop(classroom.observe(ended.clone()));
        let class = || (Arc::clone(&classroom), ended.clone());
        let (of, end) = class();
        tokio::spawn(shared_lead::share(of, text, known, end));
        let (of, end) = class();
        tokio::spawn(shared_acts::share(of, acts, tag, end));
        let (of, end) = class();
        tokio::spawn(shared_people::share(of, presence, end));
        tokio::spawn({
            let (led, ended) = (Arc::clone(&classroom), ended.clone());
            async move { led.lead().end_by_itself(&ended).await }
        });
        let routes = http::router(Arc::clone(&classroom), server);
        let (used, unused_count) = (Mutex::new(Instant::now()), Arc::strong_count(&classroom));
        let (_ended, About { id, name, .. }) = (ended.drop_guard(), about);
        Ok(OpenRoom { id, name, classroom, routes, used, unused_count, _ended })
    }

    fn use_now(&self) {
        *lock(&self.used) = Instant::now();
    }

    /// Whether it has as many conversations as a room may have.
    fn is_full(&self, limits: &RoomLimits) -> bool {
        let Present { pages, clients } = self.classroom.people().present();
        pages + clients >= limits.connections as u64
    }

    fn is_unused(&self, now: Instant) -> bool {
        let is_referred_to = Arc::strong_count(&self.classroom) > self.unused_count;
        !is_referred_to && now.duration_since(*lock(&self.used)) > UNUSED
    }
}

impl OpenRooms {
    /// The room with a code, which is opened if it is not.
    ///
    /// # Errors
    ///
    /// The database is away.
    async fn room(&self, code: &Code) -> anyhow::Result<Option<Arc<OpenRoom>>> {
        let Some(about) = self.about(code).await? else { return Ok(None) };
        let cell = Arc::clone(lock(&self.open).entry(about.id).or_default());
        let opening = async {
            let (book, shared) = self.rooms.open(&about).await?;
            anyhow::Ok(Arc::new(OpenRoom::open(about, code, (book, shared), self).await?))
        };
        let room = cell.get_or_try_init(|| opening).await?;
        room.use_now();
        Ok(Some(Arc::clone(room)))
    }

    /// Listens for the programs that run in a class's pages, which need not join: on this
    /// computer only, until the class has `ended`. Returns where.
    ///
    /// # Errors
    ///
    /// There is no free port.
    fn listen_inside(
        &self,
        classroom: &Arc<Classroom>,
        ended: CancellationToken,
    ) -> anyhow::Result<SocketAddr> {
        let listeners = Listeners::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listeners.local_addr()?;
        listeners.limit_send_buffers(SEND_BUFFER);
        let (admission, server) = (Arc::clone(&self.admission), Arc::clone(&self.server));
        let classroom = Arc::clone(classroom);
        tokio::spawn(accept_loop(listeners, ended, move |stream, peer| {
            match admission.admit(peer.ip()) {
                Ok(permit) => {
                    let (class, context) = (Arc::clone(&classroom), Arc::clone(&server));
                    let arrival = Arrival { stream, peer, permit };
                    let serving = super::serve_raw_tcp(arrival, class, context);
                    drop(server.tasks.spawn(serving));
                }
                Err(refusal) => drop(server.tasks.spawn(refuse_raw_tcp(stream, peer, refusal))),
            }
        }));
        Ok(address)
    }

    /// The room with a code, as it was looked up a moment ago. Where the database does not
    /// answer, an open room stays what it was.
    async fn about(&self, code: &Code) -> anyhow::Result<Option<About>> {
        let hash = code.hash();
        let recent = lock(&self.recent).get(&hash).cloned();
        if let Some((looked_up, about)) = &recent
            && looked_up.elapsed() < CURRENT
        {
            return Ok(Some(about.clone()));
        }
        let about = match (self.rooms.find(code).await, recent) {
            (Ok(about), _) => about,
            (Err(error), Some((_, known))) if self.is_open(known.id) => {
                tracing::debug!("an open room cannot be looked up: {error:#}");
                Some(known)
            }
            (Err(error), _) => return Err(error),
        };
        let mut recent = lock(&self.recent);
        match &about {
            Some(about) => drop(recent.insert(hash, (Instant::now(), about.clone()))),
            None => drop(recent.remove(&hash)),
        }
        Ok(about)
    }

    /// Closes rooms that are not used, until the server stops.
    async fn close_unused(self: Arc<Self>) {
        let mut ticks = interval(LOOKING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.server.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let now = Instant::now();
            let is_used =
                |cell: &OnceCell<Arc<OpenRoom>>| cell.get().is_none_or(|room| !room.is_unused(now));
            lock(&self.open).retain(|_, cell| is_used(cell));
            lock(&self.recent).retain(|_, (looked_up, about)| {
                looked_up.elapsed() < CURRENT || self.is_open(about.id)
            });
        }
    }

    /// Those that are open.
    fn open_rooms(&self) -> impl Iterator<Item = Arc<OpenRoom>> {
        let open: Vec<_> =
            lock(&self.open).values().filter_map(|cell| cell.get().cloned()).collect();
        open.into_iter()
    }

    fn is_open(&self, room: RoomId) -> bool {
        lock(&self.open).get(&room).is_some_and(|cell| cell.initialized())
    }
}

impl http::rooms::Rooms for OpenRooms {
    fn find<'r>(&'r self, code: &'r str) -> BoxFuture<'r, Found> {
        Box::pin(async move {
            let Some(code) = Code::parse(code) else { return Found::Nothing };
            match self.room(&code).await {
                Ok(Some(room)) if room.is_full(&self.limits) => {
                    Found::FullRoom(room.routes.clone())
                }
                Ok(Some(room)) => Found::Room(room.routes.clone()),
                Ok(None) => Found::Nothing,
                Err(error) => {
                    tracing::debug!("a room cannot be opened: {error:#}");
                    Found::Away
                }
            }
        })
    }

    fn figures(&self) -> Figures {
        let mut figures = Figures { commits: self.rooms.commits(), ..Figures::default() };
        for room in self.open_rooms() {
            let Present { pages, clients } = room.classroom.people().present();
            figures.open += 1;
            figures.present.pages += pages;
            figures.present.clients += clients;
        }
        figures
    }
}

/// A raw TCP client who looks for its class.
struct Visit<'r> {
    rooms: &'r OpenRooms,
    from: IpAddr,
    /// The address that it came to.
    here: Option<IpAddr>,
}

impl Classes for Visit<'_> {
    type Class = Arc<OpenRoom>;

    async fn look_up(&self, code: &str) -> Entry<Arc<OpenRoom>> {
        let Some(code) = Code::parse(code) else { return Entry::Unknown };
        match self.rooms.room(&code).await {
            Ok(Some(room)) if room.is_full(&self.rooms.limits) => {
                Entry::Refused(Refusal::ClassFull)
            }
            Ok(Some(room)) => match room.classroom.lead().let_in(self.from) {
                Ok(()) => {
                    room.classroom.people().reach(self.from, || self.here);
                    let name = room.name.clone();
                    Entry::Class(room, name)
                }
                Err(refusal) => Entry::Refused(refusal),
            },
            Ok(None) => Entry::Unknown,
            Err(error) => {
                tracing::debug!("a room cannot be opened: {error:#}");
                Entry::Away
            }
        }
    }
}

/// Locks what nothing panics under.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
