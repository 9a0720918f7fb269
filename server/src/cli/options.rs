//! The command line: subcommands, flags, and their environment variables.
//!
//! `serve` and `book_file` are the options, `values` parses their values, `chinese`
//! translates the help and `early_exit` the errors.

mod book_file;
mod check;
mod chinese;
mod early_exit;
mod invalid_option;
mod many_classes;
mod room;
mod serve;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

pub use self::book_file::BookFile;
pub use self::check::CheckOptions;
pub use self::early_exit::EarlyExit;
pub use self::room::{RoomCommand, RoomDatabase};
pub use self::serve::{Options, StageName};
pub use self::values::{Endpoint, Opened};
use crate::csv::Encoding;
use crate::language::Language;

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
    ) -> Result<Self, EarlyExit> {
        let words: Vec<_> = words.into_iter().collect();
        let mut command = Self::command();
        command.build();
        if language == Language::Chinese {
            command = chinese::translated(command);
        }
        command = without_empty_variables(command);
        let refused = |error| EarlyExit::new(error, &command, &words, language);
        let matches = command.clone().try_get_matches_from(&words).map_err(refused)?;
        let mut line = Self::from_arg_matches(&matches).map_err(refused)?;
        let settled = match (&mut line.command, matches.subcommand()) {
            (None, _) => line.serve.settle(&matches),
            (Some(Subcommand::Serve(serve)), Some((_, matches))) => serve.settle(matches),
            _ => Ok(()),
        };
        settled.map_err(|invalid| EarlyExit::ours(invalid, language))?;
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
    /// Check a student's own server: does it speak the lesson's protocol, and if not,
    /// why?
    #[command(after_help = CHECK_EXIT_CODES)]
    Check(CheckOptions),
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
    /// Try what keeps students out, and print the command that mends it.
    Doctor {
        /// Where raw TCP clients connect, as for serving.
        #[arg(
            long, value_name = "PORT", default_value_t = Endpoint::Port(9999),
            value_parser = values::endpoint, env = "TCP_CLASSROOM_TCP"
        )]
        tcp: Endpoint,
        /// Where browsers connect, as for serving.
        #[arg(
            long, value_name = "PORT", default_value_t = Endpoint::Port(8080),
            value_parser = values::endpoint, env = "TCP_CLASSROOM_HTTP"
        )]
        http: Endpoint,
        /// The book of the server; a server that has it open is found on any ports.
        #[command(flatten)]
        book: BookFile,
    },
    /// Empty the book for the next class, and keep the old contacts as a file beside it;
    /// also while a server runs.
    Reset {
        /// Where the contacts are.
        #[command(flatten)]
        book: BookFile,
        /// What the file with the old contacts is called. [default: the date and time]
        #[arg(long, value_name = "NAME", env = "TCP_CLASSROOM_KEEP")]
        keep: Option<String>,
    },
    /// Make and look after the classes in a database.
    #[command(subcommand)]
    Room(RoomCommand),
    /// Ask the server on this computer whether it answers, for the health check of a
    /// container.
    #[command(hide = true)]
    Health {
        /// Where browsers connect, as for serving.
        #[arg(
            long, value_name = "PORT", default_value_t = Endpoint::Port(8080),
            value_parser = values::endpoint, env = "TCP_CLASSROOM_HTTP"
        )]
        http: Endpoint,
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

const CHECK_EXIT_CODES: &str = "\
Exit code: 0 everything is passed, 1 it is not, 2 the command line is wrong, 3 there
is no server to connect to or no Python, 130 a check was cut short by Ctrl+C.";

const AFTER_HELP: &str = "\
Try it:
  tcp-classroom                       then open http://127.0.0.1:8080
  nc 127.0.0.1 9999                   and type add;zhangsan;13800138000
  py client2.py add zhangsan 1        in Python, from the page's /client2.py
  tcp-classroom --lan                 for a class: prints the address and a QR code
  tcp-classroom --stage echo --pause 1s    the lesson's first server
  tcp-classroom check server.py       starts a student's server and checks it
  tcp-classroom export --bom class.csv     the contacts, for Excel
  tcp-classroom doctor                students cannot get in: why?

Every option can also be set by the environment variable shown beside it; the
option wins.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    fn read(words: &[&str]) -> Result<CommandLine, EarlyExit> {
        let words = ["tcp-classroom"].iter().chain(words).map(OsString::from);
        CommandLine::read(words, Language::English)
    }

    fn serve(words: &[&str]) -> Options {
        read(words).unwrap_or_else(|exit| panic!("{words:?}: {exit}")).serve
    }

    #[test]
    fn a_check_waits_as_long_for_an_answer_as_one_in_class() {
        let Some(Subcommand::Check(check)) = read(&["check", "server.py"]).unwrap().command else {
            panic!("it is a check")
        };
        assert_eq!(check.timeout, protocol::homework::Options::default().timeout);
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
            let exit = read(words).expect_err("it is refused").to_string();
            assert!(exit.contains(told), "{words:?}: {exit}");
        }
        assert_eq!(serve(&["--tcp", "0", "--http", "0"]).tcp, Endpoint::Port(0));
        let last = serve(&["--open", "--no-open"]);
        assert!(last.no_open && last.open.is_none());
        let both = Some(Opened { page: true, board: true, teacher: false });
        assert_eq!(serve(&["--no-open", "--open=page,board"]).open, both);
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
    fn what_only_a_proxy_needs_puts_the_server_on_the_network() {
        for (words, is) in [
            (&[][..], false),
            (&["--http", "80"], false),
            (&["--host-name", "class.example"], true),
            (&["--advertise", "class.example"], true),
            (&["--allow-origin", "https://class.example"], true),
            (&["--trust-proxy", "127.0.0.1"], true),
        ] {
            assert_eq!(serve(words).config().is_behind_proxy, is, "{words:?}");
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
