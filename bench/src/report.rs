//! The results of a run as Markdown and JSON.

use std::fmt::Write as _;
use std::time::SystemTime;

use anyhow::Result;
use serde::Serialize;

use crate::contender::Lab;
use crate::machine::Machine;
use crate::results::{Fact, IdleRow, QUIET, Row, Verdict, median};

/// A complete run.
#[derive(Debug, Serialize)]
pub struct Report {
    date: String,
    trial: bool,
    rounds: usize,
    round_seconds: f64,
    machine: Machine,
    redis: Option<String>,
    pub speed: Vec<Row>,
    pub idle: Vec<IdleRow>,
    pub large: Vec<Fact>,
    pub flood: Vec<Fact>,
    pub class: Vec<Fact>,
    pub programs: Vec<Fact>,
}

impl Report {
    /// An empty one, with the date and the machine.
    ///
    /// # Errors
    ///
    /// When the disk under the data files cannot be tried.
    pub fn new(lab: &mut Lab, trial: bool) -> Result<Self> {
        Ok(Report {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            trial,
            rounds: lab.effort.rounds,
            round_seconds: lab.effort.round.as_secs_f64(),
            machine: Machine::of(&lab.directory()?)?,
            redis: lab.redis.clone(),
            speed: Vec::new(),
            idle: Vec::new(),
            large: Vec::new(),
            flood: Vec::new(),
            class: Vec::new(),
            programs: Vec::new(),
        })
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.speed.is_empty()
            && self.idle.is_empty()
            && self.large.is_empty()
            && self.flood.is_empty()
            && self.class.is_empty()
            && self.programs.is_empty()
    }

    /// How many contenders gave a wrong answer or none.
    pub fn failures(&self) -> usize {
        let failed = |row: &&Row| row.absent.as_ref().is_some_and(|why| why.starts_with("FAILED"));
        self.speed.iter().filter(failed).count()
    }

    /// The page.
    pub fn markdown(&self) -> String {
        let mut page = self.introduction();
        if !self.speed.is_empty() {
            page += "\n## Speed\n\n";
            page += &self.speed_table();
        }
        if !self.idle.is_empty() {
            page += "\n## Memory of an idle connection\n\n";
            let rows = self.idle.iter().map(|row| {
                let (target, met) = cells(row.verdict.iter());
                let connections = row.connections.to_string();
                let (fresh, used) = (format!("{:.1}", row.fresh), format!("{:.1}", row.used));
                vec![row.kind.clone(), connections, fresh, used, target, met]
            });
            let header = ["connection", "open", "fresh, KiB", "used, KiB", "target", "met"];
            page += &table(&header, rows.collect());
        }
        for (title, facts) in [
            ("A large book", &self.large),
            ("A flood", &self.flood),
            ("A class", &self.class),
            ("Python in the page", &self.programs),
        ] {
            if facts.is_empty() {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = write!(page, "\n## {title}\n\n");
            let rows = facts.iter().map(|fact| {
                let (target, met) = cells(fact.verdict.iter());
                vec![fact.what.clone(), fact.value.clone(), target, met]
            });
            page += &table(&["what", "measured", "target", "met"], rows.collect());
        }
        page
    }

    /// How much of the two cores others took while the yardstick was measured,
    /// which itself needs no disk: the median of all scenarios.
    fn foreign(&self) -> f64 {
        let yardsticks = self.speed.chunk_by(|a, b| a.scenario == b.scenario);
        let figures = yardsticks.filter_map(|rows| rows.first()?.figures.as_ref());
        median(&figures.map(|figures| figures.foreign).collect::<Vec<_>>())
    }

    fn introduction(&self) -> String {
        let Machine { cpu, cores, memory_gib, kernel, file_system, sync_us } = &self.machine;
        let mut text = String::from("# Benchmarks\n\n");
        if self.trial {
            text += "**A trial of a few seconds: these figures are noise.**\n\n";
        }
        let foreign = self.foreign();
        if foreign > QUIET {
            text += "**Other programs were running: repeat this on a quiet machine.**\n\n";
        }
        let redis = self.redis.as_deref().unwrap_or("Redis is not installed here");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "`cargo xtask bench` on {date}. {cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}; \
             data files on {file_system}, where appending 64 bytes and waiting for the disk takes \
             {sync_us:.0} us. {redis}. Other programs took {others:.1}% of the two cores meanwhile.\n\n\
             A closed loop on one core loads one program at a time on another core, over loopback. \
             `50x16` is 50 connections with 16 messages under way on each; a message is `add` of 24 \
             bytes, `find` of 13 or `remove` of 15; the mix is 10% add, 85% find and 5% remove. Each \
             reply is compared byte for byte with the one expected. The contenders take turns in \
             {rounds} rounds of {seconds} s; every figure is the median of them. A round in which other \
             programs took more than {quiet:.0}% of the two cores is repeated, twice at most on \
             average; then the quietest count. *x echo* is the \
             speed relative to a bare single-threaded epoll echo of the same messages in the same \
             round, from the lowest to the highest round in brackets. CPU is the program's own time \
             in user and kernel mode (`schedstat`), an operation. Latencies are of a whole batch, from \
             the write to the last reply. Redis gets the same promise: nothing on disk, or \
             `appendfsync always`.\n\n\
             Limits: one machine and loopback, no network card. A closed loop waits for a slow server, \
             so the latencies compare contenders and do not foretell a busy classroom. On a virtual \
             machine the neighbours are in the figures; the ratios bear that, the absolute numbers do \
             not. Disk work that the kernel does by itself is not in the CPU time, nor are its \
             socket buffers in the memory.\n",
            date = self.date,
            others = foreign * 100.0,
            quiet = QUIET * 100.0,
            rounds = self.rounds,
            seconds = self.round_seconds,
        );
        text
    }

