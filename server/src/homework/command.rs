//! The command `check`: once, for many files, or whenever the file is saved.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use protocol::homework::{CheckName, Grader, Options, Source, State};
use tokio_util::sync::CancellationToken;
use unicode_width::UnicodeWidthStr as _;

use super::driver::Driver;
use super::process::Program;
use super::report::{Report, json, lines, table};
use super::target::{self, Target};
use super::{python, watch};
use crate::language::{Language, localized};
use crate::signals::{INTERRUPTED, stop_on_signals};
use crate::terminal::diagnostics;

/// Exit code: a check that is required failed.
const FAILED: u8 = 1;
/// Exit code: the command line is wrong, as shells and clap have it.
const USAGE: u8 = 2;
/// Exit code: there is nothing to check, since no server or no Python is there.
const NOT_CONNECTED: u8 = 3;

/// The lesson's port, where neither the command line nor the file names one.
const LESSON_PORT: u16 = 9999;

/// How many times as long as an answer a program may take to listen: with the usual
/// 3 s, 15 s for Python on a cold Windows laptop with a virus scanner.
const START: u32 = 5;

/// What is checked, and how it is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Files, folders or addresses.
    pub targets: Vec<String>,
    /// Where connections go, in place of the file's own port.
    pub port: Option<u16>,
    /// What runs the files.
    pub python: Option<OsString>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What names and phones are made from.
    pub seed: Option<u64>,
    /// Whether every failure and note is explained.
    pub all: bool,
    /// Whether a file is checked once, also on a terminal.
    pub once: bool,
    /// How it is told.
    pub format: Format,
    /// The language it is told in.
    pub language: Language,
}

/// How results are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines to read.
    Lines,
    /// One line of JSON for each server.
    Json,
    /// A row of CSV for each server.
    Csv,
}

/// Runs the command.
pub fn run(settings: &Settings) -> ExitCode {
    let targets = match Target::all(&settings.targets, settings.language) {
        Ok(targets) => targets,
        Err(error) => return refused(&error, USAGE),
    };
    let code = start(settings, &targets);
    code.unwrap_or_else(|error| refused(&error, NOT_CONNECTED))
}

fn refused(error: &anyhow::Error, code: u8) -> ExitCode {
    diagnostics::say(format_args!("tcp-classroom: {error:#}"));
    ExitCode::from(code)
}

fn start(settings: &Settings, targets: &[Target]) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let stop = stop_on_signals()?;
    let needs_python = targets.iter().any(|target| matches!(target, Target::File(_)));
    let language = settings.language;
    runtime.block_on(async {
        let python = match needs_python {
            true => Some(python::find(settings.python.as_deref(), language).await?),
            false => None,
        };
        let command = Command { settings, python, stop: &stop };
        match targets {
            [target] if settings.format != Format::Csv => command.one(target).await,
            many => command.many(many).await,
        }
    })
}

struct Command<'a> {
    settings: &'a Settings,
    python: Option<OsString>,
    stop: &'a CancellationToken,
}

