//! What of the people is on the board: numbers, and the name of the one student whom
//! the teacher shows.

use std::collections::HashMap;
use std::time::Duration;

use api::BoardClass;
use tokio::time::Instant;

use super::entry::Entry;
use super::{People, PersonId};

/// How long a page that left is still counted among the students: time to change the
/// Wi-Fi or to open the page anew, without the board's bars jumping.
const COUNTED: Duration = Duration::from_secs(60);

impl People {
    /// The class on the board: all but what is switched. `shows` is the one whose
    /// conversation is shown.
    pub(crate) fn board(&self, shows: Option<PersonId>, now: Instant) -> BoardClass {
        let reports = self.reports(now);
        let shown = shows.and_then(|id| self.roll().entry(id).map(Entry::shown));
        let mut rates = self.rates().told();
        self.add_rates(&mut rates);
        BoardClass {
            reached: self.is_reached() || self.reached_elsewhere(),
            students: reports.len() as u64,
            steps: steps(&reports),
            rates,
            mistakes: self.mistakes_everywhere(),
            lines: self.lines.told(),
            shown: shown.or_else(|| shows.and_then(|_| self.shown_elsewhere())),
            ..BoardClass::default()
        }
    }

    /// How many steps the lesson has on each page that is counted, and which are done.
    fn reports(&self, now: Instant) -> Vec<(u8, u32)> {
        if !self.elsewhere().is_empty() {
            let everybody = self.everybody(now).into_iter();
            return counted(everybody.map(|it| (it.gone_for(), (it.steps, it.row.done))));
        }
        let roll = self.roll();
        let all = roll.all().into_iter();
        let all = all.map(|it| (it.gone_for(now), (it.student.steps, it.student.done)));
        counted(all)
    }
}

/// The reports that are counted, each with how long its page has been gone: none of an
/// empty classroom.
fn counted(reports: impl Iterator<Item = (Option<Duration>, (u8, u32))>) -> Vec<(u8, u32)> {
    let is_counted = |gone: &Option<Duration>| gone.is_none_or(|gone| gone < COUNTED);
    let reports: Vec<_> =
        reports.filter(|(gone, (steps, _))| *steps > 0 && is_counted(gone)).collect();
    if reports.iter().all(|(gone, _)| gone.is_some()) {
        return Vec::new();
    }
    reports.into_iter().map(|(_, report)| report).collect()
}

/// For each step how many have done it. How many steps the lesson has is what most pages
/// say: one forged report makes no lesson longer.
fn steps(reports: &[(u8, u32)]) -> Vec<u64> {
    let mut votes: HashMap<u8, usize> = HashMap::new();
    reports.iter().for_each(|(steps, _)| *votes.entry(*steps).or_default() += 1);
    let most = votes.into_iter().max_by_key(|&(steps, votes)| (votes, std::cmp::Reverse(steps)));
    let count = most.map_or(0, |(steps, _)| steps);
    let done = |step: u8| reports.iter().filter(|(_, done)| done >> step & 1 != 0).count() as u64;
    (0..count).map(done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_left_are_counted_for_a_minute_and_not_without_anybody_there() {
        let gone = |seconds| Some(Duration::from_secs(seconds));
        let (here, early, late) = ((None, (3, 0b1)), (gone(59), (3, 0b11)), (gone(60), (3, 0b111)));
        let all = [here, early, late, (None, (0, 0))];
        assert_eq!(counted(all.into_iter()), [(3, 0b1), (3, 0b11)]);
        assert_eq!(counted([early, late].into_iter()), []);
    }

    #[test]
    fn the_steps_are_counted_and_a_forged_lesson_is_not_believed() {
        assert!(steps(&[]).is_empty());
        assert_eq!(steps(&[(3, 0b111), (3, 0b001), (3, 0b010)]), [2, 2, 1]);
        assert_eq!(steps(&[(3, 0b111), (3, 0b001), (32, u32::MAX)]), [3, 2, 2]);
    }
}
