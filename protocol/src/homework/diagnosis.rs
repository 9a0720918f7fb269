//! From what happened to its cause. With the file and its traceback at hand the cause
//! is read; otherwise it is concluded from the answer.

mod exception;
mod silence;
mod wrong_answer;

use super::cast::Cast;
use super::cause::Cause;
use super::checks::CheckName;
use super::python::{Source, SourceLine, Traceback};

/// How a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    /// The program that was started does not listen: it ended, or went on without.
    NeverListens,
    /// Nothing accepts connections on the port of a server that runs elsewhere.
    Refused,
    /// A connection was accepted, and no greeting came.
    NoGreeting,
    /// Nothing came in answer to a message.
    Silence,
    /// The connection ended where an answer was expected.
    End,
    /// A wrong answer.
    WrongAnswer,
    /// It sends without end.
    Flood,
    /// A later connection is not served.
    NotServed,
    /// The connection was ended after an answer, unasked.
    EndBetween,
    /// One message of each connection is answered.
    OneAnswerEach,
    /// The connection goes on after `exit`.
    GoesOn,
    /// The connection goes on after the client ended its side.
    NotNoticed,
}

/// Everything a cause is found from.
pub(super) struct Evidence<'a> {
    pub check: CheckName,
    /// The message, as text.
    pub sent: &'a str,
    /// What should have come.
    pub expected: &'a str,
    pub actual: &'a [u8],
    pub cast: &'a Cast,
    pub source: Option<&'a Source>,
    pub traceback: Option<&'a Traceback>,
    /// The command was answered before.
    pub is_known: bool,
    /// The lines that were printed in the meantime have one that is the answer.
    pub is_printed: bool,
    /// The program ended.
    pub has_exited: bool,
    /// The program was started by this run, so no other client can be there.
    pub is_own_program: bool,
    /// The greeting came.
    pub greets: bool,
    /// Messages end with line ends.
    pub is_by_lines: bool,
    /// The port that was tried.
    pub port: u16,
    /// A client that left is still being served.
    pub has_left_unnoticed: bool,
}

/// A cause, and the line of the file it is about if one is known.
pub(super) type Diagnosis = (Cause, Option<SourceLine>);

impl Evidence<'_> {
    pub(super) fn diagnose(&self, symptom: Symptom) -> Diagnosis {
        if let Some(traceback) = self.traceback {
            return exception::cause(self, traceback, symptom);
        }
        match symptom {
            Symptom::NeverListens => self.never_listens(),
            Symptom::Refused => (self.elsewhere().unwrap_or(Cause::NothingListens), self.bind()),
            Symptom::NoGreeting => (Cause::NoGreeting, None),
            Symptom::Silence => silence::cause(self),
            Symptom::End if self.check == CheckName::HalfClose => (Cause::HalfClose, None),
            Symptom::End if self.check == CheckName::TwoInOne => (Cause::TwoInOne, None),
            Symptom::End if self.check == CheckName::ShortCommand => (Cause::ShortCommand, None),
            Symptom::End if self.check == CheckName::Garbage => (Cause::GarbageKills, None),
            Symptom::End if self.check == CheckName::Reset => (Cause::ResetKills, None),
            Symptom::End if self.has_exited => (Cause::Ended, None),
            Symptom::End => (Cause::Closes, None),
            Symptom::WrongAnswer => wrong_answer::cause(self),
            Symptom::Flood => (Cause::Floods, None),
            Symptom::NotServed => self.not_served(),
            Symptom::EndBetween => {
                (Cause::ClosesAfterOne, self.line(|source| source.first(|l| l.contains(".close("))))
            }
            Symptom::OneAnswerEach => {
                (Cause::AcceptInInnerLoop, self.line(Source::accept_beside_recv))
            }
            Symptom::GoesOn => (Cause::ExitIgnored, self.line(|s| s.first(|l| l.contains("exit")))),
            Symptom::NotNoticed => {
                (Cause::EmptyRecv, self.line(|source| source.first(|l| l.contains(".recv("))))
            }
        }
    }

    /// A line of the file, if the file is at hand.
    fn line(&self, find: impl Fn(&Source) -> Option<SourceLine>) -> Option<SourceLine> {
        self.source.and_then(find)
    }

    fn bind(&self) -> Option<SourceLine> {
        self.line(Source::bind_line)
    }

    fn never_listens(&self) -> Diagnosis {
        match self.elsewhere() {
            Some(cause) if !self.has_exited => (cause, self.bind()),
            _ if self.has_exited => (Cause::Ended, None),
            _ => (Cause::NeverListens, None),
        }
    }

    /// Whether the file says that the server listens elsewhere.
    pub(super) fn elsewhere(&self) -> Option<Cause> {
        let source = self.source?;
        if source.port().is_some_and(|port| port != self.port) {
            return Some(Cause::OtherPort);
        }
        let host = source.host()?;
        let here = ["", "0.0.0.0", "localhost", "127.0.0.1", "::"].contains(&host.as_str());
        (!here).then_some(Cause::OtherAddress)
    }

    fn not_served(&self) -> Diagnosis {
        let outside = self.line(Source::accept_outside_loop);
        if outside.is_none() && self.has_left_unnoticed {
            let recv = self.line(|source| source.first(|line| line.contains(".recv(")));
            return (Cause::EmptyRecv, recv);
        }
        (Cause::AcceptOutsideLoop, outside)
    }
}
