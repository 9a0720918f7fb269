//! The door between the page and its supplement.
//!
//! A phone's first visit brings the page without the panels beside the
//! conversation. What the page says to them it says through this, so that no
//! other call leads there: the build can cut the program in two at this place
//! (`xtask/src/split.rs`).

use web_sys::Element;

use crate::model::{Model, Moment};

/// The panels beside the conversation, as the page knows them.
pub trait Door {
    /// Adds their words to those of a language's file.
    fn lend(&self, words: &Element);

    /// Shows the state of the model where it differs from what is shown.
    /// Returns when, in the model's milliseconds, that is to be done again.
    fn refresh(&self, model: &Model, moment: Moment) -> Option<u64>;
}
