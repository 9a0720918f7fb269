//! Synchronisation of the class's book: how the page keeps up with the server, as
//! the `api` crate describes.
//!
//! It says when to open the stream of changes and which page to ask for. It
//! opens nothing itself, and reads no clock.

use api::{Changes, Page, Snapshot};

use super::list::{ContactList, PageRequest};
use crate::core::clock::Moment;
use crate::core::connection::retry_delay;
use crate::core::subscription::{StreamRequest, Subscription};

/// Least time from one reading of the whole book to the next, however fast the
/// server takes back what it told: a book of 10,000 is half a megabyte.
const PACE: u64 = 1_000;

/// What the server says about the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookEvent {
    /// The stream is open, or open again.
    Opened,
    /// The stream is interrupted.
    Interrupted {
        /// Whether the browser has given up; else it reconnects by itself.
        is_final: bool,
    },
    /// Where the book stands.
    Snapshot(Snapshot),
    /// What has changed since.
    Changes(Changes),
    /// The page that was asked for last; none if it could not be had.
    Page(Option<Page>),
}

/// What to ask the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookRequest {
    /// Open the stream of changes anew.
    Subscribe,
    /// Close it.
    Unsubscribe,
    /// Ask for a page of the book, or for none; cancels what was asked before.
    Page(Option<PageRequest>),
}

/// The server's book as far as this page knows it, and the state of the stream.
#[derive(Debug, Default)]
pub struct BookSync {
    list: ContactList,
    stream: Subscription,
    /// Whether the stream that is open has said where the book stands.
    has_begun: bool,
    /// The page that has been asked for and has not come yet.
    asked: Option<PageRequest>,
    /// Pages in a row that could not be had.
    failures: u32,
    /// When the whole book may be read again.
    next_reading: u64,
    /// When a page that could not be had may be asked for again.
    next_try: u64,
}

impl BookSync {
    /// The book.
    pub fn list(&self) -> &ContactList {
        &self.list
    }

    /// The book, to be searched.
    pub fn list_mut(&mut self) -> &mut ContactList {
        &mut self.list
    }

    /// Whether changes are told as they happen.
    pub fn is_live(&self) -> bool {
        self.stream.is_live()
    }

    /// Takes what the server says.
    pub fn handle(&mut self, event: BookEvent, moment: Moment) {
        match event {
            BookEvent::Opened => {
                self.stream.opened();
                self.failures = 0;
            }
            BookEvent::Interrupted { is_final } => self.stream.interrupted(is_final, moment),
            BookEvent::Snapshot(snapshot) => {
                self.has_begun = true;
                self.list.reset(&snapshot);
            }
            BookEvent::Changes(changes) => self.list.apply(changes),
            BookEvent::Page(page) => match (self.asked.take(), page) {
                (Some(asked), Some(page)) => {
                    self.failures = 0;
                    self.list.apply_page(&asked, page);
                }
                _ => self.next_try = self.fail(moment),
            },
        }
    }

    /// What to ask for now: nothing while the book is not seen.
    pub fn next_requests(&mut self, is_seen: bool, now: u64, requests: &mut Vec<BookRequest>) {
        match self.stream.next_request(is_seen, now) {
            Some(request) => {
                self.has_begun = false;
                requests.push(match request {
                    StreamRequest::Open => BookRequest::Subscribe,
                    StreamRequest::Close => BookRequest::Unsubscribe,
                });
            }
            None if !is_seen => return,
            None => {}
        }
        let missing = self.list.missing_page().filter(|_| self.has_begun);
        if self.asked.is_some() && self.asked.as_ref() != missing {
            self.asked = None;
            requests.push(BookRequest::Page(None));
        }
        if self.asked.is_none()
            && let Some(missing) = missing
            && self.not_before(missing) <= now
        {
            if missing.after.is_empty() {
                self.next_reading = now + PACE;
            }
            self.asked = Some(missing.clone());
            requests.push(BookRequest::Page(self.asked.clone()));
        }
    }

    /// When there is something to be done, if that is only a matter of time.
    pub fn due(&self) -> Option<u64> {
        if self.stream.is_on() && self.has_begun && self.asked.is_none() {
            return self.list.missing_page().map(|missing| self.not_before(missing));
        }
        self.stream.due()
    }

    fn not_before(&self, request: &PageRequest) -> u64 {
        let reading = if request.after.is_empty() { self.next_reading } else { 0 };
        reading.max(self.next_try)
    }

    /// Counts a failure, and returns when to try again.
    fn fail(&mut self, moment: Moment) -> u64 {
        self.failures = self.failures.saturating_add(1);
        moment.millis + retry_delay(self.failures, moment.jitter)
    }
}

#[cfg(test)]
mod tests {
    use api::Entry;

    use super::*;

    /// A page that follows the book, and its clock.
    #[derive(Default)]
    struct Follower {
        sync: BookSync,
        now: u64,
        is_seen: bool,
    }

