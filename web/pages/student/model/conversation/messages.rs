//! What happens to a conversation, and what it asks for.

use protocol::Stage;
use web::core::connection::Connection;
use web::core::i18n::{Text, TextKey};
use web::core::message::{Direction, Mode};
use web::core::version::Comparison;

/// What can happen to the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationMsg {
    /// Begin a connection.
    Connect,
    /// The student asked for a connection.
    Reconnect,
    /// Send a text.
    Send(String),
    /// The server sent a text.
    Received(String),
    /// The connection is gone, or could not be made.
    Closed {
        /// The close code.
        code: u16,
        /// The reason that came with it.
        reason: String,
    },
    /// The connection has an extension, which may change frames on their way.
    ExtensionNegotiated,
    /// The time the model asked to be woken at has come.
    TimerFired,
    /// The network is back.
    NetworkOnline,
    /// The page has come to the front, or is hidden behind another one.
    VisibilityChanged {
        /// Whether it can be seen.
        is_visible: bool,
        /// Milliseconds of the wall clock. Other than the model's it goes on
        /// while the device sleeps, and it may jump.
        wall: u64,
    },
    /// The request that [`ConversationEffect::CheckServer`] asked for has ended.
    ServerChecked {
        /// Whether the server answered it.
        alive: bool,
    },
    /// The server says where students reach it, and what it does.
    ClassroomFetched {
        /// The address of the page, where this page's own is of no use to students.
        page: Option<String>,
        /// The address that is bound, if it is not all of the server's.
        host: Option<String>,
        /// The port.
        port: u16,
        /// The stage of the lesson.
        stage: Stage,
    },
    /// The server says which stage of the lesson it is at now.
    StageTold(Stage),
    /// How this page compares with the server's.
    VersionCompared(Comparison),
    /// The switch between the server and the page was pressed.
    ModeSwitched,
    /// A student's server was chosen, by what it is called; the class's if it is empty.
    ServerChosen(String),
    /// The student wants an unanswered message back in the input.
    MessageRestored {
        /// Which.
        id: u32,
    },
}

/// What is to be done for the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationEffect {
    /// Begin a new connection; the old one is given up.
    Connect,
    /// Give the connection up.
    Disconnect,
    /// Ask the server for a sign of life with a fresh request.
    CheckServer,
    /// Ask where raw TCP clients connect and which page the server has.
    FetchClassroom,
    /// Open the page anew under this query: the server has another version of it.
    Reopen(String),
    /// Send a text.
    Send(String),
    /// Show a message at the end of the conversation.
    Show(Message),
    /// Put a note at a message, in place of an earlier one.
    Annotate {
        /// Which message.
        id: u32,
        /// What to say.
        note: Text,
        /// Whether its line can be put back into the input.
        is_restorable: bool,
    },
    /// Remove the note from a message.
    RemoveAnnotation {
        /// Which message.
        id: u32,
    },
}

/// What comes of a message to the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationOutput {
    /// Something to be done outside of the model.
    Effect(ConversationEffect),
    /// The greeting came.
    Opened,
    /// The server closed the conversation because it was told `exit`.
    Ended,
    /// A message was sent.
    Sent,
    /// A command got its reply.
    Replied {
        /// The command.
        command: String,
        /// The reply.
        reply: String,
    },
    /// A message got all its replies.
    Completed {
        /// The message as it was sent, line ends included.
        sent: String,
        /// What came back, in order.
        replies: Vec<String>,
    },
    /// Another book than before is talked about.
    BookChanged,
    /// The one who answers is at another stage of the lesson than before.
    StageChanged,
    /// A line to be put back into the input.
    Restored(String),
    /// The student's next step is to type.
    InputWanted,
}

/// A line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts from 0 over all conversations of the page.
    pub id: u32,
    /// Who said it.
    pub direction: Direction,
    /// Whether it went over the wire.
    pub mode: Mode,
    /// All of its text, line ends included.
    pub text: String,
    /// What stands above it.
    pub opening: Option<Text>,
    /// The explanation of an error reply, which stands below it.
    pub correction: Option<Text>,
}

/// The status bar above the input, while there is no connection to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusBar {
    /// Waiting for `Welcome!`.
    Connecting,
    /// Waiting for the next attempt.
    Retry {
        /// Whole seconds left, rounded up.
        seconds: u64,
        /// Whole seconds in all, rounded up.
        of: u64,
        /// What it says.
        why: TextKey,
    },
    /// The conversation is over, and what it says.
    Ended(TextKey),
    /// The page answers by itself.
    Page,
    /// The conversation with the page is over.
    PageEnded,
}

impl StatusBar {
    /// What it says, `None` while there is a connection to a server. `why` is why there is
    /// none.
    pub(super) fn of(mode: Mode, connection: Connection, why: TextKey, now: u64) -> Option<Self> {
        if mode == Mode::Page {
            let ended = connection == Connection::Ended;
            return Some(if ended { StatusBar::PageEnded } else { StatusBar::Page });
        }
        match connection {
            Connection::Open => None,
            Connection::Connecting { .. } => Some(StatusBar::Connecting),
            Connection::Ended => Some(StatusBar::Ended(why)),
            Connection::Waiting { since, until } => Some(StatusBar::Retry {
                seconds: until.saturating_sub(now).div_ceil(1000).max(1),
                of: (until - since).div_ceil(1000),
                why,
            }),
        }
    }
}
