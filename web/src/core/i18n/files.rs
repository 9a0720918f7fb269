//! The languages' files, read for the tests: a page fetches them.

use super::Text;

/// Each language's file.
pub const LANGUAGES: [&str; 2] =
    [include_str!("../../../../static/zh.html"), include_str!("../../../../static/en.html")];

/// The values of an attribute in markup, in order.
///
/// # Panics
///
/// A value is not in double quotes.
pub fn values<'a>(markup: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!("{attribute}=\"");
    let rest = markup.split(begin.as_str()).skip(1);
    rest.map(|rest| rest.split_once('"').expect("attributes are quoted").0).collect()
}

/// The placeholders of a text in one language, each once, in alphabetical order.
///
/// # Panics
///
/// The language has no such text, or it is empty.
pub fn placeholders<'a>(language: &'a str, key: &str) -> Vec<&'a str> {
    let tag = format!("<p data-word=\"{key}\">");
    let (_, rest) = language.split_once(tag.as_str()).unwrap_or_else(|| panic!("no {tag}"));
    let (markup, _) = rest.split_once("</p>\n").expect("one line a text");
    assert!(!markup.is_empty(), "nothing is said in {tag}");
    let mut placeholders = values(markup, "data-slot");
    placeholders.sort_unstable();
    placeholders.dedup();
    placeholders
}

/// Checks that exactly the placeholders that the text fills stand in both
/// languages.
///
/// # Panics
///
/// One does not.
pub fn assert_translated(text: &Text) {
    let mut filled: Vec<_> =
        text.values.iter().map(|(placeholder, _)| placeholder.name()).collect();
    filled.sort_unstable();
    for language in LANGUAGES {
        assert_eq!(placeholders(language, text.key.name()), filled, "{}", text.key.name());
    }
}
