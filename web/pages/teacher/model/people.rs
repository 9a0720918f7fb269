//! Everybody in the class, as the server tells it piece by piece.

use std::collections::BTreeMap;

use api::{People, Person};

/// A person, and when the last message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As the server said it last.
    pub person: Person,
    /// In milliseconds of the page's clock; less than 0 for before the page was opened.
    pub since: i64,
}

/// Who is here. Rows that change are remembered, so that the view touches no others.
#[derive(Debug, Default)]
pub struct Roll {
    rows: BTreeMap<u64, Row>,
    changed: Vec<u64>,
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
            self.changed.push(person.id);
            self.rows.insert(person.id, Row { person, since });
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

    /// The numbers of those that have changed, and of those that are gone, since this
    /// was asked last.
    pub fn changes(&mut self) -> (Vec<u64>, Vec<u64>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.gone))
    }

    /// How many are in which state.
    pub fn counts(&self) -> Counts {
        let count = |is: fn(&Person) -> bool| self.rows().filter(|row| is(&row.person)).count();
        Counts {
            online: count(|person| person.state != "gone"),
            struggling: count(|person| person.state == "struggling"),
            idle: count(|person| person.state == "idle"),
            hands: count(|person| person.hand),
        }
    }
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
