//! What was measured: samples, rows of their medians, single facts, and verdicts
//! on targets. It does not format anything; the [report](crate::report) does.

use serde::Serialize;

/// Share of the two cores that other programs may take in a round that counts.
/// At rest it is below 1%; the shares of the yardstick have two digits.
pub const QUIET: f64 = 0.03;

/// One round of one contender.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub speed: f64,
    /// CPU time of the contender in microseconds an operation.
    pub cpu: f64,
    /// Latencies of a batch in microseconds: 50th, 99th and 99.9th percentile.
    pub latency: [f64; 3],
    /// 99th percentile of single finds.
    pub finds: Option<f64>,
    /// Share of the two cores that went to neither contender nor generator.
    pub foreign: f64,
}

/// A contender in a scenario.
#[derive(Debug, Serialize)]
pub struct Row {
    pub scenario: String,
    pub contender: String,
    /// Absent when it could not be measured.
    pub figures: Option<Figures>,
    /// Why there are none.
    pub absent: Option<String>,
    pub verdicts: Vec<Verdict>,
}

/// Medians over the rounds. Times in microseconds.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub operations_per_second: f64,
    /// Of the yardstick's speed, taken within each round.
    pub ratio: f64,
    pub ratio_min: f64,
    pub ratio_max: f64,
    /// CPU time of the contender, an operation.
    pub cpu: f64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    /// Of finds alone, where they are sent alone.
    pub find_p99: Option<f64>,
    /// Share of the two cores that went to anything else, kernel threads that
    /// write to the disk included.
    pub foreign: f64,
}

/// A kind of idle connection. KiB each.
#[derive(Debug, Serialize)]
pub struct IdleRow {
    pub kind: String,
    pub connections: usize,
    pub fresh: f64,
    pub used: f64,
    pub verdict: Option<Verdict>,
}

/// A single figure.
#[derive(Debug, Serialize)]
pub struct Fact {
    pub what: String,
    pub value: String,
    pub verdict: Option<Verdict>,
}

/// What was asked, and whether it came out so; `None` where there was nothing
/// to compare with.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub target: String,
    pub met: Option<bool>,
}

impl Row {
    /// The medians of `samples`, with the yardstick's of the same rounds.
    pub fn measured(scenario: &str, name: &str, samples: &[Sample], echoes: &[Sample]) -> Self {
        let of =
            |figure: fn(&Sample) -> f64| median(&samples.iter().map(figure).collect::<Vec<_>>());
        let ratios: Vec<_> =
            samples.iter().zip(echoes).map(|(sample, echo)| sample.speed / echo.speed).collect();
        let finds: Option<Vec<_>> = samples.iter().map(|sample| sample.finds).collect();
        let figures = Figures {
            operations_per_second: of(|sample| sample.speed),
            ratio: median(&ratios),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            cpu: of(|sample| sample.cpu),
            p50: of(|sample| sample.latency[0]),
            p99: of(|sample| sample.latency[1]),
            p999: of(|sample| sample.latency[2]),
            find_p99: finds.map(|finds| median(&finds)),
            foreign: of(|sample| sample.foreign),
        };
        Row {
            scenario: scenario.to_owned(),
            contender: name.to_owned(),
            figures: Some(figures),
            absent: None,
            verdicts: Vec::new(),
        }
    }

    /// A contender that could not be measured.
    pub fn absent(scenario: &str, contender: &str, why: &str) -> Self {
        Row {
            scenario: scenario.to_owned(),
            contender: contender.to_owned(),
            figures: None,
            absent: Some(why.to_owned()),
            verdicts: Vec::new(),
        }
    }
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        None => 0.0,
        Some(&value) if sorted.len() % 2 == 1 => value,
        Some(&value) => (sorted[middle - 1] + value) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let sample =
            |speed| Sample { speed, cpu: 1.0, latency: [1.0; 3], finds: None, foreign: 0.0 };
        // The machine was half as fast in the second round, for both.
        let ours = [sample(80.0), sample(42.0), sample(78.0)];
        let echoes = [sample(100.0), sample(50.0), sample(100.0)];
        let row = Row::measured("scenario", "contender", &ours, &echoes);
        let figures = row.figures.unwrap();
        assert_eq!((figures.ratio, figures.ratio_min, figures.ratio_max), (0.80, 0.78, 0.84));
    }
}
