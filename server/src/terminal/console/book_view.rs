//! The console's view of the book: the newest contacts, as Python prints a dict.

use std::collections::VecDeque;
use std::fmt;

use protocol::Contacts;

use super::python_repr::PythonRepr;
use crate::book::contacts::ObservableContacts;
use crate::book::feed::Position;

/// Contacts that are shown, as the protocol says.
const SHOWN: usize = 8;

/// Names that are remembered, newest last: after a shown one is removed, older
/// ones take its place.
const KNOWN: usize = 64;

/// The newest contacts in the order in which a Python dict holds them: a name
/// that is overwritten keeps its place, one that is removed and added again
/// goes to the end.
///
/// It knows the order of what has changed since it began. What it shows is read
/// from the book each time, so it is right even after more changes than are
/// remembered.
#[derive(Debug)]
pub(super) struct BookView {
    position: Position,
    contacts: VecDeque<(String, String)>,
    count: usize,
}

impl BookView {
    /// The book as it is now, by name where it is small enough to be shown whole.
    pub(super) fn of(book: &ObservableContacts) -> Self {
        let mut view = BookView { position: book.follow(), contacts: VecDeque::new(), count: 0 };
        view.read(book);
        view
    }

    /// How far it has followed the book.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Follows the book to where it is now. Returns whether it had changed.
    pub(super) fn refresh(&mut self, book: &ObservableContacts) -> bool {
        let before = std::mem::replace(&mut self.position, book.follow());
        if before == self.position {
            return false;
        }
        for (name, is_removed) in book.latest_names(before, KNOWN) {
            let place = self.contacts.iter().position(|(known, _)| known == name);
            match (place, is_removed) {
                (Some(place), true) => drop(self.contacts.remove(place)),
                (None, false) => self.contacts.push_back((name.to_owned(), String::new())),
                _ => {}
            }
        }
        self.read(book);
        true
    }

    /// Reads the phones, and the names that are missing in a small book.
    fn read(&mut self, book: &Contacts) {
        self.count = book.len();
        self.contacts.retain_mut(|(name, phone)| match book.get(name) {
            Some(now) => {
                now.clone_into(phone);
                true
            }
            None => false,
        });
        self.contacts.drain(..self.contacts.len().saturating_sub(KNOWN));
        if self.count <= SHOWN && self.contacts.len() < self.count {
            let is_known = |name: &str| self.contacts.iter().any(|(known, _)| known == name);
            let mut older: Vec<_> = book.iter().filter(|(name, _)| !is_known(name)).collect();
            older.sort_unstable();
            for (name, phone) in older.into_iter().rev() {
                self.contacts.push_front((name.to_owned(), phone.to_owned()));
            }
        }
    }
}

