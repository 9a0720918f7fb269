//! Why a check is not simply passed.

/// Defines the causes with their words.
macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What is wrong with a server, or worth a note. Its [word](Cause::word) is
        /// stable: it stands in the `--json` of the command and in the classroom's
        /// records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Cause {
            /// All of them.
            pub const ALL: &'static [Cause] = &[$(Cause::$name),+];

            /// The stable word, lower case with hyphens.
            pub fn word(self) -> &'static str {
                match self {
                    $(Cause::$name => $word,)+
                }
            }
        }
    };
}

causes! {
    // The server is not reached.
    /// Nothing listens on the port.
    NothingListens = "nothing-listens",
    /// The file binds another port.
    OtherPort = "other-port",
    /// The file binds an address that this one is not part of.
    OtherAddress = "other-address",
    /// Another program, most likely an old run of the server, has the port.
    OldServer = "old-server",
    /// The classroom's own server answers there.
    Classroom = "classroom",
    /// It accepts and stays silent: another client is being served.
    Held = "held",
    /// The program runs but listens nowhere.
    NeverListens = "never-listens",
    /// The program ended by itself, without an exception.
    Ended = "ended",

    // Exceptions, read from the traceback.
    /// `SyntaxError` and its kin: Python cannot read the file.
    Syntax = "syntax",
    /// `NameError`.
    UnknownName = "unknown-name",
    /// `UnboundLocalError`: a function changes a variable that is not its own.
    UnboundLocal = "unbound-local",
    /// `ModuleNotFoundError`.
    UnknownModule = "unknown-module",
    /// `AttributeError`.
    UnknownAttribute = "unknown-attribute",
    /// A `str` literal is sent, not bytes.
    StrSent = "str-sent",
    /// A `str` value is sent without `encode`.
    NotEncoded = "not-encoded",
    /// `split` or a comparison works on bytes.
    NotDecoded = "not-decoded",
    /// `KeyError`: a name that is not in the dict.
    KeyError = "key-error",
    /// `IndexError`: a field that the message does not have.
    ShortCommand = "short-command",
    /// `ValueError`: the message does not have as many fields as are unpacked.
    Unpacked = "unpacked",
    /// The bytes are decoded as GBK.
    GbkReceived = "gbk-received",
    /// `recv` or `send` on a socket that is closed.
    ClosedSocketUsed = "closed-socket-used",
    /// Any other exception.
    Exception = "exception",

    // What is answered, or not.
    /// No greeting.
    NoGreeting = "no-greeting",
    /// No answer at all, for a reason that is not known.
    Silent = "silent",
    /// No answer to a command whose branch is not there.
    NotWritten = "not-written",
    /// No answer to a name that is not there.
    NoMissBranch = "no-miss-branch",
    /// The answer is printed instead of sent.
    Printed = "printed",
    /// The connection ends where an answer is expected.
    Closes = "closes",
    /// It answers every message as the lesson's first server does.
    EchoOnly = "echo-only",
    /// It repeats a command, though it knows commands: no branch has taken this one.
    NotTaken = "not-taken",
    /// An answer in other words than the lesson's.
    WrongWords = "wrong-words",
    /// It sends without end, unasked.
    Floods = "floods",
    /// A right answer and one more behind it.
    ElseOnLastIf = "else-on-last-if",
    /// Several answers to one `find`.
    ManyAnswers = "many-answers",
    /// `split` looks for another mark than `;`.
    WrongSeparator = "wrong-separator",
    /// The answer shows `b'...'`.
    BytesShown = "bytes-shown",
    /// The answer is in GBK.
    GbkSent = "gbk-sent",
    /// `find` answers with the whole dict.
    WholeDict = "whole-dict",
    /// `find` answers with name and phone.
    NameAndPhone = "name-and-phone",
    /// The line end of the message is taken for a part of its last field.
    LineEndKept = "line-end-kept",
    /// `add` refuses a name that is there.
    RefusesExisting = "refuses-existing",
    /// The phone is the one before it was changed.
    OldPhone = "old-phone",
    /// A hit is answered as a miss.
    NotStored = "not-stored",
    /// A name that was removed can be removed once more.
    MissFound = "miss-found",

    // Connections.
    /// It ends the connection after one answer.
    ClosesAfterOne = "closes-after-one",
    /// It reads one message of each connection.
    AcceptInInnerLoop = "accept-in-inner-loop",
    /// It serves one client, and then no other.
    AcceptOutsideLoop = "accept-outside-loop",
    /// `exit` does not end the conversation.
    ExitIgnored = "exit-ignored",
    /// Every connection has a dict of its own.
    DictPerConnection = "dict-per-connection",
    /// The end of a client is not noticed: `recv` brings nothing for ever.
    EmptyRecv = "empty-recv",

    // Extras.
    /// One client at a time, as in the lesson.
    OneClient = "one-client",
    /// What was asked before the client ended its side is not answered.
    HalfClose = "half-close",
    /// Two commands in one segment are not told apart.
    TwoInOne = "two-in-one",
    /// Bytes that are no text end the server.
    GarbageKills = "garbage-kills",
    /// A client that resets its connection ends the server.
    ResetKills = "reset-kills",
    /// A message without `;` is not answered.
    NoEcho = "no-echo",

    // Notes: fair to the lesson, whose own text varies.
    /// A greeting in other words.
    OtherGreeting = "other-greeting",
    /// Without the `!`.
    NoMark = "no-mark",
    /// With the `！` of a Chinese input method.
    WideMark = "wide-mark",
    /// Capital and small letters differ.
    OtherCase = "other-case",
    /// Waits before it answers.
    Pauses = "pauses",
    /// Takes a message only when a line end follows.
    NeedsLineEnds = "needs-line-ends",
}

impl Cause {
    /// Whether this is worth a note and no failure, wherever it is found.
    pub fn is_note(self) -> bool {
        matches!(
            self,
            Cause::OneClient
                | Cause::HalfClose
                | Cause::TwoInOne
                | Cause::NoEcho
                | Cause::OtherGreeting
                | Cause::NoMark
                | Cause::WideMark
                | Cause::OtherCase
                | Cause::Pauses
                | Cause::NeedsLineEnds
                | Cause::Classroom
        )
    }
}
