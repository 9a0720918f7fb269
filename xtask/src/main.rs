//! The project's own commands, `cargo xtask ...`: from a fresh clone to a
//! running class, and every check there is. Nothing of the product is in here.
//!
//! One command is one function below; what it is made of:
//!
//! - [`tools`]: trunk and wasm-bindgen, built once per user;
//! - [`beside`]: two builds at the same time;
//! - [`page`]: the pages, from `web/` and `static/` into `dist/`;
//! - [`interpreter`]: Python for the pages, from `python/` into `dist-python/`;
//! - [`stamp`]: what a tool was given last, which it needs not be given again;
//! - [`checks`]: what `test` runs, in its order, and [`suite`], which counts it;
//! - [`windows`]: the tests of the program for Windows, under Wine;
//! - [`cluster`]: the tests with a database of three machines, under Patroni;
//! - [`bench`]: the benchmark;
//! - [`dist`]: archives and wheels, with the crate `packaging`;
//! - [`remap`]: this machine's paths, which stay out of what is built;
//! - [`browser`]: the browsers that the tests drive, and [`axe`], the accessibility
//!   checker that they run in the page;
//! - [`packages`] and [`program`]: what the system lacks, and what is on `PATH`;
//! - [`lock`]: file locks, for what two xtasks must do one after the other.
//!
//! What xtask itself says goes to stderr: under `run`, stdout is the server's.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its interface")]

mod axe;
mod bench;
mod beside;
mod browser;
mod cargo_tests;
mod checks;
mod cluster;
mod dist;
mod interpreter;
mod lock;
mod memory;
mod packages;
mod page;
mod program;
mod remap;
mod stamp;
mod suite;
mod tools;
mod windows;

use std::env::consts::EXE_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

const HELP: &str = "\
cargo xtask COMMAND

  run [--release] [-- SERVER ARGS]
                        build everything and start the server, which is built fast and
                        answers a class; with --release optimised, as `build` makes it
  build                 build everything, optimised; says where the server is and what
                        it weighs
  page                  build only the pages, into dist/, and Python for them, into
                        dist-python/
  python                build only Python for the pages; `run` does so while its server
                        answers already
  bench [NAME]          measure the server, four minutes; BENCHMARKS.md has the last table
  bench typing          measure what a keystroke costs on the page, in Chromium
  bench rows            measure the teacher's page with 300 people, in Chromium
  bench visit           measure how long a phone waits for the page, in Chromium
  bench python          measure Python in the page, in Chromium and beside a class
  bench rooms           measure many classes in PostgreSQL, beside pgbench
  test [OPTIONS]        every check: format, lints, dependencies, tests, browser tests
    --browsers LIST     the student's journey in these browsers: chromium, firefox,
                        webkit, with commas between them, or all; chromium runs all
                        the other browser tests too, and is the default
    --windows           on Linux also the program for Windows, under Wine; installs Wine
                        and mingw where it may
    --cluster           on Linux also three machines with Patroni, etcd and PostgreSQL,
                        killed, cut off and paused under load, four minutes; fetches
                        Patroni and installs etcd where it may
    --skip-missing      go on without the tools that are missing, and name each test
                        that is skipped for that
  dist [--skip-missing] archives and Python wheels for every system this one can build
                        for, in target/packages: on Linux those for Linux and Windows
  help                  this list

The first build also builds two tools, once per user: about four minutes on two
cores. They are kept in the user's cache directory, or in TCP_CLASSROOM_CACHE.

CHROMIUM and CHROMEDRIVER name a browser and its driver that are not on PATH; so do
FIREFOX and GECKODRIVER, WEBKIT (its MiniBrowser) and WEBKITDRIVER.
";

