//! A message that is nearly a command: the verb it begins with, however that is
//! written, and what was typed in the separator's place.
//!
//! To a beginner `Received add zhangsan 138;` looks like success. So a message
//! that begins with a verb and goes on with any mark in the separator's place is
//! a mistake and not small talk.

use std::ops::Range;

use crate::escape::is_invisible;
use crate::mistake::{Mistake, Reason};
use crate::slice::slice;
use crate::text::{FULL_WIDTH_SEPARATOR, SEPARATOR, is_space, span, trim};
use crate::verb::Verb;

/// How a verb is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As it must be.
    Exact,
    /// With capital letters.
    Capital,
    /// With full-width letters of a Chinese input method, `ａｄｄ`.
    Wide,
}

/// The verb at the beginning of a message and what separates it from the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) verb: Verb,
    spelling: Spelling,
    /// Where the verb stands, with the invisible characters beside it.
    word: Range<usize>,
    /// The first of those.
    invisible: Option<char>,
    /// What stands in the separator's place: the first mark that is no space, or
    /// else the first space. Absent where nothing follows.
    pub(crate) mark: Option<Mark>,
    /// What follows.
    pub(crate) rest: &'a str,
}

impl<'a> Head<'a> {
    /// Reads a message's beginning. `None` where it is no verb, or one that goes
    /// on as a word does: `finding`, `add1`.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let (mut letters, mut count) = ([0; LONGEST_VERB], 0);
        let (mut spelling, mut invisible) = (Spelling::Exact, None);
        let (mut word, mut behind) = (None, text.len());
        for (at, c) in text.char_indices() {
            let is_first = count == 0;
            if is_first && is_space(c) {
                continue;
            }
            if let Some((letter, is_wide)) = letter(c) {
                *letters.get_mut(count)? = letter;
                count += 1;
                if is_wide {
                    spelling = Spelling::Wide;
                }
            } else if is_invisible(c) && (is_first || c != '\t') {
                invisible.get_or_insert(c);
            } else {
                behind = at;
                break;
            }
            word.get_or_insert(at);
        }
        let letters = &letters[..count];
        let verb = Verb::meant_by(str::from_utf8(letters).ok()?)?;
        if spelling == Spelling::Exact && letters != verb.word().as_bytes() {
            spelling = Spelling::Capital;
        }
        let (mark, rest) = junction(text, behind)?;
        let word = word.unwrap_or(behind)..behind;
        Some(Head { verb, spelling, word, invisible, mark, rest })
    }

    /// Whether nothing but marks follows.
    pub(crate) fn is_alone(&self) -> bool {
        self.rest.chars().all(is_mark)
    }
}

/// The letters of `remove`.
const LONGEST_VERB: usize = 6;

/// A Latin letter as ASCII has it, and whether it was a full-width one.
fn letter(c: char) -> Option<(u8, bool)> {
    /// From `A` to `Ａ`.
    const OFFSET: u32 = 0xFEE0;
    let is_wide = matches!(c, 'ａ'..='ｚ' | 'Ａ'..='Ｚ');
    let code = u32::from(c) - if is_wide { OFFSET } else { 0 };
    let letter = u8::try_from(code).ok().filter(u8::is_ascii_alphabetic)?;
    Some((letter, is_wide))
}

/// A place in a text and the character there.
type Mark = (usize, char);

/// What stands between a verb that ends at `from` and what follows it. `None` if
/// the verb goes on as a word does.
fn junction(text: &str, from: usize) -> Option<(Option<Mark>, &str)> {
    let behind = slice(text, from..);
    if behind.chars().next().is_some_and(|c| !is_mark(c)) {
        return None;
    }
    let place = |part: &str| {
        let at = span(text, part).start;
        part.chars().next().map(|c| (at, c))
    };
    let marks = behind.trim_start_matches(is_space);
    let rest = marks.trim_start_matches(|c| is_mark(c) && !is_space(c));
    // Behind a space a mark may begin a name or a phone, as in `find +86`.
    let belongs = marks.len() == behind.len()
        || marks.starts_with(separates)
        || rest.is_empty()
        || rest.starts_with(is_space);
    Some(match marks.len() > rest.len() && belongs {
        true => (place(marks), trim(rest)),
        false => (place(behind), trim(marks)),
    })
}

/// Whether a character is punctuation or a space, by Unicode's blocks of them:
/// what may be typed in the separator's place.
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation()
        || is_space(c)
        || matches!(c,
            '\t' | '¦' | '·' | GREEK_QUESTION_MARK
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' // General Punctuation
            | '\u{2190}'..='\u{21FF}' | '\u{2500}'..='\u{257F}' // Arrows, Box Drawing
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301F}' // CJK Punctuation
            | '\u{FE10}'..='\u{FE19}' | '\u{FE30}'..='\u{FE6B}' // vertical and small forms
            | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' // full-width forms
            | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}')
}

/// Looks exactly like a semicolon.
const GREEK_QUESTION_MARK: char = '\u{37E}';

/// Whether a mark separates and hardly ever stands in a name or a phone.
pub(crate) fn separates(c: char) -> bool {
    matches!(
        c,
        SEPARATOR
            | FULL_WIDTH_SEPARATOR
            | GREEK_QUESTION_MARK
            | '﹔'
            | '\t'
            | ','
            | '，'
            | '、'
            | ':'
            | '：'
            | '|'
            | '｜'
            | '/'
            | '／'
            | '\\'
            | '='
            | '＝'
            | '。'
    )
}

/// What is wrong with a message that is no command but begins with a verb, if
/// the verb shows that it was meant as one.
#[cold]
pub(crate) fn slip(text: &str) -> Option<Mistake<'_>> {
    let head = Head::of(text)?;
    let Head { verb, ref word, .. } = head;
    // `exit now` is no goodbye, and is not meant as one.
    if verb == Verb::Exit && !head.is_alone() {
        return None;
    }
    if let Some(character) = head.invisible {
        let reason = Reason::InvisibleAtVerb { verb, character, line: text };
        return Some(Mistake { reason, at: word.clone() });
    }
    if head.spelling == Spelling::Wide {
        return Some(Mistake { reason: Reason::WideVerb { verb, line: text }, at: word.clone() });
    }
    let (at, mark) = head.mark?;
    if verb == Verb::Exit {
        let is_exact = head.spelling == Spelling::Exact;
        let mistake = Mistake { reason: Reason::TooMany { verb }, at: at..text.len() };
        return is_exact.then_some(mistake);
    }
    let reason = match mark {
        // Something else is wrong.
        SEPARATOR => return None,
        FULL_WIDTH_SEPARATOR => Reason::FullWidthSeparator { verb, line: text },
        mark => Reason::WrongSeparator { verb, mark, line: text },
    };
    Some(Mistake { reason, at: at..at + mark.len_utf8() })
}

/// The verb a message begins with, however it is written, for the example that
/// fits it.
pub(crate) fn verb_of(text: &str) -> Option<Verb> {
    Head::of(text).map(|head| head.verb)
}
