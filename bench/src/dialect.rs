//! The protocols that are spoken: how a connection begins, and how messages and
//! their replies are written on the wire.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::workload::{Action, Answer, Exchange};

/// The longest wait for anything on a socket. Loopback answers in microseconds
/// and a disk in milliseconds; after this something has gone wrong.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The lesson's protocol without line ends: one message under way at a time.
    Packet,
    /// The lesson's protocol, each message with a LF.
    Line,
    /// The lesson's protocol, each message one text frame.
    WebSocket,
    /// Redis: SET for add, GET for find, DEL for remove.
    Redis,
    /// The messages of [`Packet`](Self::Packet), which all come back as they are.
    EchoedPacket,
    /// The messages of [`Line`](Self::Line), which all come back as they are.
    EchoedLine,
}

impl Dialect {
    /// Connects, and gets past whatever comes before the first message.
    ///
    /// # Errors
    ///
    /// When nothing listens there, or another program than expected.
    pub fn connect(self, address: SocketAddr) -> Result<TcpStream> {
        let stream = self.open(address)?;
        self.begin(&stream, address)?;
        Ok(stream)
    }

    /// The same to a path of the server's where it is a WebSocket.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_at(self, address: SocketAddr, path: &str) -> Result<TcpStream> {
        let stream = self.open(address)?;
        self.begin_at(&stream, address, path)?;
        Ok(stream)
    }

    /// The same with many connections. Raw TCP clients are welcomed 50 ms after
    /// they connect, so all of them connect before the first is waited for.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_many(self, address: SocketAddr, connections: usize) -> Result<Vec<TcpStream>> {
        if !matches!(self, Dialect::Packet | Dialect::Line) {
            return (0..connections).map(|_| self.connect(address)).collect();
        }
        let streams = (0..connections).map(|_| self.open(address)).collect::<Result<Vec<_>>>()?;
        for stream in &streams {
            self.begin(stream, address)?;
        }
        Ok(streams)
    }

    fn open(self, address: SocketAddr) -> Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(stream)
    }

    /// Gets past whatever comes before the first message on an open connection.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn begin(self, stream: &TcpStream, address: SocketAddr) -> Result<()> {
        self.begin_at(stream, address, "/ws")
    }

    fn begin_at(self, stream: &TcpStream, address: SocketAddr, path: &str) -> Result<()> {
        match self {
            Dialect::Packet | Dialect::Line => expect(stream, WELCOME)?,
            Dialect::WebSocket => {
                upgrade(stream, address, path)?;
                let mut welcome = Vec::new();
                reply_frame(WELCOME, &mut welcome);
                expect(stream, &welcome)?;
            }
            Dialect::Redis | Dialect::EchoedPacket | Dialect::EchoedLine => {}
        }
        Ok(())
    }

    /// Writes a message behind `request` and its reply behind `reply`.
    pub fn write(self, exchange: &Exchange, request: &mut Vec<u8>, reply: &mut Vec<u8>) {
        match self {
            Dialect::Packet => {
                request.extend_from_slice(message(exchange).as_bytes());
                reply.extend_from_slice(answer(exchange).as_bytes());
            }
            Dialect::Line => {
                request.extend_from_slice(format!("{}\n", message(exchange)).as_bytes());
                reply.extend_from_slice(format!("{}\n", answer(exchange)).as_bytes());
            }
            Dialect::WebSocket => {
                message_frame(message(exchange).as_bytes(), MASK, request);
                reply_frame(answer(exchange).as_bytes(), reply);
            }
            Dialect::Redis => {
                redis_command(exchange, request);
                redis_reply(exchange, reply);
            }
            Dialect::EchoedPacket | Dialect::EchoedLine => {
                let end = if self == Dialect::EchoedLine { "\n" } else { "" };
                let line = format!("{}{end}", message(exchange));
                request.extend_from_slice(line.as_bytes());
                reply.extend_from_slice(line.as_bytes());
            }
        }
    }

    /// Messages that may be under way at once while contacts are set up: as many
    /// as the scenarios send at most, where the dialect has room for more than one.
    pub fn setup_pipeline(self) -> usize {
        if matches!(self, Dialect::Packet | Dialect::EchoedPacket) { 1 } else { 16 }
    }
}

/// What the server says first.
const WELCOME: &[u8] = b"Welcome!";

fn message(exchange: &Exchange) -> String {
    let name = exchange.contact.name();
    match exchange.action {
        Action::Add(phone) => format!("add;{name};{}", phone.0),
        Action::Find => format!("find;{name}"),
        Action::Remove => format!("remove;{name}"),
    }
}

fn answer(exchange: &Exchange) -> String {
    match exchange.answer {
        Answer::Added => format!("{} added!", exchange.contact.name()),
        Answer::Found(phone) => phone.0.to_string(),
        Answer::Removed => format!("{} removed!", exchange.contact.name()),
        Answer::NotFound => "Not Found!".to_owned(),
    }
}

