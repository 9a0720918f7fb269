//! What the page says while it runs, by key.
//!
//! The sentences themselves live in `static/index.html`, in both languages
//! side by side; here are only their keys and the values for their blanks, so
//! that no sentence has to be found in the code and none is built from pieces.

/// Declares the keys once, for the enum, for [`Word::ALL`] and for the markup.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// All of them, for the test that looks each up in the markup.
            pub const ALL: &'static [$name] = &[$($name::$word,)*];

            /// How it is called in the markup.
            pub fn key(self) -> &'static str {
                match self { $($name::$word => $key,)* }
            }
        }
    };
}

words! {
    /// A sentence or label: `data-word` in the markup.
    Word {
        // The connection, in the header.
        StateOpen = "state-open",
        StateConnecting = "state-connecting",
        StateClosed = "state-closed",
        StateEnded = "state-ended",
        // The strip above the input, and its button.
        StripConnecting = "strip-connecting",
        StripRetry = "strip-retry",
        StripEnded = "strip-ended",
        ConnectNow = "connect-now",
        StartAgain = "start-again",
        // Notes at a message of the conversation.
        NoteConnected = "note-connected",
        NoteReconnected = "note-reconnected",
        NoteNew = "note-new",
        NoteLate = "note-late",
        NoteLost = "note-lost",
        NoteEnded = "note-ended",
        TakeBack = "take-back",
        // Labels under the parts of a command.
        MarkVerb = "mark-verb",
        MarkName = "mark-name",
        MarkPhone = "mark-phone",
        // Nothing is wrong with the draft.
        Empty = "empty",
        EmptyEnded = "empty-ended",
        Say = "say",
        NextVerb = "next-verb",
        NextSeparatorName = "next-separator-name",
        NextName = "next-name",
        NextSeparatorPhone = "next-separator-phone",
        NextPhone = "next-phone",
        ReadyAdd = "ready-add",
        ReadyFind = "ready-find",
        ReadyRemove = "ready-remove",
        ReadyExit = "ready-exit",
        // Enter was pressed, but nothing can be sent.
        HeldConnecting = "held-connecting",
        HeldClosed = "held-closed",
        HeldLeaving = "held-leaving",
        HeldEnded = "held-ended",
        // The red pen.
        FullWidth = "full-width",
        MissingSeparator = "missing-separator",
        UnknownVerb = "unknown-verb",
        LowerCase = "lower-case",
        NoVerb = "no-verb",
        TooFewAdd = "too-few-add",
        TooFewOne = "too-few-one",
        TooManyAdd = "too-many-add",
        TooManyOne = "too-many-one",
        TooManyExit = "too-many-exit",
        EmptyName = "empty-name",
        EmptyPhone = "empty-phone",
        LongName = "long-name",
        LongPhone = "long-phone",
        ControlName = "control-name",
        ControlPhone = "control-phone",
        TooLong = "too-long",
        Refused = "refused",
    }
}

words! {
    /// A blank in a sentence: `data-slot` in the markup.
    Slot {
        Bytes = "bytes",
        Character = "character",
        Chars = "chars",
        Example = "example",
        Host = "host",
        Limit = "limit",
        Name = "name",
        Phone = "phone",
        Seconds = "seconds",
        Text = "text",
        Verb = "verb",
    }
}

/// A sentence with its blanks filled in, in no language yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which sentence.
    pub word: Word,
    /// What goes into its blanks, safe to show.
    pub slots: Vec<(Slot, String)>,
}

impl Note {
    /// A sentence without a blank filled in.
    pub fn new(word: Word) -> Self {
        Note { word, slots: Vec::new() }
    }

    /// Fills a blank.
    #[must_use]
    pub fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.slots.push((slot, value.into()));
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../static/index.html");

    /// The markup of one word in the page, from its tag to the next word.
    fn markup(word: Word) -> &'static str {
        let tag = format!("data-word=\"{}\"", word.key());
        let mut found = PAGE.split(tag.as_str());
        let after = found.by_ref().nth(1).unwrap_or_else(|| panic!("the page lacks {tag}"));
        assert!(found.next().is_none(), "the page has {tag} twice");
        let end = after.find("data-word=").or_else(|| after.find("</template>"));
        &after[..end.expect("words stand in a template")]
    }

    /// Every blank of the note stands in both languages.
    pub(crate) fn assert_told_in_both_languages(note: &Note) {
        let markup = markup(note.word);
        let english = markup.find("lang=\"en\"").expect("checked for all words");
        for language in [&markup[..english], &markup[english..]] {
            for (slot, _) in &note.slots {
                let blank = format!("data-slot=\"{}\"", slot.key());
                assert!(language.contains(&blank), "{} lacks {blank}", note.word.key());
            }
            let blanks = language.matches("data-slot=").count();
            assert!(blanks <= note.slots.len(), "{} has a blank nobody fills", note.word.key());
        }
    }

    #[test]
    fn every_word_is_in_the_page_in_both_languages() {
        for &word in Word::ALL {
            let markup = markup(word);
            let chinese = markup.find("lang=\"zh-CN\"");
            let english = markup.find("lang=\"en\"");
            assert!(chinese.is_some() && chinese < english, "{}", word.key());
        }
    }

    #[test]
    fn the_page_has_no_word_that_nobody_says() {
        let keys = PAGE.split("data-word=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for key in keys {
            assert!(Word::ALL.iter().any(|word| word.key() == key), "nobody says {key}");
        }
    }

    #[test]
    fn every_chinese_piece_of_the_page_has_its_english_one() {
        assert_eq!(
            PAGE.matches("<span lang=\"zh-CN\">").count(),
            PAGE.matches("<span lang=\"en\">").count()
        );
    }
}
