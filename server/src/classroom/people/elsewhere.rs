//! Elsewhere: the people of a class who are connected to other servers of it, as those
//! servers tell.
//!
//! A page that changed servers is known to two of them by the same key: it counts where
//! it is, or where it was last. Everything here is empty in a class of one server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use api::{BoardLine, BoardMistake, Person, Shown};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::entry::{Entry, HomeworkResult};
use super::mistakes::{SHOWN_FROM, most_frequent_first};
use super::presence::Present;
use super::{People, PersonId};
use crate::relay::code::page_hash;
use crate::relay::pairing::PageTold;

/// The most bytes of texts of people that a server tells: a class of 200 with the longest
/// names and messages.
const MOST_TOLD: usize = 256 * 1024;

/// Bytes of a person beside the texts, in JSON.
const OF_NUMBERS: usize = 400;

/// What a server tells of the people who are connected to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pages: u64,
    clients: u64,
    reached: bool,
    /// Messages a second in the last 60 seconds, and their late mean.
    rates: Vec<u32>,
    rate: u64,
    people: Vec<Somebody>,
    /// However few made them: servers together may have enough.
    mistakes: Vec<BoardMistake>,
    /// The conversation that is on the board, if it is one of this server's.
    shown: Option<Shown>,
    /// The lines on the board that are this server's.
    lines: Vec<BoardLine>,
    homework: HomeworkTold,
}

/// What a server tells of homework, by the hashes of the pages' keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HomeworkTold {
    /// How that went which this server has checked, or a page that said so here.
    pub(crate) results: Vec<(u64, HomeworkResult)>,
    /// The homework pages that are open here.
    pub(crate) pages: Vec<PageTold>,
    /// What is to be shown to pages at other servers.
    pub(crate) shown: Vec<(u64, api::Homework)>,
}

impl HomeworkTold {
    /// What is to be shown to a page.
    pub(crate) fn shown(&self, page: u64) -> Option<api::Homework> {
        self.shown.iter().find(|(of, _)| *of == page).map(|(_, shown)| shown.clone())
    }
}

/// A person as servers tell each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Somebody {
    /// A hash of the page's key.
    key: Option<u64>,
    /// How many steps the lesson has on this page.
    pub(super) steps: u8,
    /// Milliseconds since it left.
    gone: Option<u64>,
    pub(super) row: Person,
}

/// What the other servers have told last, and when.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(Vec<(Instant, Told)>);

impl Told {
    /// Whether a teacher needs not know at once what differs: only counts and last words.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let rough = |told: &Self| Told {
            rates: Vec::new(),
            rate: 0,
            people: told.people.iter().map(Somebody::rough).collect(),
            mistakes: Vec::new(),
            ..told.clone()
        };
        rough(self) == rough(other)
    }

    /// Whether they are the same but for the time that has passed.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let timeless = |told: &Self| Told {
            people: told.people.iter().map(Somebody::timeless).collect(),
            ..told.clone()
        };
        timeless(self) == timeless(other)
    }
}

impl Somebody {
    pub(super) fn of(entry: &Entry, now: Instant) -> Self {
        Somebody {
            key: entry.key.as_deref().map(page_hash),
            steps: entry.student.steps,
            gone: entry.gone_for(now).map(millis),
            row: entry.row(now),
        }
    }

    /// Since when it is gone, if it is.
    pub(super) fn gone_for(&self) -> Option<Duration> {
        self.gone.map(Duration::from_millis)
    }

    fn timeless(&self) -> Self {
        let row = Person { idle: 0, ..self.row.clone() };
        Somebody { gone: self.gone.map(|_| 0), row, ..*self }
    }

    fn rough(&self) -> Self {
        let row = Person { messages: 0, errors: 0, last: String::new(), ..self.timeless().row };
        Somebody { row, ..self.timeless() }
    }

    /// As it is, a time after it was told.
    fn later(&self, age: Duration) -> Self {
        let (mut row, age) = (self.row.clone(), millis(age));
        row.idle = row.idle.saturating_add(age);
        Somebody { gone: self.gone.map(|gone| gone.saturating_add(age)), row, ..*self }
    }

    /// The order of rows with the same key: the least one counts.
    fn rank(&self) -> (bool, u64, bool, u64) {
        let is_silent = self.steps == 0 && self.row.name.is_empty();
        (self.gone.is_some(), self.gone.unwrap_or(0), is_silent, self.row.id)
    }

