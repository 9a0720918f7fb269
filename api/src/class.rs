//! What the server and the pages tell each other about the class: what a student's
//! page says of itself, what the teacher switches, and what the teacher sees.
//!
//! A student's page has a random key of its own. It names itself by it in the
//! WebSocket's query (`ws?page=KEY`), in [`CLASS`] and in [`STUDENT`], so that the
//! three belong to one person. The key is a secret of that page: no other page and
//! no answer ever says it.

use serde::{Deserialize, Serialize};

use crate::JoinAddress;

/// Server-sent events for a student's page: one [`CLASS_EVENT`] at once, another one
/// after each change. `?key=KEY`.
pub const CLASS: &str = "/api/class";

/// The name of an event with a [`ClassState`].
pub const CLASS_EVENT: &str = "class";

/// Where a student's page says how far it is: `POST`, `?key=KEY`, a [`Student`] as
/// JSON of at most [`MAX_STUDENT`] bytes. Answered with 204.
pub const STUDENT: &str = "/api/student";

/// Bytes of the longest [`Student`]: a name and a seat of 32 characters each, escaped.
pub const MAX_STUDENT: usize = 1024;

/// Characters of the longest name and seat, as of a name on the page.
pub const MAX_NAME: usize = 32;

/// The most steps that a lesson can have: [`Student::done`] has a bit for each.
pub const MAX_STEPS: usize = 32;

/// Where the teacher's page begins: `POST` with `Authorization: Bearer TOKEN`, or
/// without it from the server's own computer. Answered with 204 and a cookie that
/// stands for the token, since an `EventSource` sends no header.
pub const TEACHER_SESSION: &str = "/api/teacher/session";

/// Server-sent events for the teacher: [`TEACHER_EVENT`], [`PEOPLE_EVENT`] and
/// [`JOURNAL_EVENT`], each complete at once, then what has changed.
pub const TEACHER: &str = "/api/teacher";

/// The name of an event with a [`Lead`].
pub const TEACHER_EVENT: &str = "lead";

/// The name of an event with [`People`].
pub const PEOPLE_EVENT: &str = "people";

/// The name of an event with new [`JournalEntry`]s, an array, oldest first.
pub const JOURNAL_EVENT: &str = "journal";

/// What the teacher does: `POST` of an [`Act`]. Answered with 204, or with 4xx and a
/// sentence in the language of `?lang=`.
pub const TEACHER_ACT: &str = "/api/teacher/act";

/// The book as CSV, while the server runs.
pub const TEACHER_CONTACTS: &str = "/api/teacher/contacts.csv";

/// Everybody's progress as CSV.
pub const TEACHER_PROGRESS: &str = "/api/teacher/progress.csv";

/// Who stored a contact, as a [`Person`] or 404: `?name=NAME`.
pub const TEACHER_AUTHOR: &str = "/api/teacher/author";

/// The code of the Close when the teacher has ended a student's conversations. The
/// page reconnects when the student asks for it, not by itself.
pub const CLOSED_BY_TEACHER: u16 = 4001;

/// The code of the Close when the address is blocked, for five minutes at most.
pub const CLOSED_BLOCKED: u16 = 4002;

/// The code of the Close when the teacher lets no new clients in.
pub const CLOSED_DOOR: u16 = 4003;

/// The code of the Close when the student's server that was talked to does not run, or
/// not any more. The page talks to the class's server again.
pub const CLOSED_NO_SERVER: u16 = 4004;

/// Characters of the longest announcement: four lines on a phone.
pub const MAX_ANNOUNCEMENT: usize = 200;

/// What a student's page says of itself. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Student {
    /// The name that the student gave.
    pub name: String,
    /// The seat that the student gave.
    pub seat: String,
    /// Whether a hand is raised.
    pub hand: bool,
    /// The step that is open, counted from 0.
    pub step: u8,
    /// How many steps the lesson has.
    pub steps: u8,
    /// The steps that are done: bit 0 is the first.
    pub done: u32,
}

/// What holds for a student's page now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassState {
    /// Whether the server only says back what it hears (stage *echo*).
    pub echoes: bool,
    /// Milliseconds before each reply.
    pub pause: u64,
    /// "Eyes on me": input is held. Seconds until it ends by itself.
    pub held: Option<u32>,
    /// The book takes no changes.
    pub frozen: bool,
    /// A line of the teacher's for everybody.
    pub announcement: Option<String>,
    /// This student's conversation is on the projector.
    pub shown: bool,
    /// The teacher has not yet lowered this student's hand.
    pub hand: bool,
    /// How many lessons have ended: a page that sees another number than before
    /// forgets name, seat and progress.
    pub lesson: u64,
}

