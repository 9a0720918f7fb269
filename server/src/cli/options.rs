//! The command line: flags, their environment twins, and what they mean.
//!
//! `values` reads the values of the options, `chinese` translates the help and
//! `refusal` the errors.

mod chinese;
mod refusal;
mod values;

use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::parser::ValueSource;
use clap::{
    ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum,
};
use protocol::{Contacts, Stage};

use crate::config::{Config, Limits};
use crate::csv::Encoding;
use crate::host_names::HostNames;
use crate::language::{Language, localized};
use crate::transport::admission::PerAddress;
use crate::transport::rate_limit::{Rate, RateLimits};

pub use refusal::Refusal;
pub use values::Endpoint;
use values::{Unfit, unfit};

/// The version. In what `cargo xtask dist` builds it is followed by the commit and
/// its date, as in `0.2.0 (8f05261e4691 2026-11-26)`.
pub const VERSION: &str = match option_env!("TCP_CLASSROOM_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// A TCP classroom: the lesson's server, and the page that teaches it.
///
/// Students reach it with Python or nc on raw TCP (port 9999), or with a
/// browser (port 8080). Nothing has to be set up: start it without options.
#[derive(Clone, Debug, Parser)]
#[command(
    version = VERSION, about, after_help = AFTER_HELP, args_conflicts_with_subcommands = true
)]
pub struct CommandLine {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
    /// How to serve, without a subcommand.
    #[command(flatten)]
    pub serve: Options,
}

impl CommandLine {
    /// Reads the command line, its first word being the program, and the
    /// environment. Help and errors are in `language`.
    ///
    /// # Errors
    ///
    /// Help or the version is asked for, or the command line is wrong: there is
    /// something to print, and the program is done.
    pub fn read(
        words: impl IntoIterator<Item = OsString>,
        language: Language,
    ) -> Result<Self, Refusal> {
        let words: Vec<_> = words.into_iter().collect();
        let mut command = Self::command();
        command.build();
        if language == Language::Chinese {
            command = chinese::translated(command);
        }
        command = without_empty_variables(command);
        let refused = |error| Refusal::new(error, &command, &words, language);
        let matches = command.clone().try_get_matches_from(&words).map_err(refused)?;
        let mut line = Self::from_arg_matches(&matches).map_err(refused)?;
        let settled = match (&mut line.command, matches.subcommand()) {
            (None, _) => line.serve.settle(&matches),
            (Some(Subcommand::Serve(serve)), Some((_, matches))) => serve.settle(matches),
            _ => Ok(()),
        };
        settled.map_err(|unfit| Refusal::ours(unfit, language))?;
        Ok(line)
    }
}

/// An environment variable that is set to nothing is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// What the program does.
#[derive(Clone, Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is moved once")]
pub enum Subcommand {
    /// Serve a class; the same as without a subcommand.
    Serve(Options),
    /// Write the contacts to a CSV file.
    Export {
        /// The file to write; - for standard output.
        #[arg(value_name = "CSV")]
        csv: PathBuf,
        /// Where the contacts are.
        #[command(flatten)]
        book: BookFile,
        /// Begin with a byte order mark, so that Excel shows Chinese names.
        #[arg(long)]
        bom: bool,
        /// Replace the file if it is there already.
        #[arg(long)]
        force: bool,
    },
    /// Add the contacts of a CSV file (columns: name, phone), all of them or,
    /// if one is wrong, none.
    Import {
        /// The file to read; - for standard input.
        #[arg(value_name = "CSV")]
        csv: PathBuf,
        /// Where the contacts are.
        #[command(flatten)]
        book: BookFile,
        /// How the text is encoded. UTF-16 is recognised by itself.
        #[arg(long, value_enum, default_value_t, env = "TCP_CLASSROOM_ENCODING")]
        encoding: Encoding,
    },
    /// Write the completions of the shells and the manual pages into a folder.
    // For those who make packages; of no use in a lesson.
    #[command(hide = true)]
    ShellFiles {
        /// The folder; it is created if it is not there.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

/// The file with the contacts.
#[derive(Clone, Debug, Default, Args)]
pub struct BookFile {
    /// The file the contacts are in. [default: contacts.db in this user's data
    /// folder; the server's start-up message says where]
    #[arg(long, value_name = "FILE", env = "TCP_CLASSROOM_DATA")]
    pub data: Option<PathBuf>,
}

impl BookFile {
    /// The file named, or the usual one, with its full path.
    ///
    /// # Errors
    ///
    /// None is named, and the system names no folder for this user's data; or
    /// the name is relative to a folder that is gone.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.data {
            return std::path::absolute(path).with_context(|| {
                let path = path.display();
                localized!("不知道 {} 的完整路径", "cannot tell the full path of {}", path)
            });
        }
        let folder = dirs::data_dir().with_context(|| {
            localized!(
                "系统没有给出保存数据的文件夹；请用 --data FILE 指定一个文件",
                "this system names no folder for your data; choose a file with --data FILE"
            )
        })?;
        Ok(folder.join("tcp-classroom").join("contacts.db"))
    }
}

