//! Mistakes: which kinds were made in the lesson, by how many, with an example.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use api::BoardMistake;
use protocol::Cause;

use super::PersonId;
use super::mask::example;
use super::roll::MOST;

/// The fewest people who make a mistake that is shown: of fewer the class would know
/// who they are.
pub(super) const SHOWN_FROM: usize = 3;

/// The identity by which people are counted for a mistake, as far as they can be told
/// apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    /// A page that has a key; otherwise each address counts as one.
    pub(super) page: Option<PersonId>,
    pub(super) address: IpAddr,
}

/// The mistakes of a lesson.
#[derive(Debug, Default)]
pub(super) struct Mistakes(HashMap<Cause, Made>);

/// A kind of mistake that was made.
#[derive(Debug, Default)]
struct Made {
    /// The pages that made it, and where they were. At most [`MOST`].
    pages: HashMap<PersonId, IpAddr>,
    /// The addresses of others that made it. At most [`MOST`].
    addresses: HashSet<IpAddr>,
    /// The last message, masked.
    example: String,
}

impl Mistakes {
    /// Notes that somebody made a mistake.
    pub(super) fn note(&mut self, cause: Cause, maker: Maker, text: &str) {
        let made = self.0.entry(cause).or_default();
        match maker.page {
            Some(page) if made.pages.len() < MOST => {
                made.pages.insert(page, maker.address);
            }
            None if made.addresses.len() < MOST => {
                made.addresses.insert(maker.address);
            }
            _ => return,
        }
        made.example = example(text);
    }

    /// The mistakes that at least so many people made, the most frequent first.
    pub(super) fn made_by(&self, people: usize) -> Vec<BoardMistake> {
        let told = |(cause, made): (&Cause, &Made)| BoardMistake {
            cause: cause.word().to_owned(),
            count: made.people() as u64,
            example: made.example.clone(),
        };
        let shown = self.0.iter().filter(|(_, made)| made.people() >= people);
        most_frequent_first(shown.map(told).collect())
    }
}

pub(super) fn most_frequent_first(mut mistakes: Vec<BoardMistake>) -> Vec<BoardMistake> {
    mistakes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
    mistakes
}

impl Made {
    /// How many people made it. A Python program on the laptop of a page that made it is
    /// not another one.
    fn people(&self) -> usize {
        let pages: HashSet<_> = self.pages.values().collect();
        self.pages.len() + self.addresses.iter().filter(|at| !pages.contains(at)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(page: Option<u64>, n: u8) -> Maker {
        Maker { page: page.map(PersonId), address: [192, 168, 1, n].into() }
    }

    #[test]
    fn a_mistake_is_told_from_three_people_on_however_often_each_makes_it() {
        let mut mistakes = Mistakes::default();
        let mut note = |maker, text| {
            mistakes.note(Cause::FullWidthSemicolon, maker, text);
            mistakes.made_by(SHOWN_FROM)
        };
        assert_eq!(note(maker(Some(1), 1), "find；a"), []);
        assert_eq!(note(maker(Some(1), 1), "find；a"), []);
        assert_eq!(note(maker(None, 1), "find；a"), [], "a program beside that page");
        assert_eq!(note(maker(None, 2), "find；a"), []);
        assert_eq!(note(maker(None, 2), "find；a"), [], "the same program, started again");
        let told = note(maker(Some(3), 1), "add；李梅；13800138000");
        let expected = BoardMistake {
            cause: "fullwidth-semicolon".to_owned(),
            count: 3,
            example: "add；*；138****8000".to_owned(),
        };
        assert_eq!(told, [expected]);
    }

    #[test]
    fn the_most_frequent_come_first_and_the_makers_are_bounded() {
        let mut mistakes = Mistakes::default();
        for page in 0..3 {
            mistakes.note(Cause::NoVerb, maker(Some(page), 1), ";a");
        }
        for page in 0..2 * MOST as u64 {
            mistakes.note(Cause::TooLong, maker(Some(page), 1), "");
        }
        let told: Vec<_> =
            mistakes.made_by(SHOWN_FROM).into_iter().map(|told| (told.cause, told.count)).collect();
        assert_eq!(told, [("too-long".to_owned(), MOST as u64), ("no-verb".to_owned(), 3)]);
    }
}
