//! `tcp-classroom`: parses the options, builds the server, runs it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tcp_classroom::cli::banner::{Banner, Screen};
use tcp_classroom::cli::health;
use tcp_classroom::cli::options::{CommandLine, Opened, Options, Subcommand};
use tcp_classroom::cli::reset;
use tcp_classroom::cli::room;
use tcp_classroom::cli::shell_files;
use tcp_classroom::control::ControlFile;
use tcp_classroom::doctor;
use tcp_classroom::homework::command;
use tcp_classroom::join::interfaces;
use tcp_classroom::language::Language;
use tcp_classroom::signals::stop_on_signals;
use tcp_classroom::terminal::console::Console;
use tcp_classroom::terminal::diagnostics::{self, FINAL_FLUSH};
use tcp_classroom::{Book, RoomPort, Rooms, Server, csv};
use tracing::level_filters::LevelFilter;

/// How long the banner may take to be printed before the console goes on: long
/// for a terminal, short for a class that waits.
const BANNER: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    diagnostics::report_panics();
    diagnostics::exit_on_panic(run)
}

fn run() -> ExitCode {
    let language = Language::of_machine();
    let CommandLine { command, serve: options } =
        match CommandLine::read(std::env::args_os(), language) {
            Ok(line) => line,
            Err(exit) => return exit.print(),
        };
    let done = match command.unwrap_or(Subcommand::Serve(options)) {
        Subcommand::Serve(options) if options.database.is_some() => {
            start_diagnostics(&options);
            serve_rooms(&options, options.database.as_deref().unwrap_or_default())
        }
        Subcommand::Serve(options) => {
            start_diagnostics(&options);
            serve(&options).map(|summary| {
                if !options.quiet {
                    diagnostics::say(summary.sentence(language));
                }
            })
        }
        Subcommand::Check(options) => {
            let code = command::run(&options.settings(language));
            diagnostics::flush(FINAL_FLUSH);
            return code;
        }
        Subcommand::Export { csv, book, bom, force } => {
            book.path().and_then(|book| csv::export(&book, &csv, bom, force))
        }
        Subcommand::Import { csv, book, encoding } => {
            book.path().and_then(|book| csv::import(&book, &csv, encoding))
        }
        Subcommand::Doctor { tcp, http, book } => {
            let is_fine = doctor::run(tcp, http, book.path().ok().as_deref(), language);
            diagnostics::flush(FINAL_FLUSH);
            return if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Subcommand::Reset { book, keep } => book.path().and_then(|book| reset::run(&book, keep)),
        Subcommand::Room(command) => room::run(&command, language),
        Subcommand::Health { http } => health::check(http),
        Subcommand::ShellFiles { folder } => shell_files::write(&folder),
    };
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The first line says what to do; the root cause helps with a report.
            let mut causes = error.chain().skip(1).map(|cause| format!(" ({cause})"));
            let cause = causes.next().unwrap_or_default();
            diagnostics::say(format_args!("tcp-classroom: {error}{cause}"));
            ExitCode::FAILURE
        }
    };
    diagnostics::flush(FINAL_FLUSH);
    code
}

/// What the last line tells: how many contacts there were, and where they are.
struct Summary {
    contacts: usize,
    data: Option<PathBuf>,
}

impl Summary {
    /// The last line: what became of the contacts.
    fn sentence(&self, language: Language) -> String {
        let contacts = self.contacts;
        match (&self.data, language) {
            (Some(data), Language::Chinese) => {
                format!("已停止。{contacts} 个联系人保存在 {}", data.display())
            }
            (Some(data), Language::English) => {
                let are = if contacts == 1 { "contact is" } else { "contacts are" };
                format!("Stopped. {contacts} {are} kept in {}", data.display())
            }
            (None, Language::Chinese) => {
                format!("已停止。{contacts} 个联系人只在内存里，现在没有了")
            }
            (None, Language::English) if contacts == 1 => {
                "Stopped. 1 contact was in memory only and is gone".to_owned()
            }
            (None, Language::English) => {
                format!("Stopped. {contacts} contacts were in memory only and are gone")
            }
        }
    }
}

/// Serves until it is told to stop. When this returns, the file is closed.
fn serve(options: &Options) -> anyhow::Result<Summary> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    let (console, contacts, data) = runtime.block_on(serve_until_stopped(options))?;
    // Ends the conversations of clients that do not read. They hold on to the book,
    // which is closed with the last of them, and to the console.
    drop(runtime);
    console.flush(FINAL_FLUSH);
    Ok(Summary { contacts: contacts(), data })
}

async fn serve_until_stopped(
    options: &Options,
) -> anyhow::Result<(Console, impl Fn() -> usize, Option<PathBuf>)> {
    if let Err(error) = tcp_classroom::raise_descriptor_limit() {
        tracing::debug!("{error:#}");
    }
    // Before binding: a signal that comes at once must not kill half a server.
    let stop = stop_on_signals()?;
    let server = Server::bind(options.config()).await?;
    // After binding: a port in use must leave the data untouched.
    let data = options.data()?;
    let book = match &data {
        Some(path) => Book::open(path, options.max_contacts)?,
        None => Book::in_memory(options.max_contacts),
    };
    let console = if options.quiet { Console::silent() } else { Console::new(std::io::stdout()) };
    // Until the server has stopped, so that `export` and `reset` find it.
    let _control = data.as_deref().and_then(|data| control_file(data, &server));
    announce(options, &server, &book, data.as_deref())?;
    let contacts = book.counter();
    server.serve(book, console.clone(), stop).await;
    Ok((console, contacts, data))
}

