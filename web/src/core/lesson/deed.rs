//! What a student can do in the lesson, by the names of the markup.

/// What the student has done, and what a goal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Heard the greeting.
    Greeted,
    /// Ended the conversation with `exit`.
    Closed,
    /// Began another one after that.
    Again,
    /// Got a message back as it was.
    Echo,
    /// Stored a contact.
    Added,
    /// Gave a name another phone than it had.
    Overwritten,
    /// Stored a name with a Chinese character in it.
    Han,
    /// Got a phone.
    Found,
    /// Removed a contact.
    Removed,
    /// Asked for a name that is not there.
    NotFound,
    /// Sent what the protocol does not allow, of whatever kind.
    Mistake,
    /// Made the mistake of too few or too many fields.
    Fields,
    /// Made the mistake of a wide `；`.
    Semicolon,
    /// Sent two commands in one, without a line end between them.
    Glued,
    /// Sent two messages in one, and each got its reply.
    Cut,
    /// Saw a decoder wait for the rest of a character.
    Split,
    /// Chose the right answer to a question.
    Answered,
}

impl Deed {
    /// All of them.
    pub const ALL: [Deed; 17] = [
        Deed::Greeted,
        Deed::Closed,
        Deed::Again,
        Deed::Echo,
        Deed::Added,
        Deed::Overwritten,
        Deed::Han,
        Deed::Found,
        Deed::Removed,
        Deed::NotFound,
        Deed::Mistake,
        Deed::Fields,
        Deed::Semicolon,
        Deed::Glued,
        Deed::Cut,
        Deed::Split,
        Deed::Answered,
    ];

    /// How it is called in the markup.
    pub fn name(self) -> &'static str {
        match self {
            Deed::Greeted => "greeted",
            Deed::Closed => "closed",
            Deed::Again => "again",
            Deed::Echo => "echo",
            Deed::Added => "added",
            Deed::Overwritten => "overwritten",
            Deed::Han => "han",
            Deed::Found => "found",
            Deed::Removed => "removed",
            Deed::NotFound => "not-found",
            Deed::Mistake => "mistake",
            Deed::Fields => "fields",
            Deed::Semicolon => "semicolon",
            Deed::Glued => "glued",
            Deed::Cut => "cut",
            Deed::Split => "split",
            Deed::Answered => "answered",
        }
    }

    /// The deed the markup calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }
}

/// What was done at once: a set of deeds, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deeds(u32);

impl Deeds {
    pub(super) fn add(&mut self, deed: Deed) {
        self.0 |= 1 << deed as u32;
    }

    pub(super) fn has(self, deed: Deed) -> bool {
        self.0 & (1 << deed as u32) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