/// What a command line that makes no sense exits with, as in the server.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    if let Err(error) = leave_package() {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".into());
    let rest: Vec<OsString> = arguments.collect();

    let done = match (command.to_str(), rest.as_slice()) {
        (Some("run"), [flag, rest @ ..]) if flag == "--release" => run(Profile::Release, rest),
        (Some("run"), server_arguments) => run(Profile::Dev, server_arguments),
        (Some("build"), []) => build(),
        (Some("page"), []) => page(),
        (Some("python"), []) => python(),
        (Some("bench"), [name])
            if ["typing", "rows", "visit", "python"].iter().any(|known| name == known) =>
        {
            bench_page(name)
        }
        (Some("bench"), [name]) if name == "rooms" => repository().and_then(|it| bench::rooms(&it)),
        (Some("bench"), arguments) => bench(arguments),
        (Some("test"), arguments) => match checks::Options::parse(arguments) {
            Ok(options) => test(&options),
            Err(error) => {
                eprintln!("error: {error:#}");
                return ExitCode::from(USAGE);
            }
        },
        (Some("dist"), []) => dist(false),
        (Some("dist"), [flag]) if flag == "--skip-missing" => dist(true),
        (Some("help" | "--help" | "-h"), _) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        (Some(command @ ("build" | "page" | "python")), _) => {
            eprintln!("error: `cargo xtask {command}` takes no arguments");
            return ExitCode::from(USAGE);
        }
        (Some("dist"), _) => {
            eprintln!("error: `cargo xtask dist` takes nothing but --skip-missing");
            return ExitCode::from(USAGE);
        }
        _ => {
            eprintln!("error: no command `{}`\n\n{HELP}", command.display());
            return ExitCode::from(USAGE);
        }
    };
    done.map_or_else(
        |error| {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// How the server is compiled.
#[derive(Clone, Copy)]
enum Profile {
    /// Unoptimised: in half the time, and the tests use what it is made of again.
    Dev,
    /// Optimised.
    Release,
}

/// Builds everything and becomes the server. Its arguments follow `run`; a `--`
/// between them is optional.
fn run(profile: Profile, arguments: &[OsString]) -> Result<()> {
    let arguments = match arguments {
        [dashes, rest @ ..] if dashes == "--" => rest,
        all => all,
    };
    let shell = repository()?;
    let server = build_server(&shell, profile)?;

    heading(&format!("the server: {}", server.display()));
    // In the caller's own directory, not the repository's, so that a relative
    // `--data FILE` means what it says.
    let mut command = Command::new(&server);
    command.args(arguments);
    if let Profile::Dev = profile {
        let folder = interpreter::begin(&shell)?;
        command.env("TCP_CLASSROOM_INTERPRETER", folder);
    }
    become_program(command).with_context(|| format!("cannot start {}", server.display()))
}

fn build() -> Result<()> {
    let server = build_server(&repository()?, Profile::Release)?;
    println!("{} ({} kB)", server.display(), server.metadata()?.len() / 1_000);
    Ok(())
}

fn page() -> Result<()> {
    let shell = repository()?;
    let tools = page::build(&shell)?;
    // Last: it takes the longest, and a page that is there can be looked at meanwhile.
    interpreter::build(&shell, &tools)
}

fn python() -> Result<()> {
    let shell = repository()?;
    interpreter::build(&shell, &tools::ensure(&shell)?)
}

/// Builds everything and measures it.
fn bench(arguments: &[OsString]) -> Result<()> {
    bench::ensure_possible()?;
    let shell = repository()?;
    let server = build_server(&shell, Profile::Release)?;
    bench::run(&shell, &server, arguments)
}

/// Builds the page and measures it. Of programs in pages there is a part without a browser.
fn bench_page(name: &OsStr) -> Result<()> {
    bench::in_browser(&repository()?, name)?;
    if name == "python" { bench(&[name.to_owned()]) } else { Ok(()) }
}

fn test(options: &checks::Options) -> Result<()> {
    checks::run(&repository()?, options)
}

fn dist(skip_missing: bool) -> Result<()> {
    dist::run(&repository()?, skip_missing)
}

/// The page, then the program with that page in it. An optimised one has the page's
/// Python in it, too; the other one does not wait for it.
fn build_server(shell: &Shell, profile: Profile) -> Result<PathBuf> {
    match profile {
        // What it is made of takes longest and needs no page. Its own crate, which does, is
        // compiled anew afterwards, incrementally. Not where there is a page already: after
        // a change in both, the server would be compiled twice for nothing.
        Profile::Dev if !page::is_there(shell) => page::build_beside(shell, |other| {
            heading("the server (debug), still without its pages");
            other.run(cmd!(shell, "cargo build --package tcp-classroom"))
        })
        .map(drop)?,
        Profile::Dev => page::build(shell).map(drop)?,
        Profile::Release => interpreter::build(shell, &page::build(shell)?)?,
    }

    let (folder, flag) = match profile {
        Profile::Dev => ("debug", None),
        Profile::Release => ("release", Some("--release")),
    };
    heading(&format!("the server ({folder})"));
    cmd!(shell, "cargo build {flag...} --package tcp-classroom").run()?;
    Ok(target(shell).join(folder).join(format!("tcp-classroom{EXE_SUFFIX}")))
}

/// Where cargo, run by us in the root, leaves what it builds.
fn target(shell: &Shell) -> PathBuf {
    let target = shell.var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    shell.current_dir().join(target)
}

/// A shell whose commands run in the root of the repository, wherever in it `cargo
/// xtask` was called.
fn repository() -> Result<Shell> {
    let shell = Shell::new()?;
    let locate = cmd!(shell, "cargo locate-project --workspace --message-format plain");
    let manifest = PathBuf::from(locate.quiet().read().context("this is no cargo project")?);
    shell.change_dir(manifest.parent().context("a manifest is in a folder")?);
    Ok(shell)
}

/// Starts itself anew without the environment variables in which `cargo run` describes
/// xtask's package. Build scripts that watch them, as ring's does, would run again, and the
/// server be compiled again, each time that cargo is called here after an editor or a
/// developer has called it, and the other way round: a minute on two cores.
fn leave_package() -> Result<()> {
    let describes = |name: &OsString| {
        let name = name.to_str().unwrap_or_default();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).filter(describes).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut itself = Command::new(std::env::current_exe()?);
    itself.args(std::env::args_os().skip(1));
    for name in names {
        itself.env_remove(name);
    }
    become_program(itself)
}

/// One line before each thing that takes its time.
fn heading(what: &str) {
    eprintln!("\n==> {what}");
}

/// Becomes `command`, so that Ctrl+C reaches it once and its exit code is ours.
/// Returns only if it could not start.
#[cfg(unix)]
fn become_program(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Windows has no exec: waits, and leaves with the same exit code.
#[cfg(not(unix))]
fn become_program(mut command: Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}
