//! Why nothing came in answer to a message.

use super::{Diagnosis, Evidence};
use crate::homework::cause::Cause;
use crate::homework::checks::CheckName;
use crate::homework::python::Source;

pub(super) fn cause(evidence: &Evidence<'_>) -> Diagnosis {
    let verb = evidence.sent.split(';').next().unwrap_or_default().trim();
    if evidence.is_printed {
        let line = evidence.line(|source| source.first(|line| line.contains("print(")));
        return (Cause::Printed, line);
    }
    match evidence.check {
        CheckName::Echo => return (Cause::NoEcho, None),
        CheckName::HalfClose => return (Cause::HalfClose, None),
        CheckName::TwoInOne => return (Cause::TwoInOne, None),
        CheckName::FindMiss | CheckName::RemoveMiss => return (Cause::NoMissBranch, None),
        // What was answered before is not any more.
        CheckName::ShortCommand => return (Cause::ShortCommand, None),
        CheckName::Garbage => return (Cause::GarbageKills, None),
        CheckName::Reset => return (Cause::ResetKills, None),
        _ => {}
    }
    let Some(source) = evidence.source else { return (without_file(evidence, verb), None) };
    if let Some(split) = source.wrong_split() {
        return (Cause::WrongSeparator, Some(split));
    }
    if !source.contains(".decode(") && !source.contains("str(") {
        let recv = source.first(|line| line.contains(".recv("));
        return (Cause::NotDecoded, recv);
    }
    if !source.has_command(verb) {
        return (Cause::NotWritten, None);
    }
    match evidence.check {
        CheckName::Answers if !evidence.greets && !evidence.is_own_program => (Cause::Held, None),
        _ => (Cause::Silent, branch(source, verb)),
    }
}

fn without_file(evidence: &Evidence<'_>, verb: &str) -> Cause {
    match verb {
        "find" | "remove" if !evidence.is_known => Cause::NotWritten,
        _ if evidence.check == CheckName::Answers && !evidence.greets => Cause::Held,
        _ => Cause::Silent,
    }
}

/// The line that asks for a command.
fn branch(source: &Source, verb: &str) -> Option<crate::homework::python::SourceLine> {
    source.first(|line| line.contains(&format!("'{verb}")) || line.contains(&format!("\"{verb}")))
}
