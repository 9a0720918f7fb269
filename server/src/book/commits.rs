//! Commits: how many groups of changes were stored, and how long that took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Sums over all groups so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commits(Arc<Sums>);

#[derive(Debug, Default)]
struct Sums {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Commits {
    /// Counts one that took so long.
    pub(crate) fn add(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How many there were, and how long they took together.
    pub(crate) fn sums(&self) -> (u64, Duration) {
        let nanoseconds = self.0.nanoseconds.load(Ordering::Relaxed);
        (self.0.count.load(Ordering::Relaxed), Duration::from_nanos(nanoseconds))
    }
}
