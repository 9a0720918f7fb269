//! Everybody in the class, as the server tells it piece by piece.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use api::{People, Person};

/// A person, and when the last message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As the server said it last.
    pub person: Person,
    /// In milliseconds of the page's clock; less than 0 for before the page was opened.
    pub since: i64,
    /// Since when there have been mistakes and no success, as far as this page has seen it.
    pub stuck: Option<u64>,
}

/// What the rows are sorted by. Those who are gone are last in each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Who struggles for the longest time is first, then who is idle for the longest time.
    #[default]
    Stuck,
    /// What they are called.
    Name,
    /// Where they sit; those without a seat behind the others.
    Seat,
    /// The order in which they came.
    Came,
}

impl Sort {
    const ALL: [(&'static str, Sort); 4] =
        [("stuck", Sort::Stuck), ("name", Sort::Name), ("seat", Sort::Seat), ("came", Sort::Came)];

    /// The one of this name in the markup.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(own, _)| *own == name).map(|(_, sort)| sort)
    }
}

/// Rows that are written, or moved, at once. A row that is moved pushes another one into
/// sight, so that four are up to eight to be styled and laid out: some 8 ms of a slow laptop
/// beside the 20 of a frame whose order changes, and a task of 50 ms is seen. With
/// [`BATCH_PAUSE`](crate::view::BATCH_PAUSE) 120 rows a second are written, as many as a class
/// of 300 changes.
pub const BATCH: usize = 4;

/// Who is here. Rows that change are remembered, so that the view touches no others.
#[derive(Debug, Default)]
pub struct Roll {
    rows: BTreeMap<u64, Row>,
    changed: BTreeSet<u64>,
    gone: Vec<u64>,
}

/// How many are in each state that the teacher looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not gone.
    pub online: usize,
    /// Many tries, and no success.
    pub struggling: usize,
    /// Nothing for a while.
    pub idle: usize,
    /// A hand is raised.
    pub hands: usize,
}

impl Roll {
    /// Takes what the server tells.
    pub fn hear(&mut self, told: People, now: u64) {
        if told.complete {
            let is_there = |id: &u64| told.rows.iter().any(|person| person.id == *id);
            self.gone.extend(self.rows.keys().filter(|id| !is_there(id)));
        }
        self.gone.extend(&told.gone);
        for person in told.rows {
            let since = now as i64 - person.idle.min(i64::MAX as u64) as i64;
            let before = self.rows.get(&person.id).and_then(|row| row.stuck);
            let is_stuck = !person.cause.is_empty() && !person.recovered;
            let stuck = is_stuck.then(|| before.unwrap_or(now));
            self.changed.insert(person.id);
            self.rows.insert(person.id, Row { person, since, stuck });
        }
        for id in &self.gone {
            self.rows.remove(id);
        }
    }

    /// All, by number.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// One of them.
    pub fn row(&self, id: u64) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// The numbers of those that have changed, up to [`BATCH`] of them, and of those that
    /// are gone, since this was asked last.
    pub fn changes(&mut self) -> (Vec<u64>, Vec<u64>) {
        let changed = std::iter::from_fn(|| self.changed.pop_first()).take(BATCH).collect();
        (changed, std::mem::take(&mut self.gone))
    }

    /// Whether [`Self::changes`] would tell more.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Has all be told as changed.
    pub fn change_all(&mut self) {
        self.changed.extend(self.rows.keys());
    }

    /// Puts the numbers of all into an order, starting from one that may be an older one.
    /// `compare` compares texts as people do who speak the page's language.
    pub fn sort(&self, order: &mut Vec<u64>, by: Sort, compare: impl Fn(&str, &str) -> Ordering) {
        order.retain(|id| self.rows.contains_key(id));
        let known: HashSet<_> = order.iter().copied().collect();
        order.extend(self.rows.keys().filter(|id| !known.contains(id)));
        let Roll { rows, .. } = self;
        order.sort_by(|a, b| {
            let (one, other) = (&rows[a], &rows[b]);
            let by_text = |text: fn(&Person) -> &str| {
                let (one, other) = (text(&one.person), text(&other.person));
                one.is_empty().cmp(&other.is_empty()).then_with(|| compare(one, other))
            };
            let is_gone = one.is_gone().cmp(&other.is_gone());
            is_gone
                .then_with(|| match by {
                    Sort::Stuck => one.urgency().cmp(&other.urgency()),
                    Sort::Name => by_text(label),
                    Sort::Seat => by_text(|person| &person.seat),
                    Sort::Came => Ordering::Equal,
                })
                .then(a.cmp(b))
        });
    }

