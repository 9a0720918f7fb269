//! The report as lines: as checks are settled, and the verdict at the end.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use protocol::homework::{Cause, Stage, State, words};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Report, evidence};
use crate::language::{Language, localized};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// How wide a verdict is set: a narrow terminal, without the indent.
const COLUMNS: usize = 76;

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
    if report.grader.has_ended_server() {
        text += words::ended(language.into());
        text.push('\n');
    }
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
    let verdict = wrapped(&verdict, COLUMNS);
    format!("{style}{title}{style:#}\n{verdict}{gap}{evidence}\n")
}

/// A paragraph as lines of at most so many columns, indented. English breaks at spaces;
/// Chinese anywhere but in front of a mark.
fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    let mut words = text.split_inclusive(|c: char| c == ' ' || c.width() == Some(2)).peekable();
    while let Some(word) = words.next() {
        let mark = words
            .peek()
            .filter(|next| next.starts_with(['，', '。', '？', '：', '；', '”', '、', '！']));
        let needed = word.trim_end().width() + mark.map_or(0, |_| 2);
        if !line.is_empty() && line.width() + needed > columns {
            let _ = writeln!(lines, "  {}", line.trim_end());
            line.clear();
        }
        line += word;
    }
    let _ = writeln!(lines, "  {}", line.trim_end());
    lines
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
    let (s, it) = if left == 1 { ("", "it") } else { ("s", "them") };
    let _ = writeln!(
        text,
        "{DIM}{}{DIM:#}",
        localized!(
            in language;
            "另外还有 {left} 处说明，加上 --all 就能看到。",
            "{left} more remark{s}: --all shows {it}."
        )
    );
    text
}

#[cfg(test)]
mod tests {
    use protocol::homework::Finding;

    use super::*;

    #[test]
    fn a_verdict_is_broken_at_spaces_or_between_chinese_characters_and_no_line_begins_with_a_mark()
    {
        assert_eq!(wrapped("one two three", 8), "  one two\n  three\n");
        assert_eq!(wrapped("一二三四，五", 8), "  一二三\n  四，五\n");
        assert_eq!(wrapped("averylongword x", 4), "  averylongword\n  x\n");
        for language in [Language::Chinese, Language::English] {
            for cause in Cause::ALL {
                let exception = Some("ModuleNotFoundError: No module named 'x'".to_owned());
                let finding = Finding { exception, ..Finding::new(*cause) };
                let lines = wrapped(&words::verdict(&finding, 9999, language.into()), COLUMNS);
                for line in lines.lines() {
                    assert!(line.width() <= 80, "{line}");
                    assert!(!line.trim_start().starts_with(['，', '。', '？']), "{lines}");
                }
            }
        }
    }
}
