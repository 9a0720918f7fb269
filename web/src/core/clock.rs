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
