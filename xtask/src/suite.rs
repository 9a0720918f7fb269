//! `cargo test`, counted: passes its output on and adds up what every test
//! program says at its end, and the tests that were skipped by name.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::program;

/// The environment variable with the path of the file to which a skipped test
/// appends a line: its name, a colon, the reason.
const SKIPPED: &str = "TCP_CLASSROOM_SKIPPED";

/// Set when a missing tool skips a test instead of failing it.
const SKIP_MISSING: &str = "TCP_CLASSROOM_SKIP_MISSING";

/// How many tests libtest runs at once; as many as there are processors if it is unset.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// Native tests mostly wait: for a disk, for a pause of the protocol, for a program to
/// end. With two at once on two processors they take 110 s, with eight 50 s. Of
/// browsers there is one a processor all the same, which the tests see to.
const TESTS_PER_PROCESSOR: usize = 4;

/// The beginning of an `#[ignore]`d test's reason when it is not skipped but run by
/// other tests, in a process of its own.
const STARTED_BY_OTHERS: &str = "started by other tests";

/// All test programs of one `cargo xtask test`.
pub struct Suite {
    passed: u64,
    failed: u64,
    /// Where skipped tests write their names.
    list: PathBuf,
    skip_missing: bool,
    /// `PATH`, where the tests need another one.
    path: Option<OsString>,
    /// What was skipped and did not write its name there, with the reason: checks
    /// outside of test programs, and tests that are `#[ignore]`d.
    left_out: Vec<String>,
}

impl Suite {
    /// An empty count. The list of skipped tests is kept below `target`.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn begin(target: &Path, skip_missing: bool) -> Result<Self> {
        let list = target.join("skipped-tests.txt");
        std::fs::create_dir_all(target)
            .and_then(|()| std::fs::write(&list, ""))
            .with_context(|| format!("cannot write {}", list.display()))?;
        let path = program::path_with_python(&target.join("python3"));
        Ok(Suite { passed: 0, failed: 0, list, skip_missing, path, left_out: Vec::new() })
    }

    /// Counts a check that did not run.
    ///
    /// # Errors
    ///
    /// Without `--skip-missing`, always: a check that did not run is no pass.
    pub fn skip(&mut self, check: &str, why: &str) -> Result<()> {
        if !self.skip_missing {
            bail!("{check} cannot run: {why} (`--skip-missing` goes on without it)");
        }
        self.left_out.push(format!("{check}: {why}"));
        Ok(())
    }

    /// Counts a check that is optional on a developer's machine.
    pub fn leave_out(&mut self, check: &str, why: &str) {
        self.left_out.push(format!("{check}: {why}"));
    }

    /// Forgets the tests that were skipped since this option was not given: it is given, and
    /// they run now.
    ///
    /// # Errors
    ///
    /// The list of skipped tests cannot be read or written.
    pub fn run_now(&mut self, option: &str) -> Result<()> {
        let list = std::fs::read_to_string(&self.list)?;
        let (now, still): (Vec<&str>, Vec<&str>) =
            list.lines().partition(|line| line.ends_with(option));
        // They counted as passed when they skipped themselves.
        self.passed = self.passed.saturating_sub(now.len() as u64);
        let still: String = still.iter().flat_map(|line| [*line, "\n"]).collect();
        Ok(std::fs::write(&self.list, still)?)
    }

    /// Runs one `cargo test`.
    ///
    /// # Errors
    ///
    /// A test failed, or it did not compile.
    pub fn run(&mut self, cargo: Command) -> Result<()> {
        let ran = Ran::shown(self.prepared(cargo));
        self.add(ran)
    }

    /// Runs a `cargo test`, and beside it others, one after another. What those say is
    /// shown when each has ended, so that its lines stand together.
    ///
    /// # Errors
    ///
    /// A test failed, or one of them did not compile. All run to their ends first.
    pub fn run_beside(&mut self, shown: Command, held_back: Vec<Command>) -> Result<()> {
        let shown = self.prepared(shown);
        let held_back: Vec<_> = held_back.into_iter().map(|cargo| self.prepared(cargo)).collect();
        let (shown, held_back) = std::thread::scope(|threads| {
            let held_back = threads
                .spawn(|| held_back.into_iter().map(Ran::held_back).collect::<Vec<Result<_>>>());
            (Ran::shown(shown), held_back.join().expect("it does not panic"))
        });
        held_back.into_iter().fold(self.add(shown), |so_far, ran| so_far.and(self.add(ran)))
    }

    /// Tells the tests what this run is like.
    fn prepared(&self, mut cargo: Command) -> Command {
        cargo.env(SKIPPED, &self.list);
        cargo.envs(self.path.iter().map(|path| ("PATH", path)));
        if std::env::var_os(TEST_THREADS).is_none() {
            let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
            cargo.env(TEST_THREADS, (processors * TESTS_PER_PROCESSOR).to_string());
        }
        if self.skip_missing {
            cargo.env(SKIP_MISSING, "1");
        }
        cargo
    }

    fn add(&mut self, ran: Result<Ran>) -> Result<()> {
        let ran = ran?;
        ran.lines.iter().for_each(|line| self.count(line));
        if !ran.success {
            bail!("`cargo test` failed");
        }
        Ok(())
    }

    /// Adds up a line like `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, and
    /// notes the name in one like `test slow ... ignored, why`.
    fn count(&mut self, line: &str) {
        if let Some((name, why)) = ignored(line) {
            // One that other tests start is a part of those.
            if !why.starts_with(STARTED_BY_OTHERS) {
                self.left_out.push(format!("{name}: {why}"));
            }
        }
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else { return };
        for (kind, sum) in [(" passed", &mut self.passed), (" failed", &mut self.failed)] {
            let before = counts.split(kind).next().filter(|before| before.len() < counts.len());
            let number = before.and_then(|before| before.rsplit(' ').next()?.parse::<u64>().ok());
            *sum += number.unwrap_or_default();
        }
    }

    /// Names every skipped test and prints the one line of counts.
    pub fn report(&self) {
        let list = std::fs::read_to_string(&self.list).unwrap_or_default();
        let skipped: Vec<_> =
            list.lines().chain(self.left_out.iter().map(String::as_str)).collect();
        for name in &skipped {
            println!("skipped: {name}");
        }
        let skipped = skipped.len();
        // A test that skips itself counts as passed with libtest.
        let passed = self.passed.saturating_sub(list.lines().count() as u64);
        println!("{passed} passed, {} failed, {skipped} skipped", self.failed);
    }
}

