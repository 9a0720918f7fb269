//! A class at work: sixty pages and twenty Python programs at the speed of people, with
//! the mistakes of beginners, while a teacher's page and a board look on, in a browser
//! where there is one. What those say in the end must be what the class counted itself.

mod memory;
pub mod programs;
mod screens;
mod student;
mod tally;
mod viewers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;

use self::screens::Screens;
use self::student::{Client, Student};
use self::tally::{Tally, seen_by_board, seen_by_teacher};
use self::viewers::Viewers;
use crate::contender::{Book, Lab, Running};
use crate::flood::{Flood, LIMITS};
use crate::results::{Fact, Verdict};

/// What the filter on the command line is held against.
pub const NAME: &str = "class";

/// A class of sixty, and twenty of them at Python.
const PAGES: usize = 60;
const PROGRAMS: usize = 20;

/// The highest 99th percentile of an answer, in milliseconds: none that people notice.
const P99: f64 = 20.0;

/// The same beside a flood.
const P99_FLOODED: f64 = 50.0;

/// How long board and teacher's page may take to say the last of it: twice the half
/// second between two events, and a second whose rate must be over.
const SETTLED: Duration = Duration::from_secs(5);

/// Five facts: how long answers took, what was counted, both beside a flood, and what
/// people are remembered with.
///
/// # Errors
///
/// When the server does not start, or answers wrong.
pub fn measure(lab: &mut Lab) -> Result<Vec<Fact>> {
    let lasting = lab.effort.class;
    let mut facts = Vec::new();
    for (beside, floods, most, lasting) in
        [("", false, P99, lasting), (", beside a flood", true, P99_FLOODED, lasting / 4)]
    {
        let file = lab.directory()?.join("contacts.db");
        let server = lab.server_with(Book::File(&file), &LIMITS)?;
        let lesson = lesson(&server, lasting, floods)?;
        let value = format!(
            "p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            lesson.quantile(0.5),
            lesson.quantile(0.99),
            lesson.quantile(1.0)
        );
        let met = Some(lesson.quantile(0.99) <= most);
        facts.push(Fact {
            what: format!("{PAGES} pages, {PROGRAMS} programs{beside}: answers"),
            value,
            verdict: Some(Verdict { target: format!("p99 at most {most} ms"), met }),
        });
        let shown = if lesson.in_a_browser { "show in a browser" } else { "are told (no browser)" };
        let differences = lesson.differences;
        let tally = lesson.tally;
        let value = match &differences[..] {
            [] => format!("{} messages, {} mistakes: all counted", tally.messages, tally.errors),
            _ => differences.join("; "),
        };
        facts.push(Fact {
            what: format!("what board and teacher's page {shown}{beside}"),
            value,
            verdict: Some(Verdict {
                target: "equal to the load's own".to_owned(),
                met: Some(differences.is_empty()),
            }),
        });
    }
    facts.push(memory::measure(lab)?);
    Ok(facts)
}

/// What became of a lesson.
struct Lesson {
    waits: Histogram<u64>,
    tally: Tally,
    /// Where a figure is another one than the class's own.
    differences: Vec<String>,
    /// Whether a browser showed both pages.
    in_a_browser: bool,
}

impl Lesson {
    /// In milliseconds.
    fn quantile(&self, quantile: f64) -> f64 {
        self.waits.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// Gives a lesson, and compares in its end what board and teacher's page say.
fn lesson(server: &Running, lasting: Duration, floods: bool) -> Result<Lesson> {
    let viewers = Viewers::open(server.http)?;
    let mut screens = Screens::open(server.http)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flood = floods.then(|| Flood::start(server, &stop)).transpose()?;
    let end = Instant::now() + lasting;
    let clients = (0..PAGES).map(|n| Client::page(server.http, n));
    let clients = clients.chain((0..PROGRAMS).map(|n| Client::program(server.tcp, n)));
    let students: Vec<_> = clients
        .enumerate()
        .map(|(number, client)| Ok(Student::new(number, client?)))
        .collect::<Result<_>>()?;
    let students: Vec<_> = students
        .into_iter()
        .map(|student| std::thread::spawn(move || student.work_until(end)))
        .collect();
    let mut tally = Tally::default();
    let mut waits = Histogram::new(3)?;
    // The connections stay open until all is compared.
    let mut open = Vec::new();
    for student in students {
        let student = student.join().ok().context("a student panicked")??;
        tally.add(&student);
        waits.add(&student.waits)?;
        open.push(student);
    }
    let flooding = flood.is_some();
    let settled = Instant::now() + SETTLED;
    let differences = loop {
        let mut differences = tally.compared(&seen_by_teacher(&viewers.people()));
        differences.extend(tally.compared(&seen_by_board(&viewers.board())));
        if let Some(screens) = &mut screens {
            differences.extend(tally.compared(&screens.teacher()?));
            differences.extend(tally.compared(&screens.board()?));
        }
        differences.extend(viewers.wrong_flooders(flooding));
        if differences.is_empty() || Instant::now() > settled {
            break differences;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    stop.store(true, Ordering::Relaxed);
    drop(open);
    Ok(Lesson { waits, tally, differences, in_a_browser: screens.is_some() })
}
