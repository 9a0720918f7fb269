//! Where a run took place, as far as it explains the figures.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use crate::results::median;

/// The machine and what stands under the data files.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gib: u64,
    pub kernel: String,
    /// Of the data files.
    pub file_system: String,
    /// Median time of appending 64 bytes to a file there and waiting for the
    /// disk, in microseconds: what durable scenarios cannot be faster than.
    pub sync_us: f64,
}

impl Machine {
    /// # Errors
    ///
    /// When a file cannot be written in `scratch`.
    pub fn of(scratch: &Path) -> Result<Self> {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let cpus = read("/proc/cpuinfo");
        let kib = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|total| total.split_whitespace().next().and_then(|kib| kib.parse().ok()));
        let place = scratch.canonicalize()?;
        Ok(Machine {
            cpu: field(&cpus, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: cpus.lines().filter(|line| line.starts_with("processor")).count(),
            memory_gib: kib.unwrap_or(0_u64).div_ceil(1024 * 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/self/mountinfo"), &place)
                .unwrap_or_else(|| "unknown".to_owned()),
            sync_us: sync_time(scratch)?,
        })
    }
}

/// The type of the file system that `path` is on.
fn file_system(mounts: &str, path: &Path) -> Option<String> {
    // `36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw`, any number of fields before
    // the dash. Of two mounts on one place the later one is seen.
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        Some((mount.split_whitespace().nth(4)?, kind.split_whitespace().next()?))
    });
    mounts
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map(|(_, kind)| kind.to_owned())
}

fn sync_time(scratch: &Path) -> Result<f64> {
    let path = scratch.join("sync");
    let mut file = File::create(&path)?;
    // A tenth of a second on a common disk.
    let times = (0..100).map(|_| {
        let start = Instant::now();
        file.write_all(&[b'x'; 64])?;
        file.sync_data()?;
        Ok(start.elapsed().as_secs_f64() * 1_000_000.0)
    });
    let times = times.collect::<Result<Vec<_>>>()?;
    std::fs::remove_file(path)?;
    Ok(median(&times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_nearest_mount() {
        let mounts = "1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n\
                      2 1 0:5 / /data rw - btrfs /dev/b rw\n\
                      3 1 0:6 / /database rw - tmpfs none rw\n";
        let kind = |path| file_system(mounts, Path::new(path));
        assert_eq!(kind("/data/a/b").as_deref(), Some("btrfs"));
        assert_eq!(kind("/home").as_deref(), Some("ext4"));
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::of(&std::env::temp_dir()).unwrap();
        assert!(machine.cores > 0 && machine.sync_us > 0.0, "{machine:?}");
    }
}
