//! How the page keeps up with the class's book, as the `api` crate describes.
//!
//! It says when to open the stream of changes and which page to ask for. It
//! opens nothing itself, and reads no clock.

use api::{Changes, Page, Snapshot};

use super::roster::{Roster, Wanted};
use crate::connection::wait;
use crate::model::Moment;

/// Least time from one reading of the whole book to the next, however fast the
/// server takes back what it told: a book of 10,000 is half a megabyte.
const PACE: u64 = 1_000;

/// What the server's book has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The stream is open, or open again.
    Open,
    /// The stream is interrupted. The browser sees to it by itself, unless it
    /// has given up.
    Cut {
        /// Whether it has.
        for_good: bool,
    },
    /// It begins.
    Snapshot(Snapshot),
    /// It goes on.
    Changes(Changes),
    /// The page that was asked for last; none if it could not be had.
    Page(Option<Page>),
}

/// What is to be done to keep up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Have the changes of the server's book told.
    Watch,
    /// Have them told no more.
    Unwatch,
    /// Ask for a page of the server's book, and for no other any more.
    Ask(Option<Wanted>),
}

/// The book of the server, as far as this page has followed it.
#[derive(Debug, Default)]
pub struct Following {
    roster: Roster,
    stream: Stream,
    /// Whether the stream that is open has said where the book stands.
    has_begun: bool,
    /// The page that has been asked for and has not come yet.
    asked: Option<Wanted>,
    /// Streams and pages in a row that could not be had.
    failures: u32,
    /// When the whole book may be read again.
    next_reading: u64,
    /// When a page that could not be had may be asked for again.
    next_try: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stream {
    /// Nobody looks.
    #[default]
    Off,
    /// The browser has it, or tries to.
    On { live: bool },
    /// It was refused; when to try again.
    Refused { until: u64 },
}

impl Following {
    /// The book.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The book, to be searched.
    pub fn roster_mut(&mut self) -> &mut Roster {
        &mut self.roster
    }

    /// Whether changes are told as they happen.
    pub fn is_live(&self) -> bool {
        self.stream == Stream::On { live: true }
    }

    /// Takes what the server has to say.
    pub fn take(&mut self, news: News, moment: Moment) {
        match news {
            News::Open => {
                self.stream = Stream::On { live: true };
                self.failures = 0;
            }
            News::Cut { for_good: false } => self.stream = Stream::On { live: false },
            News::Cut { for_good: true } => {
                self.stream = Stream::Refused { until: self.fail(moment) };
            }
            News::Snapshot(snapshot) => {
                self.has_begun = true;
                self.roster.begin(&snapshot);
            }
            News::Changes(changes) => self.roster.change(changes),
            News::Page(page) => match (self.asked.take(), page) {
                (Some(asked), Some(page)) => {
                    self.failures = 0;
                    self.roster.page(&asked, page);
                }
                _ => self.next_try = self.fail(moment),
            },
        }
    }

    /// What is to be done now, whether anybody looks at the book or not.
    pub fn go_on(&mut self, is_seen: bool, now: u64, errands: &mut Vec<Errand>) {
        match self.stream {
            Stream::Off if !is_seen => return,
            Stream::Refused { until } if is_seen && until > now => {}
            Stream::On { .. } if is_seen => {}
            _ => {
                self.has_begun = false;
                let (stream, errand) = match is_seen {
                    true => (Stream::On { live: false }, Errand::Watch),
                    false => (Stream::Off, Errand::Unwatch),
                };
                self.stream = stream;
                errands.push(errand);
            }
        }
        let wanted = self.roster.wanted().filter(|_| self.has_begun);
        if self.asked.is_some() && self.asked.as_ref() != wanted {
            self.asked = None;
            errands.push(Errand::Ask(None));
        }
        if self.asked.is_none()
            && let Some(wanted) = wanted
            && self.not_before(wanted) <= now
        {
            if wanted.after.is_empty() {
                self.next_reading = now + PACE;
            }
            self.asked = Some(wanted.clone());
            errands.push(Errand::Ask(self.asked.clone()));
        }
    }

    /// When there is something to be done, if that is only a matter of time.
    pub fn due(&self) -> Option<u64> {
        match self.stream {
            Stream::Off => None,
            Stream::Refused { until } => Some(until),
            Stream::On { .. } if self.has_begun && self.asked.is_none() => {
                self.roster.wanted().map(|wanted| self.not_before(wanted))
            }
            Stream::On { .. } => None,
        }
    }

    fn not_before(&self, wanted: &Wanted) -> u64 {
        let reading = if wanted.after.is_empty() { self.next_reading } else { 0 };
        reading.max(self.next_try)
    }

    /// Counts a failure, and returns when to try again.
    fn fail(&mut self, moment: Moment) -> u64 {
        self.failures = self.failures.saturating_add(1);
        moment.millis + wait(self.failures, moment.jitter)
    }
}

#[cfg(test)]
mod tests {
    use api::Entry;

    use super::*;

    /// A page that follows the book, and the clock on the wall.
    #[derive(Default)]
    struct Follower {
        following: Following,
        now: u64,
        is_seen: bool,
    }

