//! What is asked of the server, and whether it came out so.

use crate::results::{Row, Sample, Verdict, median};

/// Where the server's row is among those of a scenario: behind the yardstick's.
pub const OURS: usize = 1;

/// A target, always relative to a contender of the same run.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At least this share of the yardstick's speed.
    Yardstick(f64),
    /// Faster than Redis.
    AheadOfRedis,
    /// At most Redis's CPU time an operation.
    RedisCpu,
    /// A median latency of at most so many times Redis's.
    RedisMedian(f64),
    /// The 99th percentile of finds at most so many times that of a book in memory.
    MemoryFinds(f64),
}

/// The share of an earlier build's speed to reach: what is slower by more is a
/// regression.
const OF_BASELINE: f64 = 0.97;

/// Judges the server beside an earlier build, round by round: in each both met the
/// same machine.
pub fn against_baseline(ours: &[Sample], baseline: &[Sample]) -> Verdict {
    let ratios: Vec<_> = ours.iter().zip(baseline).map(|(a, b)| a.speed / b.speed).collect();
    let complete = ratios.len() == ours.len() && !ratios.is_empty();
    let ratio = complete.then(|| median(&ratios));
    let reached = ratio.map_or_else(String::new, |ratio| format!(" (is {ratio:.2})"));
    Verdict {
        target: format!("at least {OF_BASELINE} x baseline{reached}"),
        met: ratio.map(|ratio| ratio >= OF_BASELINE),
    }
}

impl Target {
    /// Judges the rows of a scenario.
    pub fn judge(self, rows: &[Row]) -> Verdict {
        let ours = rows[OURS].figures.as_ref();
        let starting = |start: &str| {
            let row = rows.iter().skip(OURS + 1).find(|row| row.contender.starts_with(start));
            row.and_then(|row| row.figures.as_ref())
        };
        let redis = || starting("Redis");
        let (target, met) = match self {
            Target::Yardstick(share) => {
                (format!("at least {share:.2} x echo"), ours.map(|ours| ours.ratio >= share))
            }
            Target::AheadOfRedis => (
                "ahead of Redis".to_owned(),
                ours.zip(redis()).map(|(ours, redis)| ours.ratio > redis.ratio),
            ),
            Target::RedisCpu => (
                "CPU at most Redis's".to_owned(),
                ours.zip(redis()).map(|(ours, redis)| ours.cpu <= redis.cpu),
            ),
            Target::RedisMedian(times) => (
                format!("p50 at most {times} x Redis's"),
                ours.zip(redis()).map(|(ours, redis)| ours.p50 <= times * redis.p50),
            ),
            Target::MemoryFinds(times) => (
                format!("find p99 at most {times} x --memory's"),
                ours.zip(starting("tcp-classroom --memory"))
                    .and_then(|(ours, memory)| Some(ours.find_p99? <= times * memory.find_p99?)),
            ),
        };
        Verdict { target, met }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(speed: f64, p50: f64) -> Sample {
        Sample { speed, cpu: 1.0, latency: [p50, p50, p50], finds: Some(p50), foreign: 0.0 }
    }

    fn check(target: Target, redis: bool, expected: Option<bool>) {
        let echo = [sample(100.0, 1.0)];
        let mut rows = vec![
            Row::measured("s", "bare echo", &echo, &echo),
            Row::measured("s", "tcp-classroom", &[sample(80.0, 12.0)], &echo),
        ];
        rows.push(if redis {
            Row::measured("s", "Redis", &[sample(70.0, 10.0)], &echo)
        } else {
            Row::absent("s", "Redis", "not available")
        });
        assert_eq!(target.judge(&rows).met, expected, "{target:?}");
    }

    #[test]
    fn a_build_is_compared_with_an_earlier_one_within_each_round() {
        let speeds = |speeds: [f64; 3]| speeds.map(|speed| sample(speed, 1.0));
        let met = |ours, baseline| against_baseline(&speeds(ours), &speeds(baseline)).met;
        // The second round was a slow one for both.
        assert_eq!(met([97.0, 50.0, 97.0], [100.0, 51.0, 99.0]), Some(true));
        assert_eq!(met([96.0, 50.0, 96.0], [100.0, 40.0, 100.0]), Some(false));
        assert_eq!(against_baseline(&speeds([1.0; 3]), &[]).met, None);
    }

    #[test]
    fn a_target_is_met_or_missed_or_cannot_be_judged() {
        check(Target::Yardstick(0.80), false, Some(true));
        check(Target::Yardstick(0.81), false, Some(false));
        check(Target::AheadOfRedis, true, Some(true));
        check(Target::AheadOfRedis, false, None);
        check(Target::RedisCpu, true, Some(true));
        check(Target::RedisMedian(1.2), true, Some(true));
        check(Target::RedisMedian(1.1), true, Some(false));
        check(Target::MemoryFinds(2.0), true, None);
    }
}
