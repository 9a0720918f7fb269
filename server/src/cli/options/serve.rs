//! The options of `serve`, the checks on their combinations, and the [`Config`] they
//! make.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, ValueEnum};
use protocol::{Contacts, Stage};

use crate::cli::options::book_file::BookFile;
use crate::cli::options::invalid_option::{InvalidOption, invalid};
use crate::cli::options::many_classes::ManyClasses;
use crate::cli::options::values::{self, Endpoint, Opened};
use crate::config::{Config, Limits, PortRange};
use crate::host_names::HostNames;
use crate::transport::admission::PerAddress;
use crate::transport::rate_limit::{Rate, RateLimits};

/// The longest wait before a reply: half of the 60 seconds after which the page takes
/// a connection that owes it a reply for broken and makes a new one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The shortest and longest time to wait for a client: below a tenth of a second
/// an ordinary Wi-Fi hiccup counts as silence; above a day no class is left.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// More descriptors than a system grants one process.
const MOST_CONNECTIONS: usize = 1_000_000;

/// At some 200 bytes each, 2 GB of memory.
pub(super) const MOST_CONTACTS: usize = 10_000_000;

/// How to serve a class.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where raw TCP clients connect: a port, or ADDRESS:PORT; port 0 takes any
    /// free port.
    #[arg(
        long, value_name = "PORT", default_value_t = Endpoint::Port(9999),
        value_parser = values::endpoint, env = "TCP_CLASSROOM_TCP"
    )]
    pub tcp: Endpoint,

    /// Where browsers connect: a port, or ADDRESS:PORT; port 0 takes any free
    /// port.
    #[arg(
        long, value_name = "PORT", default_value_t = Endpoint::Port(8080),
        value_parser = values::endpoint, env = "TCP_CLASSROOM_HTTP"
    )]
    pub http: Endpoint,

    /// Let the whole local network in, on the ports above, over IPv4 and IPv6.
    /// Without it only this computer can connect.
    #[arg(long, value_parser = values::switch, env = "TCP_CLASSROOM_LAN")]
    pub lan: bool,

    /// The name or IP address that students are shown, in the page's address and
    /// in the QR code, in place of the likeliest address found.
    #[arg(
        long, value_name = "HOST", value_parser = values::advertised,
        env = "TCP_CLASSROOM_ADVERTISE"
    )]
    pub advertise: Option<String>,

    /// Another name students may type into the address bar. Other names than
    /// this computer's are refused, so that no foreign page can get in.
    /// May be given several times, or separated by commas.
    #[arg(
        long, value_name = "NAME", value_delimiter = ',', value_parser = values::host_name,
        env = "TCP_CLASSROOM_HOST_NAME"
    )]
    pub host_name: Vec<String>,

    /// The ports of servers that run in students' pages, one a student, as FIRST-LAST.
    #[arg(
        long, value_name = "PORTS", default_value_t = Limits::STUDENT_PORTS,
        value_parser = values::ports, env = "TCP_CLASSROOM_STUDENT_PORTS"
    )]
    pub student_ports: PortRange,

    /// The folder where a build leaves the page's Python while this server runs already:
    /// for `cargo xtask run`.
    #[arg(long, value_name = "FOLDER", hide = true, env = "TCP_CLASSROOM_INTERPRETER")]
    pub interpreter: Option<PathBuf>,

    /// A page of another server that may talk to this one, as http://HOST:PORT.
    /// May be given several times, or separated by commas.
    #[arg(
        long, value_name = "ORIGIN", value_delimiter = ',', value_parser = values::origin,
        env = "TCP_CLASSROOM_ALLOW_ORIGIN"
    )]
    pub allow_origin: Vec<String>,

    /// Where the contacts are kept.
    #[command(flatten)]
    pub book: BookFile,

    /// Keep the contacts in memory only; they are gone when the server stops.
    #[arg(long, value_parser = values::switch, env = "TCP_CLASSROOM_MEMORY")]
    pub memory: bool,

    /// Serve the classes in this PostgreSQL database, as postgres://USER@HOST/DATABASE,
    /// each at an address of its own.
    #[arg(
        long,
        value_name = "URL",
        env = "TCP_CLASSROOM_DATABASE",
        hide_env_values = true,
        help_heading = "Many classes"
    )]
    pub database: Option<String>,

    /// A port for the raw TCP clients of one class of the database, which then need not
    /// join: CODE=PORT, or CODE=ADDRESS:PORT. May be given several times, or separated by
    /// commas.
    #[arg(
        long, value_name = "CODE=PORT", value_delimiter = ',', value_parser = values::room_port,
        env = "TCP_CLASSROOM_ROOM", requires = "database", help_heading = "Many classes"
    )]
    pub room: Vec<(String, Endpoint)>,

    /// A balancer or proxy before this server, which says in X-Forwarded-For from where its
    /// clients come. May be given several times, or separated by commas.
    #[arg(
        long,
        value_name = "ADDRESS",
        value_delimiter = ',',
        env = "TCP_CLASSROOM_TRUST_PROXY",
        help_heading = "Many classes"
    )]
    pub trust_proxy: Vec<IpAddr>,

    /// More on many classes.
    #[command(flatten)]
    pub many_classes: ManyClasses,

    /// How much of the lesson to speak: everything, or only the echo it begins
    /// with.
    #[arg(long, value_enum, default_value_t = StageName::Contacts, env = "TCP_CLASSROOM_STAGE")]
    pub stage: StageName,

    /// Wait before each reply, as the lesson's server does, like 1s or 500ms; 30s
    /// at most.
    #[arg(
        long, value_name = "TIME", default_value = "0s",
        value_parser = values::time(Duration::ZERO..=LONGEST_PAUSE),
        env = "TCP_CLASSROOM_PAUSE"
    )]
    pub pause: Duration,

    /// Open the page in the browser, the board for the projector, the teacher's page, or
    /// several, as in --open=page,board,teacher [default: the page, on a desktop, when started from a
    /// terminal].
    #[arg(
        long, value_name = "WHAT", num_args = 0..=1, require_equals = true,
        default_missing_value = "page", overrides_with = "no_open",
        value_parser = values::opened, env = "TCP_CLASSROOM_OPEN"
    )]
    pub open: Option<Opened>,

    /// Open nothing in the browser.
    #[arg(
        long, overrides_with = "open", value_parser = values::switch, env = "TCP_CLASSROOM_NO_OPEN"
    )]
    pub no_open: bool,

    /// Print nothing but warnings and errors.
    #[arg(long, short, value_parser = values::switch, env = "TCP_CLASSROOM_QUIET")]
    pub quiet: bool,

    /// Print diagnostics, too, and all addresses of this computer; twice for
    /// still more diagnostics.
    #[arg(
        long, short, action = ArgAction::Count, value_parser = values::verbosity,
        env = "TCP_CLASSROOM_VERBOSE"
    )]
    pub verbose: u8,

    /// The most open connections in all. Each takes a few kilobytes and one
    /// file descriptor.
    #[arg(
        long, value_name = "N", default_value_t = Limits::default().connections,
        value_parser = values::number(1..=MOST_CONNECTIONS),
        env = "TCP_CLASSROOM_MAX_CONNECTIONS", help_heading = "Limits"
    )]
    pub max_connections: usize,

    /// The most open connections from one address, so that one runaway program
    /// cannot shut the class out. [default: 600, enough for a class of 60
    /// behind one router; none for this computer itself]
    #[arg(
        long, value_name = "N", value_parser = values::number(1..=MOST_CONNECTIONS),
        env = "TCP_CLASSROOM_MAX_PER_ADDRESS", help_heading = "Limits"
    )]
    pub max_per_address: Option<usize>,

    /// The most messages a second on one connection in the long run; a faster
    /// client is read later, and gets no error. 0 for no limit. [default: 200; none
    /// for this computer itself, unless one of these three options is given]
    #[arg(long, value_name = "N", env = "TCP_CLASSROOM_MAX_RATE", help_heading = "Limits")]
    pub max_rate: Option<u32>,

    /// How many messages a connection may send at once before --max-rate counts.
    /// [default: 400]
    #[arg(long, value_name = "N", env = "TCP_CLASSROOM_MAX_BURST", help_heading = "Limits")]
    pub max_burst: Option<u32>,

    /// The most messages a second from one address, all its connections together.
    /// 0 for no limit. [default: 4000]
    #[arg(
        long,
        value_name = "N",
        env = "TCP_CLASSROOM_MAX_RATE_PER_ADDRESS",
        help_heading = "Limits"
    )]
    pub max_rate_per_address: Option<u32>,

    /// The most contacts in the book: enough for a large school, and few enough
    /// that a program which adds without end fills no disk. Each takes some 200
    /// bytes of memory.
    #[arg(
        long, value_name = "N", default_value_t = Contacts::DEFAULT_LIMIT,
        value_parser = values::number(1..=MOST_CONTACTS),
        env = "TCP_CLASSROOM_MAX_CONTACTS", help_heading = "Limits"
    )]
    pub max_contacts: usize,

    /// How long a browser may take to send the headers of a request; slower
    /// ones would hold a connection for nothing.
    #[arg(
        long, value_name = "TIME", default_value = "10s",
        value_parser = values::time(SHORTEST_WAIT..=LONGEST_WAIT),
        env = "TCP_CLASSROOM_HEADER_TIMEOUT", help_heading = "Limits"
    )]
    pub header_timeout: Duration,

    /// How long a client may leave its replies unread before it is cut off.
    #[arg(
        long, value_name = "TIME", default_value = "30s",
        value_parser = values::time(SHORTEST_WAIT..=LONGEST_WAIT),
        env = "TCP_CLASSROOM_READ_PATIENCE", help_heading = "Limits"
    )]
    pub read_patience: Duration,

    /// How often a quiet browser is asked for a sign of life; less than
    /// --dead-after.
    #[arg(
        long, value_name = "TIME", default_value = "20s",
        value_parser = values::time(SHORTEST_WAIT..=LONGEST_WAIT),
        env = "TCP_CLASSROOM_PING_EVERY", help_heading = "Limits"
    )]
    pub ping_every: Duration,

    /// After how long without one it counts as gone.
    #[arg(
        long, value_name = "TIME", default_value = "60s",
        value_parser = values::time(SHORTEST_WAIT..=LONGEST_WAIT),
        env = "TCP_CLASSROOM_DEAD_AFTER", help_heading = "Limits"
    )]
    pub dead_after: Duration,
}

