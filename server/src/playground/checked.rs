//! What pages have checked by themselves: of each the best result of the homework's checks.
//! It is the page's own word, and only its form can be checked.

use std::collections::HashMap;

use protocol::homework::State;
use protocol::homework::checks::CHECKS;

use crate::playground::{Full, SESSIONS};

/// What became of the homework's checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Of each check in its order the letter of its state.
    pub(crate) checks: String,
    /// Required checks passed, and how many there are.
    pub(crate) passed_checks: (u8, u8),
}

impl Checked {
    /// Reads the letters: one of a state for each check there is. Nothing if it is
    /// anything else.
    pub(crate) fn read(checks: &str) -> Option<Self> {
        if checks.len() != CHECKS.len() {
            return None;
        }
        let state = |letter| State::ALL.into_iter().find(|state| state.letter() == letter);
        let states = checks.chars().map(state).collect::<Option<Vec<_>>>()?;
        let required = || CHECKS.iter().zip(&states).filter(|(check, _)| check.required);
        let passed = required().filter(|(_, state)| state.is_passed()).count();
        let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let passed_checks = (count(passed), count(required().count()));
        Some(Checked { checks: checks.to_owned(), passed_checks })
    }
}

/// The best result of each page, by its key.
#[derive(Debug, Default)]
pub(super) struct Results(HashMap<String, Checked>);

impl Results {
    /// Notes a result. One that is as good as an earlier one takes its place. If there are
    /// too many, those whose pages are not here make room.
    pub(super) fn enter(
        &mut self,
        key: &str,
        checked: Checked,
        is_here: impl Fn(&str) -> bool,
    ) -> Result<(), Full> {
        if self.0.len() >= SESSIONS && !self.0.contains_key(key) {
            self.0.retain(|key, _| is_here(key));
            if self.0.len() >= SESSIONS {
                return Err(Full);
            }
        }
        let is_best = |best: &Checked| checked.passed_checks.0 >= best.passed_checks.0;
        if self.0.get(key).is_none_or(is_best) {
            self.0.insert(key.to_owned(), checked);
        }
        Ok(())
    }

    pub(super) fn all(&self) -> Vec<(String, Checked)> {
        self.0.iter().map(|(key, checked)| (key.clone(), checked.clone())).collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many letters as there are checks, the first ones given.
    fn letters(first: &str) -> String {
        first.to_owned() + &"w".repeat(CHECKS.len() - first.len())
    }

    #[test]
    fn only_a_state_for_each_check_is_a_result() {
        let required = CHECKS.iter().filter(|check| check.required).count();
        let checked = Checked::read(&letters("pnfp")).unwrap();
        assert_eq!(checked.passed_checks, (3, u8::try_from(required).unwrap()));
        assert!(State::ALL.iter().all(|state| state.word().starts_with(state.letter())));
        let (short, long) = ("p".repeat(CHECKS.len() - 1), "p".repeat(CHECKS.len() + 1));
        let (unknown, wide) = (letters("x"), "p".repeat(CHECKS.len() - 2) + "é");
        for wrong in ["", &short, &long, &unknown, &wide, &letters("P"), &letters(" ")] {
            assert_eq!(Checked::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_best_result_of_a_page_is_kept_and_so_many_pages() {
        let mut results = Results::default();
        let checked = |first: &str| Checked::read(&letters(first)).unwrap();
        for (entered, best) in [("pf", "pf"), ("fp", "fp"), ("ff", "fp"), ("pp", "pp")] {
            results.enter("key", checked(entered), |_| true).unwrap();
            assert_eq!(results.0.get("key"), Some(&checked(best)), "after {entered}");
        }
        for number in 1..SESSIONS {
            results.enter(&number.to_string(), checked(""), |_| true).unwrap();
        }
        assert_eq!(results.enter("one too many", checked(""), |_| true), Err(Full));
        assert_eq!(results.enter("key", checked("ppp"), |_| true), Ok(()));
        assert_eq!(results.enter("newcomer", checked(""), |key| key == "key"), Ok(()));
        assert_eq!(results.all().len(), 2, "those who left make room");
    }
}
