//! File locks between xtask processes, such as a test here and a build in another
//! terminal. Cargo locks its own work by itself.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::heading;

/// Locks the file at `path`, and says so while it waits for another process. The
/// lock ends when the returned file is dropped, or the process dies.
///
/// # Errors
///
/// The file cannot be created or locked.
pub fn take(path: &Path, doing: &str) -> Result<File> {
    let shown = path.display();
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    let file = File::create(path).with_context(|| format!("cannot create {shown}"))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        heading(&format!("another cargo xtask is {doing}; waiting for it"));
    }
    match file.lock() {
        // Some network file systems have no locks. Cargo goes on without them
        // there, and so do we.
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(file),
        locked => locked.map(|()| file).with_context(|| format!("cannot lock {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lock_is_held_by_one_at_a_time_and_ends_with_its_file() {
        let directory = xshell::Shell::new().unwrap().create_temp_dir().unwrap();
        let path = directory.path().join("deep/lock");

        let lock = take(&path, "testing").unwrap();
        let other = File::open(&path).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(lock);
        // Not at once: a process that another test starts has all open files for a moment.
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(other.lock().is_ok()));
        assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(true));
    }
}