/// `--stage`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageName {
    /// The contact book: add, remove, find, exit
    Contacts,
    /// The lesson's first server: every message comes back as Received ...;
    Echo,
}

impl Options {
    /// The file the contacts are in, or none with `--memory`.
    ///
    /// # Errors
    ///
    /// As [`BookFile::path`].
    pub fn data(&self) -> anyhow::Result<Option<PathBuf>> {
        (!self.memory).then(|| self.book.path()).transpose()
    }

    /// Decides between options that exclude each other: one on the command line
    /// beats one in the environment; two of the same rank are an error.
    pub(super) fn settle(&mut self, matches: &ArgMatches) -> Result<(), InvalidOption> {
        let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        if self.memory && self.book.data.is_some() {
            match (given("memory"), given("data")) {
                (true, false) => self.book.data = None,
                (false, true) => self.memory = false,
                both => return Err(excluding(both.0, "memory", "data")),
            }
        }
        if self.quiet && self.verbose > 0 {
            match (given("quiet"), given("verbose")) {
                (true, false) => self.verbose = 0,
                (false, true) => self.quiet = false,
                both => return Err(excluding(both.0, "quiet", "verbose")),
            }
        }
        // On the command line the last of the two counts, which clap sees to.
        if self.open.is_some() && self.no_open {
            match given("open") {
                true => self.no_open = false,
                false => self.open = None,
            }
        }
        for (flag, endpoint) in [("--tcp", self.tcp), ("--http", self.http)] {
            if let Endpoint::Address(address) = endpoint
                && self.lan
                && !address.ip().is_unspecified()
            {
                let port = address.port();
                return Err(invalid!(
                    "--lan 在所有地址上监听，{flag} {address} 只在一个地址上监听；请把地址去掉，写成 \
                     --lan {flag} {port}，或者去掉 --lan",
                    "--lan listens on all addresses and {flag} {address} on one; leave out the \
                     address, as in --lan {flag} {port}, or leave out --lan"
                ));
            }
        }
        if self.tcp.port() != 0 && self.tcp.port() == self.http.port() {
            let port = self.tcp.port();
            return Err(invalid!(
                "--tcp 和 --http 不能用同一个端口 {port}",
                "--tcp and --http cannot share the port {port}"
            ));
        }
        if self.dead_after <= self.ping_every {
            return Err(invalid!(
                "--dead-after 必须比 --ping-every 长，否则浏览器还没来得及回应就被断开",
                "--dead-after must be longer than --ping-every, or else browsers are cut off \
                 before they can answer"
            ));
        }
        Ok(())
    }

