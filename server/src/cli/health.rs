//! Whether the server answers, asked from outside of it. A container with nothing
//! but the program in it has no other client for its health check.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cli::options::Endpoint;

/// How long the server may take: a class that waits longer has a problem.
const TIMEOUT: Duration = Duration::from_secs(3);

/// More than the whole answer.
const ANSWER: u64 = 4096;

/// Asks the server that browsers reach at `http`.
///
/// # Errors
///
/// It does not answer in time, or not as it should.
pub fn check(http: Endpoint) -> anyhow::Result<()> {
    let address = match http {
        Endpoint::Address(address) if !address.ip().is_unspecified() => address,
        all => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), all.port()),
    };
    let answer = ask(address).with_context(|| format!("no answer from {address}"))?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{address} is no healthy server");
    Ok(())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let host = format!("Host: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("GET /healthz HTTP/1.1\r\n{host}").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
