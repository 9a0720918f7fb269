//! Page numbers: which page has which, so that no two have the same examples.
//!
//! A page keeps its number and brings it along whenever it asks, also after the server
//! was started again and knows of none. What stands in the examples is harmless, so that
//! a number is believed; it is never taken from a page that has it in this run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most numbers of which it is known who has them, and the most that are passed over
/// for one page: as many as people are remembered of a class. A number takes some 100
/// bytes here, and three look-ups in the book.
const MOST: usize = 1_000;

/// Which page has which number.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// The number given last.
    last: u64,
    /// The keys of the pages, by their numbers.
    holders: HashMap<u64, Box<str>>,
}

impl Numbers {
    /// The number of the page with this key, from 1: the one that it brings along, unless
    /// another page has that; 0 is none. Otherwise the next one that is free, and that no
    /// page has got.
    pub(super) fn number(
        &self,
        key: Option<&str>,
        brought: u64,
        is_free: impl Fn(u64) -> bool,
    ) -> u64 {
        let mut table = self.table();
        let number = match key {
            Some(key) if brought > 0 && table.is_or_may_be(brought, key) => brought,
            _ => table.next(is_free),
        };
        if let Some(key) = key {
            table.enter(key, number);
        }
        number
    }

    /// Whether it is known that this page has this number.
    pub(super) fn is_of(&self, key: &str, number: u64) -> bool {
        self.table().holders.get(&number).is_some_and(|holder| **holder == *key)
    }

    /// Notes the number that all servers of the class know to be this page's.
    pub(super) fn note(&self, key: &str, number: u64) {
        self.table().enter(key, number);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn enter(&mut self, key: &str, number: u64) {
        if self.holders.len() < MOST {
            self.holders.insert(number, key.into());
        }
    }

    /// Whether a number is that of this page, or of none that is known.
    fn is_or_may_be(&self, number: u64, key: &str) -> bool {
        self.holders.get(&number).is_none_or(|holder| **holder == *key)
    }

    fn next(&mut self, is_free: impl Fn(u64) -> bool) -> u64 {
        let holders = &self.holders;
        let mut numbers = (self.last + 1..).take(MOST);
        let free = numbers.find(|number| !holders.contains_key(number) && is_free(*number));
        // Where all those are taken, examples may meet.
        self.last = free.unwrap_or(self.last + 1);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_brings_its_number_keeps_it_and_no_other_page_gets_it() {
        let numbers = Numbers::default();
        let number = |key, brought| numbers.number(Some(key), brought, |_| true);
        // Kept from before a restart, in any order.
        assert_eq!((number("a", 2), number("b", 1)), (2, 1));
        assert_eq!((number("c", 0), number("d", 0)), (3, 4));
        // As often as it asks.
        assert_eq!((number("a", 2), number("c", 3)), (2, 3));
        // A page whose number was given to another meanwhile gets a new one; the holder keeps it.
        assert_eq!((number("late", 3), number("c", 3), number("late", 5)), (5, 3, 5));
        // Without a key nothing is brought and nothing kept.
        assert_eq!(numbers.number(None, 2, |_| true), 6);
        assert_eq!((number("e", 6), number("f", 0)), (6, 7));
    }

    #[test]
    fn what_stands_in_the_book_is_passed_over_and_whatever_is_claimed_is_bounded() {
        let numbers = Numbers::default();
        assert_eq!(numbers.number(None, 0, |number| number > 3), 4);
        for claimed in 5..=u64::try_from(MOST).unwrap() + 4 {
            numbers.number(Some("forger"), claimed, |_| true);
        }
        let most = u64::try_from(MOST).unwrap();
        assert_eq!(numbers.0.lock().unwrap().holders.len(), MOST);
        // All others go on, though it is no longer noted who has what.
        assert_eq!(numbers.number(Some("a"), 0, |_| true), 5);
        assert_eq!(numbers.number(Some("a"), 0, |number| number > most), most + 5);
        assert_eq!(numbers.number(Some("a"), most + 5, |_| true), most + 5);
        assert_eq!(numbers.0.lock().unwrap().holders.len(), MOST);
    }
}
