//! The yardstick: a single-threaded echo server on epoll that does nothing but
//! one wait, one read and one write. No server that answers over these sockets
//! does less work, so its speed is what this machine can do at most.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use anyhow::{Context as _, Result};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Bytes read at once: the longest batch of a scenario is 640.
const CHUNK: usize = 4 * 1024;

/// Events taken from one wait: every connection of a scenario may be ready.
const EVENTS: usize = 64;

/// Epoll data of the two descriptors that are no connections; those are numbered
/// from 0.
const LISTENER: u64 = u64::MAX;
const PARENT: u64 = u64::MAX - 1;

/// Says its address on stdout, then echoes until stdin ends, so that it never
/// outlives its parent.
///
/// # Errors
///
/// When the system refuses a socket.
pub fn main() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    serve(&listener, io::stdin())
}

/// Echoes until `parent` is at its end.
///
/// # Errors
///
/// When the system refuses to wait or to accept. A connection that breaks is
/// closed and is no error.
pub fn serve(listener: &TcpListener, parent: impl AsFd + Read) -> Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&epoll, &parent, EventData::new_u64(PARENT), EventFlags::IN)?;

    // A number is used once; a run opens some ten thousand connections in all.
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut events = no_events::<EVENTS>();
    let mut chunk = [0; CHUNK];
    loop {
        let ready = match epoll::wait(&epoll, &mut events, None) {
            Err(rustix::io::Errno::INTR) => continue,
            ready => ready.context("cannot wait")?,
        };
        for event in &events[..ready] {
            match event.data.u64() {
                // Nothing is ever sent on it: whatever happens there is its end.
                PARENT => return Ok(()),
                LISTENER => match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(true)?;
                        stream.set_nodelay(true)?;
                        let number = EventData::new_u64(connections.len() as u64);
                        epoll::add(&epoll, &stream, number, EventFlags::IN)?;
                        connections.push(Some(stream));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error).context("cannot accept"),
                },
                number => {
                    let connection = &mut connections[number as usize];
                    if let Some(stream) = connection
                        && echo(stream, &mut chunk).is_err()
                    {
                        *connection = None;
                    }
                }
            }
        }
    }
}

fn echo(stream: &mut TcpStream, chunk: &mut [u8]) -> io::Result<()> {
    match stream.read(chunk) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        // What a closed loop has under way always fits into the socket.
        Ok(read) => stream.write_all(&chunk[..read]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

/// Room for the events of one wait.
pub(crate) fn no_events<const N: usize>() -> [Event; N] {
    [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; N]
}
