//! Homework of a class: what was checked at its servers and in its pages, for the table,
//! the board and the pages.
//!
//! Each server tells the others what it has checked itself, and nothing that it was told:
//! so what is forgotten at the end of a lesson does not come back.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use api::BoardWork;
use tokio::time::Instant;

use super::Classroom;
use super::people::{HomeworkResult, HomeworkTold};
use crate::playground::checked::Checked;
use crate::relay::code::page_hash;
use crate::relay::pairing::{Paired, PairingError};

impl Classroom {
    /// Looks at what has come of people and of their homework since the last sample.
    pub(super) fn sample(&self, now: Instant) {
        self.share_homework();
        let all = self.with_elsewhere(self.checked_here());
        self.people.sample(|key| all.get(&page_hash(key)).cloned(), now);
    }

    /// Has the other servers of the class told how the homework stands here, and shows this
    /// server's pages what the others tell.
    pub(crate) fn share_homework(&self) {
        if !self.people.is_shared() {
            return;
        }
        let elsewhere = self.people.homework_elsewhere();
        let wanted = |page| elsewhere.iter().any(|told| told.pages.iter().any(|it| it.wants(page)));
        self.homework.show(|page| elsewhere.iter().find_map(|told| told.shown(page)));
        let mut results: Vec<_> = self.checked_here().into_iter().collect();
        results.sort_unstable_by_key(|(page, _)| *page);
        let (pages, shown) = (self.homework.pages(), self.homework.shown_elsewhere(wanted));
        self.people.tell_homework(HomeworkTold { results, pages, shown });
    }

    /// How everybody's homework went, the best first: the order does not tell whose each is.
    pub(crate) fn homework_results(&self) -> Vec<BoardWork> {
        let all = self.with_elsewhere(self.checked_here()).into_values();
        let mut works: Vec<_> = all
            .map(|HomeworkResult { passed_checks: (passed, of), in_page, .. }| BoardWork {
                passed,
                of,
                in_page,
            })
            .collect();
        works.sort_unstable_by_key(|work| (Reverse(work.passed), work.in_page));
        works
    }

    /// Gives a `check.py` the place of the student with this code, as
    /// [`Homework::pair`](crate::relay::pairing::Homework::pair) does; the student's page
    /// may be at another server.
    pub(crate) fn pair(
        &self,
        code: &str,
        ticket: &str,
        from: IpAddr,
        now: Instant,
    ) -> Result<Paired, PairingError> {
        let elsewhere = self.people.homework_elsewhere();
        let pages: Vec<_> = elsewhere.into_iter().flat_map(|told| told.pages).collect();
        self.homework.pair(code, ticket, from, &pages, now)
    }

    /// How the homework went that this server has checked, or a page that said so here, by
    /// the hashes of the pages' keys: of a page with both the better one.
    fn checked_here(&self) -> HashMap<u64, HomeworkResult> {
        let mut best = HashMap::new();
        for (page, (passed, of, done, checks)) in self.homework.results() {
            let passed_checks = (passed, of);
            enter(&mut best, page, HomeworkResult { passed_checks, checks, done, in_page: false });
        }
        for (key, Checked { checks, passed_checks }) in self.playground.all_checked() {
            let done = passed_checks.0 == passed_checks.1;
            let result = HomeworkResult { passed_checks, checks, done, in_page: true };
            enter(&mut best, page_hash(&key), result);
        }
        best
    }

    /// Adds what other servers have checked.
    fn with_elsewhere(
        &self,
        mut best: HashMap<u64, HomeworkResult>,
    ) -> HashMap<u64, HomeworkResult> {
        for (page, result) in self.people.homework_elsewhere().into_iter().flat_map(|it| it.results)
        {
            enter(&mut best, page, result);
        }
        best
    }
}

/// Enters a result, unless there is a better one.
fn enter(best: &mut HashMap<u64, HomeworkResult>, page: u64, result: HomeworkResult) {
    let rank = |result: &HomeworkResult| (result.done, result.passed_checks.0, !result.in_page);
    if best.get(&page).is_none_or(|known| rank(known) < rank(&result)) {
        best.insert(page, result);
    }
}