/// The longest wait before a reply: a lesson.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The shortest and longest time to wait for a client: below a tenth of a second
/// an ordinary Wi-Fi hiccup counts as silence; above a day no class is left.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// More descriptors than a system grants one process.
const MOST_CONNECTIONS: usize = 1_000_000;

/// At some 200 bytes each, 2 GB of memory.
const MOST_CONTACTS: usize = 10_000_000;

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

    /// How much of the lesson to speak: everything, or only the echo it begins
    /// with.
    #[arg(long, value_enum, default_value_t = StageName::Contacts, env = "TCP_CLASSROOM_STAGE")]
    pub stage: StageName,

    /// Wait before each reply, as the lesson's server does, like 1s or 500ms.
    #[arg(
        long, value_name = "TIME", default_value = "0s",
        value_parser = values::time(Duration::ZERO..=LONGEST_PAUSE),
        env = "TCP_CLASSROOM_PAUSE"
    )]
    pub pause: Duration,

    /// Open the page in the browser [default: on a desktop, when started from
    /// a terminal].
    #[arg(
        long, overrides_with = "no_open", value_parser = values::switch, env = "TCP_CLASSROOM_OPEN"
    )]
    pub open: bool,

    /// Do not open the page in the browser.
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

const AFTER_HELP: &str = "\
Try it:
  tcp-classroom                       then open http://127.0.0.1:8080
  nc 127.0.0.1 9999                   and type add;zhangsan;13800138000
  tcp-classroom --lan                 for a class: prints the address and a QR code
  tcp-classroom --stage echo --pause 1s    the lesson's first server
  tcp-classroom export --bom class.csv     the contacts, for Excel

