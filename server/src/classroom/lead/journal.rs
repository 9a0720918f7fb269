//! The journal: what the teacher did in this lesson, and what ended by itself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use api::{Act, JournalEntry};
use tokio::sync::watch;

/// Entries that are remembered: ten for each of fifty students, some 100 KB.
const REMEMBERED: usize = 500;

/// The latest entries, numbered from 1.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Mutex<VecDeque<JournalEntry>>,
    /// The number of the last entry, and word of each new one.
    last: watch::Sender<u64>,
}

impl Journal {
    /// Adds an entry about something that was done just now. Returns its number.
    pub(crate) fn add(&self, act: Act, whom: String, by_itself: bool) -> u64 {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.take_over(JournalEntry { id: 0, at, act, by_itself, whom })
    }

    /// Adds an entry with a number of this journal, which is returned.
    pub(crate) fn take_over(&self, entry: JournalEntry) -> u64 {
        let mut entries = self.entries();
        let id = *self.last.borrow() + 1;
        if entries.len() == REMEMBERED {
            entries.pop_front();
        }
        entries.push_back(JournalEntry { id, ..entry });
        self.last.send_replace(id);
        id
    }

    /// The entries behind a number, oldest first.
    pub(crate) fn since(&self, id: u64) -> Vec<JournalEntry> {
        self.entries().iter().filter(|entry| entry.id > id).cloned().collect()
    }

    /// Forgets all entries; the next one's number goes on.
    pub(crate) fn forget(&self) {
        self.entries().clear();
    }

    /// The number of the last entry, and word of each new one.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<JournalEntry>> {
        // Nothing under the lock can panic.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use api::Action;

    use super::*;

    #[test]
    fn the_journal_is_bounded_and_its_numbers_go_on() {
        let journal = Journal::default();
        let act = Act { action: Action::Freeze, person: None, text: None, millis: None };
        for _ in 0..REMEMBERED + 2 {
            journal.add(act.clone(), String::new(), false);
        }
        let numbers: Vec<_> = journal.since(0).iter().map(|entry| entry.id).collect();
        assert_eq!((numbers.len(), numbers[0]), (REMEMBERED, 3));
        assert_eq!(journal.since(REMEMBERED as u64 + 1).len(), 1);
        journal.forget();
        assert_eq!(journal.add(act, String::new(), false), REMEMBERED as u64 + 3);
        assert_eq!(journal.since(0).len(), 1);
    }
}