    /// What those in a state are called, `most` of them, and how many more there are. First
    /// are those who need the teacher soonest.
    pub fn names(&self, state: &str, most: usize) -> (Vec<&str>, usize) {
        let mut rows: Vec<_> = self.rows().filter(|row| row.person.state == state).collect();
        rows.sort_by_key(|row| row.urgency());
        let more = rows.len().saturating_sub(most);
        (rows.into_iter().take(most).map(|row| label(&row.person)).collect(), more)
    }

    /// How many are in which state.
    pub fn counts(&self) -> Counts {
        let count = |is: fn(&Person) -> bool| self.rows().filter(|row| is(&row.person)).count();
        Counts {
            online: count(is_here),
            struggling: count(|person| person.state == "struggling"),
            idle: count(|person| person.state == "idle"),
            hands: count(has_hand_up),
        }
    }
}

impl Row {
    fn is_gone(&self) -> bool {
        !is_here(&self.person)
    }

    /// The less it is the sooner the teacher is needed.
    fn urgency(&self) -> (u8, i64) {
        match &*self.person.state {
            "struggling" => (0, self.stuck.map_or(0, |since| since as i64)),
            "idle" => (1, self.since),
            _ => (2, 0),
        }
    }
}

fn is_here(person: &Person) -> bool {
    person.state != "gone"
}

/// Whether a hand is raised by somebody who is here.
pub fn has_hand_up(person: &Person) -> bool {
    person.hand && is_here(person)
}

/// What a person is called: the name, else the seat, else the address.
pub fn label(person: &Person) -> &str {
    let names = [&person.name, &person.seat, &person.address];
    names.into_iter().find(|name| !name.is_empty()).map_or("", |name| name)
}

