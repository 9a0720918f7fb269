//! What the server tells the page over HTTP about the class's book.
//!
//! These types are the JSON, on both sides: the server writes them with
//! `serde_json`, the page has the browser parse them. Fields that a reader does
//! not know are ignored, so that server and page may differ by a version. The
//! lesson's own protocol is not here, `protocol` is.
//!
//! # How the page keeps up
//!
//! Every change of the book has a sequence number, one more than the change
//! before it. The page
//!
//! 1. opens [`EVENTS`]: a [`Snapshot`] says how far the book has come, then each
//!    [`Changes`] says what has changed since;
//! 2. reads the book in [`Page`]s from [`CONTACTS`] meanwhile. Each says the
//!    sequence number it was read at, so for each name the higher number is
//!    the newer state, however pages and changes cross;
//! 3. begins anew whenever another [`Snapshot`] comes: the server cannot say
//!    what has changed since the last event, or is another one by now.
#![warn(missing_docs)]

mod board;
mod class;

pub use board::*;
pub use class::*;
use serde::{Deserialize, Serialize};

/// Server-sent events: one [`SNAPSHOT`], then [`CHANGES`]. Their ids are
/// opaque; a client that names the last one it got in `Last-Event-ID`, as every
/// `EventSource` does by itself, goes on from there if the server still can.
pub const EVENTS: &str = "/api/events";

/// The book in order of names, as a [`Page`]:
/// `?after=NAME&limit=N`, both optional.
pub const CONTACTS: &str = "/api/contacts";

/// Server-sent events: one [`BOARD_EVENT`] at once, another one after each change
/// of what it says. For a page that shows the class and takes part in nothing.
pub const BOARD: &str = "/api/board";

/// The name of an event with a [`Board`].
pub const BOARD_EVENT: &str = "board";

/// Where the server is, as a [`Classroom`].
pub const CLASSROOM: &str = "/api/classroom";

/// Server-sent events: a [`HOMEWORK_EVENT`] at once, another one after each change.
/// `?key=KEY&lang=zh&name=NAME`: a random key of the page's own, the language of the
/// texts, and the name that the page uses in examples, if any.
pub const HOMEWORK: &str = "/api/homework";

/// The name of an event with a [`Homework`].
pub const HOMEWORK_EVENT: &str = "homework";

/// What was sent and received for a check, as [`CheckDetails`]:
/// `?key=KEY&lang=zh&check=NAME`.
pub const HOMEWORK_CHECK: &str = "/api/homework/check";

/// `POST` begins the checks anew: `?key=KEY`.
pub const HOMEWORK_RUN: &str = "/api/homework/run";

/// Where `check.py` connects, with `?code=CODE`.
pub const HOMEWORK_RELAY: &str = "/api/homework/relay";

/// Where a page that has checked the homework by itself says so: POST,
/// `?key=KEY&checks=STATES`, these as [`Person::checks`] has them.
pub const HOMEWORK_PAGE: &str = "/api/homework/page";

/// Where the page's Python is: [`Python`].
pub const PYTHON: &str = "/api/python";

/// The network of a program that runs in a page: POST, a line of words and bytes.
pub const PROGRAM: &str = "/api/program";

/// The servers of the class that run in pages, as [`Servers`]: `?key=KEY`.
pub const SERVERS: &str = "/api/servers";

/// Where the files of the page's Python are, by their names.
pub const PYTHON_FILES: &str = "/python/";

/// The name of an event with a [`Snapshot`].
pub const SNAPSHOT: &str = "snapshot";

/// The name of an event with [`Changes`].
pub const CHANGES: &str = "changes";

/// Contacts in a [`Page`] unless asked for otherwise: some 20 KB, as much as a
/// phone on a busy classroom Wi-Fi gets in one go.
pub const PAGE: usize = 500;

/// The most contacts in a [`Page`].
pub const MAX_PAGE: usize = 1000;

