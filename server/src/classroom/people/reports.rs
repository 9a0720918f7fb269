//! Reports: what the pages say of themselves, and the streams by which they are told how
//! the class stands.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use api::Student;
use tokio::sync::watch;
use tokio::time::Instant;

use super::roll::MOST;
use super::{People, PersonId};
use crate::transport::rate_limit::{Bucket, Rate};

/// Reports from one address: a class of 60 behind one router, all of which reconnect at
/// once and then make a step every second.
const FROM_ADDRESS: Rate =
    Rate { per_second: NonZeroU32::new(60).expect("60 is not 0"), burst: 300 };

/// The rates of the reports by address; at most [`MOST`] of them.
#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<HashMap<IpAddr, Bucket>>);

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportError {
    /// The page, or all pages of its address together, report too often.
    TooOften,
    /// There are too many people.
    Full,
}

impl Reports {
    /// Counts a report. Returns whether the address may make it.
    fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(address).or_insert_with(|| Bucket::new(FROM_ADDRESS, now));
        let may = bucket.left(now) > 0;
        if may {
            bucket.spend(1, now);
        }
        may
    }
}

impl People {
    /// Counts a report of a page, before it is read.
    ///
    /// # Errors
    ///
    /// The page reports too often, which the teacher sees, or all pages of its address do.
    /// What is too much of one page does not count as its address's.
    pub(crate) fn admit_report(&self, key: &str, address: IpAddr) -> Result<(), ReportError> {
        let now = Instant::now();
        let may = self.roll().with_key_mut(key).is_none_or(|entry| entry.may_report(now));
        match may && self.reports.take(address.to_canonical(), now) {
            true => Ok(()),
            false => Err(ReportError::TooOften),
        }
    }

    /// Takes what a page says of itself.
    ///
    /// # Errors
    ///
    /// There is no room for another page.
    pub(crate) fn report(
        &self,
        key: &str,
        address: IpAddr,
        student: Student,
    ) -> Result<(), ReportError> {
        let now = Instant::now();
        let mut roll = self.roll();
        let entry = roll.page(key, address.to_canonical(), now).ok_or(ReportError::Full)?;
        let hand = entry.student.hand;
        let is_new = entry.report(student, now);
        let hand_moved = entry.student.hand != hand;
        drop(roll);
        if is_new {
            self.changed();
        }
        if hand_moved {
            self.call();
        }
        Ok(())
    }

    /// Opens the stream of the class to a page, which is here for as long as the value
    /// returned lives.
    ///
    /// # Errors
    ///
    /// There is no room for another page.
    pub(crate) fn open_page(
        self: &Arc<Self>,
        key: &str,
        address: IpAddr,
    ) -> Result<OpenPage, ReportError> {
        let now = Instant::now();
        let mut roll = self.roll();
        let entry = roll.page(key, address.to_canonical(), now).ok_or(ReportError::Full)?;
        entry.open_stream(now);
        let id = entry.record.id;
        drop(roll);
        self.changed();
        Ok(OpenPage { people: Arc::clone(self), id, calls: self.calls.subscribe() })
    }
}

/// A page that is told how the class stands.
#[derive(Debug)]
pub(crate) struct OpenPage {
    people: Arc<People>,
    pub(crate) id: PersonId,
    /// Word that it may be told something new.
    pub(crate) calls: watch::Receiver<u64>,
}

impl OpenPage {
    /// Whether its hand is raised, as far as the class knows.
    pub(crate) fn hand(&self) -> bool {
        self.people.roll().entry(self.id).is_some_and(|entry| entry.student.hand)
    }
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        if let Some(entry) = self.people.roll().entry_mut(self.id) {
            entry.close_stream(Instant::now());
        }
        self.people.changed();
    }
}
