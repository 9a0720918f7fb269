//! Whose page it is: the student's own name and seat, if they were given, and a number
//! of the class. With a name or a number the examples of the lesson differ from those
//! of all others, so that fifty beginners do not overwrite each other.

use api::EXAMPLE_NAMES;
use protocol::slice;

use crate::core::lesson::is_letter;

/// The most characters of a name: enough for one, and the examples stay short.
const MOST: usize = 12;

/// The student's name, seat and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    name: String,
    seat: String,
    /// How many lessons had ended when these were given, once the server has said it.
    lesson: Option<u32>,
    /// From 1, or 0 while the server has not said one.
    number: u32,
}

impl Owner {
    /// The one that [`keep`](Self::keep) wrote down.
    pub fn restored(text: &str) -> Self {
        let mut parts = text.split(' ');
        let mut next = || parts.next().unwrap_or_default();
        Owner {
            number: next().parse().unwrap_or_default(),
            name: next().to_string(),
            seat: next().to_string(),
            lesson: next().parse().ok(),
        }
    }

    /// As text.
    pub fn keep(&self) -> String {
        let lesson = self.lesson.map(|lesson| lesson.to_string()).unwrap_or_default();
        [&self.number.to_string(), " ", &*self.name, " ", &self.seat, " ", &lesson].concat()
    }

    /// The name; empty if none was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the letters and digits of a name.
    pub fn rename(&mut self, name: &str) {
        self.name = plain(name);
    }

    /// The seat; empty if none was given.
    pub fn seat(&self) -> &str {
        &self.seat
    }

    /// Takes the letters and digits of a seat.
    pub fn sit(&mut self, seat: &str) {
        self.seat = plain(seat);
    }

    /// Takes how many lessons of the class have ended. Returns whether one has since
    /// the name and the seat were given: they may be another student's.
    pub fn count_lessons(&mut self, lesson: u32) -> bool {
        // A server that was restarted counts from 0 again.
        self.lesson.replace(lesson).is_some_and(|before| before < lesson)
    }

    /// The number; 0 if the server has not said one.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes a number, which is another one only where the old one is another page's.
    /// Returns whether it is.
    pub fn renumber(&mut self, number: u32) -> bool {
        let is_new = number > 0 && number != self.number;
        if is_new {
            self.number = number;
        }
        is_new
    }

    /// An example of the lesson with the owner's name in place of the lesson's. The
    /// first of a class has the lesson's own.
    pub fn adapt(&self, example: &str) -> String {
        let mut adapted = String::new();
        let mut rest = example;
        while let Some(c) = rest.chars().next() {
            let name = EXAMPLE_NAMES.into_iter().find(|name| rest.starts_with(name));
            match name {
                Some(name) => self.write(name, &mut adapted),
                None => adapted.push(c),
            }
            rest = slice(rest, name.map_or(c.len_utf8(), str::len)..);
        }
        adapted
    }

    /// Writes what stands for a name of the lesson.
    fn write(&self, name: &str, out: &mut String) {
        let is_chinese = !name.is_ascii();
        if self.name.is_empty() || is_chinese && self.name.is_ascii() {
            out.push_str(name);
            if self.number > 1 {
                out.push_str(&self.number.to_string());
            }
        } else {
            out.push_str(&self.name);
            if name == "lisi" {
                out.push('2');
            }
        }
    }
}

fn plain(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_digit() || is_letter(*c);
    text.chars().filter(fits).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_carry_the_own_name_or_a_number_and_the_first_of_a_class_has_the_lessons() {
        let line = "add;zhangsan;1 find;lisi add;张三;1";
        for (name, number, expected) in [
            ("", 0, line),
            ("", 1, line),
            ("", 7, "add;zhangsan7;1 find;lisi7 add;张三7;1"),
            ("Wang;Wu ", 7, "add;WangWu;1 find;WangWu2 add;张三7;1"),
            ("王五", 1, "add;王五;1 find;王五2 add;王五;1"),
            ("lisi", 2, "add;lisi;1 find;lisi2 add;张三2;1"),
        ] {
            let mut owner = Owner::default();
            owner.rename(name);
            owner.renumber(number);
            assert_eq!(owner.adapt(line), expected);
            assert_eq!(Owner::restored(&owner.keep()), owner);
        }
    }

    #[test]
    fn a_seat_is_kept_and_a_lesson_that_ended_is_noticed_after_a_reload_too() {
        let mut owner = Owner::default();
        assert!(!owner.count_lessons(2), "a page that was never here has nothing to forget");
        owner.sit("3排 5\"<");
        assert_eq!(owner.seat(), "3排5");
        let mut reloaded = Owner::restored(&owner.keep());
        assert_eq!(reloaded, owner);
        assert!(!reloaded.count_lessons(2) && reloaded.count_lessons(3));
        assert!(!reloaded.count_lessons(0), "the server was restarted");
        // What an earlier version of the page has stored.
        assert_eq!(Owner::restored("7 Wang").name(), "Wang");
    }

    #[test]
    fn a_number_is_kept_until_the_server_says_another() {
        let mut owner = Owner::restored("");
        assert!(!owner.renumber(0) && owner.renumber(3) && !owner.renumber(3));
        assert!(!owner.renumber(0), "a server that says none");
        assert_eq!((owner.number(), owner.adapt("zhangsan")), (3, "zhangsan3".to_string()));
        assert!(owner.renumber(4));
        assert_eq!(owner.adapt("zhangsan"), "zhangsan4");
    }
}
