//! What is wrong with an option, in both languages.

use std::fmt;

use crate::language::Language;

/// Why the value of an option is invalid, in both languages. Displays in English, as
/// clap's own errors do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidOption {
    pub(super) chinese: String,
    pub(super) english: String,
}

impl InvalidOption {
    pub(super) fn new(chinese: String, english: String) -> Self {
        InvalidOption { chinese, english }
    }

    pub(super) fn text(&self, language: Language) -> &str {
        language.pick(&self.chinese, &self.english)
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english)
    }
}

impl std::error::Error for InvalidOption {}

/// Both translations of a refusal, formatted.
macro_rules! invalid {
    ($chinese:literal, $english:literal $(,)?) => {
        $crate::cli::options::invalid_option::InvalidOption::new(
            format!($chinese),
            format!($english),
        )
    };
}
pub(super) use invalid;
