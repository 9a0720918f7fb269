//! The scenarios of speed: a load, its contenders, and what is asked of them.

use anyhow::{Context as _, Result};

use crate::contender::{BASELINE, Book, Lab, Running};
use crate::dialect::Dialect;
use crate::gauge;
use crate::generator::{Generator, Span};
use crate::results::{QUIET, Row, Sample};
use crate::script::Script;
use crate::target::{OURS, Target, against_baseline};
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

/// How many times the rounds wanted are played at most to find quiet ones. Then
/// the quietest count, and the report says how quiet they were.
const ATTEMPTS: usize = 3;

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
        while quiet(&noise) < lab.effort.rounds && noise.len() < ATTEMPTS * lab.effort.rounds {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_rounds_count() {
        assert_eq!(quietest(&[0.3, 0.01, 0.2, 0.0], 2), [3, 1]);
        assert_eq!(quietest(&[0.3], 2), [0]);
    }
}
