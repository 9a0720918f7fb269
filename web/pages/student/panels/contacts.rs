//! State of the contacts panel: the server's book and the page's own, what is
//! searched for, and how far the list is scrolled.

use std::ops::Range;

use api::{Changes, Entry};
use web::core::book::list::{ContactList, visible_range};
use web::core::book::sync::{BookEvent, BookRequest, BookSync};
use web::core::clock::Moment;
use web::core::message::Mode;

use crate::model::Model;

/// What can be seen of a list, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewport {
    /// The height of a row.
    pub row: usize,
    /// How much has been scrolled out above.
    pub top: usize,
    /// How much is visible.
    pub height: usize,
}

/// Whether the book on view is the server's, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is, and changes show as they happen.
    Live,
    /// It was.
    Stale,
    /// It is the page's own.
    Local,
}

/// Both books, and which rows are visible.
#[derive(Debug, Default)]
pub struct ContactsPanel {
    sync: BookSync,
    own: ContactList,
    viewport: Viewport,
}

impl ContactsPanel {
    /// Takes what the server says.
    pub fn handle(&mut self, event: BookEvent, moment: Moment) {
        self.sync.handle(event, moment);
    }

    /// What to ask the server for now. Its book is followed while `is_seen`.
    pub fn next_requests(&mut self, model: &Model, is_seen: bool, now: u64) -> Vec<BookRequest> {
        let lines = model.conversation().own_book().lines();
        for (name, phone) in lines.iter().skip(self.own.seq() as usize) {
            let is_known = self.own.holds(name);
            let count = match phone {
                Some(_) => self.own.count() + u64::from(!is_known),
                None => self.own.count() - 1,
            };
            let entry = Entry { name: name.clone(), phone: phone.clone() };
            self.own.apply(Changes { seq: self.own.seq() + 1, count, changes: vec![entry] });
        }
        let mut requests = Vec::new();
        let is_followed = is_seen && model.conversation().can_follow_book();
        self.sync.next_requests(is_followed, now, &mut requests);
        requests
    }

    /// When there is something to be done, if that is only a matter of time.
    pub fn due(&self) -> Option<u64> {
        self.sync.due()
    }

    /// Shows only contacts whose name or phone has this text in it.
    pub fn search(&mut self, text: &str) {
        self.sync.list_mut().search(text);
        self.own.search(text);
    }

    /// The list was scrolled, or has another height.
    pub fn scroll(&mut self, viewport: Viewport) {
        self.viewport = viewport;
    }

    /// The book of the server or of the page.
    pub fn book(&self, mode: Mode) -> &ContactList {
        match mode {
            Mode::Server => self.sync.list(),
            Mode::Page => &self.own,
        }
    }

    /// Whether the book is as it is now.
    pub fn freshness(&self, mode: Mode) -> Freshness {
        match mode {
            Mode::Server if self.sync.is_live() => Freshness::Live,
            Mode::Server => Freshness::Stale,
            Mode::Page => Freshness::Local,
        }
    }