/// A command as Redis's own clients send it: an array of bulk strings.
fn redis_command(exchange: &Exchange, out: &mut Vec<u8>) {
    let name = exchange.contact.name();
    let words = match exchange.action {
        Action::Add(phone) => vec!["SET".to_owned(), name, phone.0.to_string()],
        Action::Find => vec!["GET".to_owned(), name],
        Action::Remove => vec!["DEL".to_owned(), name],
    };
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

fn redis_reply(exchange: &Exchange, out: &mut Vec<u8>) {
    let reply = match (exchange.action, exchange.answer) {
        (_, Answer::Added) => "+OK\r\n".to_owned(),
        (_, Answer::Found(phone)) => {
            let phone = phone.0.to_string();
            format!("${}\r\n{phone}\r\n", phone.len())
        }
        // How many were deleted.
        (_, Answer::Removed) => ":1\r\n".to_owned(),
        (Action::Remove, Answer::NotFound) => ":0\r\n".to_owned(),
        (_, Answer::NotFound) => "$-1\r\n".to_owned(),
    };
    out.extend_from_slice(reply.as_bytes());
}

/// The final frame of a text message (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;

/// The longest payload whose length fits into the second byte of a frame.
const SHORT: usize = 125;

/// A browser takes a new mask for each frame; to the server it is all the same.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A message as a browser sends it.
pub fn message_frame(payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.extend_from_slice(&[TEXT, 0x80 | short_length(payload)]);
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

fn reply_frame(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[TEXT, short_length(payload)]);
    out.extend_from_slice(payload);
}

fn short_length(payload: &[u8]) -> u8 {
    assert!(payload.len() <= SHORT, "every message of a workload is short");
    payload.len() as u8
}

/// The handshake with the key of RFC 6455, section 1.3, whose answer stands there.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn upgrade(mut stream: &TcpStream, address: SocketAddr, path: &str) -> Result<()> {
    /// Far more than the headers of an answer that only upgrades.
    const MOST: usize = 4 * 1024;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        ensure!(response.len() < MOST, "the answer to the handshake does not end");
        // One by one, so that the welcome behind it stays in the socket.
        let mut byte = [0];
        stream.read_exact(&mut byte).context("no answer to the handshake")?;
        response.push(byte[0]);
    }
    let response = String::from_utf8_lossy(&response);
    ensure!(
        response.starts_with("HTTP/1.1 101 ") && response.contains(ACCEPT),
        "the handshake is refused: {response}"
    );
    Ok(())
}

fn expect(mut stream: &TcpStream, bytes: &[u8]) -> Result<()> {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).context("no welcome")?;
    ensure!(got == bytes, "{:?} instead of a welcome", got.escape_ascii().to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;
    use crate::workload::{Contact, Phone};

    fn check(dialect: Dialect, action: Action, answer: Answer, request: &[u8], reply: &[u8]) {
        let exchange = Exchange { contact: Contact(70_123), action, answer };
        let script = Script::new(dialect, &[exchange], 1);
        let batch = script.batch(0).unwrap();
        assert_eq!(batch.request.escape_ascii().to_string(), request.escape_ascii().to_string());
        assert_eq!(batch.reply.escape_ascii().to_string(), reply.escape_ascii().to_string());
    }

    const PHONE: Phone = Phone(13_800_138_000);

    #[test]
    fn the_lesson_is_spoken_as_packets_and_as_lines() {
        let add = Action::Add(PHONE);
        check(Dialect::Packet, add, Answer::Added, b"add;c07k0123;13800138000", b"c07k0123 added!");
        check(Dialect::Line, Action::Find, Answer::NotFound, b"find;c07k0123\n", b"Not Found!\n");
        check(
            Dialect::Line,
            Action::Find,
            Answer::Found(PHONE),
            b"find;c07k0123\n",
            b"13800138000\n",
        );
        check(
            Dialect::Line,
            Action::Remove,
            Answer::Removed,
            b"remove;c07k0123\n",
            b"c07k0123 removed!\n",
        );
    }

    #[test]
    fn redis_is_asked_and_answers_in_its_own_words() {
        let get = b"*2\r\n$3\r\nGET\r\n$8\r\nc07k0123\r\n";
        let del = b"*2\r\n$3\r\nDEL\r\n$8\r\nc07k0123\r\n";
        let set = b"*3\r\n$3\r\nSET\r\n$8\r\nc07k0123\r\n$11\r\n13800138000\r\n";
        check(Dialect::Redis, Action::Add(PHONE), Answer::Added, set, b"+OK\r\n");
        check(Dialect::Redis, Action::Find, Answer::Found(PHONE), get, b"$11\r\n13800138000\r\n");
        check(Dialect::Redis, Action::Find, Answer::NotFound, get, b"$-1\r\n");
        check(Dialect::Redis, Action::Remove, Answer::Removed, del, b":1\r\n");
        check(Dialect::Redis, Action::Remove, Answer::NotFound, del, b":0\r\n");
    }

    #[test]
    fn frames_are_those_of_the_rfc() {
        // RFC 6455, section 5.7.
        let (mut masked, mut plain) = (Vec::new(), Vec::new());
        message_frame(b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut masked);
        reply_frame(b"Hello", &mut plain);
        assert_eq!(
            masked,
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58].as_slice()
        );
        assert_eq!(plain, b"\x81\x05Hello");
    }
}
