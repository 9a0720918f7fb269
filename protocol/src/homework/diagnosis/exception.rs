//! The cause of an exception, by its class, its words and its line.

use super::{Diagnosis, Evidence, Symptom};
use crate::homework::cause::Cause;
use crate::homework::checks::CheckName;
use crate::homework::python::{Source, Traceback};

pub(super) fn cause(evidence: &Evidence<'_>, traceback: &Traceback, symptom: Symptom) -> Diagnosis {
    let line = evidence.line(|source| source.line(traceback.line?));
    let code = line.as_ref().map_or("", |line| line.text.as_str());
    let wrong_split = || evidence.line(Source::wrong_split);
    let message = traceback.message.as_str();
    let cause = match traceback.exception.as_str() {
        "SyntaxError" | "IndentationError" | "TabError" => Cause::Syntax,
        "UnboundLocalError" => Cause::UnboundLocal,
        "NameError" => Cause::UnknownName,
        "ModuleNotFoundError" | "ImportError" => Cause::UnknownModule,
        "AttributeError" => Cause::UnknownAttribute,
        "TypeError" => type_error(evidence, message, code),
        // It has not been sent a message yet: `sys.argv[1]`, `os.environ['PORT']`.
        "KeyError" | "IndexError" | "ValueError" if evidence.sent.is_empty() => Cause::Exception,
        "KeyError" => Cause::KeyError,
        // An empty message has no fields.
        "IndexError" | "ValueError" if follows_end(evidence, symptom) => Cause::EmptyRecv,
        "IndexError" if wrong_split().is_some() => return (Cause::WrongSeparator, wrong_split()),
        "IndexError" => Cause::ShortCommand,
        "ValueError" if message.contains("to unpack") => match wrong_split() {
            Some(split) => return (Cause::WrongSeparator, Some(split)),
            None => Cause::Unpacked,
        },
        "UnicodeDecodeError" if evidence.check == CheckName::Garbage => Cause::GarbageKills,
        "UnicodeDecodeError" if message.starts_with("'gb") => Cause::GbkReceived,
        "ConnectionResetError" | "BrokenPipeError" | "ConnectionAbortedError" => {
            match (evidence.check, symptom) {
                (CheckName::Reset, _) => Cause::ResetKills,
                (_, Symptom::NotNoticed) => Cause::EmptyRecv,
                _ => Cause::Exception,
            }
        }
        "OSError" => os_error(evidence, message, symptom),
        _ => Cause::Exception,
    };
    if cause == Cause::ClosesAfterOne {
        return (cause, evidence.line(|source| source.first(|line| line.contains(".close("))));
    }
    (cause, line)
}

/// Whether the server stumbled over the end of a client: at once, or told only when the
/// next one came, long after the message of the one before had been answered.
fn follows_end(evidence: &Evidence<'_>, symptom: Symptom) -> bool {
    let is_late = symptom == Symptom::NotServed && evidence.check == CheckName::NextClient;
    symptom == Symptom::NotNoticed || is_late && evidence.sent.starts_with("find")
}

fn type_error(evidence: &Evidence<'_>, message: &str, code: &str) -> Cause {
    let sends = [".send(", ".sendall(", ".write("].iter().find(|call| code.contains(*call));
    let is_about_bytes = message.contains("bytes-like object is required");
    if is_about_bytes && message.ends_with("'NoneType'") && is_miss(evidence.check) {
        return Cause::NoMissBranch;
    }
    match sends {
        Some(call) if is_about_bytes && !code.contains(".split(") => {
            let argument = code.split(call).nth(1).unwrap_or_default().trim_start();
            let argument = argument.trim_start_matches(['(', 'f']);
            // `send('Welcome!')` beside `send('%s added' % name)`.
            let is_literal = argument.starts_with(['\'', '"']) && !code.contains(['%', '{', '+']);
            if is_literal { Cause::StrSent } else { Cause::NotEncoded }
        }
        _ if is_about_bytes
            || message.contains("first arg must be bytes")
            || message.contains("to bytes")
            || message.contains("argument should be integer or bytes-like") =>
        {
            Cause::NotDecoded
        }
        _ => Cause::Exception,
    }
}

fn is_miss(check: CheckName) -> bool {
    matches!(check, CheckName::FindMiss | CheckName::RemoveMiss)
}

/// By the words of Linux and macOS and the numbers of Windows.
fn os_error(evidence: &Evidence<'_>, message: &str, symptom: Symptom) -> Cause {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already in use", "10048"]) {
        Cause::OldServer
    } else if says(&["Cannot assign", "Can't assign", "10049"]) {
        Cause::OtherAddress
    } else if says(&["Bad file descriptor", "10038"]) {
        if symptom == Symptom::EndBetween {
            // It was closed behind the first answer, and then read again.
            return Cause::ClosesAfterOne;
        }
        match evidence.line(Source::accept_outside_loop) {
            Some(_) => Cause::AcceptOutsideLoop,
            None => Cause::ClosedSocketUsed,
        }
    } else {
        Cause::Exception
    }
}