/// What the teacher has switched, and figures of the class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lead {
    /// Stage *echo*.
    pub echoes: bool,
    /// Milliseconds before each reply.
    pub pause: u64,
    /// Seconds until "eyes on me" ends by itself.
    pub held: Option<u32>,
    /// The book takes no changes.
    pub frozen: bool,
    /// No new clients are let in.
    pub closed: bool,
    /// Students' servers are reached from other computers.
    pub servers: bool,
    /// The lesson's lines are on the board.
    pub shows_lines: bool,
    /// Whose conversation is on the board.
    pub shows: Option<u64>,
    /// What happens to replies on purpose, for everybody.
    pub sticky: Sticky,
    /// The announcement.
    pub announcement: Option<String>,
    /// What [`Action::Undo`] would undo: the number of its entry in the journal.
    pub undo: Option<u64>,
    /// Addresses that are blocked, with the seconds left.
    pub blocked: Vec<(String, u32)>,
    /// How many contacts the book holds.
    pub contacts: u64,
    /// Messages a second, over the last ten seconds.
    pub rate: u64,
    /// How students reach this server, the likeliest way first.
    pub addresses: Vec<JoinAddress>,
    /// The program of this server's teacher's page, as [`crate::Classroom::program`].
    pub program: Option<String>,
}

/// What happens to replies on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sticky {
    /// Nothing: each batch of replies goes out as it is ready.
    #[default]
    Off,
    /// Two replies wait for each other and go out in one packet.
    Joined,
    /// A reply goes out in two packets.
    Split,
}

/// Rows of the list of people that have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// Whether these are all: what was known before is dropped.
    pub complete: bool,
    /// New or changed.
    pub rows: Vec<Person>,
    /// Numbers of people who are no longer in the list.
    pub gone: Vec<u64>,
}

/// Somebody in the class, as only the teacher sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The number in the list; given once.
    pub id: u64,
    /// The name the student gave, if any. Whatever is typed is text.
    pub name: String,
    /// The seat the student gave, if any.
    pub seat: String,
    /// The IP address.
    pub address: String,
    /// Whether it is a raw TCP client and not a page.
    pub raw: bool,
    /// `fine`, `idle`, `struggling` or `gone`.
    pub state: String,
    /// The open step, from 0; none for a raw TCP client.
    pub step: Option<u8>,
    /// The steps that are done, as [`Student::done`].
    pub done: u32,
    /// The commands that succeeded, each once, in the lesson's order: how far a raw TCP
    /// client is.
    pub commands: Vec<String>,
    /// The last message, escaped and cut.
    pub last: String,
    /// The last mistake: the message, escaped and cut.
    pub mistake: String,
    /// The cause of the last mistake, a stable word; empty without one.
    pub cause: String,
    /// Whether a command has succeeded since the last mistake. Another server of the class
    /// may be of a version that does not tell.
    #[serde(default)]
    pub recovered: bool,
    /// Milliseconds since the last message, or since it came, when this was sent.
    pub idle: u64,
    /// Messages so far.
    pub messages: u64,
    /// Messages of those that were mistakes.
    pub errors: u64,
    /// Whether a hand is raised.
    pub hand: bool,
    /// Whether it sends so much that the server slows it down.
    pub flooding: bool,
    /// What happens to this one's replies on purpose.
    pub sticky: Sticky,
    /// The homework: required checks passed, and how many there are.
    pub homework: Option<(u8, u8)>,
    /// What became of the homework's checks, in their order: of each the first letter of
    /// `passed`, `note`, `failed`, `skipped`, `running` or `waiting`. Empty before the first
    /// run.
    pub checks: String,
    /// The homework was done.
    pub passed: bool,
    /// It was checked in the page, and not by the class's server.
    pub in_page: bool,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its number, from 1.
    pub id: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// What was done. [`Action::Resume`] and the like where it ended by itself.
    pub act: Act,
    /// Whether it ended by itself.
    pub by_itself: bool,
    /// Whose name or address it concerns, if anybody's.
    pub whom: String,
}

/// Something the teacher does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What.
    pub action: Action,
    /// For whom: a [`Person::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<u64>,
    /// The announcement, the contact's name, the new book's name, or the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Milliseconds, for [`Action::Slow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
}

