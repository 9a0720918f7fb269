//! The command line: flags, their environment twins, and what they mean.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgAction, Args, Parser, ValueEnum};
use protocol::{Contacts, Stage};

use crate::accept::PerAddress;
use crate::http::HostNames;
use crate::server::{Config, Limits};

/// A TCP classroom: the lesson's server, and the page that teaches it.
///
/// Students reach it with Python or nc on raw TCP (port 9999), or with a
/// browser (port 8080). Nothing has to be set up: start it without options.
#[derive(Clone, Debug, Parser)]
#[command(version, about, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
    /// How to serve, without a subcommand.
    #[command(flatten)]
    pub serve: Options,
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
    /// The file named, or the usual one.
    ///
    /// # Errors
    ///
    /// None is named, and the system names no folder for this user's data.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.data {
            return Ok(path.clone());
        }
        let folder = dirs::data_dir()
            .context("this system names no folder for your data; choose a file with --data FILE")?;
        Ok(folder.join("tcp-classroom").join("contacts.db"))
    }
}

/// How to serve a class.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where raw TCP clients connect; port 0 takes any free port.
    #[arg(long, value_name = "ADDR", default_value_t = local(9999), env = "TCP_CLASSROOM_TCP")]
    pub tcp: SocketAddr,

    /// Where browsers connect; port 0 takes any free port.
    #[arg(long, value_name = "ADDR", default_value_t = local(8080), env = "TCP_CLASSROOM_HTTP")]
    pub http: SocketAddr,

    /// Let the whole local network in, on the ports above. Without it only this
    /// computer can connect.
    #[arg(long, env = "TCP_CLASSROOM_LAN")]
    pub lan: bool,

    /// Another name students may type into the address bar. Other names than
    /// this computer's are refused, so that no foreign page can get in.
    /// May be given several times, or separated by commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "TCP_CLASSROOM_HOST_NAME")]
    pub host_name: Vec<String>,

    /// A page of another server that may talk to this one, as http://HOST:PORT.
    /// May be given several times, or separated by commas.
    #[arg(
        long, value_name = "ORIGIN", value_delimiter = ',', value_parser = origin,
        env = "TCP_CLASSROOM_ALLOW_ORIGIN"
    )]
    pub allow_origin: Vec<String>,

    /// Where the contacts are kept.
    #[command(flatten)]
    pub book: BookFile,

    /// Keep the contacts in memory only; they are gone when the server stops.
    #[arg(long, conflicts_with = "data", env = "TCP_CLASSROOM_MEMORY")]
    pub memory: bool,

    /// How much of the lesson to speak: everything, or only the echo it begins
    /// with.
    #[arg(long, value_enum, default_value_t = StageName::Contacts, env = "TCP_CLASSROOM_STAGE")]
    pub stage: StageName,

    /// Wait before each reply, as the lesson's server does, like 1s or 500ms.
    #[arg(
        long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration,
        env = "TCP_CLASSROOM_PAUSE"
    )]
    pub pause: Duration,

    /// Open the page in the browser [default: on a desktop, when started from
    /// a terminal].
    #[arg(long, overrides_with = "no_open", env = "TCP_CLASSROOM_OPEN")]
    pub open: bool,

    /// Do not open the page in the browser.
    #[arg(long, overrides_with = "open", env = "TCP_CLASSROOM_NO_OPEN")]
    pub no_open: bool,

    /// Print nothing but warnings and errors.
    #[arg(long, short, conflicts_with = "verbose", env = "TCP_CLASSROOM_QUIET")]
    pub quiet: bool,

    /// Print diagnostics, too; twice for still more.
    #[arg(long, short, action = ArgAction::Count, env = "TCP_CLASSROOM_VERBOSE")]
    pub verbose: u8,

    /// The most open connections in all. Each takes a few kilobytes and one
    /// file descriptor.
    #[arg(
        long, value_name = "N", default_value_t = Limits::default().connections,
        env = "TCP_CLASSROOM_MAX_CONNECTIONS", help_heading = "Limits"
    )]
    pub max_connections: usize,

    /// The most open connections from one address, so that one runaway program
    /// cannot shut the class out. [default: 600, enough for a class of 60
    /// behind one router; none for this computer itself]
    #[arg(long, value_name = "N", env = "TCP_CLASSROOM_MAX_PER_ADDRESS", help_heading = "Limits")]
    pub max_per_address: Option<usize>,

    /// The most contacts in the book, some 200 bytes of memory each.
    #[arg(
        long, value_name = "N", default_value_t = Contacts::DEFAULT_LIMIT,
        env = "TCP_CLASSROOM_MAX_CONTACTS", help_heading = "Limits"
    )]
    pub max_contacts: usize,

    /// How long a browser may take to send the headers of a request; slower
    /// ones would hold a connection for nothing.
    #[arg(
        long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration,
        env = "TCP_CLASSROOM_HEADER_TIMEOUT", help_heading = "Limits"
    )]
    pub header_timeout: Duration,

    /// How long a client may leave its replies unread before it is cut off.
    #[arg(
        long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration,
        env = "TCP_CLASSROOM_READ_PATIENCE", help_heading = "Limits"
    )]
    pub read_patience: Duration,

    /// How often a quiet browser is asked for a sign of life.
    #[arg(
        long, value_name = "TIME", default_value = "20s", value_parser = positive_duration,
        env = "TCP_CLASSROOM_PING_EVERY", help_heading = "Limits"
    )]
    pub ping_every: Duration,

    /// After how long without one it counts as gone.
    #[arg(
        long, value_name = "TIME", default_value = "60s", value_parser = positive_duration,
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

    /// The server these options ask for.
    pub fn config(&self) -> Config {
        let reach = |address: SocketAddr| match self.lan {
            true => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()),
            false => address,
        };
        Config {
            tcp: reach(self.tcp),
            http: reach(self.http),
            stage: match self.stage {
                StageName::Contacts => Stage::Contacts,
                StageName::Echo => Stage::Echo,
            },
            pause: self.pause,
            hosts: HostNames::new(&self.host_name, &self.allow_origin),
            limits: Limits {
                connections: self.max_connections,
                per_address: self
                    .max_per_address
                    .map_or(PerAddress::Others(Limits::PER_ADDRESS), PerAddress::All),
                header_timeout: self.header_timeout,
                ping_every: self.ping_every,
                dead_after: self.dead_after,
                patience: self.read_patience,
            },
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing, like 20s".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

fn origin(text: &str) -> Result<String, &'static str> {
    let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match authority.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']) => {
            Ok(text.to_owned())
        }
        _ => Err("an origin is written http://HOST or http://HOST:PORT"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

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
    fn lan_opens_both_ports_to_all_interfaces_and_keeps_their_numbers() {
        let line = ["tcp-classroom", "--lan", "--tcp", "127.0.0.1:7"];
        let options = CommandLine::parse_from(line).serve;
        assert_eq!(options.config().tcp, "0.0.0.0:7".parse().unwrap());
        assert_eq!(options.config().http, "0.0.0.0:8080".parse().unwrap());
    }
}
