//! Slices of texts.

use std::slice::SliceIndex;

/// The part of a text in a range, like `&text[range]`, at a smaller cost: an index
/// that cuts a character panics with that character in its message, and the tables
/// that say how it is printed are 4 KB of every visit to the page.
///
/// # Panics
///
/// If the range is not in the text, or cuts a character.
pub fn slice(text: &str, range: impl SliceIndex<str, Output = str>) -> &str {
    text.get(range).expect("the range is in the text, between characters")
}
