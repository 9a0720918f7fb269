//! The scenarios of speed: a load, its contenders, and what is asked of them.

use anyhow::{Context as _, Result};

use crate::contender::{BASELINE, Book, Lab, Running};
use crate::dialect::{Dialect, Script};
use crate::gauge;
use crate::generator::{Generator, Span};
use crate::report::{Row, Verdict, median};
use crate::workload::Workload;

/// A load and its targets.
#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    dialect: Dialect,
    workload: Workload,
    connections: usize,
    /// Messages under way on a connection.
    pipeline: usize,
    /// Whether each change must be on the disk before its reply.
    durable: bool,
    targets: &'static [Target],
}

/// What is asked of the server, always relative to a contender of the same run.
#[derive(Clone, Copy, Debug)]
enum Target {
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

/// All of them, in the order of the table.
///
/// Fifty connections are a class; one with sixteen under way is a program that
/// fills the book. The shares of the yardstick are what well-made servers reach
/// on such loads: Redis 0.84 to 0.98 with single messages and 0.36 to 0.60 with
/// sixteen, an echo over uWebSockets 0.80 and over axum 0.63.
pub fn all() -> Vec<Scenario> {
    use Target::{AheadOfRedis, MemoryFinds, RedisCpu, RedisMedian, Yardstick};
    let scenario = |name, dialect, workload, (connections, pipeline), durable, targets| Scenario {
        name,
        dialect,
        workload,
        connections,
        pipeline,
        durable,
        targets,
    };
    let (mix, adds) = (Workload::Mix, Workload::Adds);
    let (packet, line, socket) = (Dialect::Packet, Dialect::Line, Dialect::WebSocket);
    vec![
        scenario(
            "tcp packets, mix, 50x1",
            packet,
            mix,
            (50, 1),
            false,
            &[Yardstick(0.85), RedisCpu],
        ),
        scenario(
            "tcp lines, mix, 50x16",
            line,
            mix,
            (50, 16),
            false,
            &[Yardstick(0.60), AheadOfRedis],
        ),
        scenario("websocket, mix, 50x1", socket, mix, (50, 1), false, &[Yardstick(0.75)]),
        scenario("websocket, mix, 50x16", socket, mix, (50, 16), false, &[Yardstick(0.60)]),
        scenario("durable, adds, 50x1", packet, adds, (50, 1), true, &[AheadOfRedis]),
        scenario("durable, adds, 50x16", line, adds, (50, 16), true, &[AheadOfRedis]),
        scenario("durable, adds, 1x1", packet, adds, (1, 1), true, &[RedisMedian(1.2)]),
        scenario(
            "durable, mix, 50x1",
            packet,
            mix,
            (50, 1),
            true,
            &[AheadOfRedis, MemoryFinds(2.0)],
        ),
    ]
}

/// Share of the two cores that other programs may take in a round that counts.
/// At rest it is below 1%; the shares of the yardstick have two digits.
pub const QUIET: f64 = 0.03;

/// How many times the rounds wanted are played at most to find quiet ones. Then
/// the quietest count, and the report says how quiet they were.
const PATIENCE: usize = 3;

/// The numbers of the `wanted` quietest rounds. Chosen by what other programs
/// did and never by how a contender came out.
fn quietest(noise: &[f64], wanted: usize) -> Vec<usize> {
    let mut rounds: Vec<_> = (0..noise.len()).collect();
    rounds.sort_by(|&a, &b| noise[a].total_cmp(&noise[b]));
    rounds.truncate(wanted);
    rounds
}

/// A contender and what it did in each round.
struct Entry {
    name: String,
    running: Result<Running, String>,
    dialect: Dialect,
    samples: Vec<Sample>,
}

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

impl Scenario {
    /// Plays all rounds. One row for each contender, the yardstick first.
    ///
    /// # Errors
    ///
    /// When the yardstick itself fails, or a program does not start. A contender
    /// that answers wrong gets a row that says so.
    pub fn measure(&self, lab: &mut Lab) -> Result<Vec<Row>> {
        let mut entries = self.contenders(lab)?;
        let mut echoes: Vec<Sample> = Vec::new();
        let mut noise = Vec::new();
        let quiet = |noise: &[f64]| noise.iter().filter(|&&share| share <= QUIET).count();
        while quiet(&noise) < lab.effort.rounds && noise.len() < PATIENCE * lab.effort.rounds {
            let round = noise.len();
            let echo = self.round(lab, &lab.yardstick, self.echoed(), round);
            let echo = echo.context("the yardstick failed")?;
            echoes.push(echo);
            let mut loudest = echo.foreign;
            for entry in &mut entries {
                let Ok(running) = &entry.running else { continue };
                match self.round(lab, running, entry.dialect, round) {
                    Ok(sample) => {
                        entry.samples.push(sample);
                        // What the kernel does for a durable contender is no noise.
                        if !self.durable {
                            loudest = loudest.max(sample.foreign);
                        }
                    }
                    Err(error) => entry.running = Err(format!("FAILED: {error:#}")),
                }
            }
            noise.push(loudest);
        }
        let kept = quietest(&noise, lab.effort.rounds);
        let keep = |samples: &[Sample]| {
            kept.iter().filter_map(|&round| samples.get(round).copied()).collect::<Vec<_>>()
        };
        let echoes = keep(&echoes);

        let mut rows = vec![Row::measured(self.name, &lab.yardstick.name, &echoes, &echoes)];
        rows.extend(entries.iter().map(|entry| match &entry.running {
            Ok(_) => Row::measured(self.name, &entry.name, &keep(&entry.samples), &echoes),
            Err(why) => Row::absent(self.name, &entry.name, why),
        }));
        let mut verdicts: Vec<_> = self.targets.iter().map(|target| target.judge(&rows)).collect();
        if let Some(baseline) = entries.iter().find(|entry| entry.name == BASELINE) {
            verdicts.push(against_baseline(&keep(&entries[0].samples), &keep(&baseline.samples)));
        }
        rows[OURS].verdicts = verdicts;
        Ok(rows)
    }