/// The names in the examples of the lesson. A page writes its number behind them.
pub const EXAMPLE_NAMES: [&str; 3] = ["zhangsan", "lisi", "张三"];

/// The state of the book. A watcher that gets it drops all that it knew before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the last change.
    pub seq: u64,
    /// How many contacts the book holds.
    pub count: u64,
}

/// What has changed since the event before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The number of the last of these changes.
    pub seq: u64,
    /// How many contacts the book holds by now. More changes may have been made
    /// than one event can tell; it counts those, too.
    pub count: u64,
    /// In the order in which they were made, without a gap: the first one's
    /// number is `seq - changes.len() + 1`. A name may be in it several times.
    pub changes: Vec<Entry>,
}

/// Contacts in order of their names, which is the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The number of the last change when it was read.
    pub seq: u64,
    /// How many contacts the book held then.
    pub count: u64,
    /// Every contact behind the name asked for, up to the limit.
    pub contacts: Vec<Entry>,
    /// The name behind which the next page begins; none if this is the last.
    pub next: Option<String>,
}

/// A name in the book and its phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1 to 64 characters.
    pub name: String,
    /// 1 to 32 characters; none if the name has been removed, which is never
    /// so in a [`Page`].
    pub phone: Option<String>,
}

/// Where raw TCP clients connect, and which page the server has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classroom {
    /// The address that is really bound; where it is all of this machine's, none, for
    /// the one the page came from is as good as any, or the one that students use, for a
    /// page that was opened on this machine itself.
    pub tcp_host: Option<String>,
    /// The port that is really bound.
    pub tcp_port: u16,
    /// The address of the page that students use, with a `/` at its end, for a page that
    /// was opened on this machine itself.
    #[serde(default)]
    pub page: Option<String>,
    /// Whether it only says back what it hears, like the lesson's first server.
    #[serde(default)]
    pub echoes: bool,
    /// Another one for each page that asks this without bringing along the one it has,
    /// from 1; also for a page that brings another's. Its examples are no other page's,
    /// [`EXAMPLE_NAMES`] with the number behind them. The first page has the names as they
    /// are. What it brings along: `?page=KEY&number=N`.
    #[serde(default)]
    pub number: u64,
    /// The program of this server's page for students, as its file is called without
    /// the ending: `student-a4f3b7e68c7ecda1`. A page that runs another one is of
    /// another version. None if the server has no page.
    pub program: Option<String>,
}

/// What the projector shows of a class: how to join it, and how many have. It
/// holds no name, no phone and no client's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// How students reach this server, the likeliest way first; never empty.
    pub addresses: Vec<JoinAddress>,
    /// WebSocket conversations that are open: browsers with the page.
    pub pages: u64,
    /// Raw TCP conversations that are open: Python programs and `nc`.
    pub clients: u64,
    /// How many contacts the book holds.
    pub contacts: u64,
    /// The program of this server's board, as [`Classroom::program`].
    pub program: Option<String>,
    /// How the class is doing.
    #[serde(default)]
    pub class: BoardClass,
}

/// One way to reach the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinAddress {
    /// The network interface as the system calls it, such as `wlan0`; empty where
    /// it is not known, as for a name that the teacher chose.
    pub interface: String,
    /// The page's address, for a browser: `http://192.168.1.5:8080/`.
    pub url: String,
    /// The name or IP address for raw TCP clients, without brackets.
    pub host: String,
    /// The port for raw TCP clients.
    pub port: u16,
    /// The QR code of `url`: one text a row, `1` for a dark module and `0` for a
    /// light one, without the quiet zone. Empty if the address is too long for one.
    pub qr: Vec<String>,
}

/// How a student's own server stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Homework {
    /// What the student writes behind `check.py`.
    pub code: String,
    /// Whether `check.py` is connected.
    pub relay: bool,
    /// Whether the checks are being carried out.
    pub running: bool,
    /// Whether all required checks were passed, in the last run or one before.
    pub passed: bool,
    /// How many checks are passed, and the first that is not, with its verdict; empty
    /// before the first run.
    pub summary: String,
    /// The checks of the last run, in order; none before the first.
    pub checks: Vec<HomeworkCheck>,
}

