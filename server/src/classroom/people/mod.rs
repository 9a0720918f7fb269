//! People: everybody in a class as the server sees them: who is here, what each has
//! said, how far each is.
//!
//! A page is somebody by the key it names itself by, so that one that reconnects is
//! still the same; a raw TCP client, and a page without a key, is somebody for the
//! length of its conversation. It decides nothing: what is done about anybody is
//! [`lead`](super::lead)'s.
//!
//! Conversations note what they hear in [records](record) of their own; a sampler looks
//! at all of them twice a second, and so tells who is idle, how fast the class is, and
//! when a teacher would see something new. Everything is bounded, and gone with
//! [`People::forget_all`].

mod attendance;
mod authors;
mod board;
mod elsewhere;
mod entry;
mod lines;
mod mask;
mod mistakes;
mod presence;
mod progress;
mod rates;
mod record;
mod reports;
mod roll;
#[cfg(test)]
mod tests;
mod watcher;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{Person, Sticky};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::attendance::Attendance;
pub(crate) use self::authors::Author;
use self::authors::Authors;
use self::elsewhere::Elsewhere;
pub(crate) use self::elsewhere::{HomeworkTold, Told};
use self::entry::Entry;
pub(crate) use self::entry::HomeworkResult;
use self::lines::Lines;
use self::mistakes::Mistakes;
use self::presence::Counts;
pub(crate) use self::presence::{ClientKind, Present};
use self::rates::Rates;
use self::record::Record;
use self::reports::Reports;
pub(crate) use self::reports::{OpenPage, ReportError};
use self::roll::Roll;
pub(crate) use self::watcher::Watcher;

/// Time between two samples: as often as a teacher's page and a board are told.
pub(crate) const SAMPLED_EVERY: Duration = Duration::from_millis(500);

/// Somebody's number in the class, given once: [`api::Person::id`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) struct PersonId(pub(crate) u64);

/// Who comes in to a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor<'k> {
    pub(crate) kind: ClientKind,
    pub(crate) address: IpAddr,
    /// The key that a page names itself by, if it does.
    pub(crate) key: Option<&'k str>,
}

impl<'k> Visitor<'k> {
    /// A browser with the page.
    pub(crate) fn page(address: IpAddr, key: Option<&'k str>) -> Self {
        Visitor { kind: ClientKind::Page, address: address.to_canonical(), key }
    }

    /// A raw TCP client.
    pub(crate) fn raw_tcp(address: IpAddr) -> Self {
        Visitor { kind: ClientKind::RawTcp, address: address.to_canonical(), key: None }
    }
}

/// Everybody in one class.
#[derive(Debug)]
pub(crate) struct People {
    roll: Mutex<Roll>,
    present: Counts,
    /// Grows with each change of what a teacher or a board sees.
    version: watch::Sender<u64>,
    /// Grows when a page is to be told something that is no switch: its hand is lowered.
    calls: watch::Sender<u64>,
    /// What the conversations beyond the bound of the roll are counted in.
    others: Arc<Record>,
    reports: Reports,
    rates: Mutex<Rates>,
    mistakes: Mutex<Mistakes>,
    lines: Lines,
    authors: Authors,
    /// Whether another computer than the server's has come so far.
    reached: AtomicBool,
    /// Whether this is one of several servers of the class.
    is_shared: bool,
    elsewhere: Mutex<Elsewhere>,
    /// What the other servers are told of homework.
    homework: Mutex<HomeworkTold>,
}

impl Default for People {
    fn default() -> Self {
        People {
            roll: Mutex::default(),
            present: Counts::default(),
            version: watch::Sender::default(),
            calls: watch::Sender::default(),
            others: Arc::new(Record::of_others()),
            reports: Reports::default(),
            rates: Mutex::default(),
            mistakes: Mutex::default(),
            lines: Lines::default(),
            authors: Authors::default(),
            reached: AtomicBool::new(false),
            is_shared: false,
            elsewhere: Mutex::default(),
            homework: Mutex::default(),
        }
    }
}

impl People {
    /// The people of a class of which this is one of several servers. By `tag` their
    /// numbers differ from those that other servers give.
    pub(crate) fn at_server(tag: u32) -> Self {
        let people = People { is_shared: true, ..People::default() };
        people.roll().count_from(tag);
        people.lines.count_from(tag);
        people
    }

