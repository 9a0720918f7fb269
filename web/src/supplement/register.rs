//! The contacts on view: the server's book or the page's own, what is searched
//! for, and how far the list is scrolled.

use std::ops::Range;

use api::{Changes, Entry};

use super::following::{Errand, Following, News};
use super::roster::{Roster, in_sight};
use crate::model::{Mode, Model, Moment};

/// What can be seen of a list, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The height of a row.
    pub row: usize,
    /// How much has been scrolled out above.
    pub top: usize,
    /// How much is in sight.
    pub height: usize,
}

/// Whether the book on view is the server's, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is, and changes show as they happen.
    Live,
    /// It was.
    Silent,
    /// It is the page's own.
    Own,
}

/// Both books, and what is to be seen of them.
#[derive(Debug, Default)]
pub struct Register {
    following: Following,
    own: Roster,
    sight: Sight,
}

impl Register {
    /// Takes what the server has to say.
    pub fn take(&mut self, news: News, moment: Moment) {
        self.following.take(news, moment);
    }

    /// What is to be done now. The server's book is followed while `is_seen`.
    pub fn go_on(&mut self, model: &Model, is_seen: bool, now: u64) -> Vec<Errand> {
        let lines = model.notebook().lines();
        for (name, phone) in lines.iter().skip(self.own.seq() as usize) {
            let is_known = self.own.holds(name);
            let count = match phone {
                Some(_) => self.own.count() + u64::from(!is_known),
                None => self.own.count() - 1,
            };
            let entry = Entry { name: name.clone(), phone: phone.clone() };
            self.own.change(Changes { seq: self.own.seq() + 1, count, changes: vec![entry] });
        }
        let mut errands = Vec::new();
        self.following.go_on(is_seen && model.can_follow(), now, &mut errands);
        errands
    }

    /// When there is something to be done, if that is only a matter of time.
    pub fn due(&self) -> Option<u64> {
        self.following.due()
    }

    /// Shows only contacts whose name or phone has this text in it.
    pub fn search(&mut self, text: &str) {
        self.following.roster_mut().search(text);
        self.own.search(text);
    }

    /// The list was scrolled, or has another height.
    pub fn scroll(&mut self, sight: Sight) {
        self.sight = sight;
    }

    /// The book of whoever answers.
    pub fn book(&self, mode: Mode) -> &Roster {
        match mode {
            Mode::Server => self.following.roster(),
            Mode::Page => &self.own,
        }
    }

    /// Whether the book is as it is now.
    pub fn freshness(&self, mode: Mode) -> Freshness {
        match mode {
            Mode::Server if self.following.is_live() => Freshness::Live,
            Mode::Server => Freshness::Silent,
            Mode::Page => Freshness::Own,
        }
    }

    /// The rows of the book to have in the document.
    pub fn rows_in_sight(&self, mode: Mode) -> Range<usize> {
        let Sight { row, top, height } = self.sight;
        in_sight(self.book(mode).shown(), row, top, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Msg;
    use crate::model::tests::Lesson;
    use crate::panels::Panel;

    /// A page whose contacts are on view.
    struct Reader {
        lesson: Lesson,
        register: Register,
    }

    impl Reader {
        fn of(lesson: Lesson) -> Self {
            let mut reader = Reader { lesson, register: Register::default() };
            reader.happens(Msg::Shown(Panel::Contacts));
            reader
        }

        fn happens(&mut self, msg: Msg) -> Vec<Errand> {
            self.lesson.happens(msg);
            self.goes_on()
        }

        fn goes_on(&mut self) -> Vec<Errand> {
            let sees = self.lesson.model.panels().shows(Panel::Contacts);
            self.register.go_on(&self.lesson.model, sees, self.lesson.now)
        }

        fn hears(&mut self, news: News) -> Vec<Errand> {
            self.register.take(news, Moment { millis: self.lesson.now, jitter: 0 });
            self.goes_on()
        }

        fn freshness(&self) -> Freshness {
            self.register.freshness(self.lesson.model.mode())
        }

        fn rows_in_sight(&self) -> Range<usize> {
            self.register.rows_in_sight(self.lesson.model.mode())
        }

        fn names(&self) -> Vec<&str> {
            let book = self.register.book(self.lesson.model.mode());
            book.rows(0..book.shown()).map(|contact| contact.name).collect()
        }
    }

    #[test]
    fn the_server_s_book_is_followed_while_it_can_be_seen() {
        let mut reader = Reader::of(Lesson::opened());
        assert_eq!(reader.goes_on(), [], "there may be no server at all");
        assert_eq!(reader.happens(Msg::Received("Welcome!".into())), [Errand::Watch]);
        assert_eq!(reader.freshness(), Freshness::Silent);
        reader.hears(News::Open);
        assert_eq!(reader.freshness(), Freshness::Live);

        for (hide, show) in [
            (Msg::Shown(Panel::Wire), Msg::Shown(Panel::Contacts)),
            (Msg::Looked { here: false, wall: 0 }, Msg::Looked { here: true, wall: 0 }),
            (Msg::SwitchedMode, Msg::SwitchedMode),
        ] {
            assert_eq!(reader.happens(hide), [Errand::Unwatch]);
            assert_eq!(reader.happens(show), [Errand::Watch]);
            reader.happens(Msg::Received("Welcome!".into()));
        }
        // Neither the end of a conversation nor a break is the end of the book.
        reader.hears(News::Open);
        reader.lesson.sends("exit");
        reader.happens(Msg::Closed { code: 1000, reason: String::new() });
        reader.lesson.breaks().waits(60_000);
        assert_eq!(reader.goes_on(), []);
        assert_eq!(reader.freshness(), Freshness::Live);
    }

    #[test]
    fn each_who_answers_has_a_book_of_its_own_and_the_search_is_for_both() {
        let mut reader = Reader::of(Lesson::connected());
        reader.hears(News::Open);
        reader.hears(News::Snapshot(api::Snapshot { seq: 0, count: 0 }));
        let contacts = ["zhangsan", "lisi"]
            .map(|name| Entry { name: name.to_string(), phone: Some("1".to_string()) });
        reader.hears(News::Changes(Changes { seq: 2, count: 2, changes: contacts.to_vec() }));
        reader.register.search("an");
        assert_eq!(reader.names(), ["zhangsan"]);

        reader.happens(Msg::SwitchedMode);
        assert_eq!(reader.freshness(), Freshness::Own);
        reader.lesson.sends("add;wangwu;1").sends("add;lisi;2").sends("add;lisi;3");
        reader.lesson.sends("add;zhao;1").sends("remove;zhao");
        reader.goes_on();
        assert_eq!((reader.names(), reader.register.own.count()), (vec!["wangwu"], 2));
        reader.register.search("");
        assert_eq!(reader.names(), ["lisi", "wangwu"]);
        reader.happens(Msg::SwitchedMode);
        assert_eq!(reader.names(), ["lisi", "zhangsan"]);
    }

    #[test]
    fn the_rows_in_sight_follow_the_list() {
        let mut lesson = Lesson::alone();
        for number in 0..100 {
            lesson.sends(&format!("add;{number:02};1"));
        }
        let mut reader = Reader::of(lesson);
        assert_eq!(reader.rows_in_sight(), 0..8, "a list that was never seen");
        reader.register.scroll(Sight { row: 36, top: 1_800, height: 360 });
        assert_eq!(reader.rows_in_sight(), 42..68);
        reader.register.search("99");
        assert_eq!(reader.rows_in_sight(), 1..1, "until the browser has noticed");
    }
}
