//! Which messages are sent, and which answer each must get.
//!
//! A connection keeps to contacts of its own, so what the book answers follows
//! from the connection's own messages alone. Knows nothing of how they are
//! written on the wire.

use fastrand::Rng;

/// Contacts that belong to one connection at most: as many as the four digits
/// of a name tell apart.
pub const OWNED: u32 = 10_000;

/// A contact by its number, below a million: `c07k0123` is the 123rd of
/// connection 7. With a phone of 11 digits, `add` is 24 bytes, as in the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact(pub u32);

impl Contact {
    /// Its name.
    pub fn name(self) -> String {
        format!("c{:02}k{:04}", self.0 / OWNED, self.0 % OWNED)
    }

    /// The phone it has in a book that was filled at once.
    pub fn phone(self) -> Phone {
        Phone(13_800_000_000 + u64::from(self.0))
    }
}

/// 11 digits, as in China.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone(pub u64);

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Add(Phone),
    Find,
    Remove,
}

/// What the book must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Added,
    Found(Phone),
    Removed,
    NotFound,
}

/// A message and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub contact: Contact,
    pub action: Action,
    pub answer: Answer,
}

/// What one connection says in a round.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Said once, before the clock starts: it brings the connection's contacts
    /// into the state that `cycle` begins with, whatever they were.
    pub setup: Vec<Exchange>,
    /// Said again and again. It ends with the contacts as it found them, so
    /// that its answers are the same each time.
    pub cycle: Vec<Exchange>,
}

/// The kinds of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// 10% add, 85% find, 5% remove: a class that mostly looks up.
    Mix,
    /// New contacts only.
    Adds,
}

impl Workload {
    /// Contacts of a connection in the mix: few enough to be set up in a
    /// moment, and after a while two in three are there.
    const MIXED: u32 = 64;
    /// Messages in a cycle of the mix: with what surrounds them the cycles of
    /// 50 connections fit into a second-level cache.
    const CYCLE: usize = 1024;
    /// New contacts of a connection in one round: what 50 connections add in a
    /// second at 100,000 a second. A faster contender starts again, and overwrites.
    const ADDED: u32 = 2_000;

    /// What `connection` says in `round`, the same in every run.
    pub fn part(self, connection: u32, round: usize) -> Part {
        let first = connection * OWNED;
        match self {
            Workload::Mix => mix(first, Self::MIXED, Self::CYCLE, u64::from(connection)),
            Workload::Adds => {
                // Another fifth of its names in each round: new ones, five times.
                let turn = round as u32 % (OWNED / Self::ADDED);
                let from = first + turn * Self::ADDED;
                let cycle = (from..from + Self::ADDED).map(|number| add(Contact(number)));
                Part { setup: Vec::new(), cycle: cycle.collect() }
            }
        }
    }
}

/// The message that puts a contact into the book.
pub fn add(contact: Contact) -> Exchange {
    Exchange { contact, action: Action::Add(contact.phone()), answer: Answer::Added }
}

/// Finds of `count` contacts out of the first `contacts`, which all are there.
pub fn finds(contacts: u32, count: usize, seed: u64) -> Vec<Exchange> {
    let mut random = Rng::with_seed(seed);
    let find = || {
        let contact = Contact(random.u32(..contacts));
        Exchange { contact, action: Action::Find, answer: Answer::Found(contact.phone()) }
    };
    std::iter::repeat_with(find).take(count).collect()
}

