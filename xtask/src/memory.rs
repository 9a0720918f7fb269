//! Linux's file system in memory (tmpfs), for what tests write.

use std::path::Path;

/// Where Linux has one that everybody may write to.
const FOLDER: &str = "/dev/shm";

/// Free bytes from which on it is used: the files of all tests grow to 900 MB, measured.
const ROOM: u64 = 2 << 30;

/// A temporary folder in memory, where there is room. Tests wait for a disk thousands of
/// times, and `create database` makes 300 files each time. They end processes and never the
/// machine, so that durability is the same on both. `None` where `TMPDIR` names a folder
/// already.
pub fn folder() -> Option<&'static Path> {
    let is_chosen = std::env::var_os("TMPDIR").is_some();
    (!is_chosen && free() >= ROOM).then(|| Path::new(FOLDER))
}

#[cfg(target_os = "linux")]
fn free() -> u64 {
    rustix::fs::statvfs(FOLDER).map_or(0, |system| system.f_bavail * system.f_frsize)
}

#[cfg(not(target_os = "linux"))]
fn free() -> u64 {
    0
}
