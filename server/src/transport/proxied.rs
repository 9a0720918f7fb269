//! Proxied connections: whose a raw TCP connection is that comes by a balancer.
//!
//! With `--proxy-protocol` the balancers of `--trust-proxy` begin each connection with a
//! header of the PROXY protocol, version 1 or 2, which names their client. It is read of them
//! only, and nothing behind it: of anybody else it is a message like any other.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

/// A line of version 1, CR and LF included, as the protocol says.
const LONGEST_LINE: usize = 107;

/// What a header of version 2 begins with: a signature of 12 bytes, and two that say what
/// follows, before the length of the rest.
const BEGINNING: usize = 16;

/// The longest rest of version 2: addresses have 216 bytes at most, and balancers add tens of
/// bytes of their own. More is no header that anybody sends.
const LONGEST_REST: usize = 2_048;

/// Time for the header: it comes in the first packet, and a packet that is lost is sent again
/// within three seconds, which the protocol has a receiver wait at least.
const WAITING: Duration = Duration::from_secs(5);

const PARSING: ParseConfig = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };

/// Why it is not known whose a connection is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The balancer looks whether somebody listens, and closes the connection or breaks it.
    Ended,
    /// There was no header in time, or something else than a header.
    NoHeader,
}

/// Reads the header with which a balancer begins a connection. Returns its client, or none
/// where the balancer speaks for itself, as it does to look after the server's health.
///
/// # Errors
///
/// The connection ended before, or does not begin with a header.
pub(crate) async fn client(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, Unknown> {
    let header = timeout(WAITING, header(stream)).await.map_err(|_| Unknown::NoHeader)?;
    let header = header.map_err(|_| Unknown::Ended)?;
    let (parsed, _) = ProxyHeader::parse(&header, PARSING).map_err(|_| Unknown::NoHeader)?;
    Ok(parsed.proxied_address().map(|address| address.source))
}

/// The bytes of the header, or of what is no header as far as that is clear.
async fn header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    /// What each version begins with.
    const LINE: &[u8] = b"PROXY ";
    const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let mut bytes = Vec::new();
    loop {
        // One by one: what follows a line is the client's.
        bytes.push(stream.read_u8().await?);
        let may_be_line = LINE.starts_with(&bytes) || bytes.starts_with(LINE);
        if bytes == BINARY {
            return rest(stream, bytes).await;
        }
        if BINARY.starts_with(&bytes) {
            continue;
        }
        if !may_be_line || bytes.ends_with(b"\r\n") || bytes.len() == LONGEST_LINE {
            return Ok(bytes);
        }
    }
}

/// Goes on behind the signature of version 2.
async fn rest(stream: &mut (impl AsyncRead + Unpin), mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let signature = bytes.len();
    bytes.resize(BEGINNING, 0);
    stream.read_exact(&mut bytes[signature..]).await?;
    let length = usize::from(u16::from_be_bytes([bytes[BEGINNING - 2], bytes[BEGINNING - 1]]));
    if length <= LONGEST_REST {
        bytes.resize(BEGINNING + length, 0);
        stream.read_exact(&mut bytes[BEGINNING..]).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proxy_header::ProxiedAddress;

    use super::*;

    const CLIENT: &str = "192.168.1.7:51234";

    fn versions() -> [Vec<u8>; 2] {
        let [client, balancer] = [CLIENT, "10.0.0.1:9999"].map(|address| address.parse().unwrap());
        let header = ProxyHeader::with_address(ProxiedAddress::stream(client, balancer));
        let (mut line, mut binary) = (Vec::new(), Vec::new());
        header.encode_v1(&mut line).unwrap();
        header.encode_v2(&mut binary).unwrap();
        [line, binary]
    }

    #[tokio::test]
    async fn both_versions_name_the_client_and_what_follows_is_left_wherever_it_is_cut() {
        for header in versions() {
            let sent = [&header[..], b"join;k7m2"].concat();
            for cut in 0..sent.len() {
                let (one, other) = sent.split_at(cut);
                let mut stream = one.chain(other);
                let client = client(&mut stream).await.unwrap();
                assert_eq!(client, Some(CLIENT.parse().unwrap()));
                let mut rest = String::new();
                stream.read_to_string(&mut rest).await.unwrap();
                assert_eq!(rest, "join;k7m2");
            }
        }
    }

    #[tokio::test]
    async fn a_balancer_that_speaks_for_itself_names_nobody() {
        let mut binary = Vec::new();
        ProxyHeader::with_local().encode_v2(&mut binary).unwrap();
        for header in [&binary[..], b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ::1 ::1 1 2\r\n"] {
            assert_eq!(client(&mut &header[..]).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_told_apart_from_an_end_before_one() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        let [_, mut huge] = versions();
        (huge[14], huge[15]) = (0xFF, 0xFF);
        let others = ["hello\n", "PROXY\r\n", "PROXY TCP4 1.2.3.4 x 1 2\r\n", "\r\n\r\nGET"];
        for sent in others.map(str::as_bytes).into_iter().chain([&long[..], &huge[..]]) {
            let mut unread = sent;
            assert_eq!(client(&mut unread).await, Err(Unknown::NoHeader), "{sent:?}");
        }
        for header in versions() {
            for cut in 0..header.len() {
                assert_eq!(client(&mut &header[..cut]).await, Err(Unknown::Ended), "{cut}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_given_up() {
        let (mut stream, _open) = tokio::io::duplex(64);
        assert_eq!(client(&mut stream).await, Err(Unknown::NoHeader));
    }
}