fn mix(first: u32, contacts: u32, length: usize, seed: u64) -> Part {
    let mut random = Rng::with_seed(seed);
    let actions: Vec<(Contact, Action)> = (0..length)
        .map(|_| {
            let contact = Contact(first + random.u32(..contacts));
            let action = match random.u32(..100) {
                0..10 => Action::Add(Phone(random.u64(13_000_000_000..20_000_000_000))),
                10..95 => Action::Find,
                _ => Action::Remove,
            };
            (contact, action)
        })
        .collect();

    // What a contact is at the end depends on the last change to it and not on
    // the beginning. So played once more, the cycle ends where it began.
    let mut book = vec![None; contacts as usize];
    play(&actions, first, &mut book);
    let setup = (first..).map(Contact).zip(&book).flat_map(|(contact, phone)| {
        // `remove` of what may not be there has no certain answer; after an
        // `add` it has.
        let there = Action::Add(phone.unwrap_or_else(|| contact.phone()));
        let add = Exchange { contact, action: there, answer: Answer::Added };
        let remove = Exchange { contact, action: Action::Remove, answer: Answer::Removed };
        [Some(add), phone.is_none().then_some(remove)].into_iter().flatten()
    });
    let setup = setup.collect();
    let cycle = play(&actions, first, &mut book);
    Part { setup, cycle }
}

/// Answers as the book must.
fn play(actions: &[(Contact, Action)], first: u32, book: &mut [Option<Phone>]) -> Vec<Exchange> {
    let answered = actions.iter().map(|&(contact, action)| {
        let phone = &mut book[(contact.0 - first) as usize];
        let answer = match action {
            Action::Add(new) => {
                *phone = Some(new);
                Answer::Added
            }
            Action::Find => phone.map_or(Answer::NotFound, Answer::Found),
            Action::Remove => phone.take().map_or(Answer::NotFound, |_| Answer::Removed),
        };
        Exchange { contact, action, answer }
    });
    answered.collect()
}

#[cfg(test)]
mod tests {
    use protocol::{Contacts, Decoder, Replies, Stage, answer};

    use super::*;
    use crate::dialect::Dialect;
    use crate::script::Script;

    /// What the real book answers to all of `exchanges`, against what the model
    /// says it must.
    fn check(contacts: &mut Contacts, exchanges: &[Exchange]) {
        let script = Script::new(Dialect::Line, exchanges, exchanges.len());
        let Some(batch) = script.batch(0) else { return };
        let mut decoder = Decoder::new(Stage::Contacts);
        let mut replies = Replies::default();
        decoder.push(batch.request);
        let _ = answer(&mut decoder, contacts, &mut replies, usize::MAX);
        assert_eq!(
            String::from_utf8_lossy(replies.as_bytes()),
            String::from_utf8_lossy(batch.reply)
        );
    }

    #[test]
    fn the_book_answers_as_the_model_says_in_every_cycle_and_after_any_break() {
        let mut contacts = Contacts::default();
        for workload in [Workload::Mix, Workload::Adds] {
            for round in 0..3 {
                let part = workload.part(7, round);
                check(&mut contacts, &part.setup);
                check(&mut contacts, &part.cycle);
                check(&mut contacts, &part.cycle);
                // A round ends anywhere in a cycle; the next setup mends it.
                check(&mut contacts, &part.cycle[..part.cycle.len() / 3]);
            }
        }
    }

    #[test]
    fn the_mix_is_as_it_is_called_and_finds_mostly_find() {
        let cycle = Workload::Mix.part(3, 0).cycle;
        let count = |wanted: fn(&Exchange) -> bool| cycle.iter().filter(|&e| wanted(e)).count();
        let percent = |count: usize| (count * 100).div_ceil(cycle.len());
        assert!((8..=12).contains(&percent(count(|e| matches!(e.action, Action::Add(_))))));
        assert!((3..=8).contains(&percent(count(|e| e.action == Action::Remove))));
        let found = count(|e| matches!(e.answer, Answer::Found(_)));
        assert!((40..=75).contains(&percent(found)), "{found}");
    }

    #[test]
    fn connections_have_no_contact_in_common_and_adds_are_new_each_round() {
        let numbers = |connection, round| {
            let part = Workload::Adds.part(connection, round);
            part.cycle.iter().map(|exchange| exchange.contact.0).collect::<Vec<_>>()
        };
        assert!(numbers(0, 4).last() < numbers(1, 0).first());
        assert!(numbers(0, 0).last() < numbers(0, 1).first());
        assert_eq!(Contact(70_123).name(), "c07k0123");
    }
}
