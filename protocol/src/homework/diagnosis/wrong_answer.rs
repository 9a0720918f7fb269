//! What is wrong with an answer.

use super::{Diagnosis, Evidence};
use crate::homework::cause::Cause;
use crate::homework::checks::CheckName;
use crate::homework::python::Source;

pub(super) fn cause(evidence: &Evidence<'_>) -> Diagnosis {
    let Ok(actual) = str::from_utf8(evidence.actual) else {
        let line = evidence.line(|source| source.first(|line| line.contains(".encode(")));
        return (Cause::GbkSent, line);
    };
    let actual = actual.trim();
    let lower = actual.to_ascii_lowercase();
    if evidence.check == CheckName::TwoInOne {
        return (Cause::TwoInOne, None);
    }
    if evidence.check == CheckName::HalfClose {
        return (Cause::HalfClose, None);
    }
    if actual.contains("b'") || actual.contains("b\"") {
        let line = evidence.line(|source| source.first(|line| line.contains("str(")));
        return (Cause::BytesShown, line);
    }
    let wrong_split = evidence.line(Source::wrong_split);
    if wrong_split.is_some() {
        return (Cause::WrongSeparator, wrong_split);
    }
    let verb = evidence.sent.split(';').next().unwrap_or_default();
    if lower.starts_with("received ") {
        return repeated(evidence, verb);
    }
    match verb {
        "add" => add(evidence, actual, &lower),
        "find" => find(evidence, actual, &lower),
        _ => (remove(evidence, actual, &lower), None),
    }
}

/// The message came back: from a server that knows no commands yet, or from the `else` of
/// one that does.
fn repeated(evidence: &Evidence<'_>, verb: &str) -> Diagnosis {
    let asks_for = |verb: &str| {
        let quoted = ["'", "\""].map(|quote| format!("{quote}{verb}{quote}"));
        evidence.line(|source| {
            source.first(|line| {
                let line = line.to_ascii_lowercase();
                quoted.iter().any(|quoted| line.contains(quoted))
            })
        })
    };
    let knows_commands = ["add", "find", "remove"].into_iter().any(|verb| asks_for(verb).is_some());
    let is_first = matches!(evidence.check, CheckName::Answers | CheckName::Add);
    match is_first && !knows_commands {
        true => (Cause::EchoOnly, None),
        false => (Cause::NotTaken, asks_for(verb)),
    }
}

fn add(evidence: &Evidence<'_>, actual: &str, lower: &str) -> Diagnosis {
    let words = evidence.expected.trim_end_matches('!');
    let cause = match evidence.check {
        _ if has_more(words, lower) => Cause::ElseOnLastIf,
        CheckName::Overwrite => Cause::RefusesExisting,
        // The right words with other characters in the place of the name.
        CheckName::Chinese if lower.contains(" added") && !actual.is_ascii() => Cause::GbkReceived,
        _ => Cause::WrongWords,
    };
    let line = match cause {
        Cause::GbkReceived => evidence.line(|source| source.first(|l| l.contains(".decode("))),
        _ => None,
    };
    (cause, line)
}

/// Whether the right words come first and others behind them.
fn has_more(words: &str, lower: &str) -> bool {
    let Some(behind) = lower.strip_prefix(&words.to_ascii_lowercase()) else { return false };
    behind.chars().any(char::is_alphanumeric)
}

fn remove(evidence: &Evidence<'_>, actual: &str, lower: &str) -> Cause {
    let misses = lower.matches("not found").count();
    let is_miss_expected = evidence.check == CheckName::RemoveMiss;
    match is_miss_expected {
        true if misses > 1 => Cause::ManyAnswers,
        true if lower.contains("removed") => Cause::MissFound,
        true if actual == "None" => Cause::NoMissBranch,
        false if has_more(evidence.expected.trim_end_matches('!'), lower) => Cause::ElseOnLastIf,
        false if misses > 0 && lower.contains("removed") => Cause::ManyAnswers,
        false if misses > 0 && evidence.is_by_lines => Cause::LineEndKept,
        false if misses > 0 => Cause::NotStored,
        _ => Cause::WrongWords,
    }
}

fn find(evidence: &Evidence<'_>, actual: &str, lower: &str) -> Diagnosis {
    let misses = lower.matches("not found").count();
    let name = evidence.sent.split(';').nth(1).unwrap_or_default().trim();
    if evidence.check == CheckName::FindMiss {
        let cause = match actual {
            _ if misses > 1 => Cause::ManyAnswers,
            "None" => Cause::NoMissBranch,
            _ if actual.contains('{') => Cause::WholeDict,
            _ if has_more("not found", lower) => Cause::ManyAnswers,
            _ => Cause::WrongWords,
        };
        return (cause, None);
    }
    let phones = actual.matches(evidence.expected).count();
    let cause = match phones {
        _ if phones + misses > 1 => Cause::ManyAnswers,
        1 if actual.contains('{') || actual.contains('[') => Cause::WholeDict,
        1 if actual.contains(name) => Cause::NameAndPhone,
        1 if has_more(evidence.expected, lower) => Cause::ElseOnLastIf,
        0 if actual == evidence.cast.fill("{old phone}") => Cause::OldPhone,
        0 if misses == 1 => return not_found(evidence),
        _ => Cause::WrongWords,
    };
    (cause, None)
}

/// A name that was added is not found.
fn not_found(evidence: &Evidence<'_>) -> Diagnosis {
    if evidence.is_by_lines {
        return (Cause::LineEndKept, evidence.line(|s| s.first(|line| line.contains("readline("))));
    }
    let inside = evidence.line(Source::book_made_inside);
    match evidence.check {
        CheckName::NextClient => (Cause::DictPerConnection, inside),
        _ => (Cause::NotStored, None),
    }
}
