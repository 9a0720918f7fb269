//! CPU pinning: the contender runs on one core, the generator on another, so
//! that neither takes time from the other.

use std::io;

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores of a run: the first two this process may use.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    contender: usize,
    generator: usize,
}

impl Cores {
    /// # Errors
    ///
    /// With a single core there is no measuring: both would share it.
    pub fn of_this_process() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot ask for the cores")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let (contender, generator) = cores
            .next()
            .zip(cores.next())
            .context("the benchmark needs two cores: one for the server, one for the load")?;
        Ok(Cores { contender, generator })
    }

    /// Both, by their numbers.
    pub fn both(self) -> [usize; 2] {
        [self.contender, self.generator]
    }

    /// Starts something on the contender's core. Children inherit the core of
    /// the thread that starts them; afterwards this thread is the generator's.
    ///
    /// # Errors
    ///
    /// When the system refuses the core, or `start` fails.
    pub fn on_contender_core<T>(self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        pin(self.contender)?;
        let started = start();
        pin(self.generator)?;
        started
    }
}

fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}
