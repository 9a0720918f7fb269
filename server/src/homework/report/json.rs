//! The report as JSON: `--json`. Described in `docs/check-json.md`; what is there keeps
//! its meaning within a version.

use protocol::homework::{Stage, words};
use serde::Serialize;

use super::Report;
use crate::language::Language;

/// The version of the format. It grows when something changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Json<'a> {
    version: u32,
    target: &'a str,
    port: u16,
    seed: u64,
    passed: bool,
    classroom: bool,
    stages: Vec<JsonStage>,
}

#[derive(Debug, Serialize)]
struct JsonStage {
    name: &'static str,
    required: bool,
    state: &'static str,
    milliseconds: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
}

/// The report on one line.
pub(in crate::homework) fn line(report: &Report<'_>, language: Language) -> String {
    let stages = report.grader.stages().iter();
    let json = Json {
        version: VERSION,
        target: report.target,
        port: report.port,
        seed: report.grader.seed(),
        passed: report.grader.passed(),
        classroom: report.grader.is_classroom(),
        stages: stages.map(|stage| self::stage(stage, report.port, language)).collect(),
    };
    serde_json::to_string(&json).expect("all of it has a form in JSON")
}

fn stage(stage: &Stage, port: u16, language: Language) -> JsonStage {
    let finding = stage.finding.as_ref();
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let hexadecimal = |bytes: &Vec<u8>| {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    };
    JsonStage {
        name: stage.name.word(),
        required: stage.required,
        state: stage.state.word(),
        milliseconds: stage.took.as_millis(),
        cause: finding.map(|finding| finding.cause.word()),
        verdict: finding.map(|finding| words::verdict(finding, port, language.into())),
        sent: finding.and_then(|finding| finding.sent.as_ref()).map(text),
        expected: finding.and_then(|finding| finding.expected.clone()),
        actual: finding.and_then(|finding| finding.actual.as_ref()).map(text),
        actual_bytes: finding.and_then(|finding| finding.actual.as_ref()).map(hexadecimal),
        line: finding.and_then(|finding| finding.line.as_ref()).map(|line| line.number),
        code: finding.and_then(|finding| finding.line.as_ref()).map(|line| line.text.clone()),
        exception: finding.and_then(|finding| finding.exception.clone()),
        bound: finding.and_then(|finding| finding.bound.clone()),
    }
}
