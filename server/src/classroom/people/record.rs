//! Record: what a conversation notes of the one who holds it, in every round.
//!
//! Counts are exact, at two atomic additions a round. Texts are noted of the first
//! messages in each period of the [sampler](super::People::sample): whatever a person
//! types, and of a program that sends hundreds a second some.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::{ShownLine, Sticky};
use protocol::escape::Escaped;
use protocol::{Cause, Decoder, Heard, Verbs, slice};

use super::PersonId;

/// Messages of one person of which the texts are noted between two samples: with two
/// samples a second several times as many as anybody types, and what one screen shows.
const NOTED: u64 = EXCHANGED as u64;

/// The most characters that are remembered of a message or a reply. The lesson's
/// longest command has 102.
pub(super) const SHOWN: usize = 200;

/// Messages and replies that are remembered of each person, for the board: what one
/// screen shows. At 200 characters of 4 bytes 16 KB, and mostly 1 KB.
const EXCHANGED: usize = 20;

/// What is noted of somebody while the conversations run, without a lock that others
/// share.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: PersonId,
    /// Whether it is a raw TCP client.
    pub(super) raw: bool,
    messages: AtomicU64,
    mistakes: AtomicU64,
    /// How often it was slowed down.
    slowed: AtomicU32,
    /// The messages at the last sample.
    sampled: AtomicU64,
    /// A [`Sticky`], by its place in [`STICKY`].
    sticky: AtomicU8,
    said: Mutex<Said>,
}

/// The texts.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last message, escaped and cut.
    pub(super) last: String,
    /// The last mistake, likewise.
    pub(super) mistake: String,
    /// Its kind.
    pub(super) cause: Option<Cause>,
    /// Mistakes since the last command that was understood.
    pub(super) failures: u32,
    /// The commands that succeeded.
    pub(super) commands: Verbs,
    /// The kinds of mistakes made so far: a bit for each, by its place among all.
    made: u32,
    /// The last messages and replies.
    exchanged: Exchanged,
}

const STICKY: [Sticky; 3] = [Sticky::Off, Sticky::Joined, Sticky::Split];

/// What a round brought that concerns the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Whether the texts were noted.
    pub(super) noted: bool,
    /// The kind of a mistake that this person has made for the first time.
    pub(super) first_mistake: Option<Cause>,
}

impl Record {
    pub(super) fn new(id: PersonId, raw: bool) -> Self {
        Record {
            id,
            raw,
            messages: AtomicU64::new(0),
            mistakes: AtomicU64::new(0),
            slowed: AtomicU32::new(0),
            sampled: AtomicU64::new(0),
            sticky: AtomicU8::new(0),
            said: Mutex::default(),
        }
    }

    /// The record of those who are not in the roll: only counted.
    pub(super) fn of_others() -> Self {
        Record::new(PersonId(0), false)
    }

    /// Messages and mistakes so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.mistakes.load(Ordering::Relaxed))
    }

    /// How often it was slowed down so far.
    pub(super) fn times_slowed(&self) -> u32 {
        self.slowed.load(Ordering::Relaxed)
    }

    pub(super) fn slow(&self) {
        self.slowed.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a period in which texts are noted.
    pub(super) fn begin_period(&self, messages: u64) {
        self.sampled.store(messages, Ordering::Relaxed);
    }

    /// Messages in this period so far.
    pub(super) fn in_period(&self) -> u64 {
        let messages = self.messages.load(Ordering::Relaxed);
        messages.saturating_sub(self.sampled.load(Ordering::Relaxed))
    }

    /// Notes a round of a conversation. The counts are updated last, so
    /// that a reader of new counts reads the new texts, too.
    pub(super) fn hear<'r>(
        &self,
        heard: &Heard,
        decoder: &Decoder,
        replies: impl ExactSizeIterator<Item = &'r str>,
    ) -> News {
        let noted = self.in_period() < NOTED && self.id != PersonId(0);
        let first_mistake = if noted { self.note(heard, decoder, replies) } else { None };
        if heard.mistakes > 0 {
            self.mistakes.fetch_add(heard.mistakes.into(), Ordering::Relaxed);
        }
        self.messages.fetch_add(heard.messages.into(), Ordering::Release);
        News { noted, first_mistake }
    }

    fn note<'r>(
        &self,
        heard: &Heard,
        decoder: &Decoder,
        replies: impl ExactSizeIterator<Item = &'r str>,
    ) -> Option<Cause> {
        let mut said = self.said();
        let said = &mut *said;
        set_shown(&mut said.last, decoder.last_text(heard));
        if !heard.verbs.is_empty() {
            said.commands.insert_all(heard.verbs);
            said.failures = 0;
        }
        said.failures += heard.mistakes_behind;
        said.exchanged.push(true, &String::from_utf8_lossy(decoder.all_bytes(heard)));
        let hidden = replies.len().saturating_sub(EXCHANGED);
        replies.skip(hidden).for_each(|reply| said.exchanged.push(false, reply));
        let cause = heard.cause?;
        said.cause = Some(cause);
        set_shown(&mut said.mistake, decoder.mistake_text(heard));
        let bit = 1 << cause as u32;
        let is_first = said.made & bit == 0;
        said.made |= bit;
        is_first.then_some(cause)
    }

    /// Forgets what was said, and counts from zero. Returns the counts until now.
    pub(super) fn forget(&self) -> (u64, u64) {
        *self.said() = Said::default();
        self.sampled.store(0, Ordering::Relaxed);
        self.sticky.store(0, Ordering::Relaxed);
        (self.messages.swap(0, Ordering::Relaxed), self.mistakes.swap(0, Ordering::Relaxed))
    }

    /// The last messages and replies, oldest first.
    pub(super) fn exchanged(&self) -> Vec<ShownLine> {
        self.said().exchanged.lines.iter().cloned().collect()
    }

    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        // Nothing under the lock can panic.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sticky(&self) -> Sticky {
        STICKY[usize::from(self.sticky.load(Ordering::Relaxed))]
    }

    pub(super) fn set_sticky(&self, sticky: Sticky) {
        let at = STICKY.iter().position(|own| *own == sticky).expect("all of them are in it");
        self.sticky.store(at as u8, Ordering::Relaxed);
    }
}

