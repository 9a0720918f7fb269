//! The benchmark: how fast the server is beside what is possible and what is
//! usual, in one run on one machine. It changes nothing outside its scratch
//! directory and talks only to programs that it started, on loopback.
//!
//! # Layout
//!
//! * [`scenario`]: the loads and their contenders; [`target`]: what is asked of
//!   the server.
//! * [`idle`], [`million`]: what idle connections and a large book take;
//!   [`flood`]: what the others notice of a client that floods; [`class`]: a lesson at
//!   the speed of people, and whether board and teacher's page count it right, and the
//!   same beside [`programs`] that run in pages.
//! * [`generator`]: the closed loop that sends and checks. What it sends is a
//!   [`workload`] (which messages, and which answers they must get) in a
//!   [`dialect`] (how both are written on the wire), as a [`script`].
//! * [`yardstick`]: the bare echo every contender is compared with.
//! * [`contender`]: starting and ending the programs; [`cores`]: who runs where.
//! * [`gauge`]: CPU time and memory of a program; [`machine`]: where this ran.
//! * [`results`]: what came out; [`report`]: that as Markdown and JSON.
//!
//! # What makes the figures comparable
//!
//! * Contenders take turns within each round, so that a noisy moment of the
//!   machine hits all of them; ratios are taken within a round, then their
//!   median.
//! * The contender has one core to itself, the generator another.
//! * Each reply is compared byte for byte with the one expected. A wrong or
//!   missing one ends the measurement of that contender; it is never counted.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its interface")]

pub mod class;
pub mod contender;
pub mod cores;
pub mod dialect;
pub mod flood;
pub mod gauge;
pub mod generator;
pub mod idle;
pub mod machine;
pub mod million;
pub mod report;
pub mod results;
pub mod scenario;
pub mod script;
pub mod target;
pub mod workload;
pub mod yardstick;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::class::programs;
use crate::contender::{Effort, Lab};
use crate::report::Report;

/// Measures tcp-classroom beside a bare echo server and Redis.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", version)]
struct Options {
    /// Only what has this in its name, like «websocket» or «50x16».
    #[arg(value_name = "NAME")]
    only: Option<String>,

    /// A trial of some twenty seconds; its figures are noise.
    #[arg(long)]
    quick: bool,

    /// The server to measure.
    #[arg(long, value_name = "FILE", default_value = "target/release/tcp-classroom")]
    server: PathBuf,

    /// An earlier build of the server, to compare with in the same rounds.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Where the results go, and the data files of a run: the disk under this
    /// directory is what the durable scenarios measure.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    scratch: PathBuf,

    /// The page that holds the last complete table. A trial or a part is
    /// written into the scratch directory instead.
    #[arg(long, value_name = "FILE", default_value = "BENCHMARKS.md")]
    page: PathBuf,

    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Only the echo server, until its standard input ends.
    #[command(hide = true)]
    Yardstick,
}

/// The program.
pub fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.part {
        Some(Part::Yardstick) => yardstick::main().map(|()| true),
        None => run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        // A missed target is a figure in a table, a wrong reply is a fault.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports. Whether every contender gave only right answers.
fn run(options: &Options) -> Result<bool> {
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    std::fs::create_dir_all(&options.scratch)
        .with_context(|| format!("cannot create {}", options.scratch.display()))?;
    let mut lab = Lab::new(&options.server, options.baseline.as_deref(), &options.scratch, effort)?;
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| name.contains(only));

    let mut report = Report::new(&mut lab, options.quick)?;
    for scenario in scenario::all().iter().filter(|scenario| wanted(scenario.name)) {
        eprintln!("==> {}", scenario.name);
        report.speed.extend(scenario.measure(&mut lab)?);
    }
    if wanted(idle::NAME) {
        eprintln!("==> {}", idle::NAME);
        report.idle = idle::measure(&mut lab)?;
    }
    if wanted(million::NAME) {
        eprintln!("==> {}", million::NAME);
        report.large = million::measure(&mut lab)?;
    }
    if wanted(flood::NAME) {
        eprintln!("==> {}", flood::NAME);
        report.flood = flood::measure(&mut lab)?;
    }
    if wanted(class::NAME) {
        eprintln!("==> {}", class::NAME);
        report.class = class::measure(&mut lab)?;
    }
    if wanted(programs::NAME) {
        eprintln!("==> {}", programs::NAME);
        report.programs = programs::measure(&mut lab)?;
    }
    anyhow::ensure!(!report.is_empty(), "nothing has that in its name");

    let markdown = report.markdown();
    println!("{markdown}");
    let complete = options.only.is_none() && !options.quick && options.baseline.is_none();
    let page = if complete { options.page.clone() } else { options.scratch.join("BENCHMARKS.md") };
    let results = options.scratch.join("results.json");
    for (path, text) in [(&page, markdown), (&results, serde_json::to_string_pretty(&report)?)] {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("written: {}", path.display());
    }
    Ok(report.failures() == 0)
}