impl Command<'_> {
    /// Checks one server, and a file again whenever it is saved if somebody watches.
    async fn one(&self, target: &Target) -> Result<ExitCode> {
        let settings = self.settings;
        let is_live = std::io::stdout().is_terminal() && settings.format == Format::Lines;
        loop {
            let source = read(target, settings.language)?;
            let code = self.run_once(target, source.clone(), is_live).await?;
            let Some(code) = code else { return Ok(ExitCode::from(INTERRUPTED)) };
            let Target::File(path) = target else { return Ok(code) };
            if !is_live || settings.once {
                return Ok(code);
            }
            let name = target.name();
            print(&localized!(
                in settings.language;
                "\n保存 {name} 就会再检查一次，按 Ctrl+C 结束。\n",
                "\nSave {name} and it is checked again. Ctrl+C stops.\n"
            ));
            if watch::change(path, &source.unwrap_or_default(), self.stop).await.is_none() {
                return Ok(code);
            }
            print("\n");
        }
    }

    /// Returns no exit code if a signal has cut it short: then there is no result.
    async fn run_once(
        &self,
        target: &Target,
        source: Option<String>,
        is_live: bool,
    ) -> Result<Option<ExitCode>> {
        let settings = self.settings;
        let name = target.name();
        let mut grader = self.grader(target, source);
        let port = grader.0;
        let mut display = Display { printed: 0, is_live, language: settings.language };
        let is_told = settings.format == Format::Lines;
        if is_told {
            let report = Report { target: &name, port, grader: &grader.1 };
            print(&lines::heading(&report, settings.language));
        }
        let observe = |grader: &Grader| {
            if is_told {
                display.update(grader);
            }
        };
        let is_whole = self.drive(target, &mut grader, observe).await?;
        if !is_whole {
            if is_told {
                print(&localized!(in settings.language; "\n已中断。\n", "\nInterrupted.\n"));
            }
            return Ok(None);
        }
        let report = Report { target: &name, port, grader: &grader.1 };
        match settings.format {
            Format::Lines => print(&lines::verdict(&report, settings.all, settings.language)),
            Format::Json => print(&(json::line(&report, settings.language) + "\n")),
            Format::Csv => print(&table::csv(&report)),
        }
        Ok(Some(self.code(target, &grader.1)))
    }

    /// Checks several, one behind the other: they may have the same port.
    async fn many(&self, targets: &[Target]) -> Result<ExitCode> {
        let settings = self.settings;
        let width = targets.iter().map(|target| target.name().width()).max().unwrap_or(0);
        let mut all_passed = true;
        if settings.format == Format::Csv {
            print(&table::csv_heading());
        }
        for target in targets {
            let name = target.name();
            let mut grader = self.grader(target, read(target, settings.language)?);
            if !self.drive(target, &mut grader, |_| {}).await? {
                return Ok(ExitCode::from(INTERRUPTED));
            }
            let report = Report { target: &name, port: grader.0, grader: &grader.1 };
            all_passed &= grader.1.passed();
            print(&match settings.format {
                Format::Lines => table::row(&report, width, settings.language),
                Format::Json => json::line(&report, settings.language) + "\n",
                Format::Csv => table::csv(&report),
            });
        }
        Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    }

    /// The port that connections go to, and a run that has not begun.
    fn grader(&self, target: &Target, source: Option<String>) -> (u16, Grader) {
        let settings = self.settings;
        let own = source.as_deref().map(Source::new).and_then(|source| source.port());
        let port = match target {
            Target::Address { port, .. } => *port,
            Target::File(_) => settings.port.or(own).unwrap_or(LESSON_PORT),
        };
        let file = match target {
            Target::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Target::Address { .. } => None,
        };
        let grader = Grader::new(Options {
            seed: settings.seed.unwrap_or_else(random_seed),
            can_restart: file.is_some(),
            source,
            file,
            port,
            timeout: settings.timeout,
            start_timeout: settings.timeout * START,
        });
        (port, grader)
    }

    /// Carries a run out. Returns whether it came to its end, and was not cut short.
    async fn drive(
        &self,
        target: &Target,
        (port, grader): &mut (u16, Grader),
        observe: impl FnMut(&Grader),
    ) -> Result<bool> {
        let host = match target {
            Target::Address { host, .. } => host,
            Target::File(_) => "127.0.0.1",
        };
        let address = target::resolve(host, *port, self.settings.language).await?;
        let program = match (target, &self.python) {
            (Target::File(file), Some(python)) => {
                Some(Program { python: python.clone(), file: file.clone() })
            }
            _ => None,
        };
        let driver = Driver { address, program: program.as_ref(), stop: self.stop };
        Ok(driver.run(grader, observe).await)
    }

    fn code(&self, target: &Target, grader: &Grader) -> ExitCode {
        let connected = grader.stages().iter().find(|stage| stage.name == CheckName::Connect);
        let is_connected = connected.is_none_or(|stage| stage.state != State::Failed);
        ExitCode::from(match target {
            _ if grader.passed() => return ExitCode::SUCCESS,
            Target::Address { .. } if !is_connected => NOT_CONNECTED,
            _ => FAILED,
        })
    }
}

/// The text of a file; nothing of an address.
fn read(target: &Target, language: Language) -> Result<Option<String>> {
    let Target::File(path) = target else { return Ok(None) };
    let bytes = std::fs::read(path).with_context(|| unreadable(path, language))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn unreadable(path: &Path, language: Language) -> String {
    let path = path.display();
    localized!(in language; "无法读取 {path}", "cannot read {path}")
}

/// Short enough to be typed again.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

/// The list of checks, printed as they are settled.
struct Display {
    /// How many are printed.
    printed: usize,
    is_live: bool,
    language: Language,
}

impl Display {
    fn update(&mut self, grader: &Grader) {
        /// To the beginning of the line, which is cleared.
        const ANEW: &str = "\r\x1b[2K";
        let mut text = String::new();
        if self.is_live {
            text += ANEW;
        }
        for stage in &grader.stages()[self.printed..] {
            if !stage.is_settled() {
                break;
            }
            text += &lines::settled(stage, self.language);
            self.printed += 1;
        }
        let next = grader.stages().get(self.printed);
        if let Some(stage) = next.filter(|_| self.is_live) {
            text += &lines::running(stage, grader.waits(), self.language);
        }
        print(&text);
    }
}

/// Prints to standard output. A reader that is gone is no reason to stop: the server
/// that was started must still be ended.
fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
