//! The checks, as data: what is sent, what is expected, in the lesson's order. What
//! may end the server comes last.

/// The name of a check. Its [word](CheckName::word) is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckName {
    /// The server accepts a connection.
    Connect,
    /// It speaks first.
    Greeting,
    /// It answers the first message, with whatever.
    Answers,
    /// `add` of a new name.
    Add,
    /// `add` of a name that is there.
    Overwrite,
    /// `find` of a name that is there.
    Find,
    /// `find` of a name that is not there.
    FindMiss,
    /// `remove` of a name that is there.
    Remove,
    /// `remove` of a name that is no longer there.
    RemoveMiss,
    /// A Chinese name.
    Chinese,
    /// Several commands on one connection.
    Conversation,
    /// `exit` ends the connection.
    Exit,
    /// Another client after the first, in the same book; and one after a client that
    /// left without `exit`.
    NextClient,
    /// Two clients at once.
    TwoClients,
    /// A client that ends its side and still waits for the answer.
    HalfClose,
    /// Two commands in one segment.
    TwoInOne,
    /// A message without `;`.
    Echo,
    /// A command with too few fields.
    ShortCommand,
    /// Bytes that are no UTF-8.
    Garbage,
    /// A client that resets its connection.
    Reset,
}

impl CheckName {
    /// The stable word, lower case with hyphens.
    pub fn word(self) -> &'static str {
        match self {
            CheckName::Connect => "connect",
            CheckName::Greeting => "greeting",
            CheckName::Answers => "answers",
            CheckName::Add => "add",
            CheckName::Overwrite => "overwrite",
            CheckName::Find => "find",
            CheckName::FindMiss => "find-miss",
            CheckName::Remove => "remove",
            CheckName::RemoveMiss => "remove-miss",
            CheckName::Chinese => "chinese",
            CheckName::Conversation => "conversation",
            CheckName::Exit => "exit",
            CheckName::NextClient => "next-client",
            CheckName::TwoClients => "two-clients",
            CheckName::HalfClose => "half-close",
            CheckName::TwoInOne => "two-in-one",
            CheckName::Echo => "echo",
            CheckName::ShortCommand => "short-command",
            CheckName::Garbage => "garbage",
            CheckName::Reset => "reset",
        }
    }

    /// The check of this name.
    pub fn check(self) -> &'static Check {
        CHECKS.iter().find(|check| check.name == self).expect("every name is in the table")
    }
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    /// Whether the homework is done only when this is passed.
    pub required: bool,
    /// What must not have failed before, or this is skipped: it could only fail for
    /// the same reason.
    pub after: &'static [CheckName],
    /// The contacts that the server must know for it, added again if it was
    /// restarted.
    pub contacts: &'static [Person],
    /// What is done, in order.
    pub steps: &'static [Step],
}

/// Whom messages are about; see [`Cast`](super::Cast) for their names and phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Whose phone is changed and who is removed.
    First,
    /// Who stays.
    Other,
    /// Who has a Chinese name.
    Chinese,
}

/// Which of the two connections that may be open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// The one that is used unless two are needed.
    Main,
    /// A second one beside it.
    Beside,
}