/// A `cargo test` that has ended.
struct Ran {
    /// What it said on stdout.
    lines: Vec<String>,
    success: bool,
}

impl Ran {
    /// Passes each line on at once.
    fn shown(mut cargo: Command) -> Result<Self> {
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let output = child.stdout.take().expect("it is piped");
        let mut lines = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line.context("cannot read what cargo prints")?;
            // A closed stdout must not stop the tests.
            let _ = writeln!(std::io::stdout(), "{line}");
            lines.push(line);
        }
        Ok(Ran { lines, success: child.wait()?.success() })
    }

    /// Passes on what it says on stdout and stderr when it has ended.
    fn held_back(mut cargo: Command) -> Result<Self> {
        let (output, writer) = std::io::pipe().context("cannot create a pipe")?;
        cargo.stdout(writer.try_clone()?).stderr(writer);
        let mut child = cargo.spawn().context("cannot start cargo")?;
        // Its own ends of the pipe, without which there would be no end to read.
        drop(cargo);
        let lines: Result<Vec<String>, _> = BufReader::new(output).lines().collect();
        let lines = lines.context("cannot read what cargo prints")?;
        let success = child.wait()?.success();
        let mut stdout = std::io::stdout().lock();
        for line in &lines {
            let _ = writeln!(stdout, "{line}");
        }
        Ok(Ran { lines, success })
    }
}

/// The name of a test that libtest did not run, and why.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.trim_start().strip_prefix("test ")?.split_once(" ... ")?;
    let why = outcome.strip_prefix("ignored")?;
    Some((name, why.strip_prefix(", ").unwrap_or("ignored, without a reason")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_test_programs_say_at_their_end_is_added_up() {
        let folder = xshell::Shell::new().unwrap().create_temp_dir().unwrap();
        let mut suite = Suite::begin(folder.path(), false).unwrap();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "    test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out",
            "test a_test ... ok",
            "test slow ... ignored, takes an hour",
            "test child ... ignored, started by other tests: ends its process",
            "the test result: ok. 9 passed",
        ] {
            suite.count(line);
        }
        assert_eq!((suite.passed, suite.failed), (15, 2));
        assert_eq!(suite.left_out, ["slow: takes an hour"]);
    }

    #[test]
    fn a_test_that_is_asked_for_later_in_the_run_is_not_skipped() {
        let folder = xshell::Shell::new().unwrap().create_temp_dir().unwrap();
        let mut suite = Suite::begin(folder.path(), false).unwrap();
        std::fs::write(&suite.list, "a: needs Wine: test --windows\nb: needs root\n").unwrap();
        suite.count("test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        suite.run_now("--windows").unwrap();
        assert_eq!(std::fs::read_to_string(&suite.list).unwrap(), "b: needs root\n");
        assert_eq!(suite.passed, 4);
    }

    #[test]
    fn a_check_that_cannot_run_is_an_error_unless_it_may_be_skipped() {
        let folder = xshell::Shell::new().unwrap().create_temp_dir().unwrap();
        let mut strict = Suite::begin(folder.path(), false).unwrap();
        let error = strict.skip("lint of spells", "no wand").unwrap_err().to_string();
        assert!(error.contains("lint of spells") && error.contains("no wand"), "{error}");
        let mut lenient = Suite::begin(folder.path(), true).unwrap();
        lenient.skip("lint of spells", "no wand").unwrap();
        assert_eq!(lenient.left_out, ["lint of spells: no wand"]);
    }
}
