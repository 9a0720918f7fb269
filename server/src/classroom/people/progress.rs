//! Everybody's progress as a CSV file.

use super::People;
use crate::csv::defused;
use tokio::time::Instant;

/// The first row. Its words are those of [`api::Person`].
const HEADER: [&str; 14] = [
    "name",
    "seat",
    "address",
    "client",
    "state",
    "step",
    "done",
    "messages",
    "mistakes",
    "last_mistake",
    "cause",
    "homework_passed",
    "homework_checks",
    "homework_done",
];

impl People {
    /// Everybody's progress, a row each, as spreadsheets read it: UTF-8 with its mark.
    pub(crate) fn progress_csv(&self) -> Vec<u8> {
        let mut rows = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
        let mut write = |cells: &[&str]| {
            rows.write_record(cells.iter().map(|cell| defused(cell).into_owned()))
                .expect("memory takes all rows, which are equally long");
        };
        write(&HEADER);
        for person in self.rows(Instant::now()) {
            let step = person.step.map(|step| (step + 1).to_string()).unwrap_or_default();
            let done = match person.raw {
                true => person.commands.join(" "),
                false => person.done.count_ones().to_string(),
            };
            let check = |count: Option<u8>| count.map(|n| n.to_string()).unwrap_or_default();
            write(&[
                &person.name,
                &person.seat,
                &person.address,
                if person.raw { "tcp" } else { "page" },
                &person.state,
                &step,
                &done,
                &person.messages.to_string(),
                &person.errors.to_string(),
                &person.mistake,
                &person.cause,
                &check(person.homework.map(|(passed, _)| passed)),
                &check(person.homework.map(|(_, checks)| checks)),
                if person.passed { "yes" } else { "" },
            ]);
        }
        rows.into_inner().expect("memory takes all rows")
    }
}
