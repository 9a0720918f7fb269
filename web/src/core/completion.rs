//! What the Tab key writes.
//!
//! Verbs, and the names of this conversation. It knows only the line and the
//! names it is given, and offers nothing where it has nothing to add, so that
//! Tab then moves on as everywhere else.

use protocol::Verb;
use protocol::command::{Field, SEPARATOR, parts};

/// A round of Tab keys: the lines it offers, and the one shown.
#[derive(Debug)]
pub struct Completion {
    lines: Vec<String>,
    shown: usize,
}

impl Completion {
    /// Begins a round, `None` where there is nothing to complete. Of the
    /// names the last is offered first.
    pub fn of(text: &str, names: &[String]) -> Option<Self> {
        let mut lines = Vec::new();
        match text.rsplit_once(SEPARATOR) {
            None if text.is_empty() => {}
            None => {
                for verb in Verb::ALL {
                    if verb.word().starts_with(text) {
                        lines.push(format!("{}{}", verb.word(), separator(verb)));
                    }
                }
            }
            Some((before, prefix)) => {
                let (verb, more) = verb_awaiting_name(before)?;
                debug_assert!(verb.fields().contains(&Field::Name));
                let prefix = prefix.trim_start();
                let end = if more { ";" } else { "" };
                for name in names.iter().rev() {
                    if name.starts_with(prefix) {
                        lines.push(format!("{before};{name}{end}"));
                    }
                }
            }
        }
        let adds_something = lines.iter().any(|line| line != text);
        adds_something.then_some(Completion { lines, shown: 0 })
    }

    /// The line to show now.
    pub fn line(&self) -> &str {
        &self.lines[self.shown]
    }

    /// Moves on to the next line, `None` where there is only one.
    pub fn next(mut self) -> Option<Self> {
        self.shown = (self.shown + 1) % self.lines.len();
        (self.lines.len() > 1).then_some(self)
    }
}

fn separator(verb: Verb) -> &'static str {
    if verb.fields().is_empty() { "" } else { ";" }
}

/// The verb of a line whose name is being written, and whether another field
/// follows it.
fn verb_awaiting_name(before: &str) -> Option<(Verb, bool)> {
    let mut parts = parts(before);
    let verb = Verb::named(parts.next()?)?;
    let field = verb.fields().get(parts.count())?;
    (*field == Field::Name).then(|| (verb, verb.fields().len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Vec<String> {
        let names = ["zhangsan", "张三", "zhang"].map(String::from);
        let mut lines = Vec::new();
        let mut completion = Completion::of(text, &names);
        while let Some(round) = completion {
            if lines.iter().any(|line| line == round.line()) {
                break;
            }
            lines.push(round.line().to_string());
            completion = round.next();
        }
        lines
    }

    #[test]
    fn verbs_and_known_names_are_completed_and_nothing_else() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("a", &["add;"]),
            ("add", &["add;"]),
            ("ex", &["exit"]),
            ("exit", &[]),
            ("x", &[]),
            ("find;z", &["find;zhang", "find;zhangsan"]),
            ("find;张", &["find;张三"]),
            ("find;张三", &[]),
            ("add;zhangs", &["add;zhangsan;"]),
            ("add;", &["add;zhang;", "add;张三;", "add;zhangsan;"]),
            ("add;zhangsan;1", &[]),
            ("ad;z", &[]),
            ("exit;z", &[]),
        ] {
            assert_eq!(round(text), expected, "{text}");
        }
    }
}