    /// Ours first.
    fn contenders(&self, lab: &mut Lab) -> Result<Vec<Entry>> {
        let entry = |name: &str, dialect, running| Entry {
            name: name.to_owned(),
            running,
            dialect,
            samples: Vec::new(),
        };
        let mut entries = Vec::new();
        if !self.durable {
            let server = lab.server(Book::Memory)?;
            entries.push(entry("tcp-classroom", self.dialect, Ok(server)));
        } else if lab.durable {
            let data = lab.directory()?.join("contacts.db");
            let server = lab.server(Book::File(&data))?;
            entries.push(entry("tcp-classroom", self.dialect, Ok(server)));
        } else {
            let why = "not available: this server has no --data".to_owned();
            entries.push(entry("tcp-classroom", self.dialect, Err(why)));
        }
        let data = lab.directory()?.join("contacts.db");
        let book = if self.durable { Book::File(&data) } else { Book::Memory };
        if let Some(baseline) = lab.baseline(book)? {
            entries.push(entry(BASELINE, self.dialect, Ok(baseline)));
        }
        // Redis speaks no WebSocket.
        if self.dialect != Dialect::WebSocket {
            let redis = lab.redis(self.durable)?;
            let name = redis.as_ref().map_or("Redis", |redis| &redis.name).to_owned();
            let redis = redis.ok_or_else(|| "not available: not installed".to_owned());
            entries.push(entry(&name, Dialect::Redis, redis));
        }
        if self.targets.iter().any(|target| matches!(target, Target::MemoryFinds(_))) {
            let server = lab.server(Book::Memory)?;
            entries.push(entry("tcp-classroom --memory", self.dialect, Ok(server)));
        }
        Ok(entries)
    }

    /// What the yardstick is sent: the same messages as bare bytes.
    fn echoed(&self) -> Dialect {
        if self.pipeline == 1 { Dialect::EchoedPacket } else { Dialect::EchoedLine }
    }

    fn round(
        &self,
        lab: &Lab,
        running: &Running,
        dialect: Dialect,
        round: usize,
    ) -> Result<Sample> {
        let parts: Vec<_> =
            (0..self.connections).map(|number| self.workload.part(number as u32, round)).collect();
        let setup: Vec<_> = parts
            .iter()
            .map(|part| Script::new(dialect, &part.setup, dialect.setup_pipeline()))
            .collect();
        let cycle: Vec<_> =
            parts.iter().map(|part| Script::new(dialect, &part.cycle, self.pipeline)).collect();
        play(lab, running, dialect, &setup, &cycle)
    }
}

/// Sets up, then measures one round on fresh connections, one for each script.
///
/// # Errors
///
/// When a reply is wrong or missing.
pub fn play(
    lab: &Lab,
    running: &Running,
    dialect: Dialect,
    setup: &[Script],
    cycle: &[Script],
) -> Result<Sample> {
    let address = if dialect == Dialect::WebSocket { running.http } else { running.tcp };
    let mut generator = Generator::connect(address, dialect, cycle.len())?;
    generator.run(setup, Span::Once)?;
    let cpu_times = || -> Result<_> {
        let own = gauge::cpu_time(std::process::id())?;
        Ok((gauge::cpu_time(running.process())?, own, gauge::busy(lab.cores.both())?))
    };
    let before = cpu_times()?;
    let round = generator.run(cycle, Span::For(lab.effort.round))?;
    let after = cpu_times()?;
    let cpu = after.0.saturating_sub(before.0);
    let ours = cpu + after.1.saturating_sub(before.1);
    let foreign = after.2.saturating_sub(before.2).saturating_sub(ours);

    let exchanges = round.exchanges as f64;
    let micros = |nanoseconds: u64| nanoseconds as f64 / 1_000.0;
    Ok(Sample {
        speed: exchanges / round.elapsed.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1_000_000.0 / exchanges,
        latency: [0.5, 0.99, 0.999].map(|share| micros(round.latency.value_at_quantile(share))),
        finds: (!round.finds.is_empty()).then(|| micros(round.finds.value_at_quantile(0.99))),
        foreign: foreign.as_secs_f64() / (2.0 * round.elapsed.as_secs_f64()),
    })
}

/// Where the server's row is: behind the yardstick's.
const OURS: usize = 1;

/// The share of an earlier build's speed to reach: what is slower by more is a
/// regression. Compared within each round, where both met the same machine.
const OF_BASELINE: f64 = 0.97;

fn against_baseline(ours: &[Sample], baseline: &[Sample]) -> Verdict {
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
    fn judge(self, rows: &[Row]) -> Verdict {
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
    fn the_quietest_rounds_count() {
        assert_eq!(quietest(&[0.3, 0.01, 0.2, 0.0], 2), [3, 1]);
        assert_eq!(quietest(&[0.3], 2), [0]);
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