/// Serves the classes in a database until it is told to stop.
fn serve_rooms(options: &Options, database: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    runtime.block_on(async {
        if let Err(error) = tcp_classroom::raise_descriptor_limit() {
            tracing::debug!("{error:#}");
        }
        // Before binding: a signal that comes at once must not kill half a server.
        let stop = stop_on_signals()?;
        let server = Server::bind(options.config()).await?;
        let ports = options.room_ports().map(|(code, address)| RoomPort::bind(code, address));
        let ports = ports.collect::<anyhow::Result<Vec<_>>>()?;
        let rooms = Rooms::connect(database).await?;
        if !options.quiet {
            let (tcp, http) = (server.tcp_address()?, server.http_address()?);
            let (ip, port) = (tcp.ip(), tcp.port());
            diagnostics::say(match Language::of_machine() {
                Language::Chinese => format!(
                    "数据库里的课堂：\n  网页      http://{http}/r/代码/\n  \
                     原始 TCP，先发送 join;代码\n  {ip} {port}\n按 Ctrl+C 停止"
                ),
                Language::English => format!(
                    "The classes of a database:\n  page      http://{http}/r/CODE/\n  \
                     raw TCP, send join;CODE first\n  {ip} {port}\nCtrl+C stops"
                ),
            });
        }
        server.serve_rooms(rooms, ports, stop).await;
        Ok(())
    })
}

/// Lets the commands on this computer find the server. It serves without it, too.
fn control_file(data: &Path, server: &Server) -> Option<ControlFile> {
    let (tcp, http) = (server.tcp_address().ok()?, server.http_address().ok()?);
    match ControlFile::write(data, tcp, http, server.teacher_token()) {
        Ok(file) => Some(file),
        Err(error) => {
            tracing::debug!("the commands will not find this server: {error:#}");
            None
        }
    }
}

fn announce(
    options: &Options,
    server: &Server,
    book: &Book,
    data: Option<&Path>,
) -> anyhow::Result<()> {
    let interfaces = interfaces::interfaces().unwrap_or_default();
    let lan = interfaces::ranked(&interfaces);
    let is_terminal = std::io::stderr().is_terminal();
    let screen = terminal_size::terminal_size_of(std::io::stderr())
        .map(|(columns, rows)| Screen { columns: columns.0.into(), rows: rows.0.into() });
    let banner = Banner {
        language: Language::of_machine(),
        tcp: server.tcp_address()?,
        http: server.http_address()?,
        token: server.teacher_token().as_str(),
        lan: &lan,
        data,
        contacts: book.len(),
        advertised: options.advertise.as_deref(),
        all: options.verbose > 0,
        screen: is_terminal.then_some(screen.unwrap_or(Screen::USUAL)),
    };
    if !options.quiet {
        diagnostics::say(&banner);
        // The console has a printing thread of its own, and follows.
        diagnostics::flush(BANNER);
    }
    let by_default = || !options.no_open && is_terminal && has_desktop();
    let Opened { page, board, teacher } =
        options.open.unwrap_or_else(|| Opened { page: by_default(), ..Opened::default() });
    if teacher {
        open_in_browser(&banner.local_teacher(), banner.language);
    }
    if page {
        open_in_browser(&banner.local_page(), banner.language);
    }
    // Last, and so in front: it is what the projector shows.
    if board {
        open_in_browser(&banner.board(), banner.language);
    }
    Ok(())
}

fn open_in_browser(address: &str, language: Language) {
    if let Err(error) = open::that_detached(address) {
        let told = match language {
            Language::Chinese => format!("不能打开浏览器（{error}），请自己打开 {address}"),
            Language::English => {
                format!("cannot open a browser ({error}), open {address} yourself")
            }
        };
        tracing::warn!("{told}");
    }
}

/// Whether a browser can be opened on a screen of this computer.
fn has_desktop() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let remote = set("SSH_CONNECTION") || set("CI");
    let unix_screen = set("DISPLAY") || set("WAYLAND_DISPLAY");
    !remote && (unix_screen || cfg!(any(target_os = "macos", windows)))
}

fn start_diagnostics(options: &Options) {
    diagnostics::start(match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::WARN,
        (_, 0) => LevelFilter::WARN,
        (_, 1) => LevelFilter::DEBUG,
        (_, _) => LevelFilter::TRACE,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_in_the_language_s_grammar() {
        for (contacts, data, english) in [
            (0, None, "0 contacts were in memory only and are gone"),
            (1, None, "1 contact was in memory only and is gone"),
            (1, Some("/home/a.db"), "1 contact is kept in /home/a.db"),
            (2, Some("/home/a.db"), "2 contacts are kept in /home/a.db"),
        ] {
            let summary = Summary { contacts, data: data.map(PathBuf::from) };
            assert_eq!(summary.sentence(Language::English), format!("Stopped. {english}"));
            let chinese = summary.sentence(Language::Chinese);
            assert!(chinese.starts_with(&format!("已停止。{contacts} 个联系人")), "{chinese}");
            assert!(data.is_none_or(|data| chinese.ends_with(data)), "{chinese}");
        }
    }
}
