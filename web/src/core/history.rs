//! The lines written before, for the arrow keys.
//!
//! Moving through them loses nothing: the unfinished line waits at the bottom,
//! and a line changed on the way stays changed until something is sent. It
//! stores nothing itself.

/// The most lines remembered: a long lesson has some fifty.
const LIMIT: usize = 200;

/// Lines, oldest first, and where the student stands among them.
#[derive(Debug, Default)]
pub struct History {
    lines: Vec<String>,
    /// `lines.len()` is the line at the bottom, the one being written.
    position: usize,
    /// Lines as they were left, by position.
    left: Vec<(usize, String)>,
}

impl History {
    /// Takes up what [`to_text`](Self::to_text) wrote.
    pub fn from_text(text: &str) -> Self {
        let mut history = History::default();
        text.split('\n').for_each(|line| history.push(line));
        history
    }

    /// One line a line; an input has no line ends in it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Remembers a line, but not the same twice in a row, and goes to the
    /// bottom.
    pub fn push(&mut self, line: &str) {
        if !line.is_empty() && self.lines.last().is_none_or(|last| last != line) {
            if self.lines.len() == LIMIT {
                self.lines.remove(0);
            }
            self.lines.push(line.to_string());
        }
        self.position = self.lines.len();
        self.left.clear();
    }

    /// The line before, leaving `current` where it is.
    pub fn up(&mut self, current: &str) -> Option<String> {
        let position = self.position.checked_sub(1)?;
        Some(self.go(position, current))
    }

    /// The line after, down to the unfinished one.
    pub fn down(&mut self, current: &str) -> Option<String> {
        (self.position < self.lines.len()).then(|| self.go(self.position + 1, current))
    }

    fn go(&mut self, position: usize, current: &str) -> String {
        match self.left.iter_mut().find(|(at, _)| *at == self.position) {
            Some((_, line)) => *line = current.to_string(),
            None => self.left.push((self.position, current.to_string())),
        }
        self.position = position;
        let left = self.left.iter().find(|&&(at, _)| at == position).map(|(_, line)| line);
        left.or_else(|| self.lines.get(position)).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unfinished_line_waits_at_the_bottom() {
        let mut history = History::from_text("one\ntwo\n");
        assert_eq!(history.up("unfinished").as_deref(), Some("two"));
        assert_eq!(history.up("two").as_deref(), Some("one"));
        assert_eq!(history.up("one"), None);
        assert_eq!(history.down("one, changed").as_deref(), Some("two"));
        assert_eq!(history.up("two").as_deref(), Some("one, changed"));
        assert_eq!(history.down("one, changed").as_deref(), Some("two"));
        assert_eq!(history.down("two").as_deref(), Some("unfinished"));
        assert_eq!(history.down("unfinished"), None);
    }

    #[test]
    fn the_same_line_twice_in_a_row_is_remembered_once_and_two_hundred_in_all() {
        let mut history = History::default();
        for line in ["a", "a", "b", "a", ""] {
            history.push(line);
        }
        assert_eq!(history.to_text(), "a\nb\na\n");
        for number in 0..LIMIT {
            history.push(&number.to_string());
        }
        assert_eq!(history.to_text().lines().count(), LIMIT);
        assert_eq!(history.to_text().lines().next(), Some("0"));
    }
}
