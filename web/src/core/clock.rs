//! Time and chance, passed in: a model reads neither a clock nor a generator of
//! random numbers, so that a test can play hours in a millisecond.

/// When something happened, and the chance number of that moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds of a monotonic clock.
    pub millis: u64,
    /// A random number from -200 to 200, for [`retry_delay`](crate::core::connection::retry_delay).
    pub jitter: i32,
}

/// The sooner of two times, as far as there are any. The same with `Iterator::min` is
/// 400 bytes larger.
pub fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    if one.is_none_or(|one| other.is_some_and(|other| other < one)) { other } else { one }
}
