//! The verbs of the lesson and the fields that follow them.

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `add;NAME;PHONE`
    Add,
    /// `remove;NAME`
    Remove,
    /// `find;NAME`
    Find,
    /// `exit`
    Exit,
}

impl Verb {
    /// All verbs, in the lesson's order.
    pub const ALL: [Verb; 4] = [Verb::Add, Verb::Remove, Verb::Find, Verb::Exit];

    /// The verb written exactly so. Verbs are lower case.
    pub fn named(word: &str) -> Option<Self> {
        // Not a search through `ALL`: comparing with a constant takes an
        // instruction or two, and this is done for every message.
        match word {
            "add" => Some(Verb::Add),
            "remove" => Some(Verb::Remove),
            "find" => Some(Verb::Find),
            "exit" => Some(Verb::Exit),
            _ => None,
        }
    }

    /// The verb written so but for capital letters.
    pub fn meant_by(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word().eq_ignore_ascii_case(word))
    }

    /// How the verb is written.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Add => "add",
            Verb::Remove => "remove",
            Verb::Find => "find",
            Verb::Exit => "exit",
        }
    }

    /// The fields that follow it.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Verb::Add => &[Field::Name, Field::Phone],
            Verb::Remove | Verb::Find => &[Field::Name],
            Verb::Exit => &[],
        }
    }

    /// A message with this verb that works, to show next to one that did not.
    pub fn example(self) -> &'static str {
        match self {
            Verb::Add => "add;zhangsan;13800138000",
            Verb::Remove => "remove;zhangsan",
            Verb::Find => "find;zhangsan",
            Verb::Exit => "exit",
        }
    }
}

/// What follows a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A person, the key of the book.
    Name,
    /// That person's phone. Any text: the lesson itself stores `12345`.
    Phone,
}

impl Field {
    /// The longest value in characters (Unicode scalar values), set by the
    /// protocol: 64 for a name, 32 for a phone.
    pub const fn max_chars(self) -> usize {
        match self {
            Field::Name => 64,
            Field::Phone => 32,
        }
    }

    /// The field's name in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Phone => "phone",
        }
    }
}
