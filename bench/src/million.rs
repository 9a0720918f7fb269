//! A large book: how long it takes to start with, what it takes in memory, and
//! whether a find in it is slower than in a small one.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::contender::{Book, Lab, Running};
use crate::dialect::Dialect;
use crate::gauge;
use crate::generator::{Generator, Span};
use crate::results::{Fact, Sample, Verdict, median};
use crate::scenario::play;
use crate::script::Script;
use crate::workload::{Contact, OWNED, add, finds};

/// What the filter on the command line is held against.
pub const NAME: &str = "large book";

/// The small book: a school.
const SMALL: u32 = 1_000;

/// Bytes of the text of a contact: a name of 8 and a phone of 11.
const TEXT: f64 = 19.0;

/// Seconds from the start to the first welcome, at most: what a teacher waits
/// without wondering.
const START: f64 = 3.0;
/// Bytes a contact may take beyond its text: two boxed strings (16 bytes each
/// and the allocator's rounding), the map's slack, and as much again for the store.
const OVERHEAD: f64 = 200.0;
/// How much slower the median find may be.
const SLOWER: f64 = 1.2;

/// Connections and finds of each: 200,000 different contacts, far beyond what
/// the caches hold.
const CONNECTIONS: u64 = 50;
const FINDS: usize = 4_096;

/// # Errors
///
/// When a program does not start, or answers wrong.
pub fn measure(lab: &mut Lab) -> Result<Vec<Fact>> {
    let contacts = lab.effort.contacts;
    let mut facts = Vec::new();
    let from_disk = lab.durable && lab.imports;
    let fact = |what: &str, value: String, target: String, met| Fact {
        what: what.to_owned(),
        value,
        verdict: Some(Verdict { target, met }),
    };

    let (empty, small, large) = if from_disk {
        let directory = lab.directory()?;
        let (empty, small, large) =
            (directory.join("empty.db"), directory.join("small.db"), directory.join("large.db"));
        import(lab, &small, SMALL)?;
        let import_start = std::time::Instant::now();
        import(lab, &large, contacts)?;
        facts.push(Fact {
            what: format!("import of {contacts} contacts"),
            value: format!("{:.1} s", import_start.elapsed().as_secs_f64()),
            verdict: None,
        });
        let starts = (0..3).map(|_| Ok(lab.server(Book::File(&large))?.start_up.as_secs_f64()));
        let start = median(&starts.collect::<Result<Vec<_>>>()?);
        facts.push(fact(
            "start-up",
            format!("{start:.2} s"),
            format!("at most {START} s"),
            Some(start <= START),
        ));
        (
            lab.server(Book::File(&empty))?,
            lab.server(Book::File(&small))?,
            lab.server(Book::File(&large))?,
        )
    } else {
        facts.push(fact(
            "start-up",
            "not available: this server has no --data and import".to_owned(),
            format!("at most {START} s"),
            None,
        ));
        let servers =
            (lab.server(Book::Memory)?, lab.server(Book::Memory)?, lab.server(Book::Memory)?);
        fill(&servers.1, SMALL)?;
        fill(&servers.2, contacts)?;
        servers
    };

    let memory = |running: &Running| gauge::settled(running.process());
    let grown = memory(&large)?.saturating_sub(memory(&empty)?) as f64;
    let overhead = grown / f64::from(contacts) - TEXT;
    drop(empty);
    facts.push(fact(
        "memory a contact, beyond its text",
        format!("{overhead:.0} bytes ({:.0} MiB in all)", grown / 1024.0 / 1024.0),
        format!("at most {OVERHEAD} bytes"),
        Some(overhead <= OVERHEAD),
    ));

    let (mut of_small, mut of_large, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (few, many) = (scripts(SMALL), scripts(contacts));
    for _ in 0..lab.effort.rounds {
        let p50 = |sample: Sample| sample.latency[0];
        let small = p50(round(lab, &small, &few)?);
        let large = p50(round(lab, &large, &many)?);
        of_small.push(small);
        of_large.push(large);
        ratios.push(large / small);
    }
    let ratio = median(&ratios);
    facts.push(fact(
        &format!("find p50 against {SMALL} contacts, 50x1"),
        format!("{ratio:.2} ({:.0} and {:.0} us)", median(&of_large), median(&of_small)),
        format!("at most {SLOWER}"),
        Some(ratio <= SLOWER),
    ));
    Ok(facts)
}

fn scripts(contacts: u32) -> Vec<Script> {
    let script = |seed| Script::new(Dialect::Packet, &finds(contacts, FINDS, seed), 1);
    (0..CONNECTIONS).map(script).collect()
}

fn round(lab: &Lab, running: &Running, scripts: &[Script]) -> Result<Sample> {
    let nothing = vec![Script::default(); scripts.len()];
    play(lab, running, Dialect::Packet, &nothing, scripts)
}

/// Adds the first `contacts` over the network.
fn fill(running: &Running, contacts: u32) -> Result<()> {
    let numbers: Vec<u32> = (0..contacts).collect();
    let scripts: Vec<_> = numbers
        .chunks(OWNED as usize)
        .map(|numbers| {
            let adds: Vec<_> = numbers.iter().map(|&number| add(Contact(number))).collect();
            Script::new(Dialect::Line, &adds, Dialect::Line.setup_pipeline())
        })
        .collect();
    let mut generator = Generator::connect(running.tcp, Dialect::Line, scripts.len())?;
    generator.run(&scripts, Span::Once)?;
    Ok(())
}

/// Brings the first `contacts` into a data file, as a school office would.
fn import(lab: &Lab, data: &Path, contacts: u32) -> Result<()> {
    let csv = data.with_extension("csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&csv)?);
    writeln!(file, "name,phone")?;
    for contact in (0..contacts).map(Contact) {
        writeln!(file, "{},{}", contact.name(), contact.phone().0)?;
    }
    file.into_inner().context("cannot write the contacts")?.sync_all()?;
    lab.import(data, &csv)
}
