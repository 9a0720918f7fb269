//! The options of `check`.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::options::values;
use crate::homework::command::{Format, Settings};
use crate::language::Language;

/// How long an answer may be waited for. Below a tenth of a second Python itself may
/// be slower; after a minute nothing comes any more.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// What to check, and how it is told.
#[derive(Clone, Debug, Args)]
pub struct CheckOptions {
    /// The Python file of a server, which is started; or HOST:PORT of one that
    /// runs. Several files or a folder give a table.
    #[arg(value_name = "SERVER", required = true)]
    pub targets: Vec<String>,
    /// The port that the file's server listens on. [default: that of its bind, or
    /// else 9999]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The Python that runs the file. [default: python3, python or py, the first
    /// that is there]
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<OsString>,
    /// How long an answer may take; the lesson's server sleeps a second.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = values::time(TIMEOUT))]
    pub timeout: Duration,
    /// Repeat a check with the same names and phones.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Explain every failure and every note, not only the first failure.
    #[arg(long)]
    pub all: bool,
    /// Check a file once, also on a terminal, where it is otherwise checked again
    /// whenever it is saved.
    #[arg(long)]
    pub once: bool,
    /// Print a line of JSON for each server.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print a row of CSV for each server.
    #[arg(long)]
    pub csv: bool,
    /// The language of the explanations. [default: that of this computer]
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    pub lang: Option<LanguageName>,
}

/// A language as it is given on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LanguageName {
    /// Chinese
    Zh,
    /// English
    En,
}

impl CheckOptions {
    /// The same for the command, with what is not given.
    pub fn settings(&self, machine: Language) -> Settings {
        Settings {
            targets: self.targets.clone(),
            port: self.port,
            python: self.python.clone(),
            timeout: self.timeout,
            seed: self.seed,
            all: self.all,
            once: self.once,
            format: match (self.json, self.csv) {
                (true, _) => Format::Json,
                (_, true) => Format::Csv,
                _ => Format::Lines,
            },
            language: match self.lang {
                Some(LanguageName::Zh) => Language::Chinese,
                Some(LanguageName::En) => Language::English,
                None => machine,
            },
        }
    }
}
