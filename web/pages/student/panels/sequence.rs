//! The sequence picture: who said what to whom, from top to bottom.
//!
//! An arrow is placed once, when it happens, and never moves: the view adds it
//! below the others and slides its window down. The clock is the caller's.
//! Nothing is drawn here, and what a browser does without telling the page is
//! [marked](ArrowKind::Unseen) as such.

use web::core::bytes::{escape, is_invisible};
use web::core::message::{Direction, Mode};

use crate::model::Model;
use crate::model::conversation::{ConnectionEvent, EventKind};

/// The most arrows kept. A lesson has some twenty exchanges of two arrows and
/// an opening of five: all of it is there, on three screens of a phone, and the
/// document grows by no more than a few hundred elements.
const KEPT: usize = 50;

/// Room for the text above an arrow, in units of the picture: a line of the
/// conversation's letters, 15 of them, and a little air.
pub const LABEL: u32 = 20;

/// How far an arrow falls on its way. The page knows when it sent and when it
/// received, never how long the other half of the way took: this only says
/// that the way takes time.
pub const SLOPE: u32 = 12;

/// Milliseconds that move an arrow down by one unit more. The pause of the
/// lesson's own server, 1 s, becomes 25: more than a line.
const PER_UNIT: u64 = 40;

/// The most that time moves an arrow down: a pause of 1.6 s, and all that are
/// longer. How long it was can be [read](Arrow::after).
const MOST: u64 = 40;

/// The longest text of an arrow, in columns (a Han character is two): what
/// fits between the two lines at the size of the conversation's letters.
const COLUMNS: usize = 30;

/// What an arrow stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrowKind {
    /// Something that must have happened, since there is a connection, but
    /// that no browser shows.
    Unseen(Unseen),
    /// A message that was sent or received.
    Message(Direction, String),
    /// The server said Close, with this code and reason.
    Closed(u16, String),
    /// The page gave the connection up.
    Left,
    /// The connection is gone, without a word.
    Broken,
    /// An attempt got no answer.
    Failed,
}

/// What TCP, and then the browser, do before the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// TCP: may I?
    Syn,
    /// TCP: yes; may I too?
    SynAck,
    /// TCP: yes.
    Ack,
    /// HTTP: `GET /ws`, let this become a WebSocket.
    Upgrade,
    /// HTTP: `101 Switching Protocols`.
    Switching,
}

impl Unseen {
    /// All of them, in order.
    pub const ALL: [Unseen; 5] =
        [Unseen::Syn, Unseen::SynAck, Unseen::Ack, Unseen::Upgrade, Unseen::Switching];

    /// What goes over the wire, in the words of the protocols themselves.
    pub fn words(self) -> &'static str {
        match self {
            Unseen::Syn => "SYN",
            Unseen::SynAck => "SYN, ACK",
            Unseen::Ack => "ACK",
            Unseen::Upgrade => "GET /ws",
            Unseen::Switching => "101 Switching Protocols",
        }
    }
}

/// One arrow, in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Its number since the page was opened.
    pub id: u32,
    /// What it stands for.
    pub kind: ArrowKind,
    /// Who was at the other end.
    pub peer: Mode,
    /// Where it begins, in units of the picture; it ends [`SLOPE`] below.
    pub top: u32,
    /// Milliseconds since the arrow before it, 0 for the first.
    pub after: u64,
}

impl Arrow {
    /// Which way it points; `None` for what happens to the line itself.
    pub fn direction(&self) -> Option<Direction> {
        Some(match self.kind {
            ArrowKind::Message(direction, _) => direction,
            ArrowKind::Unseen(Unseen::Syn | Unseen::Ack | Unseen::Upgrade) | ArrowKind::Left => {
                Direction::Sent
            }
            ArrowKind::Unseen(Unseen::SynAck | Unseen::Switching) | ArrowKind::Closed(..) => {
                Direction::Received
            }
            ArrowKind::Broken | ArrowKind::Failed => return None,
        })
    }

