//! Change feed: a ring buffer of the book's latest changes, numbered.
//!
//! A watcher that is too late for what it missed reads the book anew. The feed
//! neither locks nor notifies: the [contacts](crate::book::contacts) do.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::Entry;

/// Changes that are remembered: what a class of 60 makes in a minute at a
/// message each second, so that a phone whose Wi-Fi drops out reads nothing
/// again. About 300 KB; 2 MB if every name and phone has the longest 384 bytes.
const REMEMBERED: usize = 4096;

/// Changes that are remembered while only the [console](crate::terminal::console) follows
/// the book, always: it shows the newest contacts. Few, so that they stay in the
/// fastest cache.
const FOLLOWED: usize = 64;

/// The book's changes, counted from the start of the server.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Tells this count from that of any other server, or of this one before it
    /// was restarted.
    epoch: u64,
    /// The number of the last change.
    seq: u64,
    /// The last changes, the very last of which is number `seq`.
    latest: VecDeque<Slot>,
    /// How many changes are remembered: none until the book is watched or
    /// followed. A server whose book is never on view pays nothing.
    remembered: AtomicUsize,
}

/// Slot of the ring buffer: a remembered change. Its text is reused for a later
/// one, so remembering allocates nothing in the long run.
#[derive(Debug, Default)]
struct Slot {
    /// The name, and directly behind it the phone.
    text: String,
    /// Where the phone begins. There is none if the name was removed, and no
    /// phone is empty.
    phone: usize,
}

/// How far a watcher has come: behind this change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    epoch: u64,
    pub(crate) seq: u64,
}

impl Position {
    /// So many changes on.
    pub(crate) fn after(self, changes: usize) -> Self {
        Position { seq: self.seq + changes as u64, ..self }
    }
}

impl Feed {
    pub(crate) fn new() -> Self {
        Feed {
            // Random, as it has to be against floods of colliding keys.
            epoch: RandomState::new().hash_one(()),
            seq: 0,
            latest: VecDeque::new(),
            remembered: AtomicUsize::new(0),
        }
    }

    /// Where the last change is.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }

    /// Takes note of a change that has been made: a new phone or a name gone.
    pub(crate) fn record(&mut self, name: &str, phone: Option<&str>) {
        self.seq += 1;
        let remembered = *self.remembered.get_mut();
        if remembered == 0 {
            return;
        }
        let is_full = self.latest.len() >= remembered;
        let oldest = if is_full { self.latest.pop_front() } else { None };
        let mut slot = oldest.unwrap_or_default();
        slot.text.clear();
        slot.text.push_str(name);
        slot.phone = name.len();
        slot.text.push_str(phone.unwrap_or_default());
        self.latest.push_back(slot);
    }

    /// Takes note that `changes` were made at once, which are not told one by one:
    /// watchers read the book anew.
    pub(crate) fn skip(&mut self, changes: usize) {
        self.seq += changes as u64;
        self.latest.clear();
    }

    /// From now on changes are remembered. Takes effect with the next change,
    /// even where the feed is only read.
    pub(crate) fn watch(&self) {
        // Relaxed: a change holds the book's write lock, this its read lock.
        self.remembered.fetch_max(REMEMBERED, Ordering::Relaxed);
    }

    /// From now on the latest [`FOLLOWED`] changes are remembered.
    pub(crate) fn follow(&self) {
        self.remembered.fetch_max(FOLLOWED, Ordering::Relaxed);
    }

    /// The names of the latest changes behind `position`, oldest first, as far
    /// as they are remembered and at most the last `most`; and whether each was
    /// removed.
    pub(crate) fn latest_names(
        &self,
        position: Position,
        most: usize,
    ) -> impl Iterator<Item = (&str, bool)> {
        let missed = self.seq.saturating_sub(position.seq);
        let missed = if self.epoch == position.epoch { missed } else { self.seq };
        let told = usize::try_from(missed).map_or(most, |missed| missed.min(most));
        self.latest.range(self.latest.len().saturating_sub(told)..).map(|slot| {
            let (name, phone) = slot.text.split_at(slot.phone);
            (name, phone.is_empty())
        })
    }

    /// The changes behind `position`, oldest first; nothing if they are not all
    /// remembered any more.
    pub(crate) fn since(&self, position: Position) -> Option<impl Iterator<Item = Entry>> {
        let missed = self.seq.checked_sub(position.seq).filter(|_| self.epoch == position.epoch)?;
        let known = self.latest.len().checked_sub(usize::try_from(missed).ok()?)?;
        Some(self.latest.range(known..).map(|slot| {
            let (name, phone) = slot.text.split_at(slot.phone);
            let phone = (!phone.is_empty()).then(|| phone.to_owned());
            Entry { name: name.to_owned(), phone }
        }))
    }
}

/// As the id of an event: `EPOCH-SEQ`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = UnknownPosition;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = id.split_once('-').ok_or(UnknownPosition)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| UnknownPosition)?;
        Ok(Position { epoch, seq: seq.parse().map_err(|_| UnknownPosition)? })
    }
}

/// An id that is no position.
#[derive(Debug)]
pub(crate) struct UnknownPosition;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, phone: Option<&str>) -> Entry {
        Entry { name: name.to_owned(), phone: phone.map(ToOwned::to_owned) }
    }

    fn since(feed: &Feed, position: Position) -> Option<Vec<Entry>> {
        feed.since(position).map(Iterator::collect)
    }

    #[test]
    fn what_was_missed_is_told_exactly_or_not_at_all() {
        let mut feed = Feed::new();
        feed.record("before anybody watched", Some("1"));
        let start = feed.position();
        feed.watch();
        assert_eq!(since(&feed, start), Some(vec![]));
        assert_eq!(since(&feed, Position { seq: 0, ..start }), None, "not remembered");
        assert_eq!(since(&feed, Position { seq: 2, ..start }), None, "not yet");

        feed.record("张三", Some("1"));
        feed.record("lisi", Some("2"));
        feed.record("张三", None);
        let all = [entry("张三", Some("1")), entry("lisi", Some("2")), entry("张三", None)];
        for known in 0..=3_usize {
            let position = Position { seq: start.seq + known as u64, ..start };
            assert_eq!(since(&feed, position), Some(all[known..].to_vec()));
        }
        assert_eq!(since(&feed, Position { epoch: !start.epoch, ..start }), None);
    }

    #[test]
    fn only_the_latest_changes_are_remembered_and_old_texts_do_not_shine_through() {
        let mut feed = Feed::new();
        feed.watch();
        let name = |number: usize| format!("{}{number}", "n".repeat(number % 60));
        for number in 0..3 * REMEMBERED {
            feed.record(&name(number), (number % 3 > 0).then_some("1"));
        }
        let position =
            |missed: usize| Position { seq: feed.seq - missed as u64, ..feed.position() };
        assert_eq!(since(&feed, position(REMEMBERED + 1)), None);
        let told = since(&feed, position(REMEMBERED)).unwrap();
        let expected = (2 * REMEMBERED..3 * REMEMBERED)
            .map(|number| entry(&name(number), (number % 3 > 0).then_some("1")));
        assert!(told.into_iter().eq(expected));
    }

    #[test]
    fn a_position_survives_as_an_id_and_other_ids_are_unknown() {
        let position = Position { epoch: 0xfe, seq: u64::MAX };
        assert_eq!(position.to_string().parse::<Position>().ok(), Some(position));
        for id in ["", "-", "1", "x-1", "1-x", "1-", "-1", "1--1", "10000000000000000-1", "1-1-1"] {
            assert!(id.parse::<Position>().is_err(), "{id:?}");
        }
    }
}