    /// The classes with a port of their own: their codes, and where to listen.
    pub fn room_ports(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.room.iter().map(|(code, endpoint)| (&**code, self.reach(*endpoint)))
    }

    /// Where to listen for an endpoint.
    fn reach(&self, endpoint: Endpoint) -> SocketAddr {
        match endpoint {
            Endpoint::Address(address) => address,
            Endpoint::Port(port) if self.lan => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Endpoint::Port(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        }
    }

    /// The configuration of the server.
    pub fn config(&self) -> Config {
        // What students are told to open must let them in.
        let names: Vec<_> = self.host_name.iter().chain(&self.advertise).cloned().collect();
        Config {
            tcp: self.reach(self.tcp),
            http: self.reach(self.http),
            stage: match self.stage {
                StageName::Contacts => Stage::Contacts,
                StageName::Echo => Stage::Echo,
            },
            pause: self.pause,
            hosts: HostNames::new(&names, &self.allow_origin),
            advertise: self.advertise.clone(),
            proxies: self.trust_proxy.iter().map(IpAddr::to_canonical).collect(),
            proxy_protocol: self.many_classes.proxy_protocol,
            rooms: self.many_classes.limits(),
            // On this computer alone none of these is needed.
            is_behind_proxy: !(names.is_empty()
                && self.allow_origin.is_empty()
                && self.trust_proxy.is_empty()),
            limits: Limits {
                connections: self.max_connections,
                per_address: self
                    .max_per_address
                    .map_or(PerAddress::Others(Limits::PER_ADDRESS), PerAddress::All),
                header_timeout: self.header_timeout,
                ping_every: self.ping_every,
                dead_after: self.dead_after,
                write_timeout: self.read_patience,
                rates: self.rate_limits(),
                student_ports: self.student_ports,
            },
            python: self.interpreter.clone(),
        }
    }

    fn rate_limits(&self) -> RateLimits {
        let rate = |per_second: Option<u32>, default: Rate, burst: u32| {
            let per_second = per_second.unwrap_or(default.per_second.get());
            NonZeroU32::new(per_second).map(|per_second| Rate { per_second, burst })
        };
        let (connection, address) = (Limits::RATE, Limits::RATE_PER_ADDRESS);
        let burst_per_address = self.max_rate_per_address.unwrap_or(address.burst);
        RateLimits {
            per_connection: rate(
                self.max_rate,
                connection,
                self.max_burst.unwrap_or(connection.burst),
            ),
            per_address: rate(self.max_rate_per_address, address, burst_per_address),
            loopback: self.max_rate.is_some()
                || self.max_burst.is_some()
                || self.max_rate_per_address.is_some(),
        }
    }
}

/// Two options that cannot both hold, of the same rank.
fn excluding(on_the_command_line: bool, first: &str, second: &str) -> InvalidOption {
    let name = |id: &str| match on_the_command_line {
        true => format!("--{id}"),
        false => format!("TCP_CLASSROOM_{}", id.to_uppercase()),
    };
    let (first, second) = (name(first), name(second));
    invalid!("{first} 和 {second} 不能同时使用", "{first} cannot be used with {second}")
}
