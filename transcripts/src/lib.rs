//! The lesson's conversations, byte for byte.
//!
//! Each `.txt` file beside this crate's `Cargo.toml` holds conversations that
//! begin with a new connection to an empty book. The pure core, raw TCP and
//! the WebSocket must all answer them alike. This crate only reads them; the
//! tests of the other crates play them.
//!
//! # The notation
//!
//! ```text
//! # what the conversation shows, its title
//! stage echo                    (only where it is not `contacts`)
//! stream only                   (how TCP cuts a stream; means nothing on a WebSocket)
//! < Welcome!
//! > add;a;1\nfind;a\n           (the client sends exactly this, as one segment)
//! < a added!\n1\n               (and gets exactly this)
//! > exit
//! (closed)                      (the server closes)
//! ```
//!
//! `(foreign http)` and `(foreign tls)` stand for a connection that turns out to
//! speak that protocol: nothing of the lesson is answered any more, and the
//! server closes. `(silence)` lets 50 ms pass, `(end)` ends the client's side. In both
//! directions `\n`, `\r`, `\t`, `\\` and `\xHH` stand for those bytes, and
//! `{TEXT*N}` repeats a text.

use protocol::{ForeignProtocol, Stage};

/// One conversation.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The file and the title, to name it when it fails.
    pub name: String,
    /// What the server must be set to.
    pub stage: Stage,
    /// Whether it is about segments of a stream, which a WebSocket lacks.
    pub stream_only: bool,
    /// What happens, in order. The welcome has been checked by the reader.
    pub turns: Vec<Turn>,
}

/// Something the client does, and all that the server answers to it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What the client does.
    pub action: Action,
    /// The bytes of the replies on a stream, line ends included.
    pub answer: Vec<u8>,
    /// Whether the server then closes.
    pub closed: bool,
    /// The foreign protocol that the connection then is known to speak.
    pub foreign: Option<ForeignProtocol>,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends these bytes as one segment or one WebSocket message.
    Send(Vec<u8>),
    /// Sends nothing for 50 ms.
    Silence,
    /// Ends its side of the connection.
    End,
}

impl Turn {
    /// The replies one by one, as a WebSocket carries them: the pieces between
    /// the line ends, which no reply contains.
    pub fn replies(&self) -> Vec<String> {
        let text = str::from_utf8(&self.answer).expect("every reply is UTF-8");
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_owned).collect() }
    }
}

const FILES: &[(&str, &str)] = &[
    ("commands", include_str!("../commands.txt")),
    ("echo", include_str!("../echo.txt")),
    ("errors", include_str!("../errors.txt")),
    ("foreign", include_str!("../foreign.txt")),
    ("golden", include_str!("../golden.txt")),
    ("invisible", include_str!("../invisible.txt")),
    ("lines", include_str!("../lines.txt")),
    ("stream", include_str!("../stream.txt")),
];

/// All conversations of all files.
///
/// # Panics
///
/// A file does not follow the notation; the message names the place.
pub fn all() -> Vec<Transcript> {
    FILES.iter().flat_map(|(file, text)| read(file, text)).collect()
}

fn read(file: &str, text: &str) -> Vec<Transcript> {
    text.split("\n\n")
        .filter(|block| block.lines().any(|line| line.starts_with(['<', '>'])))
        .map(|block| read_one(file, block))
        .collect()
}

fn read_one(file: &str, block: &str) -> Transcript {
    let title = block.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("untitled");
    let mut transcript = Transcript {
        name: format!("{file}: {title}"),
        stage: Stage::Contacts,
        stream_only: false,
        turns: Vec::new(),
    };
    let mut welcomed = false;
    for line in block.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = &transcript.name;
        let turns = &mut transcript.turns;
        let turn = |action| Turn { action, answer: Vec::new(), closed: false, foreign: None };
        match line {
            "stage echo" => transcript.stage = Stage::Echo,
            "stream only" => transcript.stream_only = true,
            "< Welcome!" if !welcomed => welcomed = true,
            "(silence)" => turns.push(turn(Action::Silence)),
            "(end)" => turns.push(turn(Action::End)),
            "(closed)" | "(foreign http)" | "(foreign tls)" => {
                let turn = turns.last_mut().unwrap_or_else(|| panic!("{name}: closed at once"));
                turn.closed = true;
                turn.foreign = match line {
                    "(foreign http)" => Some(ForeignProtocol::Http),
                    "(foreign tls)" => Some(ForeignProtocol::Tls),
                    _ => None,
                };
            }
            _ if !welcomed => panic!("{name}: begins with {line:?}"),
            _ => match line.split_at_checked(2) {
                Some(("> ", sent)) => turns.push(turn(Action::Send(bytes(name, sent)))),
                Some(("< ", answer)) => turns
                    .last_mut()
                    .unwrap_or_else(|| panic!("{name}: an answer to nothing"))
                    .answer
                    .extend(bytes(name, answer)),
                _ => panic!("{name}: cannot read {line:?}"),
            },
        }
    }
    transcript
}

/// The bytes that a line of the notation stands for.
fn bytes(name: &str, text: &str) -> Vec<u8> {
    let mut meant = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '{']) {
        meant.extend(rest[..at].bytes());
        rest = &rest[at..];
        let (byte, read) = match rest.as_bytes() {
            [b'{', ..] => {
                let repeat = rest[1..].split_once('}').and_then(|(inner, _)| {
                    let (piece, times) = inner.rsplit_once('*')?;
                    Some((piece, times.parse().ok()?, inner.len() + 2))
                });
                match repeat {
                    Some((piece, times, read)) => (bytes(name, piece).repeat(times), read),
                    None => (vec![b'{'], 1),
                }
            }
            [b'\\', b'n', ..] => (vec![b'\n'], 2),
            [b'\\', b'r', ..] => (vec![b'\r'], 2),
            [b'\\', b't', ..] => (vec![b'\t'], 2),
            [b'\\', b'\\', ..] => (vec![b'\\'], 2),
            [b'\\', b'x', high, low, ..] => {
                let digit = |c: &u8| char::from(*c).to_digit(16);
                match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => (vec![(high * 16 + low) as u8], 4),
                    _ => panic!("{name}: cannot read {text:?}"),
                }
            }
            _ => panic!("{name}: cannot read {text:?}"),
        };
        meant.extend(byte);
        rest = &rest[read..];
    }
    meant.extend(rest.bytes());
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_and_every_conversation_does_something() {
        let folder = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut files: Vec<_> = folder
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".txt").map(str::to_owned)
            })
            .collect();
        files.sort();
        assert_eq!(files, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert!(all().len() > 60, "{}", all().len());
        for transcript in all() {
            assert!(!transcript.turns.is_empty(), "{}", transcript.name);
        }
    }

    #[test]
    fn the_notation_stands_for_bytes() {
        assert_eq!(bytes("", r"a\r\n\t\\\xe5"), b"a\r\n\t\\\xe5");
        assert_eq!(bytes("", "{ab*3};"), b"ababab;");
    }
}