/// One thing to do. In texts `{name}`, `{phone}` and the like stand for what
/// [`Cast::fill`](super::Cast::fill) puts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens a connection and waits until it is accepted.
    Open(Seat),
    /// Waits for the greeting and judges it.
    Greeting(Seat),
    /// Sends a message, on a new connection if the last one has ended, and judges the
    /// answer.
    Ask(Seat, &'static str, Expected),
    /// Judges the last answer once more.
    Judge(Expected),
    /// Finds out whether this is the classroom's own server.
    Recognise,
    /// Sends a message and ends our side at once; an answer is expected.
    AskAndFinish(&'static str, Expected),
    /// Sends what the server may stumble over, and does not wait for an answer.
    Provoke(Provocation),
    /// Sends `exit`; no answer, but the end of the connection is expected.
    Exit,
    /// Ends our side without `exit` and waits for the server's end.
    HangUp,
    /// Sends a message and resets the connection at once.
    AskAndReset(&'static str),
}

/// What a server may stumble over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provocation {
    /// A message.
    Text(&'static str),
    /// Bytes that are neither UTF-8 nor GBK.
    Garbage,
}

/// What an answer should be. Texts are filled in as those that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Anything,
    /// Exactly this text, such as a phone.
    Exact(&'static str),
    /// This text but for capital letters and the mark at its end.
    Words(&'static str),
    /// The lesson's `Received ...;`; anything else is worth a note.
    Echo(&'static str),
    /// This text at the end, whatever comes before it: what the server says to a
    /// provocation is its own affair.
    AtTheEnd(&'static str),
    /// These two texts, one behind the other.
    Both(&'static str, &'static str),
}

use CheckName as Name;
use Expected::{Anything, AtTheEnd, Both, Exact, Words};
use Seat::{Beside, Main};
use Step::Ask;

const NOT_FOUND: Expected = Words("Not Found!");
const STILL_THERE: Step = Ask(Main, "find;{other}", AtTheEnd("{other phone}"));

/// All checks.
pub const CHECKS: &[Check] = &[
    required(Name::Connect, &[], &[], &[Step::Open(Main)]),
    required(Name::Greeting, &[Name::Connect], &[], &[Step::Greeting(Main)]),
    // The lesson's second server answers `add` alone, so that is the first message.
    required(
        Name::Answers,
        &[Name::Connect],
        &[],
        &[Ask(Main, "add;{name};{old phone}", Anything), Step::Recognise],
    ),
    required(
        Name::Add,
        &[Name::Connect, Name::Answers],
        &[],
        &[
            Step::Judge(Words("{name} added!")),
            // With two in the book it shows whether `find` answers once.
            Ask(Main, "add;{other};{other phone}", Words("{other} added!")),
        ],
    ),
    required(
        Name::Overwrite,
        &[Name::Answers, Name::Add],
        &[Person::First],
        &[Ask(Main, "add;{name};{phone}", Words("{name} added!"))],
    ),
    required(
        Name::Find,
        &[Name::Answers],
        &[Person::First, Person::Other],
        &[Ask(Main, "find;{name}", Exact("{phone}"))],
    ),
    required(
        Name::FindMiss,
        &[Name::Answers, Name::Find],
        &[Person::Other],
        &[Ask(Main, "find;{nobody}", NOT_FOUND)],
    ),
    required(
        Name::Remove,
        &[Name::Answers],
        &[Person::First, Person::Other],
        &[Ask(Main, "remove;{name}", Words("{name} removed!"))],
    ),
    required(
        Name::RemoveMiss,
        &[Name::Answers, Name::Remove],
        &[Person::Other],
        &[Ask(Main, "remove;{name}", NOT_FOUND)],
    ),
    required(
        Name::Chinese,
        &[Name::Answers, Name::Find],
        &[Person::Other],
        &[
            Ask(Main, "add;{chinese};{chinese phone}", Words("{chinese} added!")),
            Ask(Main, "find;{chinese}", Exact("{chinese phone}")),
        ],
    ),
    // Judged by what happened to the connection so far.
    required(Name::Conversation, &[Name::Answers], &[], &[]),
    required(Name::Exit, &[Name::Answers], &[], &[Step::Exit]),
    required(
        Name::NextClient,
        &[Name::Answers],
        &[Person::Other],
        &[
            Step::Open(Main),
            Ask(Main, "find;{other}", Exact("{other phone}")),
            Step::HangUp,
            Step::Open(Main),
        ],
    ),
    extra(
        Name::TwoClients,
        &[
            Step::Open(Main),
            Step::Open(Beside),
            Ask(Beside, "find;{other}", Exact("{other phone}")),
        ],
    ),
    // Not where the server ends the connection after each answer: if both sides end it at
    // the same time, `TIME_WAIT` may stay on the server's port.
    Check {
        after: &[Name::Answers, Name::Find, Name::Conversation, Name::NextClient],
        ..extra(Name::HalfClose, &[Step::AskAndFinish("find;{other}", Exact("{other phone}"))])
    },
    extra(
        Name::TwoInOne,
        &[Ask(Main, "find;{other}\nfind;{nobody}\n", Both("{other phone}", "Not Found!"))],
    ),
    // A server may take every later message of the connection for a line, too.
    extra(Name::Echo, &[Step::Open(Main), Ask(Main, "{word}", Expected::Echo("{word}"))]),
    extra(Name::ShortCommand, &[Step::Provoke(Provocation::Text("add;{nobody}")), STILL_THERE]),
    extra(Name::Garbage, &[Step::Provoke(Provocation::Garbage), STILL_THERE]),
    extra(Name::Reset, &[Step::AskAndReset("find;{other}"), STILL_THERE]),
];

const fn required(
    name: CheckName,
    after: &'static [CheckName],
    contacts: &'static [Person],
    steps: &'static [Step],
) -> Check {
    Check { name, required: true, after, contacts, steps }
}

/// Extras ask for the other contact, so `find` must work.
const fn extra(name: CheckName, steps: &'static [Step]) -> Check {
    let after = &[Name::Answers, Name::Find, Name::NextClient];
    Check { name, required: false, after, contacts: &[Person::Other], steps }
}
