//! Lines: the lesson's console with what was said, for the board, while the teacher
//! shows it. Lines of other servers of the class stand between this server's as they come.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::BoardLine;
use protocol::escape::Escaped;

use super::mask::without_phones;
use super::record::cut;
use super::roll::OF_ONE_TAG;

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
    /// Each with whether it is this server's own.
    lines: VecDeque<(bool, BoardLine)>,
    /// The number of this server's last line.
    number: u64,
    /// The number of the last line that was taken from each other server, by its tag.
    taken: HashMap<u64, u64>,
}

impl Last {
    fn push(&mut self, is_own: bool, line: BoardLine) {
        if self.lines.len() == REMEMBERED {
            self.lines.pop_front();
        }
        self.lines.push_back((is_own, line));
    }
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
    /// Gives numbers that no other server gives, which has another tag.
    pub(super) fn count_from(&self, tag: u32) {
        self.lines().number = u64::from(tag) * OF_ONE_TAG;
    }

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
        let (kind, name) = (kind.word().to_owned(), name.to_owned());
        last.push(true, BoardLine { id, kind, name, text });
    }

    /// Takes those lines of another server that were not taken before.
    pub(super) fn take(&self, told: &[BoardLine]) {
        let mut last = self.lines();
        if !self.are_shown() {
            return;
        }
        for line in told {
            let taken = last.taken.entry(line.id / OF_ONE_TAG).or_default();
            if line.id > *taken {
                *taken = line.id;
                last.push(false, line.clone());
            }
        }
    }

    /// The lines, oldest first; none while they are not shown.
    pub(super) fn told(&self) -> Option<Vec<BoardLine>> {
        let all = || self.lines().lines.iter().map(|(_, line)| line.clone()).collect();
        self.are_shown().then(all)
    }

    /// This server's own lines, likewise.
    pub(super) fn own(&self) -> Vec<BoardLine> {
        let last = self.lines();
        let own = last.lines.iter().filter(|(is_own, _)| *is_own);
        own.map(|(_, line)| line.clone()).collect()
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

    #[test]
    fn lines_of_another_server_are_taken_once_and_not_told_as_this_server_s() {
        let [here, there] = [1, 2].map(|tag| {
            let lines = Lines::default();
            lines.count_from(tag);
            lines.show(true);
            lines
        });
        let texts =
            |lines: Vec<BoardLine>| -> Vec<_> { lines.into_iter().map(|line| line.text).collect() };
        there.push(Kind::Sent, "", "one");
        here.take(&there.own());
        here.push(Kind::Sent, "", "two");
        there.push(Kind::Sent, "", "three");
        here.take(&there.own());
        assert_eq!(texts(here.told().unwrap()), ["one", "two", "three"]);
        assert_eq!(texts(here.own()), ["two"]);
        // What was hidden does not come back with what the other one told last.
        here.show(false);
        here.show(true);
        here.take(&there.own());
        assert_eq!(here.told(), Some(Vec::new()));
        // While they are hidden here nothing is taken, and nothing is lost.
        here.show(false);
        there.push(Kind::Sent, "", "four");
        here.take(&there.own());
        here.show(true);
        here.take(&there.own());
        assert_eq!(texts(here.told().unwrap()), ["four"]);
    }
}