/// Servers of the class that run in pages, as one page may reach them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// Whether the classroom's server is on the network, and not on its computer alone.
    pub network: bool,
    /// Whether students may reach each other's servers now.
    pub open: bool,
    /// Those of others, in order of their names; none unless they may be reached.
    pub servers: Vec<ClassServer>,
}

/// A server of a student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassServer {
    /// What the student is called; empty where no name was given.
    pub name: String,
    /// Where it is reached: `192.168.1.5:10003`.
    pub address: String,
}

/// A check and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeworkCheck {
    /// Its stable name.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// `waiting`, `running`, `passed`, `note`, `failed` or `skipped`.
    pub state: String,
    /// Whether the homework is done without it, too.
    pub extra: bool,
    /// What is wrong, or worth a note.
    pub text: Option<String>,
    /// The line of the student's file that it is about, with its number.
    pub line: Option<String>,
}

/// What was sent and received for a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDetails {
    /// In order.
    pub rows: Vec<CheckedBytes>,
}

/// Bytes that were sent or received, or should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedBytes {
    /// What they are.
    pub title: String,
    /// `sent`, `recv`, or neither.
    pub class: String,
    /// The characters they are.
    pub bytes: Vec<CheckedCharacter>,
}

/// A character and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedCharacter {
    /// The character, escaped where it has no look of its own.
    pub shown: String,
    /// Its bytes in hexadecimal, with a space between each two.
    pub hex: String,
    /// Whether the first difference to what should be is here.
    pub wrong: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_a_reader_does_not_know_are_ignored() {
        let text = r#"{"count":2,"more":{"deep":[1,null]},"seq":1}"#;
        let snapshot: Snapshot = serde_json::from_str(text).expect("it has all fields");
        assert_eq!(snapshot, Snapshot { seq: 1, count: 2 });
    }

    #[test]
    fn a_server_of_before_pages_compared_versions_is_understood() {
        let classroom: Classroom =
            serde_json::from_str(r#"{"tcp_host":null,"tcp_port":9999}"#).expect("it was complete");
        assert_eq!(classroom.program, None);
    }

    #[test]
    fn a_board_is_written_and_read_in_its_documented_form() {
        let board = Board {
            addresses: vec![JoinAddress {
                interface: "wlan0".to_owned(),
                url: "http://192.168.1.5:8080/".to_owned(),
                host: "192.168.1.5".to_owned(),
                port: 9999,
                qr: vec!["10".to_owned(), "01".to_owned()],
            }],
            pages: 3,
            clients: 2,
            contacts: 17,
            program: Some("board-1a".to_owned()),
            class: BoardClass::default(),
        };
        let text = concat!(
            r#"{"addresses":[{"interface":"wlan0","url":"http://192.168.1.5:8080/","#,
            r#""host":"192.168.1.5","port":9999,"qr":["10","01"]}],"#,
            r#""pages":3,"clients":2,"contacts":17,"program":"board-1a"}"#
        );
        let written = serde_json::to_string(&board).expect("it has a JSON form");
        assert!(written.starts_with(&text[..text.len() - 1]), "{written}");
        assert_eq!(serde_json::from_str::<Board>(text).expect("it has all fields"), board);
    }
}

/// The page's Python.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// Nothing where the server was built without it.
    pub program: Option<PythonProgram>,
    /// Whether it is being built just now, to be asked for again.
    pub coming: bool,
}

/// Its interpreter: `NAME.js` and `NAME_bg.wasm` in [`PYTHON_FILES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonProgram {
    /// With a hash of the content, so that the files can be kept for good.
    pub name: String,
    /// Bytes of the larger file as it is once unpacked.
    pub bytes: usize,
}
