//! How a server is set up: where it listens, whom it lets in, and its limits.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use protocol::Stage;

use crate::host_names::HostNames;
use crate::transport::admission::PerAddress;
use crate::transport::heartbeat::Heartbeat;
use crate::transport::rate_limit::{Rate, RateLimits};

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where raw TCP clients connect; port 0 takes any free one, and `[::]` is
    /// all addresses of both families.
    pub tcp: SocketAddr,
    /// Where browsers connect, likewise.
    pub http: SocketAddr,
    /// How much of the lesson is spoken.
    pub stage: Stage,
    /// Waited before each reply.
    pub pause: Duration,
    /// The names and origins that are let in.
    pub hosts: HostNames,
    /// The name or IP address that students are shown in place of the likeliest
    /// address found.
    pub advertise: Option<String>,
    /// Balancers and proxies: what they say of their clients' addresses is believed.
    pub proxies: Vec<IpAddr>,
    /// Whether these begin a raw TCP connection with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Whether a proxy may pass on what browsers on other computers ask, so that the server
    /// counts as on the network even where it listens on this computer alone.
    pub is_behind_proxy: bool,
    /// How much and how long.
    pub limits: Limits,
    /// The same for the classes of a database.
    pub rooms: RoomLimits,
    /// Where the page's Python will be once it is built, if it is not in this program.
    pub python: Option<PathBuf>,
}

/// What one client, or all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections in all, raw TCP and HTTP together.
    pub connections: usize,
    /// Open connections from one address.
    pub per_address: PerAddress,
    /// Time for a browser to send its request's headers, and for an idle one
    /// to send the next request.
    pub header_timeout: Duration,
    /// Quiet time after which a WebSocket is pinged, and again each time.
    pub ping_every: Duration,
    /// Quiet time after which a WebSocket counts as dead.
    pub dead_after: Duration,
    /// Time for a client to read at least something of what it was sent.
    pub write_timeout: Duration,
    /// How many messages a second are answered.
    pub rates: RateLimits,
    /// Where servers that run in students' pages listen.
    pub student_ports: PortRange,
}

/// How much and how long, where a server has many classes.
#[derive(Clone, Copy, Debug)]
pub struct RoomLimits {
    /// Open conversations of one class on one server.
    pub connections: usize,
    /// What becomes of classes that are not used.
    pub unused: UnusedRooms,
    /// Time to go on serving, and say that it is not to be counted on, before stopping.
    pub drain: Duration,
}

/// What becomes of classes that are not used. Archived ones keep their contacts.
#[derive(Clone, Copy, Debug)]
pub struct UnusedRooms {
    /// Days without a change or a visit until a class is archived; never without.
    pub archive_after: Option<NonZeroU32>,
    /// Days in the archive until it is deleted; never without.
    pub delete_after: Option<NonZeroU32>,
}

impl UnusedRooms {
    /// Half a year: longer than any holidays, and than most terms.
    pub const ARCHIVE_AFTER: u32 = 180;
}

impl Default for RoomLimits {
    fn default() -> Self {
        let archive_after = NonZeroU32::new(UnusedRooms::ARCHIVE_AFTER);
        let unused = UnusedRooms { archive_after, delete_after: None };
        // A tenth of what a server takes, and more than the largest lecture hall has seats.
        RoomLimits { connections: 1_000, unused, drain: Duration::ZERO }
    }
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 10_240,
            per_address: PerAddress::Others(Self::PER_ADDRESS),
            header_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(20),
            dead_after: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            rates: RateLimits {
                per_connection: Some(Self::RATE),
                per_address: Some(Self::RATE_PER_ADDRESS),
                loopback: false,
            },
            student_ports: Self::STUDENT_PORTS,
        }
    }
}

impl Limits {
    /// A class of 60 behind one address: each a WebSocket, the six connections
    /// a browser opens to load a page, and three Python clients.
    pub const PER_ADDRESS: usize = 600;

    /// A program that sends a message, waits for the reply and goes on, without a
    /// sleep, makes some 200 a second over Wi-Fi; the lesson's longest exercise
    /// sends a few hundred at once.
    pub const RATE: Rate =
        Rate { per_second: NonZeroU32::new(200).expect("200 is not 0"), burst: 400 };

    /// Twenty such programs behind one router. Some 2 % of what one core answers.
    pub const RATE_PER_ADDRESS: Rate =
        Rate { per_second: NonZeroU32::new(4_000).expect("4,000 is not 0"), burst: 4_000 };

    /// One a student, for two classes at once. Above the lesson's port, and used by
    /// nothing that usually runs on a school's computer.
    pub const STUDENT_PORTS: PortRange = PortRange { first: 10_000, last: 10_099 };

    /// When a quiet WebSocket is pinged and given up.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        Heartbeat { ping_every: self.ping_every, dead_after: self.dead_after }
    }
}