    fn speed_table(&self) -> String {
        let rows = self.speed.iter().map(|row| {
            let (target, met) = cells(row.verdicts.iter());
            let mut cells = vec![row.scenario.clone(), row.contender.clone()];
            match &row.figures {
                Some(figures) => cells.extend([
                    format!("{:.0}", figures.operations_per_second),
                    format!(
                        "{:.2} ({:.2}..{:.2})",
                        figures.ratio, figures.ratio_min, figures.ratio_max
                    ),
                    format!("{:.2}", figures.cpu),
                    format!("{:.0}", figures.p50),
                    format!("{:.0}", figures.p99),
                    format!("{:.0}", figures.p999),
                    figures.find_p99.map_or_else(String::new, |p99| format!("{p99:.0}")),
                ]),
                None => {
                    // A bar would end the cell.
                    cells.push(row.absent.as_deref().unwrap_or_default().replace('|', "/"));
                    cells.extend(vec![String::new(); 6]);
                }
            }
            cells.extend([target, met]);
            cells
        });
        let header = [
            "scenario",
            "contender",
            "ops/s",
            "x echo",
            "CPU us/op",
            "p50 us",
            "p99 us",
            "p99.9 us",
            "find p99 us",
            "target",
            "met",
        ];
        table(&header, rows.collect())
    }
}

fn cells<'a>(verdicts: impl Iterator<Item = &'a Verdict> + Clone) -> (String, String) {
    let join = |of: fn(&Verdict) -> &str| verdicts.clone().map(of).collect::<Vec<_>>().join("; ");
    let met = join(|verdict| match verdict.met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "not judged",
    });
    (join(|verdict| &verdict.target), met)
}

/// A Markdown table that can be read as it stands.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let header: Vec<_> = header.iter().map(|&cell| cell.to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: String = widths.iter().map(|&width| format!("{}|", "-".repeat(width + 2))).collect();
    format!("{}|{rule}\n{}", line(&header), rows.iter().map(|row| line(row)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_equal_columns() {
        let rows = vec![vec!["tcp".into(), "1".into()], vec!["websocket".into(), "22".into()]];
        assert_eq!(
            table(&["kind", "n"], rows),
            "| kind      | n  |\n|-----------|----|\n| tcp       | 1  |\n| websocket | 22 |\n"
        );
    }
}
