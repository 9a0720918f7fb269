//! Codes: by what a room is entered. They are stored as hashes, as teachers' tokens are, so
//! that a copy of the database opens no room.

use std::fmt;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// Small letters and digits that cannot be mistaken for one another: without 0, 1, i, l, o.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// Characters of a code. 12 of 31 are 59 bits: at a thousand rooms and a million guesses
/// a second, the first hit comes after 25 years on average.
const LENGTH: usize = 12;

/// Characters between two dashes of a code as it is shown.
const GROUP: usize = 4;

/// A room's code, as it was made or typed in: in small letters, without dashes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Code([u8; LENGTH]);

impl Code {
    /// A new one, from the system's source for cryptography.
    ///
    /// # Errors
    ///
    /// The system has none.
    pub(crate) fn random() -> anyhow::Result<Self> {
        let mut code = [0; LENGTH];
        for place in &mut code {
            // Bytes beyond the last whole alphabet would make some characters likelier.
            const FAIR: u8 = (256 / ALPHABET.len() * ALPHABET.len()) as u8;
            let mut byte = [u8::MAX];
            while byte[0] >= FAIR {
                getrandom::fill(&mut byte).context("the system gives no random numbers")?;
            }
            *place = ALPHABET[usize::from(byte[0]) % ALPHABET.len()];
        }
        Ok(Code(code))
    }

    /// What somebody typed, in any case, with or without dashes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut code = [0; LENGTH];
        let mut places = code.iter_mut();
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let byte = byte.to_ascii_lowercase();
            *places.next()? = ALPHABET.contains(&byte).then_some(byte)?;
        }
        places.next().is_none().then_some(Code(code))
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(b"code\0").chain_update(self.0).finalize().into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, group) in self.0.chunks(GROUP).enumerate() {
            let dash = if number > 0 { "-" } else { "" };
            write!(f, "{dash}{}", String::from_utf8_lossy(group))?;
        }
        Ok(())
    }
}

/// Shows nothing of it, so that no log does.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_shown_in_any_case_and_without_dashes() {
        let code = Code::random().unwrap();
        let shown = code.to_string();
        assert_eq!(shown.len(), LENGTH + 2);
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', "")] {
            assert_eq!(Code::parse(&typed).as_ref(), Some(&code), "{typed}");
        }
        for wrong in ["", "-", "abc", "k7m2-x9qf-3pn", "k7m2-x9qf-3pnaa", "k7m2-x9qf-3pn0", "张"] {
            assert_eq!(Code::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "Code");
    }

    #[test]
    fn codes_differ_and_use_the_whole_alphabet() {
        let codes: Vec<_> = (0..200).map(|_| Code::random().unwrap()).collect();
        let used: std::collections::HashSet<u8> = codes.iter().flat_map(|code| code.0).collect();
        assert_eq!(used.len(), ALPHABET.len());
        assert!(codes.windows(2).all(|pair| pair[0].hash() != pair[1].hash()));
    }
}
