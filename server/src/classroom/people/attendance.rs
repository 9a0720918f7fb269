//! Attendance: somebody's part in one open conversation.

use std::net::IpAddr;
use std::sync::Arc;

use api::Sticky;
use protocol::{Decoder, Replies, Verb};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authors::Author;
use super::lines::Kind;
use super::mistakes::Maker;
use super::record::Record;
use super::{ClientKind, People, Visitor};
use crate::transport::conversation::Observer;

/// Messages of one person in a period of the sampler up to which it is noted who stored
/// what: what the limits of a class let through in half a second, a burst of 400 and 200
/// a second.
const NOTED_CHANGES: u64 = 500;

/// Guard of an open conversation; dropping it ends the count of it, whatever ended
/// the conversation, a panic included.
#[derive(Debug)]
pub(crate) struct Attendance<'p> {
    people: &'p People,
    kind: ClientKind,
    address: IpAddr,
    /// Whether the page has a key, so that it is told apart from others of its address.
    has_key: bool,
    /// What is noted of the one who holds it.
    record: Arc<Record>,
    /// What is stored of the person with contacts, where several servers share them.
    author: Option<Arc<str>>,
    /// Its number among the person's conversations, and what ends it. None beyond the
    /// bound of the roll.
    own: Option<(u64, CancellationToken)>,
    server_stop: &'p CancellationToken,
}

impl<'p> Attendance<'p> {
    pub(super) fn new(
        people: &'p People,
        visitor: Visitor<'_>,
        server_stop: &'p CancellationToken,
        now: Instant,
    ) -> Self {
        let Visitor { kind, address, key } = visitor;
        let entered = people.roll().enter(visitor, server_stop, now);
        let (record, own) = match entered {
            Some(entered) => (entered.record, Some((entered.number, entered.stop))),
            None => (Arc::clone(&people.others), None),
        };
        people.present.add(kind);
        people.changed();
        let (has_key, author) = (key.is_some(), Author { id: record.id, address, raw: record.raw });
        let author = people.is_shared.then(|| author.to_text());
        let attendance =
            Attendance { people, kind, address, has_key, record, author, own, server_stop };
        attendance.tell(Kind::Accepted, [""]);
        attendance
    }

    /// Adds lines to those on the board, if they are shown.
    fn tell<'t>(&self, kind: Kind, texts: impl IntoIterator<Item = &'t str>) {
        if self.people.lines.are_shown() {
            let name = self.people.given_name(self.record.id);
            texts.into_iter().for_each(|text| self.people.lines.push(kind, &name, text));
        }
    }
}

impl Observer for Attendance<'_> {
    fn stop(&self) -> &CancellationToken {
        self.own.as_ref().map_or(self.server_stop, |(_, stop)| stop)
    }

    fn is_removed(&self) -> bool {
        self.stop().is_cancelled() && !self.server_stop.is_cancelled()
    }

    fn sticky(&self) -> Sticky {
        self.record.sticky()
    }

    fn heard(&self, decoder: &mut Decoder, replies: &Replies, held: usize) {
        let heard = decoder.take_heard();
        if heard.messages == 0 {
            return;
        }
        let changes = heard.verbs.contains(Verb::Add) || heard.verbs.contains(Verb::Remove);
        if changes && self.author.is_none() {
            match self.record.in_period() < NOTED_CHANGES {
                true => {
                    let (id, raw) = (self.record.id, self.record.raw);
                    let author = Author { id, address: self.address, raw };
                    self.people.authors.note(author, replies.iter().skip(held));
                }
                false => self.people.authors.miss(),
            }
        }
        let news = self.record.hear(&heard, decoder, replies.iter().skip(held));
        if let Some(cause) = news.first_mistake {
            let page = self.has_key.then_some(self.record.id);
            let maker = Maker { page, address: self.address };
            self.people.mistakes().note(cause, maker, decoder.mistake_text(&heard));
        }
        if news.noted && self.people.lines.are_shown() {
            let sent = String::from_utf8_lossy(decoder.all_bytes(&heard));
            self.tell(Kind::Sent, sent.lines());
            self.tell(Kind::Received, replies.iter().skip(held));
        }
    }

    fn slowed(&self) {
        self.record.slow();
    }

    fn author(&self) -> Option<&Arc<str>> {
        self.author.as_ref()
    }
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        self.tell(Kind::Closed, [""]);
        if let Some((number, _)) = &self.own
            && let Some(entry) = self.people.roll().entry_mut(self.record.id)
        {
            entry.leave(*number, Instant::now());
        }
        self.people.present.subtract(self.kind);
        self.people.changed();
    }
}