    /// Whether this is one of several servers of the class.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Counts a conversation, and enters who holds it, for as long as the value
    /// returned lives. `stop` is the server's.
    pub(crate) fn enter<'p>(
        &'p self,
        visitor: Visitor<'_>,
        stop: &'p CancellationToken,
    ) -> Attendance<'p> {
        Attendance::new(self, visitor, stop, Instant::now())
    }

    /// The counts of open conversations.
    pub(crate) fn present(&self) -> Present {
        self.present.now()
    }

    /// Word of each change of what a teacher or a board sees.
    pub(crate) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Looks at what has come since the last sample. `homework` tells the result of the
    /// student with a key, if there is one.
    pub(crate) fn sample(&self, homework: impl Fn(&str) -> Option<HomeworkResult>, now: Instant) {
        let mut roll = self.roll();
        let mut changed = roll.expire(now);
        for entry in roll.all_mut() {
            let result = entry.key.as_deref().and_then(&homework);
            changed |= entry.sample(result, now);
        }
        drop(roll);
        let (total, _) = self.totals();
        changed |= self.rates().sample(total, now);
        if changed {
            self.changed();
        }
    }

    /// Messages and mistakes since the server started.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let (messages, mistakes) = self.roll().totals();
        let others = self.others.counts();
        (messages + others.0, mistakes + others.1)
    }

    /// How many people are remembered, connected or not.
    pub(crate) fn count(&self) -> u64 {
        self.roll().len() as u64
    }

    /// Messages a second, over the last ten seconds.
    pub(crate) fn rate(&self) -> u64 {
        self.rates().of_late() + self.rate_elsewhere()
    }

    /// Notes a connection; `to` tells the address of this computer that it came to.
    pub(crate) fn reach(&self, from: IpAddr, to: impl FnOnce() -> Option<IpAddr>) {
        let from = from.to_canonical();
        if from.is_loopback() || self.reached.load(Ordering::Relaxed) {
            return;
        }
        // A browser on this computer that opens its LAN address comes from that address, too.
        let is_other = to().is_some_and(|to| to.to_canonical() != from);
        if is_other && !self.reached.swap(true, Ordering::Relaxed) {
            self.changed();
        }
    }

    /// Ends somebody's conversations. Returns whether there were any.
    pub(crate) fn disconnect(&self, id: PersonId) -> bool {
        self.roll().entry(id).is_some_and(|entry| entry.disconnect())
    }

    /// Ends all conversations from an address.
    pub(crate) fn disconnect_address(&self, address: IpAddr) {
        self.roll().disconnect_address(address);
    }

    /// The address somebody last came from.
    pub(crate) fn address_of(&self, id: PersonId) -> Option<IpAddr> {
        let here = self.roll().entry(id).map(|entry| entry.address);
        here.or_else(|| self.address_elsewhere(id))
    }

    /// What to call somebody: the name, else the seat, else the address.
    pub(crate) fn label_of(&self, id: PersonId) -> Option<String> {
        let here = self.roll().entry(id).map(|entry| entry.label());
        here.or_else(|| self.label_elsewhere(id))
    }

    /// What the one whose page has this key is called: the name, else the seat, if one was
    /// given.
    pub(crate) fn name_of(&self, key: &str) -> Option<String> {
        self.roll().with_key_mut(key).map(|entry| entry.given_name().to_owned())
    }

    /// Whether a page with this key is in the class, or left it a short time ago.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.roll().with_key(key).is_some() || self.knows_elsewhere(key)
    }

    /// Whether a page with this key is connected to this server, or was so last.
    pub(crate) fn has_here(&self, key: &str) -> bool {
        self.is_here(key) || self.knows_elsewhere(key)
    }

    /// Whether a page with this key is connected to this server.
    pub(crate) fn is_here(&self, key: &str) -> bool {
        self.roll().with_key(key).is_some_and(Entry::is_here)
    }

    /// Lowers somebody's hand. Returns whether it was raised.
    pub(crate) fn lower_hand(&self, id: PersonId) -> bool {
        let lowered = self.roll().entry_mut(id).is_some_and(|entry| entry.lower_hand());
        if lowered {
            self.changed();
            self.call();
        }
        lowered
    }

    /// What happens to somebody's replies on purpose, from the next ones on. Returns
    /// whether there is such a person.
    pub(crate) fn set_sticky(&self, id: PersonId, sticky: Sticky) -> bool {
        let known = self.roll().entry(id).map(|entry| entry.record.set_sticky(sticky)).is_some();
        if known {
            self.changed();
        }
        known
    }

    /// Who stored a contact, if that is certain; only in a class of one server.
    pub(crate) fn author(&self, contact: &str) -> Option<Author> {
        self.authors.of(contact)
    }

    /// The row of an author. Of somebody who left long ago the address alone is known.
    pub(crate) fn row_of(&self, author: Author) -> Person {
        let here = self.roll().entry(author.id).map(|entry| entry.row(Instant::now()));
        here.or_else(|| self.row_elsewhere(author.id)).unwrap_or_else(|| Person {
            id: author.id.0,
            address: author.address.to_string(),
            raw: author.raw,
            state: "gone".to_owned(),
            ..Person::default()
        })
    }

    /// Begins to show the lesson's lines on the board, or forgets them.
    pub(crate) fn show_lines(&self, shown: bool) {
        if self.lines.are_shown() != shown {
            self.lines.show(shown);
            // What others told may have come before the switch.
            self.take_lines();
            self.changed();
        }
    }

    /// Forgets all that is known of everybody: names, progress, what was said. Those
    /// who are connected stay, nameless, and count from zero.
    pub(crate) fn forget_all(&self) {
        self.roll().forget_all(Instant::now());
        *self.mistakes() = Mistakes::default();
        self.elsewhere().forget();
        self.tell_homework(HomeworkTold::default());
        self.authors.forget();
        self.lines.show(false);
        self.changed();
        self.call();
    }

    /// Everybody, as the teacher sees them, in the order in which they came.
    fn rows(&self, now: Instant) -> Vec<Person> {
        if self.elsewhere().is_empty() {
            return self.roll().all().into_iter().map(|entry| entry.row(now)).collect();
        }
        self.everybody(now).into_iter().map(|somebody| somebody.row).collect()
    }

    fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// The name or seat that somebody gave; empty without.
    fn given_name(&self, id: PersonId) -> String {
        self.roll().entry(id).map(|entry| entry.given_name().to_owned()).unwrap_or_default()
    }

    /// Says that a teacher or a board would see something new.
    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Says that a page is to be told something.
    fn call(&self) {
        self.calls.send_modify(|calls| *calls += 1);
    }

    // Each change under one of the locks is complete before anything could panic.

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elsewhere(&self) -> MutexGuard<'_, Elsewhere> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mistakes(&self) -> MutexGuard<'_, Mistakes> {
        self.mistakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
