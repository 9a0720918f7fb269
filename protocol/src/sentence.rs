//! The sentence of an `Error: ...` reply, without the prefix: one line, what is
//! wrong, and a message that works. That is the student's own line put right
//! where the mistake is one of spelling.

use std::fmt;

use crate::correction::corrected;
use crate::escape::{Escaped, named, numbered};
use crate::mistake::Reason;
use crate::slice::slice;
use crate::text::MAX_MESSAGE;
use crate::verb::Verb;

const NOT_UTF8: &str = "this is not UTF-8 text, encode it before sending, like \
                        'find;zhangsan'.encode('utf-8')";
const UTF16: &str = "this is UTF-16 and not UTF-8 text, in PowerShell first set \
                     $OutputEncoding = [System.Text.Encoding]::UTF8, then send it again";
const TELNET: &str = "this is telnet negotiation and no message, in PuTTY choose the connection \
                      type Raw, then type a message";

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::NotUtf8 => f.write_str(NOT_UTF8),
            Reason::Utf16 => write!(f, "{UTF16}, like {}", Verb::Find.example()),
            Reason::Telnet => write!(f, "{TELNET}, like {}", Verb::Find.example()),
            Reason::TooLong => write!(
                f,
                "a message has at most {MAX_MESSAGE} bytes and this one has more, send a shorter \
                 one, like {}",
                Verb::Find.example()
            ),
            Reason::UnknownVerb { word } => unknown_verb(word, f),
            Reason::FullWidthSeparator { verb, line } => write!(
                f,
                "the ； in it is the wide semicolon of a Chinese input method, type the English ; \
                 instead, like {}",
                right(line, verb)
            ),
            Reason::WrongSeparator { verb, mark, line } => write!(
                f,
                "behind {} stands {} and not the English ; that separates the parts, write it \
                 like {}",
                verb.word(),
                named(mark),
                right(line, verb)
            ),
            Reason::WideVerb { verb, line } => write!(
                f,
                "the letters of {} are the wide ones of a Chinese input method, type English \
                 letters and the English ; like {}",
                verb.word(),
                right(line, verb)
            ),
            Reason::InvisibleAtVerb { verb, character, line } => write!(
                f,
                "the invisible character {} stands at {}, leave it out, like {}",
                numbered(character),
                verb.word(),
                right(line, verb)
            ),
            Reason::TooFew { verb } => {
                write!(f, "{} needs {}, like {}", verb.word(), needs(verb), verb.example())
            }
            Reason::TooMany { verb } => {
                write!(f, "{} takes {}, like {}", verb.word(), needs(verb), verb.example())
            }
            Reason::Empty { verb, field } => write!(
                f,
                "the {} is empty, write it behind the ; like {}",
                field.word(),
                verb.example()
            ),
            Reason::FieldTooLong { verb, field, chars } => write!(
                f,
                "the {} has {chars} characters and may have {}, like {}",
                field.word(),
                field.max_chars(),
                verb.example()
            ),
            Reason::InvisibleCharacter { verb, field, character } => write!(
                f,
                "the {} has the invisible character {} in it, leave it out, like {}",
                field.word(),
                numbered(character),
                verb.example()
            ),
        }
    }
}

/// The longest piece of an unknown verb that a reply repeats, in characters:
/// enough to recognise a slip in a six-letter word, short enough for one line.
const SHOWN_VERB: usize = 16;

fn unknown_verb(word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let example = Verb::Add.example();
    if word.is_empty() {
        return write!(f, "there is no command before the first ; write one, like {example}");
    }
    if let Some(verb) = Verb::meant_by(word) {
        return write!(
            f,
            "commands are lower case: {}, not {word}, like {}",
            verb.word(),
            verb.example()
        );
    }
    let cut = word.char_indices().nth(SHOWN_VERB);
    let (shown, more) = cut.map_or((word, ""), |(end, _)| (slice(word, ..end), "..."));
    write!(
        f,
        "there is no command {}{more}, there are add, remove, find and exit, like {example}",
        Escaped(shown)
    )
}

/// The student's own line put right, or the lesson's example.
fn right(line: &str, verb: Verb) -> String {
    corrected(line).unwrap_or_else(|| verb.example().to_owned())
}

fn needs(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "a name and a phone",
        Verb::Remove | Verb::Find => "one name",
        Verb::Exit => "nothing behind it",
    }
}
