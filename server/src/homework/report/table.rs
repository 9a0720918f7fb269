//! The reports of many servers: a line each, or CSV.

use protocol::homework::checks::CHECKS;
use protocol::homework::{Stage, State, words};
use unicode_width::UnicodeWidthStr as _;

use super::Report;
use crate::csv::defused;
use crate::language::Language;

/// The line of one server: its name, how many checks are passed, and the first thing
/// that is wrong.
pub(in crate::homework) fn row(report: &Report<'_>, width: usize, language: Language) -> String {
    let (passed, required) = report.score();
    let pad = " ".repeat(width.saturating_sub(report.target.width()));
    let mark = if report.grader.passed() { "✓" } else { "✗" };
    let failed = report.grader.stages().iter().find(|stage| stage.state == State::Failed);
    let failed = failed.filter(|stage| stage.required);
    let what = failed.map(|stage| {
        let cause = stage.finding.as_ref().map_or("", |finding| finding.cause.word());
        format!("{}  ({cause})", words::title(stage.name, language.into()))
    });
    let row = format!(
        "{mark} {}{pad}  {passed:>2}/{required}  {}",
        report.target,
        what.unwrap_or_default()
    );
    row.trim_end().to_owned() + "\n"
}

/// The first row of the CSV.
pub(in crate::homework) fn csv_heading() -> String {
    let checks = CHECKS.iter().map(|check| check.name.word());
    csv_row(["file", "passed", "of"].into_iter().chain(checks).chain(["cause", "line"]))
}

/// The row of one server: its name, how many of the required checks are passed, the
/// state of every check, and cause and line of the first failure.
pub(in crate::homework) fn csv(report: &Report<'_>) -> String {
    let (passed, required) = report.score();
    let stages = report.grader.stages();
    let finding = stages
        .iter()
        .filter(|stage| stage.state == State::Failed && stage.required)
        .find_map(|stage: &Stage| stage.finding.as_ref());
    let cause = finding.map_or("", |finding| finding.cause.word());
    let line = finding.and_then(|finding| finding.line.as_ref());
    let line = line.map_or(String::new(), |line| line.number.to_string());
    let mut cells = vec![defused(report.target).into_owned(), passed.to_string()];
    cells.push(required.to_string());
    cells.extend(stages.iter().map(|stage| stage.state.word().to_owned()));
    cells.extend([cause.to_owned(), line]);
    csv_row(cells.iter().map(String::as_str))
}

fn csv_row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(cells);
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
