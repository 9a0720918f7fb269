//! What a student can do in the lesson, by the names of the markup.

/// What the student has done, and what a goal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
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
    /// Had a server of their own pass the checks.
    Passed,
    /// Chose the right answer to a question.
    Answered,
    /// Stored a phone under a name where the two had changed places.
    Swapped,
    /// Reached a goal of the step with a line of the student's own, written or
    /// changed by hand.
    Own,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 20] = [
        Action::Greeted,
        Action::Closed,
        Action::Again,
        Action::Echo,
        Action::Added,
        Action::Overwritten,
        Action::Han,
        Action::Found,
        Action::Removed,
        Action::NotFound,
        Action::Mistake,
        Action::Fields,
        Action::Semicolon,
        Action::Glued,
        Action::Cut,
        Action::Split,
        Action::Passed,
        Action::Answered,
        Action::Swapped,
        Action::Own,
    ];

    /// How it is called in the markup.
    pub fn name(self) -> &'static str {
        match self {
            Action::Greeted => "greeted",
            Action::Closed => "closed",
            Action::Again => "again",
            Action::Echo => "echo",
            Action::Added => "added",
            Action::Overwritten => "overwritten",
            Action::Han => "han",
            Action::Found => "found",
            Action::Removed => "removed",
            Action::NotFound => "not-found",
            Action::Mistake => "mistake",
            Action::Fields => "fields",
            Action::Semicolon => "semicolon",
            Action::Glued => "glued",
            Action::Cut => "cut",
            Action::Split => "split",
            Action::Passed => "passed",
            Action::Answered => "answered",
            Action::Swapped => "swapped",
            Action::Own => "own",
        }
    }

    /// The action the markup calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// What was done at once: a set of actions, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Actions(u32);

impl Actions {
    pub(super) fn add(&mut self, action: Action) {
        self.0 |= 1 << action as u32;
    }

    pub(super) fn has(self, action: Action) -> bool {
        self.0 & (1 << action as u32) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
