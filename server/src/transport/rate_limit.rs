//! Rate limits: how many messages a second a connection, and all connections of
//! one address together, are answered.
//!
//! A token bucket for each. A client that is over its rate gets no error: the
//! server reads on later, so that TCP's own backpressure slows the client down.
//! It reads no clock; the time is passed in.
//!
//! The crate `governor` was looked at and not taken: how many messages a read
//! brought is known only once they are answered, so a bucket must be able to go
//! into debt, and its buckets refuse what they cannot cover.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::language::localized;

/// Most messages a connection is answered at once while it has no tokens left:
/// at the default of 200 a second 80 ms of debt.
const BATCH_IN_DEBT: usize = 16;

/// Least time between two reports of a flood from one address.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// A rate, and how far it may be exceeded for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second in the long run.
    pub per_second: NonZeroU32,
    /// Messages at once after a rest.
    pub burst: u32,
}

/// The rate limits of a server. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of each connection.
    pub per_connection: Option<Rate>,
    /// Of all connections of one address.
    pub per_address: Option<Rate>,
    /// Whether they hold for connections from this computer, too.
    pub loopback: bool,
}

impl RateLimits {
    /// Whether nothing is limited for connections from `address`.
    fn exempts(&self, address: IpAddr) -> bool {
        address.is_loopback() && !self.loopback
            || self.per_connection.is_none() && self.per_address.is_none()
    }
}

/// Messages already answered, held against a rate (GCRA, the generic cell rate
/// algorithm).
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// When every message answered so far is paid for at the rate.
    paid_at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Bucket { rate, paid_at: now }
    }

    /// How long `messages` take at the rate.
    fn time_of(&self, messages: u32) -> Duration {
        Duration::from_secs(1) * messages / self.rate.per_second.get()
    }

    /// Counts messages and returns how long the client must wait now.
    pub(crate) fn spend(&mut self, messages: u32, now: Instant) -> Duration {
        self.paid_at = self.paid_at.max(now) + self.time_of(messages);
        (self.paid_at - now).saturating_sub(self.time_of(self.rate.burst))
    }

    /// How many messages it covers without a wait.
    pub(crate) fn left(&self, now: Instant) -> usize {
        let free = self.time_of(self.rate.burst).saturating_sub(self.paid_at - now);
        (free.as_secs_f64() * f64::from(self.rate.per_second.get())) as usize
    }

    /// Whether all of the burst is left: the bucket is as a new one.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.paid_at <= now
    }
}

/// What the connections of one address have used together.
#[derive(Debug)]
pub(crate) struct AddressUsage {
    address: IpAddr,
    state: Mutex<AddressState>,
}

#[derive(Debug)]
struct AddressState {
    bucket: Option<Bucket>,
    /// When a flood from here was last reported.
    reported: Option<Instant>,
}

impl AddressUsage {
    /// The usage of an address, or nothing if it is not limited.
    pub(crate) fn new(address: IpAddr, limits: &RateLimits, now: Instant) -> Option<Arc<Self>> {
        if limits.exempts(address) {
            return None;
        }
        let bucket = limits.per_address.map(|rate| Bucket::new(rate, now));
        let state = Mutex::new(AddressState { bucket, reported: None });
        Some(Arc::new(AddressUsage { address, state }))
    }

    /// Whether it may be forgotten: there is no debt, and no recent report.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        let state = self.state();
        state.bucket.as_ref().is_none_or(|bucket| bucket.paid_at <= now)
            && state.reported.is_none_or(|reported| now - reported >= REPORT_EVERY)
    }

    /// Whether a flood is to be reported now: at most once in [`REPORT_EVERY`].
    fn reports(&self, now: Instant) -> bool {
        let mut state = self.state();
        let due = state.reported.is_none_or(|reported| now - reported >= REPORT_EVERY);
        if due {
            state.reported = Some(now);
        }
        due
    }

    fn state(&self) -> MutexGuard<'_, AddressState> {
        // Nothing under the lock can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rate limits of one connection.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    own: Option<Bucket>,
    address: Arc<AddressUsage>,
}

impl RateLimiter {
    pub(crate) fn new(limits: &RateLimits, address: Arc<AddressUsage>, now: Instant) -> Self {
        RateLimiter { own: limits.per_connection.map(|rate| Bucket::new(rate, now)), address }
    }

    /// How many of `most` messages may be answered at once.
    pub(crate) fn batch(&self, most: usize, now: Instant) -> usize {
        let own = self.own.as_ref().map_or(usize::MAX, |bucket| bucket.left(now));
        let address = self.address.state().bucket.as_ref().map_or(usize::MAX, |b| b.left(now));
        own.min(address).max(BATCH_IN_DEBT).min(most)
    }

    /// Counts messages that were answered, and returns how long to wait before
    /// reading on.
    pub(crate) fn spend(&mut self, messages: usize, now: Instant) -> Duration {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let own = self.own.as_mut().map_or(Duration::ZERO, |bucket| bucket.spend(messages, now));
        let address = {
            let mut state = self.address.state();
            state.bucket.as_mut().map_or(Duration::ZERO, |bucket| bucket.spend(messages, now))
        };
        let wait = own.max(address);
        if !wait.is_zero() && self.address.reports(now) {
            let address = self.address.address;
            tracing::warn!(
                "{}",
                localized!(
                    "{address} 发消息太快，已放慢它的速度（其他人不受影响）；限制见 --max-rate",
                    "{address} sends too many messages, so it is slowed down (the others are not \
                     affected); the limit is --max-rate"
                )
            );
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 7));

