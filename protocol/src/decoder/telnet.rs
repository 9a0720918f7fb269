//! The telnet commands (RFC 854) with which a telnet client begins.

use crate::encoding::{IAC, looks_like_utf16};
use crate::text::MAX_MESSAGE;

const SUBNEGOTIATION: u8 = 0xFA;
const SUBNEGOTIATION_END: u8 = 0xF0;

/// Telnet commands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TelnetRun {
    /// How many bytes the complete commands take.
    pub(super) len: usize,
    /// Whether another one follows them whose end has not arrived.
    pub(super) is_unfinished: bool,
}

impl TelnetRun {
    /// Finds the commands at the beginning. None is longer than a message.
    pub(super) fn at_start_of(bytes: &[u8]) -> Self {
        let mut len = 0;
        if looks_like_utf16(bytes) {
            return TelnetRun { len, is_unfinished: false };
        }
        let window = &bytes[..bytes.len().min(MAX_MESSAGE)];
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
