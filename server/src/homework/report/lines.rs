//! The report as lines: as checks are settled, and the verdict at the end.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use protocol::homework::{Cause, Stage, State, words};

use super::{Report, evidence};
use crate::language::{Language, localized};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// From then on a check that runs says how long it has been waiting.
const WAITS_LONG: Duration = Duration::from_secs(1);

/// The first line: what is checked.
pub(in crate::homework) fn heading(report: &Report<'_>, language: Language) -> String {
    let (target, port, seed) = (report.target, report.port, report.grader.seed());
    let place = if target.ends_with(&format!(":{port}")) {
        String::new()
    } else {
        localized!(in language; "，端口 {port}", ", port {port}")
    };
    let target = target.to_owned() + &place;
    localized!(
        in language;
        "{BOLD}检查 {target}{BOLD:#}  {DIM}(--seed {seed}){DIM:#}\n",
        "{BOLD}Checking {target}{BOLD:#}  {DIM}(--seed {seed}){DIM:#}\n"
    )
}

/// The line of a check that is settled.
pub(in crate::homework) fn settled(stage: &Stage, language: Language) -> String {
    let title = words::title(stage.name, language.into());
    let (style, mark) = match (stage.state, stage.required) {
        (State::Passed, _) => (GREEN, "✓"),
        (State::Note, _) => (GREEN, "✓"),
        (State::Failed, true) => (RED, "✗"),
        (State::Failed, false) => (YELLOW, "!"),
        _ => (DIM, "-"),
    };
    let extra = match stage.required {
        true => String::new(),
        false => format!("  {DIM}{}{DIM:#}", language.pick("（附加）", "(extra)")),
    };
    format!("  {style}{mark}{style:#} {title}{extra}\n")
}

/// The line of the check that is being carried out.
pub(in crate::homework) fn running(stage: &Stage, waits: Duration, language: Language) -> String {
    let title = words::title(stage.name, language.into());
    let seconds = waits.as_secs();
    let waits = match waits >= WAITS_LONG {
        true => "  ".to_owned() + &localized!(in language; "等了 {seconds} 秒", "{seconds} s"),
        false => String::new(),
    };
    format!("  {DIM}… {title}{waits}{DIM:#}")
}

/// Everything behind the list: how many are passed, and the verdicts. Without `all`
/// that is the first failure and the most important note.
pub(in crate::homework) fn verdict(report: &Report<'_>, all: bool, language: Language) -> String {
    let stages = report.grader.stages();
    let mut text = String::from("\n");
    let with = |state: State, required: bool| {
        stages.iter().filter(move |stage| stage.state == state && stage.required == required)
    };
    let limit = if all { usize::MAX } else { 1 };
    for stage in with(State::Failed, true).take(limit) {
        text += &paragraph(report, stage, RED, language);
    }
    let is_passed = report.grader.passed();
    for stage in with(State::Failed, false).take(if is_passed || all { limit } else { 0 }) {
        text += &paragraph(report, stage, YELLOW, language);
    }
    let notes = with(State::Note, true).chain(with(State::Note, false));
    let mut told = Vec::new();
    for stage in notes.filter(|stage| all || is_classroom(stage)) {
        // The lesson's missing mark would otherwise be told four times.
        let cause = stage.finding.as_ref().map(|finding| finding.cause);
        if !told.contains(&cause) {
            told.push(cause);
            text += &paragraph(report, stage, GREEN, language);
        }
    }
    text += &last_line(report, language);
    if !all {
        text += &more(report, language);
    }
    text
}

fn is_classroom(stage: &Stage) -> bool {
    stage.finding.as_ref().is_some_and(|finding| finding.cause == Cause::Classroom)
}

fn paragraph(report: &Report<'_>, stage: &Stage, style: Style, language: Language) -> String {
    let Some(finding) = &stage.finding else { return String::new() };
    let title = words::title(stage.name, language.into());
    let verdict = words::verdict(finding, report.port, language.into());
    let evidence = evidence::lines(finding, language);
    let gap = if evidence.is_empty() { "" } else { "\n" };
    format!("{style}{title}{style:#}\n  {verdict}\n{gap}{evidence}\n")
}

fn last_line(report: &Report<'_>, language: Language) -> String {
    let (passed, required) = report.score();
    if report.grader.passed() && report.grader.is_classroom() {
        return String::new();
    }
    if report.grader.passed() {
        return localized!(
            in language;
            "{GREEN}{passed}/{required} 项必做的全部通过：作业完成了！{GREEN:#}\n",
            "{GREEN}All {required} required checks of {passed} are passed: the homework is \
             done.{GREEN:#}\n"
        )
        .replace(&format!(" of {passed}"), "");
    }
    localized!(
        in language;
        "{BOLD}必做的 {required} 项里通过了 {passed} 项。{BOLD:#}\n",
        "{BOLD}{passed} of {required} required checks are passed.{BOLD:#}\n"
    )
}

/// That there is more to read.
fn more(report: &Report<'_>, language: Language) -> String {
    let told =
        report.grader.stages().iter().filter(|stage| {
            matches!(stage.state, State::Failed | State::Note) && !is_classroom(stage)
        });
    let count = told.count();
    let shown =
        usize::from(report.grader.stages().iter().any(|stage| stage.state == State::Failed));
    if count <= shown {
        return String::new();
    }
    let mut text = String::new();
    let left = count - shown;
    let _ = writeln!(
        text,
        "{DIM}{}{DIM:#}",
        localized!(
            in language;
            "还有 {left} 处可以说说：加上 --all",
            "There is more to say, {left} in all: --all shows it"
        )
    );
    text
}
