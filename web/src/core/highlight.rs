//! Syntax highlighting of a line that is being written: where each part of a
//! command stands, as the shared parser sees it.
//!
//! It draws nothing: the view lays the highlights behind the input.

use std::ops::Range;

use protocol::command::{Command, FULL_WIDTH_SEPARATOR, Field, Stage, Verb, parts, span, trim};
use protocol::{Mistake, Reason, slice};

use crate::core::hints::with_separators;

/// What a piece of the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The verb: a solid line.
    Verb,
    /// The name: a double line.
    Name,
    /// The phone: a dotted line.
    Phone,
    /// A mistake: a wavy line.
    Wrong,
    /// A character in a separator's place that is none: a red circle.
    Circled,
}

/// One piece of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Its bytes.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// Whether there is room below it for its name.
    pub labelled: bool,
}

/// The highlights for a line, in order, none over another.
pub fn highlights(text: &str) -> Vec<Highlight> {
    let mistake =
        Command::parse(text, Stage::Contacts).err().filter(|mistake| !mistake.is_unfinished(text));
    let mut highlights = match &mistake {
        Some(Mistake { reason: Reason::FullWidthSeparator { .. }, .. }) => {
            // Parsed as if the wide separators were right, so that the parts between
            // them are highlighted too.
            let replaced = with_separators(text);
            let mut highlights = fields(&replaced);
            for highlight in &mut highlights {
                highlight.at = original(text, highlight.at.start)..original(text, highlight.at.end);
            }
            for (at, wide) in text.match_indices(FULL_WIDTH_SEPARATOR) {
                insert(&mut highlights, highlight(at..at + wide.len(), Kind::Circled));
            }
            highlights
        }
        Some(Mistake { reason: Reason::WrongSeparator { .. }, at }) => {
            let verb = text.get(..at.start).map(trim).unwrap_or_default();
            vec![highlight(span(text, verb), Kind::Verb), highlight(at.clone(), Kind::Circled)]
        }
        Some(mistake) => {
            let at = &mistake.at;
            let mut highlights = fields(text);
            if !at.is_empty() {
                highlights.retain(|highlight| {
                    highlight.at.end <= at.start || at.end <= highlight.at.start
                });
                insert(&mut highlights, highlight(at.clone(), Kind::Wrong));
            }
            highlights
        }
        None => fields(text),
    };
    label(text, &mut highlights);
    highlights
}

fn insert(highlights: &mut Vec<Highlight>, highlight: Highlight) {
    let index = highlights.iter().take_while(|other| other.at.start < highlight.at.start).count();
    highlights.insert(index, highlight);
}

fn highlight(at: Range<usize>, kind: Kind) -> Highlight {
    Highlight { at, kind, labelled: false }
}

/// The verb and the fields that belong to it; nothing where there is no verb.
fn fields(text: &str) -> Vec<Highlight> {
    let mut parts = parts(text);
    let word = parts.next().unwrap_or_default();
    let Some(verb) = Verb::named(word) else { return Vec::new() };
    let mut highlights = vec![highlight(span(text, word), Kind::Verb)];
    for (part, field) in parts.zip(verb.fields()) {
        let kind = match field {
            Field::Name => Kind::Name,
            Field::Phone => Kind::Phone,
        };
        if !part.is_empty() {
            highlights.push(highlight(span(text, part), kind));
        }
    }
    highlights
}

/// Maps an offset in the line with replaced separators to the line itself.
fn original(text: &str, mut replaced: usize) -> usize {
    for (at, character) in text.char_indices() {
        if replaced == 0 {
            return at;
        }
        replaced -= if character == FULL_WIDTH_SEPARATOR { 1 } else { character.len_utf8() };
    }
    text.len()
}

/// Names the parts, but for the short ones whose label would run into the next.
fn label(text: &str, highlights: &mut [Highlight]) {
    let last = highlights.iter().rposition(|highlight| !is_error(highlight.kind));
    for (index, highlight) in highlights.iter_mut().enumerate() {
        // A label is about three columns wide; the separator is one of them.
        let columns: usize = slice(text, highlight.at.clone())
            .chars()
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum();
        highlight.labelled = !is_error(highlight.kind) && (columns >= 2 || Some(index) == last);
    }
}

fn is_error(kind: Kind) -> bool {
    matches!(kind, Kind::Wrong | Kind::Circled)
}

/// The highlights without the red ones, for a line in the middle of an input
/// method's composition: what stands there now is not what will be sent.
pub fn without_errors(mut highlights: Vec<Highlight>) -> Vec<Highlight> {
    highlights.retain(|highlight| !is_error(highlight.kind));
    highlights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Kind)]) {
        let highlights = highlights(text);
        let found: Vec<_> = highlights.iter().map(|m| (&text[m.at.clone()], m.kind)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn every_part_has_its_own_line() {
        check("add", &[("add", Kind::Verb)]);
        check("add;", &[("add", Kind::Verb)]);
        check(" add; 张三 ;1", &[("add", Kind::Verb), ("张三", Kind::Name), ("1", Kind::Phone)]);
        check("find;a", &[("find", Kind::Verb), ("a", Kind::Name)]);
        check("hello", &[]);
    }

    #[test]
    fn the_pen_marks_what_is_wrong_and_leaves_the_rest() {
        check("ad;x;1", &[("ad", Kind::Wrong)]);
        check("find;a;b;c", &[("find", Kind::Verb), ("a", Kind::Name), ("b;c", Kind::Wrong)]);
        check("add;;1", &[("add", Kind::Verb), ("1", Kind::Phone)]);
        check("find;a\tb", &[("find", Kind::Verb), ("a\tb", Kind::Wrong)]);
        check("find lisi", &[("find", Kind::Verb), (" ", Kind::Circled)]);
        check("add , lisi 1", &[("add", Kind::Verb), (",", Kind::Circled)]);
        check("find：lisi", &[("find", Kind::Verb), ("：", Kind::Circled)]);
        check("add lisi;1", &[("add", Kind::Verb), (" ", Kind::Circled)]);
        check("ａｄｄ;lisi;1", &[("ａｄｄ", Kind::Wrong)]);
        check("exit。", &[("。", Kind::Wrong)]);
        check("add\u{200b};lisi;1", &[("add\u{200b}", Kind::Wrong)]);
        check("find\u{3000}张三", &[("find", Kind::Verb), ("\u{3000}", Kind::Circled)]);
    }

    #[test]
    fn a_wide_semicolon_is_circled_and_its_neighbours_are_still_read() {
        check(
            "add；张三；1",
            &[
                ("add", Kind::Verb),
                ("；", Kind::Circled),
                ("张三", Kind::Name),
                ("；", Kind::Circled),
                ("1", Kind::Phone),
            ],
        );
        // Inside a name it is only a character.
        check("add;张；三;1", &[("add", Kind::Verb), ("张；三", Kind::Name), ("1", Kind::Phone)]);
    }

    #[test]
    fn a_label_is_left_out_where_it_would_cover_the_next() {
        let labelled: Vec<_> =
            highlights("add;a;1").iter().map(|highlight| highlight.labelled).collect();
        assert_eq!(labelled, [true, false, true]);
    }
}
