//! Whose page it is: the student's own name, if one was given, and a number of the
//! class. With either the examples of the lesson differ from those of all others,
//! so that fifty beginners do not overwrite each other.

use protocol::slice;

use crate::core::lesson::is_letter;

/// The most characters of a name: enough for one, and the examples stay short.
const MOST: usize = 12;

/// The names in the examples of the lesson.
const NAMES: [&str; 3] = ["zhangsan", "lisi", "张三"];

/// The student's name and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    name: String,
    /// From 1, or 0 while the server has not said one.
    number: u32,
}

impl Owner {
    /// The one that [`keep`](Self::keep) wrote down.
    pub fn restored(text: &str) -> Self {
        let (number, name) = text.split_once(' ').unwrap_or_default();
        Owner { name: name.to_string(), number: number.parse().unwrap_or_default() }
    }

    /// As text.
    pub fn keep(&self) -> String {
        format!("{} {}", self.number, self.name)
    }

    /// The name; empty if none was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the letters and digits of a name.
    pub fn rename(&mut self, name: &str) {
        let fits = |c: &char| c.is_ascii_digit() || is_letter(*c);
        self.name = name.chars().filter(fits).take(MOST).collect();
    }

    /// Takes a number, if it has none. Returns whether it took it.
    pub fn number(&mut self, number: u32) -> bool {
        let is_new = self.number == 0 && number > 0;
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
            let name = NAMES.into_iter().find(|name| rest.starts_with(name));
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
            owner.number(number);
            assert_eq!(owner.adapt(line), expected);
            assert_eq!(Owner::restored(&owner.keep()), owner);
        }
    }

    #[test]
    fn the_first_number_is_kept() {
        let mut owner = Owner::restored("");
        assert!(!owner.number(0) && owner.number(3) && !owner.number(4));
        assert_eq!(owner.adapt("zhangsan"), "zhangsan3");
    }
}
