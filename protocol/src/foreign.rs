//! The first bytes of a connection → whether they are another protocol.
//!
//! Any page on the web can make a browser send an HTTP request to any port, and
//! put lines of the lesson into its body (cross-protocol request forgery). A
//! browser always sends the request line first and cannot leave it out, so a
//! connection that begins with one is not a conversation. The same holds for a
//! TLS hello: that is a browser, or a proxy, with `https://` in front of the
//! address.
//!
//! This only classifies. What an HTTP client is told, the transport decides.

/// A protocol that is not the lesson's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignProtocol {
    /// HTTP/1.x, or the preface of HTTP/2 (`PRI * HTTP/2.0`).
    Http,
    /// TLS, and SSL 3.0 before it.
    Tls,
}

/// What the first bytes of a connection say about its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// They may still become a foreign protocol, or there are none yet.
    Undecided,
    /// They are neither HTTP nor TLS, whatever follows.
    None,
    /// They are that protocol.
    Found(ForeignProtocol),
}

/// Methods of RFC 9110 (9.3) and RFC 5789, and `PRI` of RFC 9113 (3.4).
const METHODS: [&[u8]; 10] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI",
];

/// Schemes of a request target in absolute form (RFC 9112, 3.2.2), as a proxy
/// is asked for it.
const SCHEMES: [&[u8]; 2] = [b"http://", b"https://"];

/// How many bytes may be undecided, line ends before them not counted:
/// `OPTIONS https:/`.
const LONGEST_UNDECIDED: usize = 15;

impl ForeignProtocol {
    /// Classifies a connection by all the bytes it has sent so far. Line ends
    /// before them do not count: HTTP servers skip them (RFC 9112, 2.2).
    ///
    /// HTTP is a method, one space and a target that begins as a target does,
    /// so that a student's `GET` or `POST x` stays small talk.
    pub fn detect(first_bytes: &[u8]) -> Detection {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let skipped = first_bytes.iter().take_while(|byte| is_line_end(byte)).count();
        let bytes = &first_bytes[skipped..];
        if let [] | [TLS_HANDSHAKE, ..] = bytes {
            return detect_tls(bytes);
        }
        for method in METHODS {
            match bytes.strip_prefix(method) {
                Some([]) => return Detection::Undecided,
                Some([b' ', target @ ..]) => return detect_target(method, target),
                Some(_) => return Detection::None,
                None if method.starts_with(bytes) => return Detection::Undecided,
                None => {}
            }
        }
        Detection::None
    }
}

/// The content type of a TLS record that holds a handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// A record's content type, and its version: 3.0 (SSL) to 3.4 (TLS 1.3).
fn detect_tls(bytes: &[u8]) -> Detection {
    match bytes {
        [] | [TLS_HANDSHAKE] | [TLS_HANDSHAKE, 3] => Detection::Undecided,
        [TLS_HANDSHAKE, 3, 0..=4, ..] => Detection::Found(ForeignProtocol::Tls),
        _ => Detection::None,
    }
}

fn detect_target(method: &[u8], target: &[u8]) -> Detection {
    match target {
        [] => return Detection::Undecided,
        // CONNECT's target is a host and a port (RFC 9112, 3.2.3).
        [first, ..] if method == b"CONNECT" && first.is_ascii_graphic() => {
            return Detection::Found(ForeignProtocol::Http);
        }
        [b'/' | b'*', ..] => return Detection::Found(ForeignProtocol::Http),
        _ => {}
    }
    for scheme in SCHEMES {
        let shared = scheme.len().min(target.len());
        if target[..shared].eq_ignore_ascii_case(&scheme[..shared]) {
            return match shared == scheme.len() {
                true => Detection::Found(ForeignProtocol::Http),
                false => Detection::Undecided,
            };
        }
    }
    Detection::None
}

