//! What a program has used: CPU time and memory, as the kernel accounts for
//! them in /proc. Network and disk work that the kernel does in its own threads
//! is in neither.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// CPU time of all threads of a process, in user and kernel mode. From
/// `schedstat`, which counts nanoseconds; `stat` counts hundredths of a second.
///
/// # Errors
///
/// When the process is gone, or the kernel keeps no such figures.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let tasks = format!("/proc/{process}/task");
    let mut total = Duration::ZERO;
    for task in std::fs::read_dir(&tasks).with_context(|| tasks.clone())? {
        // A thread may end in between; what it used is then lost, and was
        // little: none of ours ends in the middle of a round.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse().ok());
        total += Duration::from_nanos(nanoseconds.context("schedstat is not as expected")?);
    }
    Ok(total)
}

/// Time that `cores` have been busy with anything, kernel threads, interrupts
/// and time stolen by a virtual machine's neighbours included. Counted in
/// hundredths of a second.
///
/// # Errors
///
/// When /proc/stat is not as expected.
pub fn busy(cores: [usize; 2]) -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let times = cores.map(|core| core_time(&text, core).context("/proc/stat lacks a core"));
    times.into_iter().sum()
}

fn core_time(stat: &str, core: usize) -> Option<Duration> {
    /// Linux reports in this unit whatever the kernel's own tick is.
    const TICK: Duration = Duration::from_millis(10);
    let line = stat.lines().find_map(|line| line.strip_prefix(&format!("cpu{core} ")))?;
    let ticks: Vec<u32> = line.split_whitespace().map_while(|tick| tick.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what follows is in user already.
    let busy = [0, 1, 2, 5, 6, 7].map(|field| ticks.get(field).copied().unwrap_or(0));
    Some(TICK * busy.iter().sum::<u32>())
}

/// Memory of a process in bytes that is in RAM now (`Rss` of `smaps_rollup`,
/// which is exact where `VmRSS` lags behind). The kernel's socket buffers are
/// not in it.
///
/// # Errors
///
/// When the process is gone.
pub fn resident(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    rss(&text).with_context(|| format!("{path} has no Rss"))
}

/// [`resident`] once it has come to rest: the first of two equal readings, or
/// the last of twenty.
///
/// # Errors
///
/// When the process is gone.
pub fn settled(process: u32) -> Result<u64> {
    const BETWEEN: Duration = Duration::from_millis(100);
    let mut last = resident(process)?;
    for _ in 0..20 {
        std::thread::sleep(BETWEEN);
        let now = resident(process)?;
        if now == last {
            break;
        }
        last = now;
    }
    Ok(last)
}

fn rss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "5588-7fff ---p 00000000 00:00 0   [rollup]\nRss:      2 kB\nPss:      1 kB\n";
        assert_eq!(rss(text), Some(2048));
        assert_eq!(rss("Pss: 1 kB"), None);
    }

    #[test]
    fn a_core_is_busy_with_everything_but_waiting() {
        let stat = "cpu  9 9 9 9\ncpu0 9 0 0 0 0 0 0 0 0 0\ncpu1 1 2 3 400 500 6 7 8 90 90\n";
        assert_eq!(core_time(stat, 1), Some(Duration::from_millis(270)));
        assert_eq!(core_time(stat, 2), None);
    }

    #[test]
    fn this_very_process_has_both() {
        assert!(cpu_time(std::process::id()).unwrap() > Duration::ZERO);
        assert!(resident(std::process::id()).unwrap() > 100_000);
    }
}