    impl Follower {
        /// One that has just been told to follow, and the stream is open.
        fn live() -> Self {
            let mut follower = Follower { now: 10_000, is_seen: true, ..Follower::default() };
            assert_eq!(follower.goes_on(), [Errand::Watch]);
            assert_eq!(follower.hears(News::Open), []);
            assert!(follower.following.is_live());
            follower
        }

        fn goes_on(&mut self) -> Vec<Errand> {
            let mut errands = Vec::new();
            self.following.go_on(self.is_seen, self.now, &mut errands);
            // Nothing is said twice.
            self.following.go_on(self.is_seen, self.now, &mut errands);
            assert!(self.following.due().is_none_or(|due| due > self.now), "woken for nothing");
            errands
        }

        fn hears(&mut self, news: News) -> Vec<Errand> {
            self.following.take(news, Moment { millis: self.now, jitter: 0 });
            self.goes_on()
        }

        fn begins(&mut self) -> Vec<Errand> {
            self.hears(News::Snapshot(Snapshot { seq: 0, count: 2 }))
        }

        fn waits(&mut self, millis: u64) -> Vec<Errand> {
            self.now += millis;
            self.goes_on()
        }

        fn is_seen(&mut self, is_seen: bool) -> Vec<Errand> {
            self.is_seen = is_seen;
            self.goes_on()
        }

        fn names(&self) -> Vec<&str> {
            let roster = self.following.roster();
            roster.rows(0..roster.shown()).map(|contact| contact.name).collect()
        }
    }

    fn page(name: &str, next: Option<&str>) -> News {
        let entry = Entry { name: name.to_string(), phone: Some("1".to_string()) };
        let next = next.map(ToString::to_string);
        News::Page(Some(Page { seq: 0, count: 2, contacts: vec![entry], next }))
    }

    /// Where the page begins that is asked for.
    #[track_caller]
    fn asked(errands: &[Errand]) -> &str {
        match errands {
            [.., Errand::Ask(Some(wanted))] => &wanted.after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_pages_are_asked_for_one_after_the_other() {
        let mut follower = Follower::live();
        assert_eq!(asked(&follower.begins()), "");
        assert_eq!(asked(&follower.hears(page("a", Some("a")))), "a");
        assert_eq!(follower.hears(page("b", None)), []);
        assert_eq!(follower.names(), ["a", "b"]);
        assert_eq!(follower.following.due(), None);
    }

    #[test]
    fn only_what_is_seen_is_followed() {
        let mut follower = Follower::default();
        assert_eq!(follower.goes_on(), []);
        assert_eq!(follower.is_seen(true), [Errand::Watch]);
        follower.hears(News::Open);
        follower.begins();
        assert_eq!(follower.is_seen(false), [Errand::Unwatch, Errand::Ask(None)]);
        assert!(!follower.following.is_live());
        assert_eq!(follower.waits(100_000), []);
        // Seen again, it is told where the book stands before it asks.
        assert_eq!(follower.is_seen(true), [Errand::Watch]);
        assert_eq!(follower.hears(News::Open), []);
        assert_eq!(asked(&follower.begins()), "");
    }

    #[test]
    fn a_new_beginning_gives_up_what_was_asked_for_and_is_read_once_a_second() {
        let mut follower = Follower::live();
        follower.begins();
        assert_eq!(asked(&follower.hears(page("a", Some("a")))), "a");
        for _ in 0..3 {
            follower.now += 1;
            assert!(matches!(follower.begins()[..], [Errand::Ask(None)] | []));
        }
        assert_eq!(follower.following.due(), Some(follower.now - 3 + PACE));
        assert_eq!(follower.waits(PACE - 4), []);
        assert_eq!(asked(&follower.waits(1)), "");
        assert_eq!(follower.names(), ["a"], "the old rows are still on view");
    }

    #[test]
    fn a_page_that_cannot_be_had_is_asked_for_again_more_and_more_patiently() {
        let mut follower = Follower::live();
        follower.begins();
        follower.hears(page("a", Some("a")));
        for patience in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(follower.hears(News::Page(None)), []);
            assert_eq!(follower.waits(patience - 1), []);
            assert_eq!(asked(&follower.waits(1)), "a");
        }
        assert_eq!(follower.hears(page("b", None)), []);
        assert_eq!(follower.names(), ["a", "b"]);
    }

    #[test]
    fn an_interrupted_stream_is_the_browser_s_and_a_refused_one_is_opened_again() {
        let mut follower = Follower::live();
        follower.begins();
        follower.hears(page("a", None));
        assert_eq!(follower.hears(News::Cut { for_good: false }), []);
        assert!(!follower.following.is_live());
        assert_eq!(follower.hears(News::Open), []);
        assert!(follower.following.is_live());

        for patience in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(follower.hears(News::Cut { for_good: true }), []);
            assert!(!follower.following.is_live());
            assert_eq!(follower.following.due(), Some(follower.now + patience));
            assert_eq!(follower.waits(patience - 1), []);
            assert_eq!(follower.waits(1), [Errand::Watch]);
        }
        follower.hears(News::Cut { for_good: true });
        assert_eq!(follower.is_seen(false), [Errand::Unwatch]);
        assert_eq!(follower.following.due(), None);
    }
}
