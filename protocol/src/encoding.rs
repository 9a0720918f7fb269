//! Bytes that are not UTF-8 text: what they are instead.
//!
//! Two kinds of them reach a classroom: a telnet client negotiates before its
//! user has typed anything, and PowerShell sends UTF-16. This only recognizes
//! them; nothing is converted.

use crate::decoder::MAX_MESSAGE;
use crate::mistake::Reason;

/// Telnet's "interpret as command" (RFC 854), a byte that UTF-8 never has.
pub(crate) const IAC: u8 = 0xFF;

const SUBNEGOTIATION: u8 = 0xFA;
const SUBNEGOTIATION_END: u8 = 0xF0;

/// The highest telnet option that a client in use negotiates (GMCP and the like
/// apart): 49, of the registry of RFC 855.
const HIGHEST_OPTION: u8 = 49;

/// Byte order marks of UTF-16.
const UTF16_MARKS: [[u8; 2]; 2] = [[0xFF, 0xFE], [0xFE, 0xFF]];

/// Why bytes are not UTF-8.
pub(crate) fn reason(bytes: &[u8]) -> Reason<'static> {
    let is_command = |bytes: &[u8]| match bytes {
        [IAC, 0xFB..=0xFE, option] => *option <= HIGHEST_OPTION,
        [IAC, 0xEC..=0xFA, _] => true,
        _ => false,
    };
    if looks_like_utf16(bytes) {
        Reason::Utf16
    } else if bytes.windows(3).any(is_command) {
        Reason::Telnet
    } else {
        Reason::NotUtf8
    }
}

/// Whether bytes are UTF-16: by their byte order mark, or because every other
/// of the first bytes is NUL, as in every text that begins with two Latin
/// letters. In little-endian order a line after the first begins with the second
/// byte of the LF before it.
pub(crate) fn looks_like_utf16(bytes: &[u8]) -> bool {
    match bytes {
        // FF FE is also telnet's IAC DONT. That only ever answers a server's WILL, and
        // this server sends none; to look further would make the reply depend on how
        // the stream was cut.
        [first, second, ..] if UTF16_MARKS.contains(&[*first, *second]) => true,
        [0, _, 0, ..] | [_, 0, _] | [_, 0, _, 0, ..] => true,
        _ => false,
    }
}

/// Telnet commands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TelnetRun {
    /// How many bytes the complete commands take.
    pub(crate) len: usize,
    /// Whether another one follows them whose end has not arrived.
    pub(crate) is_unfinished: bool,
}

impl TelnetRun {
    /// Finds the commands at the beginning. None is longer than a message.
    pub(crate) fn at_start_of(bytes: &[u8]) -> Self {
        let mut len = 0;
        if looks_like_utf16(bytes) {
            return TelnetRun { len, is_unfinished: false };
        }
        let window = bytes.get(..MAX_MESSAGE).unwrap_or(bytes);
        loop {
            let rest = &window[len..];
            len += match rest {
                [IAC, SUBNEGOTIATION, inside @ ..] => match subnegotiation(inside) {
                    Some(inside) => 2 + inside,
                    None => break,
                },
                // WILL, WONT, DO, DONT and an option.
                [IAC, 0xFB..=0xFE, _, ..] => 3,
                [IAC] | [IAC, 0xFB..=0xFE] => break,
                // Everything else is a single byte, from EOF to GA.
                [IAC, 0xEC..=0xF9, ..] => 2,
                // No command, or the byte FF itself.
                _ => return TelnetRun { len, is_unfinished: false },
            };
        }
        TelnetRun { len, is_unfinished: window.len() == bytes.len() }
    }
}

/// The length of a subnegotiation behind IAC SB, its IAC SE included.
fn subnegotiation(inside: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += inside.get(at..)?.iter().position(|&byte| byte == IAC)?;
        match inside.get(at + 1)? {
            &SUBNEGOTIATION_END => return Some(at + 2),
            // IAC IAC stands for the byte FF.
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_named() {
        let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        for text in ["add;zhangsan;1", "\u{feff}add;张三;1", "\u{feff}你好", "hi", "\u{feff}"] {
            for order in [u16::to_le_bytes, u16::to_be_bytes] {
                let bytes = utf16(text, order);
                assert_eq!(reason(&bytes), Reason::Utf16, "{text:?} {bytes:x?}");
            }
        }
        for bytes in [
            &[0xFF, 0xFB, 0x1F][..],
            &[0xFF, 0xFC, 1],
            &[0xFF, 0xFD, 3],
            &[0xFF, 0xFB, 3, 0xFF, 0xFE, 1],
            &[0xFF, 0xFA, 0x1F, 0, 80, 0, 24, 0xFF, 0xF0],
            b"find;a\xff\xf4\xff\xfd\x06",
        ] {
            assert_eq!(reason(bytes), Reason::Telnet, "{bytes:x?}");
        }
        for bytes in [&b"\xff"[..], b"find;\xff\xff", b"\xb9\xfe", b"add;\xff\xfe;1", b"a\xff"] {
            assert_eq!(reason(bytes), Reason::NotUtf8, "{bytes:x?}");
        }
    }

    #[test]
    fn a_run_of_telnet_ends_with_its_last_complete_command() {
        let check = |bytes: &[u8], len: usize, is_unfinished: bool| {
            let found = TelnetRun::at_start_of(bytes);
            assert_eq!(found, TelnetRun { len, is_unfinished }, "{bytes:x?}");
        };
        check(b"\xff\xfb\x1f\xff\xfb\x20", 6, false);
        check(b"\xff\xfb\x1f\xff\xfb\x20add;a;1\r\n", 6, false);
        check(b"\xff\xf4\xff\xfd\x06find;a", 5, false);
        check(b"\xff\xfb\x1f\xff", 3, true);
        check(b"\xff\xfb\x1f\xff\xfb", 3, true);
        check(b"\xff", 0, true);
        check(b"\xff\xfa\x18\x00xterm\xff\xf0find", 11, false);
        check(b"\xff\xfa\x1f\x00\xff\xff\x00\n\xff\xf0", 10, false);
        check(b"\xff\xfa\x1f\x00\x0a", 0, true);
        check(b"\xff\xff", 0, false);
        check(b"\xff\xfea\x00d\x00", 0, false);
        check(b"\xff\xfe\x0a", 0, false);
        check(b"add", 0, false);
        check(&[&b"\xff\xfa"[..], &[b'x'; 2 * MAX_MESSAGE]].concat(), 0, false);
    }
}
