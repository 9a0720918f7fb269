//! Internationalisation (i18n): the keys of the texts that a page shows while it
//! runs, and the values for their placeholders.
//!
//! The texts themselves are in `static/zh.html` and `static/en.html`, so that no
//! sentence is hidden in the code and none is built from pieces. A text that never
//! changes has no key here: it stands in the markup alone, as `data-said`.

pub mod files;

/// Declares the keys once, for the enum, for [`TextKey::ALL`] and for the markup.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// All of them, for the test that looks each up in the markup.
            pub const ALL: &'static [$name] = &[$($name::$word,)*];

            /// How it is called in the markup.
            pub fn name(self) -> &'static str {
                match self { $($name::$word => $key,)* }
            }
        }
    };
}

keys! {
    /// Key of a text: `data-word` in the language files.
    TextKey {
        // The connection, in the header.
        StateOpen = "state-open",
        StateConnecting = "state-connecting",
        StateClosed = "state-closed",
        StateEnded = "state-ended",
        StatePage = "state-page",
        // Who answers, and what the button for that leads to.
        Server = "server",
        ThisPage = "this-page",
        ToServer = "to-server",
        ToPage = "to-page",
        // The status bar above the input, and its button.
        StatusConnecting = "status-connecting",
        StatusRetry = "status-retry",
        StatusEnded = "status-ended",
        StatusRemoved = "status-removed",
        StatusBlocked = "status-blocked",
        StatusDoor = "status-door",
        StatusPage = "status-page",
        StatusPageEnded = "status-page-ended",
        ConnectNow = "connect-now",
        StartAgain = "start-again",
        // The button that sends.
        Send = "send",
        Practise = "practise",
        // Notes at a message of the conversation.
        NoteConnected = "note-connected",
        NoteReconnected = "note-reconnected",
        NoteNew = "note-new",
        NoteBack = "note-back",
        NoteSilent = "note-silent",
        NoteNoServer = "note-no-server",
        NotePage = "note-page",
        NoteStale = "note-stale",
        NoteLate = "note-late",
        NoteLost = "note-lost",
        NoteEnded = "note-ended",
        TakeBack = "take-back",
        // Labels under the parts of a command.
        MarkVerb = "mark-verb",
        MarkName = "mark-name",
        MarkPhone = "mark-phone",
        // The book: how many, who changed last, and why so few.
        BookLive = "book-live",
        BookSilent = "book-silent",
        BookOwn = "book-own",
        BookFound = "book-found",
        BookChanged = "book-changed",
        BookRemoved = "book-removed",
        BookEmpty = "book-empty",
        BookNobody = "book-nobody",
        BookCut = "book-cut",
        // The bytes: the line being written, and messages.
        WireDraft = "wire-draft",
        WireEmpty = "wire-empty",
        WireSent = "wire-sent",
        WireReceived = "wire-received",
        WirePickedSent = "wire-picked-sent",
        WirePickedReceived = "wire-picked-received",
        WireFrame = "wire-frame",
        WireTcp = "wire-tcp",
        WireClose = "wire-close",
        WirePage = "wire-page",
        SizeDraft = "size-draft",
        Size = "size",
        SizeFramed = "size-framed",
        // Labels under the bytes.
        PartWide = "part-wide",
        PartWrong = "part-wrong",
        PartAnswer = "part-answer",
        PartLineEnd = "part-line-end",
        FieldText = "field-text",
        FieldClose = "field-close",
        FieldLength = "field-length",
        FieldKey = "field-key",
        FieldCode = "field-code",
        FieldReason = "field-reason",
        // The sequence picture.
        ArrowBroken = "arrow-broken",
        ArrowFailed = "arrow-failed",
        AboutHandshake = "about-handshake",
        AboutUpgrade = "about-upgrade",
        AboutClose = "about-close",
        AboutBroken = "about-broken",
        AboutFailed = "about-failed",
        // The lab for sticky packets.
        LabPlace = "lab-place",
        LabInside = "lab-inside",
        LabRecv = "lab-recv",
        LabSilence = "lab-silence",
        LabMessage = "lab-message",
        LabGarbage = "lab-garbage",
        LabWaitsCharacter = "lab-waits-character",
        LabWaitsLine = "lab-waits-line",
        // The program.
        PythonAll = "python-all",
        PythonOne = "python-one",
        Copy = "copy",
        Copied = "copied",
        NotCopied = "not-copied",
        // Nothing is wrong with the draft.
        Empty = "empty",
        EmptyEnded = "empty-ended",
        Say = "say",
        SayEcho = "say-echo",
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
        HeldPaused = "held-paused",
        // The other language could not be fetched.
        SameLanguage = "same-language",
        // What is wrong with a line.
        FullWidth = "full-width",
        SpaceForSeparator = "space-for-separator",
        WrongSeparator = "wrong-separator",
        WideVerb = "wide-verb",
        InvisibleAtVerb = "invisible-at-verb",
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
        InvisibleName = "invisible-name",
        InvisiblePhone = "invisible-phone",
        Utf16 = "utf16",
        TooLong = "too-long",
        Refused = "refused",
        // What is wrong with what was copied, or mixed up.
        Python = "python",
        Quotes = "quotes",
        TwoLines = "two-lines",
        LastSeparator = "last-separator",
        Swapped = "swapped",
    }
}

keys! {
    /// A placeholder in a text: `data-slot` in the markup.
    Placeholder {
        Bytes = "bytes",
        Character = "character",
        Chars = "chars",
        Count = "count",
        Example = "example",
        Head = "head",
        Host = "host",
        Limit = "limit",
        Name = "name",
        Phone = "phone",
        Reply = "reply",
        Seconds = "seconds",
        Text = "text",
        Verb = "verb",
    }
}

/// A text to be shown, in no language yet: its key and the values for its
/// placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Which text.
    pub key: TextKey,
    /// What goes into its placeholders, safe to show.
    pub values: Vec<(Placeholder, String)>,
}

impl Text {
    /// A text without a value for any placeholder.
    pub fn new(key: TextKey) -> Self {
        Text { key, values: Vec::new() }
    }

    /// Gives a placeholder its value.
    #[must_use]
    pub fn with(mut self, placeholder: Placeholder, value: impl Into<String>) -> Self {
        self.values.push((placeholder, value.into()));
        self
    }
}