    /// The text at the arrow where it is something that was said, short enough
    /// to fit.
    pub fn label(&self) -> String {
        match &self.kind {
            ArrowKind::Unseen(unseen) => unseen.words().to_string(),
            ArrowKind::Message(_, text) => fitting(text),
            ArrowKind::Closed(code, _) => format!("Close {code}"),
            ArrowKind::Left => "Close".to_string(),
            ArrowKind::Broken | ArrowKind::Failed => String::new(),
        }
    }

    /// Whole seconds of silence before it, where the picture shows less than
    /// there were.
    pub fn pause(&self) -> Option<u64> {
        (self.after > MOST * PER_UNIT).then_some(self.after / 1000)
    }
}

/// The start of a text, with nothing in it that cannot be seen.
fn fitting(text: &str) -> String {
    let mut label = String::new();
    let mut columns = 0;
    for c in text.chars() {
        let before = label.len();
        if c == '\n' {
            label.push('⏎');
            columns += 2;
        } else if is_invisible(c) {
            escape(c, &mut label);
            columns += label.len() - before;
        } else {
            label.push(c);
            columns += if c.is_ascii() { 1 } else { 2 };
        }
        if columns > COLUMNS {
            label.truncate(before);
            label.push('…');
            break;
        }
    }
    label
}

/// The picture.
#[derive(Debug)]
pub struct Sequence {
    arrows: Vec<Arrow>,
    peer: Mode,
    /// How many of the model's events it has drawn.
    drawn: usize,
    next_id: u32,
    /// When the last arrow was placed.
    last: Option<u64>,
    /// Where it ends.
    below: u32,
}

impl Default for Sequence {
    fn default() -> Self {
        let (peer, last) = (Mode::Server, None);
        Sequence { arrows: Vec::new(), peer, drawn: 0, next_id: 0, last, below: 0 }
    }
}

impl Sequence {
    /// Draws what has happened since it last did.
    pub fn follow(&mut self, model: &Model) {
        let log = model.conversation().log();
        for ConnectionEvent { kind, peer, at } in log.events().iter().skip(self.drawn) {
            self.drawn += 1;
            self.peer = *peer;
            let kind = match kind {
                EventKind::Opened => {
                    self.open(*at);
                    continue;
                }
                EventKind::Message(id) => {
                    let entry = &log.entries()[*id as usize];
                    ArrowKind::Message(entry.direction, entry.text.clone())
                }
                EventKind::Closed(code, reason) => ArrowKind::Closed(*code, reason.clone()),
                EventKind::Left => ArrowKind::Left,
                EventKind::Broken => ArrowKind::Broken,
                EventKind::Failed => ArrowKind::Failed,
            };
            self.place(kind, *at);
        }
    }

    /// There is a connection. With a server, the opening must have happened.
    fn open(&mut self, now: u64) {
        if self.peer == Mode::Server {
            for unseen in Unseen::ALL {
                self.place(ArrowKind::Unseen(unseen), now);
            }
        }
    }

    fn place(&mut self, kind: ArrowKind, now: u64) {
        let after = self.last.map_or(0, |last| now.saturating_sub(last));
        let top = self.below + (after / PER_UNIT).min(MOST) as u32 + LABEL;
        if self.arrows.len() == KEPT {
            self.arrows.remove(0);
        }
        self.arrows.push(Arrow { id: self.next_id, kind, peer: self.peer, top, after });
        self.next_id += 1;
        self.last = Some(now);
        self.below = top + SLOPE;
    }

    /// The arrows that are kept, oldest first.
    pub fn arrows(&self) -> &[Arrow] {
        &self.arrows
    }

