//! What a mistake is called: a short word for each kind, the same in every version
//! and every language, for lists and counts.

use crate::mistake::{Mistake, Reason};
use crate::text::is_space;
use crate::verb::Verb;

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The bytes are not UTF-8 text.
    NotUtf8,
    /// The bytes are UTF-16 text.
    Utf16,
    /// The bytes are commands of the telnet protocol.
    Telnet,
    /// The message is too long.
    TooLong,
    /// There is no such command.
    UnknownVerb,
    /// A command in capital letters: `ADD;x;1`.
    CapitalVerb,
    /// No command before the first `;`.
    NoVerb,
    /// The `；` of a Chinese input method.
    FullWidthSemicolon,
    /// A space in place of `;`.
    SpaceSeparator,
    /// Another mark in place of `;`.
    WrongSeparator,
    /// A command in full-width letters.
    FullWidthVerb,
    /// A character that shows nothing.
    InvisibleCharacter,
    /// Fewer fields than the command needs.
    TooFewFields,
    /// More fields than the command takes.
    TooManyFields,
    /// A field with nothing in it.
    EmptyField,
    /// A field over its limit.
    FieldTooLong,
}

impl Cause {
    /// All kinds, in no order that means anything.
    pub const ALL: [Cause; 16] = [
        Cause::NotUtf8,
        Cause::Utf16,
        Cause::Telnet,
        Cause::TooLong,
        Cause::UnknownVerb,
        Cause::CapitalVerb,
        Cause::NoVerb,
        Cause::FullWidthSemicolon,
        Cause::SpaceSeparator,
        Cause::WrongSeparator,
        Cause::FullWidthVerb,
        Cause::InvisibleCharacter,
        Cause::TooFewFields,
        Cause::TooManyFields,
        Cause::EmptyField,
        Cause::FieldTooLong,
    ];

    /// Its word, which programs may rely on.
    pub fn word(self) -> &'static str {
        match self {
            Cause::NotUtf8 => "not-utf8",
            Cause::Utf16 => "utf16",
            Cause::Telnet => "telnet",
            Cause::TooLong => "too-long",
            Cause::UnknownVerb => "unknown-verb",
            Cause::CapitalVerb => "capital-verb",
            Cause::NoVerb => "no-verb",
            Cause::FullWidthSemicolon => "fullwidth-semicolon",
            Cause::SpaceSeparator => "space-separator",
            Cause::WrongSeparator => "wrong-separator",
            Cause::FullWidthVerb => "fullwidth-verb",
            Cause::InvisibleCharacter => "invisible-character",
            Cause::TooFewFields => "too-few-fields",
            Cause::TooManyFields => "too-many-fields",
            Cause::EmptyField => "empty-field",
            Cause::FieldTooLong => "field-too-long",
        }
    }
}

impl Mistake<'_> {
    /// What kind of mistake it is.
    pub fn cause(&self) -> Cause {
        match self.reason {
            Reason::NotUtf8 => Cause::NotUtf8,
            Reason::Utf16 => Cause::Utf16,
            Reason::Telnet => Cause::Telnet,
            Reason::TooLong => Cause::TooLong,
            Reason::UnknownVerb { word: "" } => Cause::NoVerb,
            Reason::UnknownVerb { word } if Verb::meant_by(word).is_some() => Cause::CapitalVerb,
            Reason::UnknownVerb { .. } => Cause::UnknownVerb,
            Reason::FullWidthSeparator { .. } => Cause::FullWidthSemicolon,
            Reason::WrongSeparator { mark, .. } if is_space(mark) => Cause::SpaceSeparator,
            Reason::WrongSeparator { .. } => Cause::WrongSeparator,
            Reason::WideVerb { .. } => Cause::FullWidthVerb,
            Reason::InvisibleAtVerb { .. } | Reason::InvisibleCharacter { .. } => {
                Cause::InvisibleCharacter
            }
            Reason::TooFew { .. } => Cause::TooFewFields,
            Reason::TooMany { .. } => Cause::TooManyFields,
            Reason::Empty { .. } => Cause::EmptyField,
            Reason::FieldTooLong { .. } => Cause::FieldTooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, Stage};

    #[test]
    fn each_kind_has_its_own_word_and_stands_at_its_place() {
        for (at, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at, "{}", cause.word());
            let same = Cause::ALL.iter().filter(|other| other.word() == cause.word());
            assert_eq!(same.count(), 1, "{}", cause.word());
        }
    }

    #[test]
    fn a_mistake_is_called_by_what_the_student_did() {
        for (text, word) in [
            ("add；lisi；139", "fullwidth-semicolon"),
            ("add;lisi；139", "fullwidth-semicolon"),
            ("add lisi 139", "space-separator"),
            ("find\u{3000}lisi", "space-separator"),
            ("add,lisi,139", "wrong-separator"),
            ("add：lisi：139", "wrong-separator"),
            ("ADD;lisi;139", "capital-verb"),
            ("ad;lisi;139", "unknown-verb"),
            (";lisi;139", "no-verb"),
            ("ａｄｄ;lisi;139", "fullwidth-verb"),
            ("\u{200b}add;lisi;139", "invisible-character"),
            ("add;li\u{200b}si;139", "invisible-character"),
            ("add;lisi", "too-few-fields"),
            ("find", "too-few-fields"),
            ("find;a;b", "too-many-fields"),
            ("add;;139", "empty-field"),
            ("add;lisi;012345678901234567890123456789012", "field-too-long"),
        ] {
            let mistake = Command::parse(text, Stage::Contacts).expect_err(text);
            assert_eq!(mistake.cause().word(), word, "{text}");
        }
    }
}