    impl Follower {
        /// One that has just been told to follow, and the stream is open.
        fn live() -> Self {
            let mut follower = Follower { now: 10_000, is_seen: true, ..Follower::default() };
            assert_eq!(follower.goes_on(), [BookRequest::Subscribe]);
            assert_eq!(follower.hears(BookEvent::Opened), []);
            assert!(follower.sync.is_live());
            follower
        }

        fn goes_on(&mut self) -> Vec<BookRequest> {
            let mut requests = Vec::new();
            self.sync.next_requests(self.is_seen, self.now, &mut requests);
            // Nothing is said twice.
            self.sync.next_requests(self.is_seen, self.now, &mut requests);
            assert!(self.sync.due().is_none_or(|due| due > self.now), "woken for nothing");
            requests
        }

        fn hears(&mut self, event: BookEvent) -> Vec<BookRequest> {
            self.sync.handle(event, Moment { millis: self.now, jitter: 0 });
            self.goes_on()
        }

        fn begins(&mut self) -> Vec<BookRequest> {
            self.hears(BookEvent::Snapshot(Snapshot { seq: 0, count: 2 }))
        }

        fn waits(&mut self, millis: u64) -> Vec<BookRequest> {
            self.now += millis;
            self.goes_on()
        }

        fn is_seen(&mut self, is_seen: bool) -> Vec<BookRequest> {
            self.is_seen = is_seen;
            self.goes_on()
        }

        fn names(&self) -> Vec<&str> {
            let list = self.sync.list();
            list.rows(0..list.shown()).map(|contact| contact.name).collect()
        }
    }

    fn page(name: &str, next: Option<&str>) -> BookEvent {
        let entry = Entry { name: name.to_string(), phone: Some("1".to_string()) };
        let next = next.map(ToString::to_string);
        BookEvent::Page(Some(Page { seq: 0, count: 2, contacts: vec![entry], next }))
    }

    /// Where the page begins that is asked for.
    #[track_caller]
    fn asked(requests: &[BookRequest]) -> &str {
        match requests {
            [.., BookRequest::Page(Some(wanted))] => &wanted.after,
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
        assert_eq!(follower.sync.due(), None);
    }

    #[test]
    fn only_what_is_seen_is_followed() {
        let mut follower = Follower::default();
        assert_eq!(follower.goes_on(), []);
        assert_eq!(follower.is_seen(true), [BookRequest::Subscribe]);
        follower.hears(BookEvent::Opened);
        follower.begins();
        assert_eq!(follower.is_seen(false), [BookRequest::Unsubscribe, BookRequest::Page(None)]);
        assert!(!follower.sync.is_live());
        assert_eq!(follower.waits(100_000), []);
        // Seen again, it is told where the book stands before it asks.
        assert_eq!(follower.is_seen(true), [BookRequest::Subscribe]);
        assert_eq!(follower.hears(BookEvent::Opened), []);
        assert_eq!(asked(&follower.begins()), "");
    }

    #[test]
    fn a_new_beginning_gives_up_what_was_asked_for_and_is_read_once_a_second() {
        let mut follower = Follower::live();
        follower.begins();
        assert_eq!(asked(&follower.hears(page("a", Some("a")))), "a");
        for _ in 0..3 {
            follower.now += 1;
            assert!(matches!(follower.begins()[..], [BookRequest::Page(None)] | []));
        }
        assert_eq!(follower.sync.due(), Some(follower.now - 3 + PACE));
        assert_eq!(follower.waits(PACE - 4), []);
        assert_eq!(asked(&follower.waits(1)), "");
        assert_eq!(follower.names(), ["a"], "the old rows are still on view");
    }

    #[test]
    fn a_page_that_cannot_be_had_is_asked_for_again_more_and_more_patiently() {
        let mut follower = Follower::live();
        follower.begins();
        follower.hears(page("a", Some("a")));
        for pause in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(follower.hears(BookEvent::Page(None)), []);
            assert_eq!(follower.waits(pause - 1), []);
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
        assert_eq!(follower.hears(BookEvent::Interrupted { is_final: false }), []);
        assert!(!follower.sync.is_live());
        assert_eq!(follower.hears(BookEvent::Opened), []);
        assert!(follower.sync.is_live());

        for pause in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(follower.hears(BookEvent::Interrupted { is_final: true }), []);
            assert!(!follower.sync.is_live());
            assert_eq!(follower.sync.due(), Some(follower.now + pause));
            assert_eq!(follower.waits(pause - 1), []);
            assert_eq!(follower.waits(1), [BookRequest::Subscribe]);
        }
        follower.hears(BookEvent::Interrupted { is_final: true });
        assert_eq!(follower.is_seen(false), [BookRequest::Unsubscribe]);
        assert_eq!(follower.sync.due(), None);
    }
}