    fn size(&self) -> usize {
        let Person { name, seat, last, mistake, checks, .. } = &self.row;
        OF_NUMBERS + name.len() + seat.len() + last.len() + mistake.len() + checks.len()
    }
}

impl Elsewhere {
    /// Forgets names and progress, which the other servers do as well; those who are
    /// connected stay.
    pub(super) fn forget(&mut self) {
        for (_, told) in &mut self.0 {
            let Told { pages, clients, reached, .. } = *told;
            let mut people = std::mem::take(&mut told.people);
            people.retain(|somebody| somebody.gone.is_none());
            for somebody in &mut people {
                let Person { id, raw, .. } = somebody.row;
                let Person { address, state, .. } = std::mem::take(&mut somebody.row);
                somebody.row = Person { id, address, raw, state, ..Person::default() };
                somebody.steps = 0;
            }
            *told = Told { pages, clients, reached, people, ..Told::default() };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn told(&self) -> impl Iterator<Item = &Told> {
        self.0.iter().map(|(_, told)| told)
    }

    fn row(&self, id: PersonId) -> Option<&Person> {
        let mut rows = self.told().flat_map(|told| &told.people).map(|somebody| &somebody.row);
        rows.find(|row| row.id == id.0)
    }

    fn people(&self, now: Instant) -> impl Iterator<Item = Somebody> {
        self.0.iter().flat_map(move |(since, told)| {
            let age = now.saturating_duration_since(*since);
            told.people.iter().map(move |somebody| somebody.later(age))
        })
    }
}

impl People {
    /// What this server tells the others; `shows` is the one whose conversation is shown.
    pub(crate) fn told(&self, shows: Option<PersonId>, now: Instant) -> Told {
        let Present { pages, clients } = self.present();
        let (mut people, shown) = {
            let roll = self.roll();
            let people: Vec<_> =
                roll.all().into_iter().map(|entry| Somebody::of(entry, now)).collect();
            (people, shows.and_then(|id| roll.entry(id)).map(Entry::shown))
        };
        // Of too many those who left are left out first.
        let mut size = people.iter().map(Somebody::size).sum::<usize>();
        if size > MOST_TOLD {
            people.sort_by_key(|somebody| (somebody.gone, somebody.row.id));
            while size > MOST_TOLD
                && let Some(last) = people.pop()
            {
                size -= last.size();
            }
        }
        let (rates, rate) = {
            let rates = self.rates();
            (rates.told(), rates.of_late())
        };
        Told {
            pages,
            clients,
            reached: self.is_reached(),
            rates,
            rate,
            people,
            mistakes: self.mistakes().made_by(1),
            shown,
            lines: self.lines.own(),
            homework: self.homework().clone(),
        }
    }

    /// Takes what the other servers tell, each since when.
    pub(crate) fn take_over(&self, told: Vec<(Instant, Told)>) {
        *self.elsewhere() = Elsewhere(told);
        self.take_lines();
        self.changed();
    }

    /// Takes what is new of the other servers' lines on the board.
    pub(super) fn take_lines(&self) {
        self.elsewhere().told().for_each(|told| self.lines.take(&told.lines));
    }

    /// Whether somebody is connected to another server.
    pub(crate) fn is_elsewhere(&self, id: PersonId) -> bool {
        self.elsewhere().row(id).is_some()
    }

    /// The row of somebody at another server.
    pub(super) fn row_elsewhere(&self, id: PersonId) -> Option<Person> {
        self.elsewhere().row(id).cloned()
    }

    /// Whether another server of the class knows a page with this key.
    pub(super) fn knows_elsewhere(&self, key: &str) -> bool {
        let elsewhere = self.elsewhere();
        let key = Some(page_hash(key));
        elsewhere.told().flat_map(|told| &told.people).any(|somebody| somebody.key == key)
    }

    /// The address of somebody at another server.
    pub(super) fn address_elsewhere(&self, id: PersonId) -> Option<IpAddr> {
        self.elsewhere().row(id)?.address.parse().ok()
    }

    /// What to call somebody at another server.
    pub(super) fn label_elsewhere(&self, id: PersonId) -> Option<String> {
        let elsewhere = self.elsewhere();
        let Person { name, seat, address, .. } = elsewhere.row(id)?;
        [name, seat, address].into_iter().find(|given| !given.is_empty()).cloned()
    }

    /// Everybody in the class once, this server's people first.
    pub(super) fn everybody(&self, now: Instant) -> Vec<Somebody> {
        let mut all: Vec<_> = self.roll().all().into_iter().map(|e| Somebody::of(e, now)).collect();
        all.extend(self.elsewhere().people(now));
        let mut best: HashMap<u64, (bool, u64, bool, u64)> = HashMap::new();
        for somebody in &all {
            if let Some(key) = somebody.key {
                let rank = best.entry(key).or_insert_with(|| somebody.rank());
                *rank = (*rank).min(somebody.rank());
            }
        }
        all.retain(|somebody| somebody.key.is_none_or(|key| best[&key] == somebody.rank()));
        all
    }

    /// What the other servers tell of homework.
    pub(crate) fn homework_elsewhere(&self) -> Vec<HomeworkTold> {
        self.elsewhere().told().map(|told| told.homework.clone()).collect()
    }

    /// Has the other servers told of homework.
    pub(crate) fn tell_homework(&self, told: HomeworkTold) {
        let before = std::mem::replace(&mut *self.homework(), told.clone());
        if before != told {
            self.changed();
        }
    }

    fn homework(&self) -> MutexGuard<'_, HomeworkTold> {
        // Nothing under the lock can panic.
        self.homework.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts of open conversations on all servers of the class.
    pub(crate) fn present_everywhere(&self) -> Present {
        let own = self.present();
        self.elsewhere().told().fold(own, |sum, told| Present {
            pages: sum.pages + told.pages,
            clients: sum.clients + told.clients,
        })
    }

    pub(super) fn reached_elsewhere(&self) -> bool {
        self.elsewhere().told().any(|told| told.reached)
    }

    pub(super) fn rate_elsewhere(&self) -> u64 {
        self.elsewhere().told().map(|told| told.rate).sum()
    }

    /// Adds the rates of the other servers.
    pub(super) fn add_rates(&self, rates: &mut [u32]) {
        for told in self.elsewhere().told() {
            let pairs = rates.iter_mut().zip(&told.rates);
            pairs.for_each(|(sum, rate)| *sum = sum.saturating_add(*rate));
        }
    }

    /// The mistakes that enough people made on all servers together, the most frequent
    /// first.
    pub(super) fn mistakes_everywhere(&self) -> Vec<BoardMistake> {
        let elsewhere = self.elsewhere();
        if elsewhere.is_empty() {
            return self.mistakes().made_by(SHOWN_FROM);
        }
        let mut sums: HashMap<String, BoardMistake> = HashMap::new();
        let told = elsewhere.told().flat_map(|told| told.mistakes.iter().cloned());
        for made in self.mistakes().made_by(1).into_iter().chain(told) {
            match sums.get_mut(&made.cause) {
                Some(sum) => sum.count += made.count,
                None => drop(sums.insert(made.cause.clone(), made)),
            }
        }
        let enough = sums.into_values().filter(|made| made.count >= SHOWN_FROM as u64);
        most_frequent_first(enough.collect())
    }

    /// The conversation of somebody at another server, while it is shown.
    pub(super) fn shown_elsewhere(&self) -> Option<Shown> {
        self.elsewhere().told().find_map(|told| told.shown.clone())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use api::Student;
    use protocol::Cause;
    use tokio_util::sync::CancellationToken;

    use super::super::Visitor;
    use super::super::mistakes::Maker;
    use super::*;

    fn server(tag: u32) -> People {
        People::at_server(tag)
    }

    fn student(name: &str, done: u32) -> Student {
        Student { name: name.to_owned(), steps: 3, done, ..Student::default() }
    }

    /// As it comes over.
    fn told(people: &People) -> Vec<(Instant, Told)> {
        let now = Instant::now();
        let text = serde_json::to_string(&people.told(None, now)).unwrap();
        vec![(now, serde_json::from_str(&text).unwrap())]
    }

    #[tokio::test(start_paused = true)]
    async fn people_of_two_servers_are_one_class_and_a_page_that_changed_servers_counts_once() {
        let (one, two, stop) = (server(1), server(2), CancellationToken::new());
        let (here, there) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let staying = one.enter(Visitor::page(here, Some("key of zhangsan")), &stop);
        one.report("key of zhangsan", here, student("张三", 1)).unwrap();
        two.report("key of limei", there, student("李梅", 3)).unwrap();
        let moving = two.enter(Visitor::page(there, Some("key of limei")), &stop);
        one.take_over(told(&two));

        let now = Instant::now();
        let names = |people: &People| -> Vec<_> {
            people
                .everybody(Instant::now())
                .into_iter()
                .map(|it| (it.row.name, it.row.state))
                .collect()
        };
        let is = |name: &str, state: &str| (name.to_owned(), state.to_owned());
        assert_eq!(names(&one), [is("张三", "fine"), is("李梅", "fine")]);
        assert_eq!(one.present_everywhere(), Present { pages: 2, clients: 0 });
        let board = one.board(None, now);
        assert_eq!((board.students, &*board.steps), (2, &[2, 1, 0][..]));
        let id = PersonId(one.everybody(now)[1].row.id);
        assert!(one.is_elsewhere(id) && !two.is_elsewhere(id));
        assert_eq!(one.label_of(id).as_deref(), Some("李梅"));
        assert_eq!(one.address_of(id), Some(there));

        drop(moving);
        tokio::time::advance(Duration::from_secs(1)).await;
        one.report("key of limei", here, student("李梅", 7)).unwrap();
        let arrived = one.enter(Visitor::page(here, Some("key of limei")), &stop);
        one.take_over(told(&two));
        assert_eq!(names(&one), [is("张三", "fine"), is("李梅", "fine")]);
        assert_eq!(one.board(None, Instant::now()).steps, [2, 1, 1]);
        one.take_over(Vec::new());
        assert_eq!(one.present_everywhere(), Present { pages: 2, clients: 0 });
        drop((staying, arrived));
    }

    #[tokio::test(start_paused = true)]
    async fn a_mistake_of_three_people_on_two_servers_is_shown_and_one_of_two_is_not() {
        let (one, two) = (server(1), server(2));
        let note = |people: &People, n: u8, cause| {
            let maker = Maker { page: Some(PersonId(n.into())), address: [10, 0, 0, n].into() };
            people.mistakes().note(cause, maker, "find；a");
        };
        note(&one, 1, Cause::FullWidthSemicolon);
        note(&two, 2, Cause::FullWidthSemicolon);
        note(&two, 2, Cause::NoVerb);
        note(&one, 1, Cause::NoVerb);
        one.take_over(told(&two));
        assert_eq!(one.mistakes_everywhere(), []);
        note(&two, 3, Cause::FullWidthSemicolon);
        one.take_over(told(&two));
        let [made] = &one.mistakes_everywhere()[..] else { panic!("one is made often enough") };
        assert_eq!((&*made.cause, made.count), ("fullwidth-semicolon", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_lesson_those_at_other_servers_are_here_still_and_nameless() {
        let (one, two, stop) = (server(1), server(2), CancellationToken::new());
        let there = [10, 0, 0, 2].into();
        let _connected = two.enter(Visitor::page(there, Some("key of limei")), &stop);
        two.report("key of limei", there, student("李梅", 3)).unwrap();
        two.report("key of zhangsan", there, student("张三", 1)).unwrap();
        one.take_over(told(&two));
        assert_eq!(one.everybody(Instant::now()).len(), 2);
        one.forget_all();
        let rows = one.everybody(Instant::now());
        let [Somebody { row, steps: 0, .. }] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((&*row.name, &*row.address, row.done), ("", "10.0.0.2", 0));
        assert_eq!(one.present_everywhere(), Present { pages: 1, clients: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_told_is_bounded_and_who_is_here_goes_first() {
        let (people, stop) = (server(1), CancellationToken::new());
        let address = [10, 0, 0, 1].into();
        for number in 0..900 {
            let name = "长".repeat(api::MAX_NAME);
            people.report(&format!("key {number}"), address, student(&name, 0)).unwrap();
        }
        let _here = people.enter(Visitor::page(address, Some("key 899")), &stop);
        let told = people.told(None, Instant::now());
        assert!(told.people.len() < 900 && told.people[0].gone.is_none());
        let text = serde_json::to_string(&told).unwrap();
        assert!(text.len() < 2 * MOST_TOLD, "{}", text.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_hand_is_told_at_once_and_a_count_is_not() {
        let people = server(1);
        let address = [10, 0, 0, 1].into();
        people.report("key of zhangsan", address, student("张三", 1)).unwrap();
        let before = people.told(None, Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        let later = people.told(None, Instant::now());
        assert!(later != before && later.is_same(&before) && later.is_like(&before));
        let mut counted = later.clone();
        counted.people[0].row.messages = 7;
        assert!(counted.is_like(&later) && !counted.is_same(&later));
        let hand = Student { hand: true, ..student("张三", 1) };
        people.report("key of zhangsan", address, hand).unwrap();
        assert!(!people.told(None, Instant::now()).is_like(&later));
    }
}