    fn rate(per_second: u32, burst: u32) -> Option<Rate> {
        Some(Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst })
    }

    fn classroom() -> RateLimits {
        RateLimits {
            per_connection: rate(200, 400),
            per_address: rate(4_000, 4_000),
            loopback: false,
        }
    }

    fn limiter(limits: &RateLimits, usage: &Arc<AddressUsage>, now: Instant) -> RateLimiter {
        RateLimiter::new(limits, Arc::clone(usage), now)
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_is_free_and_what_goes_beyond_it_waits_at_the_rate() {
        let (limits, start) = (classroom(), Instant::now());
        let usage = AddressUsage::new(PHONE, &limits, start).unwrap();
        let mut one = limiter(&limits, &usage, start);
        assert_eq!(one.spend(400, start), Duration::ZERO);
        assert_eq!(one.spend(1, start), 5 * MILLISECOND);
        assert_eq!(one.spend(16, start), 85 * MILLISECOND);
        // The debt is paid, and a second of rest is worth 200 messages.
        let later = start + 1_085 * MILLISECOND;
        assert_eq!(one.spend(200, later), Duration::ZERO);
        assert_eq!(one.spend(1, later), 5 * MILLISECOND);
        // However long the rest, it is worth no more than the burst.
        let much_later = start + Duration::from_secs(3_600);
        assert_eq!(one.spend(401, much_later), 5 * MILLISECOND);
    }

    #[test]
    fn a_flood_is_answered_at_exactly_the_rate_whatever_the_batches() {
        let (limits, start) = (classroom(), Instant::now());
        let usage = AddressUsage::new(PHONE, &limits, start).unwrap();
        let mut one = limiter(&limits, &usage, start);
        let (mut now, mut answered) = (start, 0);
        while now < start + Duration::from_secs(60) {
            let batch = one.batch(128, now);
            assert!(batch >= 1, "it never stands still");
            answered += batch;
            now += one.spend(batch, now);
        }
        let expected = 400 + 60 * 200;
        assert!((expected..=expected + BATCH_IN_DEBT).contains(&answered), "{answered}");
    }

    #[test]
    fn a_quiet_client_is_not_slowed_by_a_flood_from_another_connection_of_its_address() {
        let (limits, start) = (classroom(), Instant::now());
        let usage = AddressUsage::new(PHONE, &limits, start).unwrap();
        let (mut flood, mut quiet) =
            (limiter(&limits, &usage, start), limiter(&limits, &usage, start));
        let mut now = start;
        while now < start + Duration::from_secs(10) {
            let batch = flood.batch(128, now);
            now += flood.spend(batch, now);
            assert_eq!(quiet.spend(1, now), Duration::ZERO);
            now += MILLISECOND * 20;
        }
    }

    #[test]
    fn many_connections_of_one_address_share_its_limit() {
        let (limits, start) = (classroom(), Instant::now());
        let usage = AddressUsage::new(PHONE, &limits, start).unwrap();
        let waits: Vec<_> =
            (0..11).map(|_| limiter(&limits, &usage, start).spend(400, start)).collect();
        assert_eq!(waits[9], Duration::ZERO, "4,000 messages");
        assert_eq!(waits[10], 100 * MILLISECOND, "400 too many at 4,000 a second");
        assert!(!usage.is_spent(start));
        // The report is remembered longer than the debt.
        assert!(!usage.is_spent(start + 2 * Duration::from_secs(1)));
        assert!(usage.is_spent(start + REPORT_EVERY));
    }

    #[test]
    fn a_flood_is_reported_at_most_once_a_minute_for_each_address() {
        let (limits, start) = (classroom(), Instant::now());
        let usage = AddressUsage::new(PHONE, &limits, start).unwrap();
        assert!(usage.reports(start));
        assert!(!usage.reports(start + 59_999 * MILLISECOND));
        assert!(usage.reports(start + 60_000 * MILLISECOND));
        let other = AddressUsage::new(IpAddr::from([10, 0, 0, 1]), &limits, start).unwrap();
        assert!(other.reports(start));
    }

    #[test]
    fn this_computer_is_limited_only_when_asked_for_and_others_only_by_a_limit() {
        let now = Instant::now();
        let here = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        assert!(AddressUsage::new(here, &classroom(), now).is_none());
        assert!(AddressUsage::new(PHONE, &RateLimits::default(), now).is_none());
        let strict = RateLimits { loopback: true, ..classroom() };
        assert!(AddressUsage::new(here, &strict, now).is_some());
        let only_addresses = RateLimits { per_connection: None, ..classroom() };
        let usage = AddressUsage::new(PHONE, &only_addresses, now).unwrap();
        let mut one = limiter(&only_addresses, &usage, now);
        assert_eq!(one.spend(4_001, now), Duration::from_micros(250));
    }
}
