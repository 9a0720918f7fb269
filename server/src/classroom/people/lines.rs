//! Lines: the lesson's console with what was said, for the board, while the teacher
//! shows it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::BoardLine;
use protocol::escape::Escaped;

use super::mask::without_phones;
use super::record::cut;

/// Lines that are remembered: some four screens of a projector. At 200 characters of 4
/// bytes 80 KB.
const REMEMBERED: usize = 100;

/// The last lines. Nothing is remembered while they are not shown.
#[derive(Debug, Default)]
pub(super) struct Lines {
    shown: AtomicBool,
    lines: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    lines: VecDeque<BoardLine>,
    /// The number of the last line.
    number: u64,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Accepted,
    Closed,
    Sent,
    Received,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Accepted => "accepted",
            Kind::Closed => "closed",
            Kind::Sent => "sent",
            Kind::Received => "received",
        }
    }
}

impl Lines {
    /// Begins to remember lines, or forgets all of them.
    pub(super) fn show(&self, shown: bool) {
        self.shown.store(shown, Ordering::Relaxed);
        if !shown {
            self.lines().lines.clear();
        }
    }

    /// Whether lines are remembered.
    pub(super) fn are_shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, kind: Kind, name: &str, text: &str) {
        let text = without_phones(&Escaped(cut(text)).text());
        let mut last = self.lines();
        // Under the lock, so that nothing is remembered once they are hidden.
        if !self.are_shown() {
            return;
        }
        last.number += 1;
        let id = last.number;
        if last.lines.len() == REMEMBERED {
            last.lines.pop_front();
        }
        let (kind, name) = (kind.word().to_owned(), name.to_owned());
        last.lines.push_back(BoardLine { id, kind, name, text });
    }

    /// The lines, oldest first; none while they are not shown.
    pub(super) fn told(&self) -> Option<Vec<BoardLine>> {
        self.are_shown().then(|| self.lines().lines.iter().cloned().collect())
    }

    fn lines(&self) -> MutexGuard<'_, Last> {
        // Nothing under the lock can panic.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_remembered_while_they_are_shown_only_and_bounded() {
        let lines = Lines::default();
        lines.push(Kind::Sent, "张三", "before");
        assert_eq!(lines.told(), None);
        lines.show(true);
        assert_eq!(lines.told(), Some(Vec::new()));
        lines.push(Kind::Sent, "张三", "add;\x1b[2J;13800138000");
        let told = lines.told().unwrap();
        assert_eq!((&*told[0].text, &*told[0].kind), ("add;<U+001B>[2J;138****8000", "sent"));
        for _ in 0..2 * REMEMBERED {
            lines.push(Kind::Received, "", &"x".repeat(1_000));
        }
        let told = lines.told().unwrap();
        assert_eq!((told.len(), told[0].id, told[0].text.len()), (REMEMBERED, 102, 200));
        lines.show(false);
        lines.show(true);
        assert_eq!(lines.told(), Some(Vec::new()));
    }
}
