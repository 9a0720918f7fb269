//! Two builds at the same time. Each has stretches in which one crate keeps one processor
//! busy and the other processor has nothing to do.

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use xshell::Cmd;

/// How often a command that runs is asked whether it has ended. Nothing in comparison
/// with what cargo needs to find that there is nothing to do, 200 ms.
const INTERVAL: Duration = Duration::from_millis(20);

/// Whether the other build has failed, for each of the two.
#[derive(Default)]
pub struct Other {
    failed: AtomicBool,
}

/// Why a build ended whose fault it was not.
#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("stopped, since another build has failed")
    }
}

impl std::error::Error for Stopped {}

impl Other {
    /// Runs a command, and kills it as soon as the other build has failed.
    ///
    /// # Errors
    ///
    /// It does not start, it fails, or it was killed.
    pub fn run(&self, command: Cmd<'_>) -> Result<()> {
        let shown = command.to_string();
        // As xshell shows what it runs.
        eprintln!("$ {shown}");
        let mut child = Command::from(command).spawn()?;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if self.failed.load(Ordering::Relaxed) {
                // It may have ended by itself in between, which is as good.
                let _ = child.kill();
                child.wait()?;
                return Err(Stopped.into());
            }
            thread::sleep(INTERVAL);
        };
        if !status.success() {
            bail!("`{shown}` failed");
        }
        Ok(())
    }

    /// Does one build, and tells the other one if it failed.
    fn tell<T>(&self, build: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(Stopped.into());
        }
        let built = build(self);
        if built.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        built
    }
}

/// Does two builds at the same time, the first one in a thread of its own. When one fails,
/// what the other one runs by [`Other::run`] is killed.
///
/// # Errors
///
/// That of the build that failed by itself.
pub fn both<A: Send, B>(
    first: impl FnOnce(&Other) -> Result<A> + Send,
    second: impl FnOnce(&Other) -> Result<B>,
) -> Result<(A, B)> {
    let other = Other::default();
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| other.tell(first));
        let second = other.tell(second);
        (first.join().expect("no panic in there"), second)
    });
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(first), Err(second)) => Err(if first.is::<Stopped>() { second } else { first }),
    }
}

// Unix, because of its programs.
#[cfg(all(test, unix))]
mod tests {
    use anyhow::Context as _;
    use xshell::{Shell, cmd};

    use super::*;

    /// Runs for a minute, unless it is killed.
    fn long(other: &Other) -> Result<()> {
        let shell = Shell::new()?;
        other.run(cmd!(shell, "sleep 60")).context("cannot build the long one")
    }

    fn broken(other: &Other) -> Result<()> {
        let shell = Shell::new()?;
        other.run(cmd!(shell, "false")).context("cannot build the broken one")
    }

    #[test]
    fn a_build_that_fails_ends_the_other_one_and_its_reason_is_told() {
        let start = std::time::Instant::now();
        for error in [both(long, broken).unwrap_err(), both(broken, long).unwrap_err()] {
            assert_eq!(format!("{error:#}"), "cannot build the broken one: `false` failed");
        }
        assert!(start.elapsed() < Duration::from_secs(30), "the long one ran to its end");
    }

    #[test]
    fn both_results_are_there_when_both_builds_are() {
        let run = |other: &Other| {
            let shell = Shell::new()?;
            other.run(cmd!(shell, "true"))
        };
        let built = both(|other| run(other).map(|()| 1), |other| run(other).map(|()| 2));
        assert_eq!(built.unwrap(), (1, 2));
    }
}
