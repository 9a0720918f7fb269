//! Codes: by what a `check.py` is paired with a page, and by what pages are known.

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The code's characters: none that looks like another.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// Characters of a code: 887 million codes, so that a guess among the students of
/// one server hits one in a million times.
const CODE: usize = 6;

/// Whether a text can be the key of a page: some 128 bits as letters and digits.
pub(crate) fn is_key(key: &str) -> bool {
    (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A hash of a page's key, by which servers of a class tell each other of the page: by the
/// key itself it could be taken for another.
pub(crate) fn page_hash(key: &str) -> u64 {
    beginning(Sha256::new().chain_update(b"page\0").chain_update(key))
}

/// A hash of a code, by which servers of a class tell each other of it.
pub(crate) fn code_hash(code: &str) -> u64 {
    beginning(Sha256::new().chain_update(b"code\0").chain_update(normal_code(code)))
}

fn beginning(hash: Sha256) -> u64 {
    hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The code of a key; the next one where others have it. It tells too little of the
/// key to find it.
pub(super) fn code_of(key: &str, nth: u64) -> String {
    let mut number = xxh3_128_with_seed(key.as_bytes(), nth);
    let mut code = String::new();
    for _ in 0..CODE {
        code.push(char::from(ALPHABET[(number % ALPHABET.len() as u128) as usize]));
        number /= ALPHABET.len() as u128;
    }
    code
}

/// A code as it is compared, however it was typed.
pub(super) fn normal_code(code: &str) -> String {
    let typed = code.chars().filter(char::is_ascii_alphanumeric).take(2 * CODE);
    typed.map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_characters_that_can_be_told_apart_and_typed_in_any_way() {
        let code = code_of("abcdefghijklmnop1", 0);
        assert_eq!(code.len(), CODE);
        assert!(code.bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        assert_ne!(code, code_of("abcdefghijklmnop1", 1));
        let typed = format!(" {}-{}", &code[..3].to_lowercase(), &code[3..]);
        assert_eq!((normal_code(&typed), code_hash(&typed)), (code.clone(), code_hash(&code)));
    }
}
