//! Clients of the other port's protocol: a browser on the lesson's port, a Python
//! client on the page's. Each is told where to go.
//!
//! It executes nothing such a client sent: any page on the web can make a
//! browser send lines to a port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use protocol::{Detection, ForeignProtocol};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::transport::chunk;
use crate::transport::linger::linger;

/// How long an HTTP connection may be silent before it is told that the lesson
/// is elsewhere. A client of the lesson waits for `Welcome!` and sends nothing.
/// Browsers open connections ahead of need; a 408 on one they ignore.
const FIRST_BYTES: Duration = Duration::from_secs(3);

/// The most bytes that are read to detect the protocol of a client.
const MOST: usize = 4 * 1024;

/// The page's address for a client that reached the lesson's port at `here`: the
/// same one, unless the HTTP side listens on another one alone.
pub(crate) fn page_address(http: SocketAddr, here: SocketAddr) -> SocketAddr {
    reachable(http, here.ip())
}

/// The address at which a client that came to `here` reaches a listener.
fn reachable(listener: SocketAddr, here: IpAddr) -> SocketAddr {
    let ip = listener.ip().to_canonical();
    let ip = if ip.is_unspecified() { here.to_canonical() } else { ip };
    // Without the scope of a link-local address: no browser takes one.
    SocketAddr::new(ip, listener.port())
}

/// The response to an HTTP request on the lesson's port, complete.
pub(crate) fn response_on_lesson_port(page: SocketAddr, here: SocketAddr) -> String {
    let port = here.port();
    let body = format!(
        "<!doctype html>\n<html lang=\"zh\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>TCP {port}</title>\n\
         <p>这里是 TCP 课堂的 TCP 端口（{port}），给 Python 程序和 nc 用，不是网页。<br>\
         网页在：<a href=\"http://{page}/\">http://{page}/</a></p>\n\
         <p lang=\"en\">This is the lesson's TCP port ({port}), for Python programs and nc, \
         and not a web page.<br>\
         The page is at <a href=\"http://{page}/\">http://{page}/</a></p>\n</html>\n"
    );
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\n\r\n{body}",
        body.len()
    )
}

/// The response to a client of the lesson on the HTTP port, complete, and short
/// enough for the lesson's `recv(1024)`.
fn response_on_http_port(status: &str, lesson: SocketAddr, here: SocketAddr) -> String {
    let (host, port) = (lesson.ip(), lesson.port());
    let body = format!(
        "Error: port {} is the web page's; the lesson's is {port}: \
         s.connect(('{host}', {port}))\n\
         {} 是网页的端口，课上的端口是 {port}，请写 s.connect(('{host}', {port}))\n",
        here.port(),
        here.port()
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n{body}",
        body.len()
    )
}

/// The beginning of an HTTP connection.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) stream: TcpStream,
    /// Bytes read from the stream already.
    pub(crate) first: Vec<u8>,
    /// How long they took to come.
    pub(crate) waited: Duration,
}

/// Waits for the first bytes of an HTTP connection. A client that sends none for
/// three seconds, or bytes that are no request, is told where the lesson is and
/// gets its connection closed; then there is no opening. `timeout` is that of the
/// request's headers, if it is shorter.
///
/// # Errors
///
/// The connection broke.
pub(crate) async fn await_http(
    mut stream: TcpStream,
    lesson: SocketAddr,
    timeout: Duration,
) -> io::Result<Option<Opening>> {
    let start = Instant::now();
    let deadline = start + FIRST_BYTES.min(timeout);
    let mut first = Vec::new();
    let status = loop {
        let receive = chunk::receive(&mut stream, |chunk| first.extend_from_slice(chunk));
        let ended = match timeout_at(deadline, receive).await {
            Ok(length) => length? == 0,
            Err(_) if first.is_empty() => break "408 Request Timeout",
            // The beginning of a word, perhaps typed by hand.
            Err(_) => return Ok(Some(Opening { stream, first, waited: start.elapsed() })),
        };
        match ForeignProtocol::detect(&first) {
            _ if first.is_empty() => return Ok(None),
            Detection::Found(ForeignProtocol::Http) => {
                return Ok(Some(Opening { stream, first, waited: start.elapsed() }));
            }
            Detection::Undecided if !ended && first.len() < MOST => {}
            // A browser that was given https:// instead of http://.
            Detection::Found(ForeignProtocol::Tls) => {
                linger(stream).await;
                return Ok(None);
            }
            Detection::Undecided | Detection::None => break "400 Bad Request",
        }
    };
    let here = stream.local_addr()?;
    let response = response_on_http_port(status, reachable(lesson, here.ip()), here);
    // A socket that has sent nothing yet takes it at once.
    stream.write_all(response.as_bytes()).await?;
    linger(stream).await;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_port_is_on_the_address_the_client_came_to_unless_it_listens_elsewhere() {
        for (listener, here, told) in [
            ("0.0.0.0:8080", "192.168.1.5", "192.168.1.5:8080"),
            ("[::]:8080", "192.168.1.5", "192.168.1.5:8080"),
            ("[::]:8080", "::ffff:192.168.1.5", "192.168.1.5:8080"),
            ("[::]:8080", "fe80::1", "[fe80::1]:8080"),
            ("127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:8080", "192.168.1.5", "127.0.0.1:8080"),
            ("[::ffff:127.0.0.1]:8080", "::1", "127.0.0.1:8080"),
        ] {
            let address = reachable(listener.parse().unwrap(), here.parse().unwrap());
            assert_eq!(address.to_string(), told, "{listener} {here}");
        }
    }

    #[test]
    fn responses_say_how_long_they_are_and_the_lesson_s_client_reads_one_at_once() {
        let longest: SocketAddr =
            "[1111:2222:3333:4444:5555:6666:7777:8888]:65535".parse().unwrap();
        let on_http = response_on_http_port("408 Request Timeout", longest, longest);
        assert!(on_http.len() <= 1024, "{}", on_http.len());
        for response in [response_on_lesson_port(longest, longest), on_http] {
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        }
    }
}