    /// The rows of the book to have in the document.
    pub fn visible_rows(&self, mode: Mode) -> Range<usize> {
        let Viewport { row, top, height } = self.viewport;
        visible_range(self.book(mode).shown(), row, top, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Msg;
    use crate::model::conversation::ConversationMsg;
    use crate::model::panels::PanelsMsg;
    use crate::model::tabs::Panel;
    use crate::model::tests::TestPage;

    /// A page whose contacts are on view.
    struct Reader {
        page: TestPage,
        contacts: ContactsPanel,
    }

    impl Reader {
        fn of(page: TestPage) -> Self {
            let mut reader = Reader { page, contacts: ContactsPanel::default() };
            reader.happens(PanelsMsg::Chosen(Panel::Contacts));
            reader
        }

        fn happens(&mut self, msg: impl Into<Msg>) -> Vec<BookRequest> {
            self.page.happens(msg);
            self.goes_on()
        }

        fn goes_on(&mut self) -> Vec<BookRequest> {
            let sees = self.page.model.panels().shows(Panel::Contacts);
            self.contacts.next_requests(&self.page.model, sees, self.page.now)
        }

        fn hears(&mut self, event: BookEvent) -> Vec<BookRequest> {
            self.contacts.handle(event, Moment { millis: self.page.now, jitter: 0 });
            self.goes_on()
        }

        fn freshness(&self) -> Freshness {
            self.contacts.freshness(self.page.model.conversation().mode())
        }

        fn visible_rows(&self) -> Range<usize> {
            self.contacts.visible_rows(self.page.model.conversation().mode())
        }

        fn names(&self) -> Vec<&str> {
            let book = self.contacts.book(self.page.model.conversation().mode());
            book.rows(0..book.shown()).map(|contact| contact.name).collect()
        }
    }

    #[test]
    fn the_server_s_book_is_followed_while_it_can_be_seen() {
        let mut reader = Reader::of(TestPage::opened());
        assert_eq!(reader.goes_on(), [], "there may be no server at all");
        assert_eq!(
            reader.happens(ConversationMsg::Received("Welcome!".into())),
            [BookRequest::Subscribe]
        );
        assert_eq!(reader.freshness(), Freshness::Stale);
        reader.hears(BookEvent::Opened);
        assert_eq!(reader.freshness(), Freshness::Live);

        let visible = |is_visible| -> Msg {
            ConversationMsg::VisibilityChanged { is_visible, wall: 0 }.into()
        };
        for (hide, show) in [
            (PanelsMsg::Chosen(Panel::Bytes).into(), PanelsMsg::Chosen(Panel::Contacts).into()),
            (visible(false), visible(true)),
            (ConversationMsg::ModeSwitched.into(), ConversationMsg::ModeSwitched.into()),
        ] {
            assert_eq!(reader.happens(hide), [BookRequest::Unsubscribe]);
            assert_eq!(reader.happens(show), [BookRequest::Subscribe]);
            reader.happens(ConversationMsg::Received("Welcome!".into()));
        }
        // Neither the end of a conversation nor a break is the end of the book.
        reader.hears(BookEvent::Opened);
        reader.page.sends("exit");
        reader.happens(ConversationMsg::Closed { code: 1000, reason: String::new() });
        reader.page.breaks().waits(60_000);
        assert_eq!(reader.goes_on(), []);
        assert_eq!(reader.freshness(), Freshness::Live);
    }

    #[test]
    fn each_who_answers_has_a_book_of_its_own_and_the_search_is_for_both() {
        let mut reader = Reader::of(TestPage::connected());
        reader.hears(BookEvent::Opened);
        reader.hears(BookEvent::Snapshot(api::Snapshot { seq: 0, count: 0 }));
        let contacts = ["zhangsan", "lisi"]
            .map(|name| Entry { name: name.to_string(), phone: Some("1".to_string()) });
        reader.hears(BookEvent::Changes(Changes { seq: 2, count: 2, changes: contacts.to_vec() }));
        reader.contacts.search("an");
        assert_eq!(reader.names(), ["zhangsan"]);

        reader.happens(ConversationMsg::ModeSwitched);
        assert_eq!(reader.freshness(), Freshness::Local);
        reader.page.sends("add;wangwu;1").sends("add;lisi;2").sends("add;lisi;3");
        reader.page.sends("add;zhao;1").sends("remove;zhao");
        reader.goes_on();
        assert_eq!((reader.names(), reader.contacts.own.count()), (vec!["wangwu"], 2));
        reader.contacts.search("");
        assert_eq!(reader.names(), ["lisi", "wangwu"]);
        reader.happens(ConversationMsg::ModeSwitched);
        assert_eq!(reader.names(), ["lisi", "zhangsan"]);
    }

    #[test]
    fn the_rows_in_sight_follow_the_list() {
        let mut page = TestPage::alone();
        for number in 0..100 {
            page.sends(&format!("add;{number:02};1"));
        }
        let mut reader = Reader::of(page);
        assert_eq!(reader.visible_rows(), 0..8, "a list that was never seen");
        reader.contacts.scroll(Viewport { row: 36, top: 1_800, height: 360 });
        assert_eq!(reader.visible_rows(), 42..68);
        reader.contacts.search("99");
        assert_eq!(reader.visible_rows(), 1..1, "until the browser has noticed");
    }
}