/// The last messages and replies of a person. Their room is used again.
#[derive(Debug, Default)]
struct Exchanged {
    lines: VecDeque<ShownLine>,
    /// The number of the last line.
    last: u64,
}

impl Exchanged {
    fn push(&mut self, sent: bool, text: &str) {
        self.last += 1;
        let full = self.lines.len() >= EXCHANGED;
        let mut room = if full { self.lines.pop_front() } else { None }.unwrap_or_default();
        room.text.clear();
        room.text.push_str(cut(text));
        self.lines.push_back(ShownLine { id: self.last, sent, text: room.text });
    }
}

/// Makes `shown` the text, escaped and cut.
fn set_shown(shown: &mut String, text: &str) {
    use std::fmt::Write as _;
    shown.clear();
    let whole = cut(text);
    write!(shown, "{}", Escaped(whole)).expect("writing to a String cannot fail");
    if whole.len() < text.len() {
        shown.push('…');
    }
}

/// The first [`SHOWN`] characters.
pub(super) fn cut(text: &str) -> &str {
    if text.len() <= SHOWN {
        return text;
    }
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| slice(text, ..end))
}

#[cfg(test)]
mod tests {
    use protocol::{Contacts, Next, Replies, Stage, answer};

    use super::*;

    /// Has a record hear one round, and returns what is new.
    fn round(record: &Record, bytes: &[u8]) -> News {
        let (mut decoder, mut replies) = (Decoder::new(Stage::Contacts), Replies::default());
        decoder.push(bytes);
        let next = answer(&mut decoder, &mut Contacts::default(), &mut replies, 1_000);
        assert_ne!(next, Next::More);
        let heard = decoder.take_heard();
        record.hear(&heard, &decoder, replies.iter())
    }

    fn lines(record: &Record) -> Vec<(bool, String)> {
        record.exchanged().into_iter().map(|line| (line.sent, line.text)).collect()
    }

    #[test]
    fn failures_count_until_a_command_succeeds_and_small_talk_is_none() {
        let record = Record::new(PersonId(1), true);
        let first = |cause| News { noted: true, first_mistake: cause };
        assert_eq!(round(&record, b"hello\x1b[31m"), first(None));
        assert_eq!(record.said().last, "hello<U+001B>[31m");
        assert_eq!(round(&record, b"add a 1"), first(Some(Cause::SpaceSeparator)));
        assert_eq!(round(&record, b"add a 1"), first(None));
        round(&record, b"hello");
        {
            let said = record.said();
            assert_eq!((said.last.as_str(), said.mistake.as_str()), ("hello", "add a 1"));
            assert_eq!((said.failures, said.cause), (2, Some(Cause::SpaceSeparator)));
        }
        round(&record, b"add;a;1");
        assert_eq!(record.said().failures, 0);
        round(&record, "find；a\nfind;a\n".as_bytes());
        let said = record.said();
        assert_eq!((said.mistake.as_str(), said.failures), ("find；a", 0), "the last one, over");
        assert_eq!(said.cause, Some(Cause::FullWidthSemicolon));
        assert_eq!(record.counts(), (7, 3));
    }

    #[test]
    fn what_is_remembered_of_a_person_is_bounded() {
        let record = Record::new(PersonId(1), true);
        let long = "长".repeat(300);
        round(&record, long.as_bytes());
        assert_eq!(record.said().last.chars().count(), SHOWN + 1, "with an ellipsis");
        round(&record, "find;a\n".repeat(100).as_bytes());
        let shown = lines(&record);
        assert_eq!(shown.len(), EXCHANGED);
        assert!(shown.iter().all(|(_, text)| text.chars().count() <= SHOWN));
        assert_eq!(shown.last().unwrap(), &(false, "Not Found!".to_owned()));
    }

    #[test]
    fn of_a_flood_every_message_is_counted_and_some_are_noted() {
        let record = Record::new(PersonId(1), true);
        let noted = (0..200).filter(|_| round(&record, b"find;a").noted).count();
        assert_eq!((noted as u64, record.counts().0), (NOTED, 200));
        record.begin_period(200);
        assert!(round(&record, b"find;b").noted);
        assert_eq!(record.said().last, "find;b");
    }

    #[test]
    fn a_conversation_is_kept_as_packets_and_replies_and_forgotten() {
        let record = Record::new(PersonId(1), false);
        round(&record, b"add;a;1\nfind;b\n");
        let expected = [(true, "add;a;1\nfind;b"), (false, "a added!"), (false, "Not Found!")];
        assert_eq!(lines(&record), expected.map(|(sent, text)| (sent, text.to_owned())));
        assert_eq!(record.forget(), (2, 0));
        assert_eq!((lines(&record), record.counts()), (Vec::new(), (0, 0)));
        assert_eq!(record.said().last, "");
    }
}
