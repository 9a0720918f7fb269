//! Bytes that are not UTF-8 text: what they are instead.
//!
//! Two kinds of them reach a classroom: a telnet client negotiates before its
//! user has typed anything, and PowerShell sends UTF-16. This only recognizes
//! them; nothing is converted.

use crate::mistake::Reason;

/// Telnet's "interpret as command" (RFC 854), a byte that UTF-8 never has.
pub(crate) const IAC: u8 = 0xFF;

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
}