/// What the teacher can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Eyes on me: students' pages hold their input. Ends by itself after 5 minutes.
    Pause,
    /// The end of [`Action::Pause`].
    Resume,
    /// The lesson's first server, from the next message on.
    StageEcho,
    /// The contacts server, from the next message on.
    StageContacts,
    /// Wait `millis` before each reply; 0 to stop that.
    Slow,
    /// Join replies, of `person` or all.
    StickyJoin,
    /// Split replies, of `person` or all.
    StickySplit,
    /// Neither.
    StickyOff,
    /// The book takes no changes.
    Freeze,
    /// It takes them again.
    Thaw,
    /// Delete the contact `text`.
    Delete,
    /// Empty the book.
    Reset,
    /// Take the last reset, deletion or new book back.
    Undo,
    /// A fresh book for the next class; the old one is kept as the file `text`.
    NewBook,
    /// End the conversations of `person`.
    Disconnect,
    /// The same, and refuse connections from that address for 5 minutes.
    Block,
    /// Let the address `text` in again.
    Unblock,
    /// Let no new clients in.
    CloseDoor,
    /// Let them in.
    OpenDoor,
    /// Students' servers, which run in their pages, are reached from other computers.
    OpenServers,
    /// They are not.
    CloseServers,
    /// Show `text` on all pages.
    Announce,
    /// Take the announcement away.
    Unannounce,
    /// The lesson's lines on the board.
    Show,
    /// Neither lines nor anybody's conversation on the board.
    Hide,
    /// The conversation of `person` on the board.
    ShowOne,
    /// Lower the hand of `person`.
    LowerHand,
    /// End the lesson: names and progress are wiped.
    End,
    /// The server refused more connections of an address that has as many as one may
    /// have. Only in the journal: a teacher does not do it.
    Crowded,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 29] = [
        Action::Pause,
        Action::Resume,
        Action::StageEcho,
        Action::StageContacts,
        Action::Slow,
        Action::StickyJoin,
        Action::StickySplit,
        Action::StickyOff,
        Action::Freeze,
        Action::Thaw,
        Action::Delete,
        Action::Reset,
        Action::Undo,
        Action::NewBook,
        Action::Disconnect,
        Action::Block,
        Action::Unblock,
        Action::CloseDoor,
        Action::OpenDoor,
        Action::OpenServers,
        Action::CloseServers,
        Action::Announce,
        Action::Unannounce,
        Action::Show,
        Action::Hide,
        Action::ShowOne,
        Action::LowerHand,
        Action::End,
        Action::Crowded,
    ];

    /// How it is written: in an [`Act`], and as `data-action` on the teacher's page.
    pub fn name(self) -> &'static str {
        match self {
            Action::Pause => "pause",
            Action::Resume => "resume",
            Action::StageEcho => "stage-echo",
            Action::StageContacts => "stage-contacts",
            Action::Slow => "slow",
            Action::StickyJoin => "sticky-join",
            Action::StickySplit => "sticky-split",
            Action::StickyOff => "sticky-off",
            Action::Freeze => "freeze",
            Action::Thaw => "thaw",
            Action::Delete => "delete",
            Action::Reset => "reset",
            Action::Undo => "undo",
            Action::NewBook => "new-book",
            Action::Disconnect => "disconnect",
            Action::Block => "block",
            Action::Unblock => "unblock",
            Action::CloseDoor => "close-door",
            Action::OpenDoor => "open-door",
            Action::OpenServers => "open-servers",
            Action::CloseServers => "close-servers",
            Action::Announce => "announce",
            Action::Unannounce => "unannounce",
            Action::Show => "show",
            Action::Hide => "hide",
            Action::ShowOne => "show-one",
            Action::LowerHand => "lower-hand",
            Action::End => "end",
            Action::Crowded => "crowded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_written_as_the_pages_and_scripts_write_it() {
        let act = |text| serde_json::from_str::<Act>(text).expect("it is an act");
        let plain = Act { action: Action::CloseDoor, person: None, text: None, millis: None };
        assert_eq!(act(r#"{"action":"close-door"}"#), plain);
        assert_eq!(
            serde_json::to_string(&plain).expect("it has one"),
            r#"{"action":"close-door"}"#
        );
        assert_eq!(act(r#"{"action":"show-one","person":7}"#).person, Some(7));
    }

    #[test]
    fn every_action_has_the_name_that_it_is_written_with() {
        for action in Action::ALL {
            let written = serde_json::to_string(&action).expect("it has one");
            assert_eq!(written, format!("\"{}\"", action.name()));
        }
    }

    #[test]
    fn a_student_may_say_anything_or_nothing() {
        let said: Student = serde_json::from_str("{}").expect("all is optional");
        assert_eq!(said, Student::default());
    }
}
