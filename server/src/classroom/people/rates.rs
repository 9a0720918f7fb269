//! Rates: messages a second, over the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Seconds that are remembered.
const SECONDS: usize = 60;

/// Messages in each of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// When the second that is running began; none before the first sample.
    began: Option<Instant>,
    /// Messages in it so far.
    running: u32,
    /// The whole seconds before it, oldest first.
    whole: VecDeque<u32>,
    /// All messages at the last sample.
    total: u64,
}

impl Rates {
    /// Adds what came since the last sample. Returns whether the whole seconds are other
    /// ones than before.
    pub(super) fn sample(&mut self, total: u64, now: Instant) -> bool {
        let changed = self.pass(now);
        let new = total.saturating_sub(self.total);
        self.running = self.running.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        self.total = total;
        changed
    }

    /// The whole seconds, oldest first.
    pub(super) fn told(&self) -> Vec<u32> {
        let missing = SECONDS - self.whole.len();
        std::iter::repeat_n(0, missing).chain(self.whole.iter().copied()).collect()
    }

    /// The mean of the last ten seconds, rounded.
    pub(super) fn of_late(&self) -> u64 {
        const LATE: u64 = 10;
        let sum: u64 =
            self.whole.iter().rev().take(LATE as usize).map(|&rate| u64::from(rate)).sum();
        (sum + LATE / 2) / LATE
    }

    /// Ends the seconds that have passed. Returns whether there was anything in them, or
    /// in those before.
    fn pass(&mut self, now: Instant) -> bool {
        let began = self.began.get_or_insert(now);
        let seconds = now.saturating_duration_since(*began).as_secs();
        *began += Duration::from_secs(seconds);
        let changed = seconds > 0 && (self.running > 0 || self.whole.iter().any(|&rate| rate > 0));
        for _ in 0..seconds.min(SECONDS as u64 + 1) {
            if self.whole.len() == SECONDS {
                self.whole.pop_front();
            }
            self.whole.push_back(std::mem::take(&mut self.running));
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_in_one_second_and_after_a_minute_in_none() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        rates.sample(0, at(0));
        rates.sample(5, at(500));
        rates.sample(7, at(900));
        assert_eq!(rates.told(), [0; SECONDS], "no whole second yet");
        rates.sample(10, at(1_100));
        rates.sample(10, at(2_000));
        assert_eq!(rates.told()[SECONDS - 2..], [7, 3]);
        assert_eq!(rates.of_late(), 1);
        rates.sample(10, at(60_500));
        assert_eq!(rates.told()[..2], [7, 3]);
        rates.sample(10, at(62_000));
        assert_eq!(rates.told(), [0; SECONDS]);
        rates.sample(11, at(10_000_000));
        rates.sample(11, at(10_001_000));
        assert_eq!(rates.told()[SECONDS - 1], 1);
    }
}