Every option can also be set by the environment variable shown beside it; the
option wins.";

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
    fn settle(&mut self, matches: &ArgMatches) -> Result<(), Unfit> {
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
        if self.open && self.no_open {
            (self.open, self.no_open) = (given("open"), !given("open"));
        }
        for (flag, endpoint) in [("--tcp", self.tcp), ("--http", self.http)] {
            if let Endpoint::Address(address) = endpoint
                && self.lan
                && !address.ip().is_unspecified()
            {
                let port = address.port();
                return Err(unfit!(
                    "--lan 在所有地址上监听，{flag} {address} 只在一个地址上监听；请把地址去掉，写成 \
                     --lan {flag} {port}，或者去掉 --lan",
                    "--lan listens on all addresses and {flag} {address} on one; leave out the \
                     address, as in --lan {flag} {port}, or leave out --lan"
                ));
            }
        }
        if self.tcp.port() != 0 && self.tcp.port() == self.http.port() {
            let port = self.tcp.port();
            return Err(unfit!(
                "--tcp 和 --http 不能用同一个端口 {port}",
                "--tcp and --http cannot share the port {port}"
            ));
        }
        if self.dead_after <= self.ping_every {
            return Err(unfit!(
                "--dead-after 必须比 --ping-every 长，否则浏览器还没来得及回应就被断开",
                "--dead-after must be longer than --ping-every, or else browsers are cut off \
                 before they can answer"
            ));
        }
        Ok(())
    }

    /// The server these options ask for.
    pub fn config(&self) -> Config {
        let reach = |endpoint| match endpoint {
            Endpoint::Address(address) => address,
            Endpoint::Port(port) if self.lan => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Endpoint::Port(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        };
        // What students are told to open must let them in.
        let names: Vec<_> = self.host_name.iter().chain(&self.advertise).cloned().collect();
        Config {
            tcp: reach(self.tcp),
            http: reach(self.http),
            stage: match self.stage {
                StageName::Contacts => Stage::Contacts,
                StageName::Echo => Stage::Echo,
            },
            pause: self.pause,
            hosts: HostNames::new(&names, &self.allow_origin),
            advertise: self.advertise.clone(),
            limits: Limits {
                connections: self.max_connections,
                per_address: self
                    .max_per_address
                    .map_or(PerAddress::Others(Limits::PER_ADDRESS), PerAddress::All),
                header_timeout: self.header_timeout,
                ping_every: self.ping_every,
                dead_after: self.dead_after,
                patience: self.read_patience,
                rates: self.rate_limits(),
            },
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
fn excluding(on_the_command_line: bool, first: &str, second: &str) -> Unfit {
    let name = |id: &str| match on_the_command_line {
        true => format!("--{id}"),
        false => format!("TCP_CLASSROOM_{}", id.to_uppercase()),
    };
    let (first, second) = (name(first), name(second));
    unfit!("{first} 和 {second} 不能同时使用", "{first} cannot be used with {second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<CommandLine, Refusal> {
        let words = ["tcp-classroom"].iter().chain(words).map(OsString::from);
        CommandLine::read(words, Language::English)
    }

    fn serve(words: &[&str]) -> Options {
        read(words).unwrap_or_else(|refusal| panic!("{words:?}: {refusal}")).serve
    }

    #[test]
    fn the_command_line_is_consistent_and_every_option_has_its_environment_twin() {
        let command = CommandLine::command();
        command.clone().debug_assert();
        for arg in command.get_arguments() {
            let name = arg.get_id().as_str();
            let twin = format!("TCP_CLASSROOM_{}", name.to_uppercase());
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(twin.as_str()));
        }
    }

    #[test]
    fn a_port_alone_is_on_this_computer_and_with_lan_on_all_addresses_of_both_families() {
        for (words, tcp, http) in [
            (&[][..], "127.0.0.1:9999", "127.0.0.1:8080"),
            (&["--tcp", "7"], "127.0.0.1:7", "127.0.0.1:8080"),
            (&["--tcp", "localhost:7"], "127.0.0.1:7", "127.0.0.1:8080"),
            (&["--tcp", "192.168.1.5:7"], "192.168.1.5:7", "127.0.0.1:8080"),
            (&["--lan"], "[::]:9999", "[::]:8080"),
            (&["--lan", "--tcp", "7", "--http", "0"], "[::]:7", "[::]:0"),
            // All addresses of one family: that is more exact, not a contradiction.
            (&["--lan", "--tcp", "0.0.0.0:7"], "0.0.0.0:7", "[::]:8080"),
        ] {
            let config = serve(words).config();
            assert_eq!(config.tcp, tcp.parse().unwrap(), "{words:?}");
            assert_eq!(config.http, http.parse().unwrap(), "{words:?}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused_with_what_to_do() {
        for (words, told) in [
            (&["--lan", "--tcp", "127.0.0.1:7"][..], "--lan --tcp 7"),
            (&["--lan", "--http", "localhost:80"], "--lan --http 80"),
            (&["--lan", "--http", "[fd00::2]:80"], "--lan --http 80"),
            (&["serve", "--lan", "--tcp", "192.168.1.5:7"], "--lan --tcp 7"),
            (&["--memory", "--data", "x"], "--memory cannot be used with --data"),
            (&["--quiet", "-v"], "--quiet cannot be used with --verbose"),
            (&["--tcp", "7", "--http", "7"], "cannot share the port 7"),
            (&["--ping-every", "60s"], "--dead-after must be longer"),
            (&["--dead-after", "1s"], "--dead-after must be longer"),
        ] {
            let refusal = read(words).expect_err("it is refused").to_string();
            assert!(refusal.contains(told), "{words:?}: {refusal}");
        }
        assert_eq!(serve(&["--tcp", "0", "--http", "0"]).tcp, Endpoint::Port(0));
        let last = serve(&["--open", "--no-open"]);
        assert!(last.no_open && !last.open);
    }

    #[test]
    fn what_is_advertised_may_be_typed_into_the_address_bar() {
        let hosts = serve(&["--advertise", "classroom.test", "--host-name", "a,b"]).config().hosts;
        let debug = format!("{hosts:?}");
        for name in ["\"classroom.test\"", "\"a\"", "\"b\""] {
            assert!(debug.contains(name), "{name}: {debug}");
        }
    }

    #[test]
    fn the_file_has_its_full_path() {
        let path = serve(&["--data", "x.db"]).data().unwrap().unwrap();
        assert_eq!(path, std::env::current_dir().unwrap().join("x.db"));
    }

    #[test]
    fn rates_are_limited_but_for_this_computer_unless_asked_for() {
        let limits = |arguments: &[&str]| {
            let line = ["tcp-classroom"].iter().chain(arguments);
            CommandLine::parse_from(line).serve.config().limits.rates
        };
        assert_eq!(limits(&["--lan"]), Limits::default().rates);
        assert!(!limits(&[]).loopback);
        for asked in [["--max-rate", "50"], ["--max-burst", "50"], ["--max-rate-per-address", "50"]]
        {
            assert!(limits(&asked).loopback, "{asked:?}");
        }
        let slow = limits(&["--max-rate", "50"]).per_connection.unwrap();
        assert_eq!((slow.per_second.get(), slow.burst), (50, 400));
        assert_eq!(limits(&["--max-rate", "0"]).per_connection, None);
        let address = limits(&["--max-rate-per-address", "7"]).per_address.unwrap();
        assert_eq!((address.per_second.get(), address.burst), (7, 7));
    }
}