/// `{'a': '1', 'b': '2'}`, and with more than are shown
/// `{'e': '5', ..., 'l': '12'} ... 12 in all`.
impl fmt::Display for BookView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.contacts.len().saturating_sub(SHOWN);
        let shown = self.contacts.range(from..);
        let is_all = shown.len() == self.count;
        f.write_str("{")?;
        for (place, (name, phone)) in shown.enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{}: {}", PythonRepr(name), PythonRepr(phone))?;
        }
        f.write_str("}")?;
        if is_all { Ok(()) } else { write!(f, " ... {} in all", self.count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::contacts::SharedContacts;

    fn book_of(names: &[&str]) -> SharedContacts {
        let mut contacts = Contacts::default();
        names.iter().for_each(|name| contacts.insert(name, "0"));
        SharedContacts::new(contacts)
    }

    /// Makes the changes, `name` or `-name`, and returns what is shown then.
    #[track_caller]
    fn after(view: &mut BookView, book: &SharedContacts, changes: &str) -> String {
        book.change(|book| {
            for change in changes.split(' ') {
                match change.strip_prefix('-') {
                    Some(name) => book.remove(name),
                    None => book.insert(change, "1"),
                }
            }
        });
        assert!(view.refresh(&book.read()));
        assert!(!view.refresh(&book.read()), "it has not changed since");
        view.to_string()
    }

    #[test]
    fn it_is_ordered_as_a_python_dict_is() {
        let book = book_of(&[]);
        let mut view = BookView::of(&book.read());
        for (changes, shown) in [
            ("zhangsan", "{'zhangsan': '1'}"),
            ("lisi 王五", "{'zhangsan': '1', 'lisi': '1', '王五': '1'}"),
            ("lisi", "{'zhangsan': '1', 'lisi': '1', '王五': '1'}"),
            ("-zhangsan", "{'lisi': '1', '王五': '1'}"),
            ("-lisi lisi", "{'王五': '1', 'lisi': '1'}"),
            ("-王五 -lisi", "{}"),
            ("O'Neil", r#"{"O'Neil": '1'}"#),
        ] {
            assert_eq!(after(&mut view, &book, changes), shown, "{changes}");
        }
    }

    #[test]
    fn of_many_contacts_the_newest_eight_are_shown_and_older_ones_take_the_place_of_removed_ones() {
        let book = book_of(&[]);
        let mut view = BookView::of(&book.read());
        let shown = |names: &str| {
            let contacts: Vec<_> = names.chars().map(|name| format!("'{name}': '1'")).collect();
            format!("{{{}}}", contacts.join(", "))
        };
        assert_eq!(after(&mut view, &book, "a b c d e f g h"), shown("abcdefgh"));
        assert_eq!(after(&mut view, &book, "i"), shown("bcdefghi") + " ... 9 in all");
        assert_eq!(after(&mut view, &book, "-i -d"), shown("abcefgh"));
        let many: Vec<_> = (0..1000).map(|number| format!("n{number}")).collect();
        let text = after(&mut view, &book, &many.join(" "));
        assert!(
            text.starts_with("{'n992': '1', ") && text.ends_with("} ... 1007 in all"),
            "{text}"
        );
    }

    #[test]
    fn a_book_from_a_file_is_shown_by_name_if_it_is_small_and_else_as_far_as_it_is_known() {
        let names = ["h", "g", "f", "e", "d", "c", "b", "a"];
        let book = book_of(&names[1..]);
        let mut view = BookView::of(&book.read());
        let text = after(&mut view, &book, "x");
        assert!(
            text.starts_with("{'a': '0', 'b': '0', ") && text.ends_with(", 'x': '1'}"),
            "{text}"
        );

        let book = book_of(&names);
        let mut view = BookView::of(&book.read());
        // Eight are shown, of which `a` is the oldest.
        assert!(after(&mut view, &book, "x").ends_with("'h': '0', 'x': '1'} ... 9 in all"));

        let book = book_of(&["j", "i", "h", "g", "f", "e", "d", "c", "b", "a"]);
        let mut view = BookView::of(&book.read());
        assert_eq!(after(&mut view, &book, "x"), "{'x': '1'} ... 11 in all");
        assert_eq!(after(&mut view, &book, "-a"), "{'x': '1'} ... 10 in all");
        let text = after(&mut view, &book, "-b -c");
        assert!(text.starts_with("{'d': '0', ") && text.ends_with(", 'x': '1'}"), "{text}");
    }

    #[test]
    fn after_more_changes_than_are_remembered_it_still_shows_the_truth() {
        let book = book_of(&[]);
        let mut view = BookView::of(&book.read());
        after(&mut view, &book, "a b c");
        book.change(|book| {
            book.insert("a", "2");
            book.remove("b");
            for number in 0..10_000 {
                let name = format!("n{number}");
                book.insert(&name, "1");
                book.remove(&name);
            }
        });
        assert!(view.refresh(&book.read()));
        assert_eq!(view.to_string(), "{'a': '2', 'c': '1'}");
    }
}