/// Watches the first bytes of a connection, in whatever pieces they come.
/// Holds only those that are undecided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detector {
    seen: [u8; LONGEST_UNDECIDED],
    len: u8,
}

impl Detector {
    /// Takes the bytes in. To be called until they are decided.
    pub(crate) fn detect(&mut self, chunk: &[u8]) -> Detection {
        for &byte in chunk {
            let mut bytes = [0; LONGEST_UNDECIDED + 1];
            let len = usize::from(self.len);
            bytes[..len].copy_from_slice(&self.seen[..len]);
            bytes[len] = byte;
            match ForeignProtocol::detect(&bytes[..=len]) {
                Detection::Undecided if len == 0 && matches!(byte, b'\r' | b'\n') => {}
                Detection::Undecided => {
                    let seen = self.seen.get_mut(len);
                    *seen.expect("more bytes than LONGEST_UNDECIDED are decided") = byte;
                    self.len += 1;
                }
                decided => return decided,
            }
        }
        Detection::Undecided
    }

    /// Whether a foreign protocol has begun, and more bytes will tell whether
    /// it is one.
    pub(crate) fn has_begun(&self) -> bool {
        self.len > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: Detection = Detection::Found(ForeignProtocol::Http);
    const TLS: Detection = Detection::Found(ForeignProtocol::Tls);

    /// Whole, and byte by byte: both must come to the same, and be undecided
    /// until the last byte that is needed.
    #[track_caller]
    fn check(bytes: &[u8], expected: Detection) {
        let shown = bytes.escape_ascii().to_string();
        assert_eq!(ForeignProtocol::detect(bytes), expected, "{shown}");
        let mut detector = Detector::default();
        assert_eq!(detector.detect(bytes), expected, "{shown} at once");
        let mut detector = Detector::default();
        let decided = bytes.iter().find_map(|byte| match detector.detect(&[*byte]) {
            Detection::Undecided => None,
            decided => Some(decided),
        });
        assert_eq!(decided.unwrap_or(Detection::Undecided), expected, "{shown} byte by byte");
    }

    #[test]
    fn a_request_line_is_http_as_soon_as_its_target_begins() {
        for line in [
            "GET /",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "POST /add;mallory;666 HTTP/1.1\r\n",
            "\r\n\r\nPUT /x",
            "HEAD http://h/",
            "DELETE HTTPS://h/",
            "OPTIONS hTTps://h/ HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "TRACE /",
            "PATCH /",
            "CONNECT h:443 HTTP/1.1",
        ] {
            check(line.as_bytes(), HTTP);
        }
    }

    #[test]
    fn a_hello_of_every_version_is_tls() {
        for version in 0..=4 {
            check(&[0x16, 3, version, 0, 0xC4, 1], TLS);
        }
        check(&[0x16, 3, 5], Detection::None);
        check(&[0x16, 2], Detection::None);
        check(&[0x17, 3, 3], Detection::None);
    }

    #[test]
    fn what_may_still_become_one_is_undecided() {
        for bytes in ["", "\r\n", "G", "GET", "GET ", "P", "PAT", "CONNECT ", "OPTIONS https:/"] {
            check(bytes.as_bytes(), Detection::Undecided);
        }
        check(&[0x16], Detection::Undecided);
        check(&[0x16, 3], Detection::Undecided);
        for method in METHODS {
            for end in 1..=method.len() {
                check(&method[..end], Detection::Undecided);
            }
        }
    }

    #[test]
    fn small_talk_is_no_request() {
        for bytes in [
            "a",
            "add;a;1",
            "get /",
            "GETTING ready",
            "GET\n",
            "GET\r\n",
            "GET x",
            "GET  /",
            "POST x",
            "POST; /",
            "GO",
            "HTTP/1.1",
            "PRINT /",
            "POST httpx://",
            "CONNECT \n",
            " GET /",
            "\u{feff}GET /",
            "张三",
        ] {
            check(bytes.as_bytes(), Detection::None);
        }
    }
}
