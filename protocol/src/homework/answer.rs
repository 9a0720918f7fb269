//! Whether an answer is the lesson's. Fair to it: its own text has `added` and
//! `added!`, `Not Found!` and `Not found!`, and line ends are a matter of taste.

use super::cast::Cast;
use super::cause::Cause;
use super::checks::Expected;

/// An [`Expected`] answer with names and phones filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Anything,
    Exact(String),
    Words(String),
    Echo(String),
    AtTheEnd(String),
    Both(String, String),
}

/// What became of an answer so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Right as far as it goes; more may come.
    Unfinished,
    /// Right, perhaps with a note.
    Right(Option<Cause>),
    /// Wrong, whatever else may come.
    Wrong,
}

/// The marks that may end a sentence, and the two line ends.
const END: [char; 8] = ['!', '！', '.', '。', ';', ' ', '\r', '\n'];

impl Wanted {
    pub(super) fn new(expected: Expected, cast: &Cast) -> Self {
        match expected {
            Expected::Anything => Wanted::Anything,
            Expected::Exact(text) => Wanted::Exact(cast.fill(text)),
            Expected::Words(text) => Wanted::Words(cast.fill(text)),
            Expected::Echo(text) => Wanted::Echo(cast.fill(text)),
            Expected::AtTheEnd(text) => Wanted::AtTheEnd(cast.fill(text)),
            Expected::Both(first, second) => Wanted::Both(cast.fill(first), cast.fill(second)),
        }
    }

    /// What should come, as the lesson writes it, where that can be said.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Wanted::Anything => None,
            Wanted::Exact(text) | Wanted::Words(text) | Wanted::AtTheEnd(text) => {
                Some(text.clone())
            }
            Wanted::Echo(word) => Some(format!("Received {word};")),
            Wanted::Both(first, second) => Some(format!("{first}{second}")),
        }
    }

    /// Whether more may come after a pause, since several messages are answered.
    pub(super) fn is_of_several(&self) -> bool {
        matches!(self, Wanted::AtTheEnd(_) | Wanted::Both(..))
    }

    pub(super) fn judge(&self, bytes: &[u8]) -> Judgement {
        let text = match str::from_utf8(bytes) {
            Ok(text) => text.trim_matches(['\r', '\n', ' ']),
            // A character is not complete yet.
            Err(error) if error.error_len().is_none() && !self.is_anything() => {
                return Judgement::Unfinished;
            }
            Err(_) => "\u{FFFD}",
        };
        if text.is_empty() {
            return Judgement::Unfinished;
        }
        match self {
            Wanted::Anything => Judgement::Right(None),
            Wanted::Exact(wanted) if text == wanted => Judgement::Right(None),
            Wanted::Exact(wanted) => unfinished_or_wrong(wanted.starts_with(text)),
            Wanted::Words(wanted) => judge_words(wanted, text),
            Wanted::Echo(word) if *text == format!("received {word};") => {
                Judgement::Right(Some(Cause::OtherCase))
            }
            Wanted::Echo(_) => Judgement::Right(None),
            Wanted::AtTheEnd(wanted) if text.ends_with(wanted.as_str()) => Judgement::Right(None),
            Wanted::AtTheEnd(_) => Judgement::Unfinished,
            Wanted::Both(first, second) => match text.split_once(first.as_str()) {
                Some((_, behind)) if contains_words(behind, second) => Judgement::Right(None),
                Some(_) => Judgement::Unfinished,
                None => unfinished_or_wrong(first.starts_with(text)),
            },
        }
    }

    fn is_anything(&self) -> bool {
        *self == Wanted::Anything
    }
}

fn unfinished_or_wrong(is_beginning: bool) -> Judgement {
    if is_beginning { Judgement::Unfinished } else { Judgement::Wrong }
}

fn judge_words(wanted: &str, text: &str) -> Judgement {
    let bare = |text: &str| text.trim_end_matches(END).to_ascii_lowercase();
    if bare(wanted) != bare(text) {
        let begins = bare(wanted).starts_with(&text.to_ascii_lowercase());
        return unfinished_or_wrong(begins);
    }
    Judgement::Right(if wanted == text {
        None
    } else if text.ends_with('！') {
        Some(Cause::WideMark)
    } else if !text.ends_with('!') {
        Some(Cause::NoMark)
    } else {
        Some(Cause::OtherCase)
    })
}

fn contains_words(text: &str, words: &str) -> bool {
    let bare = words.trim_end_matches(END).to_ascii_lowercase();
    text.to_ascii_lowercase().contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesson_s_own_variants_are_right_with_a_note() {
        let added = Wanted::Words("li added!".into());
        for (answer, note) in [
            ("li added!", None),
            ("li added!\r\n", None),
            ("li added", Some(Cause::NoMark)),
            ("li added\n", Some(Cause::NoMark)),
            ("li added！", Some(Cause::WideMark)),
            ("li Added!", Some(Cause::OtherCase)),
        ] {
            assert_eq!(added.judge(answer.as_bytes()), Judgement::Right(note), "{answer}");
        }
        let missing = Wanted::Words("Not Found!".into());
        assert_eq!(missing.judge(b"Not found!"), Judgement::Right(Some(Cause::OtherCase)));
    }

    #[test]
    fn what_may_still_become_right_is_unfinished_and_everything_else_wrong() {
        let added = Wanted::Words("李 added!".into());
        for at in 0.."李 added".len() {
            let beginning = &"李 added!".as_bytes()[..at];
            assert_eq!(added.judge(beginning), Judgement::Unfinished, "{at}");
        }
        for wrong in ["ok", "李 added!李 added!", "wang added!", "b'\\xe6'"] {
            assert_eq!(added.judge(wrong.as_bytes()), Judgement::Wrong, "{wrong}");
        }
        let phone = Wanted::Exact("138".into());
        assert_eq!(phone.judge(b"13"), Judgement::Unfinished);
        assert_eq!(phone.judge(b"138\n"), Judgement::Right(None));
        assert_eq!(phone.judge(b"139"), Judgement::Wrong);
    }

    #[test]
    fn answers_to_several_messages_may_come_with_pauses() {
        let both = Wanted::Both("138".into(), "Not Found!".into());
        assert_eq!(both.judge(b"138\n"), Judgement::Unfinished);
        assert_eq!(both.judge(b"138\nNot found\n"), Judgement::Right(None));
        assert_eq!(both.judge(b"Not Found!"), Judgement::Wrong);
        let last = Wanted::AtTheEnd("138".into());
        assert_eq!(last.judge(b"Error"), Judgement::Unfinished);
        assert_eq!(last.judge(b"Error138"), Judgement::Right(None));
    }
}
