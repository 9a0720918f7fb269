//! Shared switches: what a teacher has switched, as the servers of one class tell each
//! other.
//!
//! Times are told as what is left of them: servers' clocks differ.

use std::net::IpAddr;
use std::time::Duration;

use api::Sticky;
use protocol::Stage;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Switches;
use crate::classroom::people::PersonId;

/// The switches that hold on every server. What can be undone is not among them: it comes
/// with the acts, and has another number in each server's journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SharedSwitches {
    echoes: bool,
    /// In milliseconds, as the times below.
    pause: u64,
    /// What is left of "eyes on me".
    held: Option<u64>,
    pub(crate) frozen: bool,
    closed: bool,
    pub(crate) servers: bool,
    shows_lines: bool,
    /// A person's number.
    shows: Option<u64>,
    sticky: Sticky,
    announcement: Option<String>,
    /// Addresses, and how long they stay blocked.
    blocked: Vec<(IpAddr, u64)>,
    pub(crate) lesson: u64,
}

impl SharedSwitches {
    /// The switches as they stand now.
    pub(crate) fn of(switches: &Switches, now: Instant) -> Self {
        let left = |until: Instant| millis(until.saturating_duration_since(now));
        SharedSwitches {
            echoes: switches.stage == Stage::Echo,
            pause: millis(switches.pause),
            held: switches.held_until.map(left),
            frozen: switches.frozen,
            closed: switches.closed,
            servers: switches.servers,
            shows_lines: switches.shows_lines,
            shows: switches.shows.map(|id| id.0),
            sticky: switches.sticky,
            announcement: switches.announcement.clone(),
            blocked: switches.blocked.iter().map(|(from, until)| (*from, left(*until))).collect(),
            lesson: switches.lesson,
        }
    }

    /// Takes them over, `age` after they were told.
    pub(crate) fn apply(&self, switches: &mut Switches, age: Duration, now: Instant) {
        let until = |left: u64| {
            let left = Duration::from_millis(left).saturating_sub(age);
            (!left.is_zero()).then(|| now + left)
        };
        switches.stage = if self.echoes { Stage::Echo } else { Stage::Contacts };
        switches.pause = Duration::from_millis(self.pause);
        switches.held_until = self.held.and_then(until);
        switches.frozen = self.frozen;
        switches.closed = self.closed;
        switches.servers = self.servers;
        switches.shows_lines = self.shows_lines;
        switches.shows = self.shows.map(PersonId);
        switches.sticky = self.sticky;
        switches.announcement.clone_from(&self.announcement);
        let blocked = self.blocked.iter();
        switches.blocked =
            blocked.filter_map(|(from, left)| Some((*from, until(*left)?))).collect();
        switches.lesson = self.lesson;
    }

    /// Keeps in `switches` what `here` differs in from these: what was switched here since
    /// these were told.
    pub(crate) fn keep_changes(&self, here: &Switches, switches: &mut Switches, now: Instant) {
        let is = SharedSwitches::of(here, now);
        if is.echoes != self.echoes {
            switches.stage = here.stage;
        }
        if is.pause != self.pause {
            switches.pause = here.pause;
        }
        if is.held.is_some() != self.held.is_some() {
            switches.held_until = here.held_until;
        }
        if is.frozen != self.frozen {
            switches.frozen = here.frozen;
        }
        if is.closed != self.closed {
            switches.closed = here.closed;
        }
        if is.servers != self.servers {
            switches.servers = here.servers;
        }
        if is.shows_lines != self.shows_lines {
            switches.shows_lines = here.shows_lines;
        }
        if is.shows != self.shows {
            switches.shows = here.shows;
        }
        if is.sticky != self.sticky {
            switches.sticky = here.sticky;
        }
        if is.announcement != self.announcement {
            switches.announcement.clone_from(&here.announcement);
        }
        let was = |address: IpAddr| self.blocked.iter().any(|(from, _)| *from == address);
        let stays = |address: IpAddr| here.blocked.iter().any(|(from, _)| *from == address);
        switches.blocked.retain(|(from, _)| stays(*from) || !was(*from));
        for (from, until) in here.blocked.iter().filter(|(from, _)| !was(*from)) {
            switches.unblock(*from);
            switches.blocked.push((*from, *until));
        }
        switches.lesson = switches.lesson.max(here.lesson);
    }

    /// Whether they are the same but for the time that has passed.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let addresses = |switches: &Self| -> Vec<IpAddr> {
            switches.blocked.iter().map(|(from, _)| *from).collect()
        };
        let without_times = |switches: &Self| SharedSwitches {
            held: switches.held.map(|_| 0),
            blocked: Vec::new(),
            ..switches.clone()
        };
        addresses(self) == addresses(other) && without_times(self) == without_times(other)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_switched_here_meanwhile_stays_and_the_rest_is_taken_over() {
        let now = Instant::now();
        let (ann, bob, eve) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), [10, 0, 0, 3].into());
        let mut here = Switches { closed: true, ..Switches::default() };
        here.block(ann, now);
        let known = SharedSwitches::of(&here, now);
        // Elsewhere the book is frozen, the door is opened, and Bob is blocked.
        let mut there = Switches { frozen: true, closed: false, ..here.clone() };
        there.block(bob, now);
        let told = SharedSwitches::of(&there, now);
        // Here something is announced, Ann let in, and Eve blocked.
        here.announcement = Some("hello".to_owned());
        here.unblock(ann);
        here.block(eve, now);
        let mut merged = here.clone();
        told.apply(&mut merged, Duration::ZERO, now);
        known.keep_changes(&here, &mut merged, now);
        assert_eq!((merged.frozen, merged.closed), (true, false));
        assert_eq!(merged.announcement.as_deref(), Some("hello"));
        let blocked: Vec<_> = merged.blocked.iter().map(|(from, _)| *from).collect();
        assert_eq!(blocked, [bob, eve]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_switched_on_one_server_is_switched_on_another_with_the_time_that_is_left() {
        let now = Instant::now();
        let mut switches = Switches {
            stage: Stage::Echo,
            pause: Duration::from_millis(1500),
            held_until: Some(now + Duration::from_secs(300)),
            frozen: true,
            servers: true,
            shows: Some(PersonId(7)),
            sticky: Sticky::Split,
            announcement: Some("hello".to_owned()),
            lesson: 2,
            ..Switches::default()
        };
        switches.block([10, 0, 0, 7].into(), now);
        let told = serde_json::to_string(&SharedSwitches::of(&switches, now)).unwrap();
        let shared: SharedSwitches = serde_json::from_str(&told).unwrap();
        let (mut elsewhere, age) = (Switches::default(), Duration::from_secs(100));
        shared.apply(&mut elsewhere, age, now + age);
        assert_eq!(elsewhere, switches);
        // What has ended meanwhile is over.
        shared.apply(&mut elsewhere, Duration::from_secs(301), now);
        assert_eq!((elsewhere.held_until, elsewhere.blocked.len()), (None, 0));

        let later = SharedSwitches::of(&switches, now + Duration::from_secs(9));
        assert!(later != shared && later.is_like(&shared));
        let mut unfrozen = later.clone();
        unfrozen.frozen = false;
        assert!(!unfrozen.is_like(&shared));
    }
}