    /// Where the picture begins and ends, in the units of [`Arrow::top`].
    pub fn extent(&self) -> (u32, u32) {
        let top = self.arrows.first().map_or(0, |first| first.top - LABEL);
        (top, self.below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many arrows are kept no longer.
    fn forgotten(sequence: &Sequence) -> usize {
        sequence.next_id as usize - sequence.arrows.len()
    }
    use Direction::{Received, Sent};

    fn said(direction: Direction, text: &str) -> ArrowKind {
        ArrowKind::Message(direction, text.to_string())
    }

    fn labels(sequence: &Sequence) -> Vec<String> {
        sequence.arrows().iter().map(Arrow::label).collect()
    }

    #[test]
    fn a_conversation_is_drawn_as_it_went() {
        let mut sequence = Sequence::default();
        sequence.open(1000);
        sequence.place(said(Received, "Welcome!"), 1000);
        sequence.place(said(Sent, "find;张三"), 5000);
        sequence.place(said(Received, "Not Found!"), 5008);
        sequence.place(said(Sent, "exit"), 6000);
        sequence.place(ArrowKind::Closed(1000, "bye".to_string()), 6004);
        assert_eq!(
            labels(&sequence),
            [
                "SYN",
                "SYN, ACK",
                "ACK",
                "GET /ws",
                "101 Switching Protocols",
                "Welcome!",
                "find;张三",
                "Not Found!",
                "exit",
                "Close 1000",
            ]
        );
        let ways: Vec<_> = sequence.arrows().iter().filter_map(Arrow::direction).collect();
        assert_eq!(
            ways,
            [Sent, Received, Sent, Sent, Received, Received, Sent, Received, Sent, Received]
        );
        let unseen = sequence.arrows().iter().filter(|a| matches!(a.kind, ArrowKind::Unseen(_)));
        assert_eq!(unseen.count(), 5);
        let pauses: Vec<_> = sequence.arrows().iter().filter_map(Arrow::pause).collect();
        assert_eq!(pauses, [4]);
    }

    #[test]
    fn a_page_that_answers_itself_opens_no_connection() {
        let mut sequence = Sequence { peer: Mode::Page, ..Sequence::default() };
        sequence.open(0);
        sequence.place(said(Received, "Welcome!"), 0);
        assert_eq!(labels(&sequence), ["Welcome!"]);
        assert_eq!(sequence.arrows()[0].peer, Mode::Page);
    }

    #[test]
    fn arrows_only_go_down_never_touch_and_time_is_bounded() {
        let mut sequence = Sequence::default();
        let mut now = 0;
        let mut last: Option<Arrow> = None;
        for after in [0, 0, 3, 39, 40, 999, 1600, 1601, 60_000, 86_400_000, 0] {
            now += after;
            sequence.place(said(Sent, "hello"), now);
            let arrow = sequence.arrows().last().unwrap().clone();
            if let Some(last) = last {
                let gap = arrow.top - (last.top + SLOPE);
                assert!((LABEL..=LABEL + MOST as u32).contains(&gap), "{gap} after {after}");
                assert_eq!(arrow.after, after);
                assert_eq!(arrow.pause().is_some(), after > 1600);
            }
            last = Some(arrow);
        }
        // A clock that goes back moves nothing up.
        sequence.place(said(Sent, "hello"), 0);
        assert_eq!(sequence.arrows().last().unwrap().after, 0);
    }

    #[test]
    fn only_the_newest_are_kept_where_they_are() {
        let mut sequence = Sequence::default();
        for n in 0..KEPT + 3 {
            let before = sequence.arrows().last().cloned();
            sequence.place(said(Sent, &n.to_string()), n as u64);
            assert!(before.is_none_or(|before| sequence.arrows().contains(&before)));
        }
        assert_eq!((sequence.arrows().len(), forgotten(&sequence)), (KEPT, 3));
        assert_eq!(sequence.arrows()[0].id, 3);
        let [first, .., last] = sequence.arrows() else { panic!("there are many") };
        assert_eq!(sequence.extent(), (first.top - LABEL, last.top + SLOPE));
    }

    #[test]
    fn a_label_fits_and_hides_nothing() {
        for (text, label) in [
            ("add;zhangsan;13800138000", "add;zhangsan;13800138000"),
            ("find;a\nfind;b\n", "find;a⏎find;b⏎"),
            ("find;a\\nfind;b", "find;a\\nfind;b"),
            ("\u{202e}x", "\\u202ex"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1234567890123456789012345678901", "123456789012345678901234567890…"),
            ("一二三四五六七八九十一二三四五六", "一二三四五六七八九十一二三四五…"),
        ] {
            assert_eq!(fitting(text), label);
        }
        for text in web::core::samples::TEXTS {
            assert!(!fitting(text).contains(is_invisible));
        }
    }
}
