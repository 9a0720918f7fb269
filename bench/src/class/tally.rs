//! What a class has done, as it counts itself and as others see it.

use std::collections::{BTreeMap, BTreeSet};

use api::{Board, Person};

use super::student::{STEPS, Student};

/// The figures of a lesson. What a viewer does not say is `None` in what it has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: u64,
    pub(super) errors: u64,
    pages: u64,
    programs: u64,
    contacts: u64,
    /// Pages that have reported a step.
    students: u64,
    /// For each step how many have done it.
    steps: [u64; STEPS as usize],
    /// How many students made each kind of mistake.
    made: BTreeMap<String, u64>,
}

/// What a viewer says, by the name of the figure.
pub(super) type Seen = BTreeMap<String, String>;

impl Tally {
    pub(super) fn add(&mut self, student: &Student) {
        self.messages += student.messages;
        self.errors += student.causes.len() as u64;
        self.contacts += student.contacts as u64;
        match student.done {
            Some(done) => {
                self.pages += 1;
                self.students += u64::from(done != 0);
                for (step, count) in self.steps.iter_mut().enumerate() {
                    *count += u64::from(done >> step & 1);
                }
            }
            None => self.programs += 1,
        }
        for cause in student.causes.iter().collect::<BTreeSet<_>>() {
            *self.made.entry((*cause).to_owned()).or_default() += 1;
        }
    }

    /// Where a viewer says something else.
    pub(super) fn compared(&self, seen: &Seen) -> Vec<String> {
        let told = self.made.iter().filter(|(_, count)| **count >= 3);
        let told: BTreeMap<_, _> = told.collect();
        let own: Seen = [
            ("messages", self.messages.to_string()),
            ("errors", self.errors.to_string()),
            ("pages", self.pages.to_string()),
            ("programs", self.programs.to_string()),
            ("contacts", self.contacts.to_string()),
            ("students", self.students.to_string()),
            ("steps", format!("{:?}", self.steps)),
            ("mistakes", format!("{told:?}")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let differs = |(name, seen): (&String, &String)| {
            let own = own.get(name)?;
            (own != seen).then(|| format!("{name}: {seen} instead of {own}"))
        };
        seen.iter().filter_map(differs).collect()
    }
}

/// What the board says.
pub(super) fn seen_by_board(board: &Board) -> Seen {
    let class = &board.class;
    let made = class.mistakes.iter().map(|mistake| (&mistake.cause, &mistake.count));
    let made: BTreeMap<_, _> = made.collect();
    [
        ("pages", board.pages.to_string()),
        ("contacts", board.contacts.to_string()),
        ("students", class.students.to_string()),
        ("steps", format!("{:?}", class.steps)),
        ("mistakes", format!("{made:?}")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What the teacher's page says of all but the one who floods.
pub(super) fn seen_by_teacher(people: &[Person]) -> Seen {
    let class: Vec<_> = people.iter().filter(|person| !is_flooder(person)).collect();
    let sum = |of: fn(&Person) -> u64| class.iter().map(|person| of(person)).sum::<u64>();
    let here = |raw| class.iter().filter(|p| p.raw == raw && p.state != "gone").count();
    [
        ("messages", sum(|person| person.messages).to_string()),
        ("errors", sum(|person| person.errors).to_string()),
        ("pages", here(false).to_string()),
        ("programs", here(true).to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The flood is a raw TCP client at the one address that no program has.
pub(super) fn is_flooder(person: &Person) -> bool {
    person.raw && person.address == "127.0.0.1"
}