/// How long somebody has been quiet, in words' numbers: minutes and seconds. Seconds go
/// by tens, so that a list of hundreds is not written anew each second.
pub fn quiet(since: i64, now: u64) -> (u64, u64) {
    let seconds = (now as i64 - since).max(0) as u64 / 1000;
    (seconds / 60, seconds % 60 / 10 * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: u64, state: &str) -> Person {
        Person { id, state: state.to_string(), ..Person::default() }
    }

    fn part(rows: Vec<Person>, gone: Vec<u64>) -> People {
        People { complete: false, rows, gone }
    }

    #[test]
    fn only_what_changed_is_drawn_anew() {
        let mut roll = Roll::default();
        let all = (1..=3).map(|id| person(id, "fine")).collect();
        roll.hear(People { complete: true, rows: all, gone: vec![] }, 0);
        assert_eq!(roll.changes(), (vec![1, 2, 3], vec![]));
        roll.hear(part(vec![person(2, "idle")], vec![3]), 0);
        assert_eq!(roll.changes(), (vec![2], vec![3]));
        assert_eq!(roll.counts(), Counts { online: 2, idle: 1, ..Counts::default() });
        assert_eq!(roll.changes(), (vec![], vec![]));
        // After a break the server tells all, and who was here before may not be.
        roll.hear(People { complete: true, rows: vec![person(7, "fine")], gone: vec![] }, 0);
        assert_eq!(roll.changes(), (vec![7], vec![1, 2]));
        assert_eq!(roll.rows().count(), 1);
    }

    #[test]
    fn a_large_class_is_drawn_in_batches() {
        let mut roll = Roll::default();
        let batch = BATCH as u64;
        let of = |ids: std::ops::Range<u64>| ids.map(|id| person(id, "fine")).collect();
        roll.hear(part(of(0..batch + 3), vec![]), 0);
        assert_eq!(roll.changes().0, (0..batch).collect::<Vec<_>>());
        assert!(roll.has_changes());
        // Once, although it has changed twice.
        roll.hear(part(of(batch..batch + 1), vec![]), 0);
        assert_eq!(roll.changes().0, (batch..batch + 3).collect::<Vec<_>>());
        assert!(!roll.has_changes());
        roll.change_all();
        assert_eq!(roll.changes().0.len(), BATCH);
    }

    #[test]
    fn the_names_in_a_state_begin_with_who_needs_the_teacher_soonest() {
        let mut roll = Roll::default();
        let idle =
            |id, name: &str, idle| Person { name: name.to_owned(), idle, ..person(id, "idle") };
        roll.hear(part(vec![idle(1, "a", 60), idle(2, "b", 90), idle(3, "c", 70)], vec![]), 100);
        roll.hear(part(vec![person(4, "fine")], vec![]), 100);
        assert_eq!(roll.names("idle", 2), (vec!["b", "c"], 1));
        assert_eq!(roll.names("struggling", 2), (vec![], 0));
    }

    #[test]
    fn hands_of_those_who_are_gone_are_not_counted() {
        let mut roll = Roll::default();
        let raised = |id, state| Person { hand: true, ..person(id, state) };
        roll.hear(part(vec![raised(1, "gone"), raised(2, "fine"), raised(3, "idle")], vec![]), 0);
        assert_eq!(roll.counts().hands, 2);
    }

    /// The order of the rows, by that and in the order of code points.
    fn order(roll: &Roll, by: Sort) -> Vec<u64> {
        let mut order = vec![9, 3];
        roll.sort(&mut order, by, Ord::cmp);
        order
    }

    #[test]
    fn rows_are_in_the_order_that_was_chosen_and_those_who_are_gone_last() {
        let mut roll = Roll::default();
        let row = |id, state: &str, name: &str, seat: &str| Person {
            name: name.to_string(),
            seat: seat.to_string(),
            idle: 100 - id,
            cause: if state == "struggling" { "telnet".to_string() } else { String::new() },
            ..person(id, state)
        };
        let first = vec![
            row(1, "gone", "a", "1"),
            row(2, "fine", "f", "2"),
            row(3, "idle", "e", ""),
            row(4, "struggling", "d", "4"),
        ];
        roll.hear(part(first, vec![]), 1_000);
        let later = vec![
            row(5, "struggling", "c", "5"),
            row(6, "idle", "b", "3"),
            row(4, "struggling", "d", "4"),
        ];
        roll.hear(part(later, vec![]), 2_000);
        assert_eq!(order(&roll, Sort::Stuck), [4, 5, 3, 6, 2, 1]);
        assert_eq!(order(&roll, Sort::Name), [6, 5, 4, 3, 2, 1]);
        assert_eq!(order(&roll, Sort::Seat), [2, 6, 4, 5, 3, 1]);
        assert_eq!(order(&roll, Sort::Came), [2, 3, 4, 5, 6, 1]);
        // A success, and a mistake behind it: stuck anew.
        let recovered =
            Person { cause: "telnet".to_string(), recovered: true, ..row(4, "fine", "d", "4") };
        roll.hear(part(vec![recovered], vec![]), 3_000);
        roll.hear(part(vec![row(4, "struggling", "d", "4")], vec![]), 4_000);
        assert_eq!(order(&roll, Sort::Stuck), [5, 4, 3, 6, 2, 1]);
    }

    #[test]
    fn somebody_is_called_by_what_there_is() {
        let mut somebody = person(1, "fine");
        somebody.address = "10.0.0.7".to_string();
        assert_eq!(label(&somebody), "10.0.0.7");
        somebody.seat = "3-5".to_string();
        assert_eq!(label(&somebody), "3-5");
        somebody.name = "<img src=x>".to_string();
        assert_eq!(label(&somebody), "<img src=x>");
    }

    #[test]
    fn who_was_quiet_before_the_page_was_opened_is_known_to_be() {
        let mut roll = Roll::default();
        roll.hear(part(vec![Person { idle: 95_000, ..person(1, "idle") }], vec![]), 1_000);
        let since = roll.row(1).unwrap().since;
        assert_eq!(quiet(since, 1_000), (1, 30));
        assert_eq!(quiet(since, 31_000), (2, 0));
        assert_eq!(quiet(5_000, 1_000), (0, 0), "a clock that differs is no time");
    }
}
