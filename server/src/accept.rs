//! Taking in connections: the accept loop, and how many are let in.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::listen::Listeners;

/// How long to wait before accepting again after the system refused, for
/// example because this process is out of file descriptors. Long enough not to
/// spin, short enough that nobody notices once it is over.
const BACKOFF: Duration = Duration::from_millis(100);

/// How long accepting must have gone well before a failure is said again. At
/// the edge of the limit it fails and succeeds in turn.
const QUIET: Duration = Duration::from_secs(60);

/// Accepts connections and hands each to `handle` until `stop` is cancelled.
/// No error ends it.
pub(crate) async fn accept_loop(
    listeners: Listeners,
    stop: CancellationToken,
    mut handle: impl FnMut(TcpStream, SocketAddr),
) {
    let mut failed: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listeners.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Replies are small and someone waits for each. If this fails
                // the connection is broken, and its first read will say so.
                let _ = stream.set_nodelay(true);
                handle(stream, peer);
            }
            // The client gave up before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if failed.replace(Instant::now()).is_none_or(|failed| failed.elapsed() > QUIET) {
                    tracing::warn!(
                        "cannot accept connections for now ({error}), trying on; \
                         open connections are not affected"
                    );
                }
                tokio::select! { () = sleep(BACKOFF) => {} () = stop.cancelled() => return }
            }
        }
    }
}

/// Counts the connections, in all and from each address.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    most_per_address: PerAddress,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The most connections one address may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerAddress {
    /// This many for every address but this machine's own, where the teacher's
    /// tools and the tests run.
    Others(usize),
    /// This many for every address.
    All(usize),
}

/// Why a connection is not let in. Shown to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ServerFull,
    AddressFull,
}

impl Refusal {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::ServerFull => "this server has too many connections, try again later",
            Refusal::AddressFull => {
                "your computer has too many open connections, close some and try again"
            }
        }
    }
}

impl Admission {
    pub(crate) fn new(most: usize, most_per_address: PerAddress) -> Self {
        Admission { most, most_per_address, open: Mutex::default() }
    }

    /// Lets a connection in, for as long as the permit lives.
    ///
    /// # Errors
    ///
    /// One limit or the other is reached; the client is to be told.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        // A phone on a dual-stack socket is the same phone.
        let address = address.to_canonical();
        let mut open = self.open();
        if open.total >= self.most {
            return Err(Refusal::ServerFull);
        }
        let limit = match self.most_per_address {
            PerAddress::Others(_) if address.is_loopback() => usize::MAX,
            PerAddress::Others(limit) | PerAddress::All(limit) => limit,
        };
        let count = open.by_address.entry(address).or_default();
        if *count >= limit {
            return Err(Refusal::AddressFull);
        }
        *count += 1;
        open.total += 1;
        Ok(Permit { admission: Arc::clone(self), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The counts are changed together and nothing in between can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAPTOP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn phone(n: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, n])
    }

    #[test]
    fn one_address_cannot_take_all_places_and_a_closed_connection_gives_its_place_back() {
        let admission = Arc::new(Admission::new(4, PerAddress::Others(2)));
        let first = admission.admit(phone(1));
        let second = admission.admit(phone(1));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(admission.admit(phone(1)).err(), Some(Refusal::AddressFull));
        let mapped = "::ffff:192.168.1.1".parse().unwrap();
        assert_eq!(admission.admit(mapped).err(), Some(Refusal::AddressFull));
        let other = admission.admit(phone(2));
        assert!(other.is_ok());
        drop(first);
        assert!(admission.admit(phone(1)).is_ok());
        drop((second, other));
        assert!(admission.open().by_address.is_empty());
        assert_eq!(admission.open().total, 0);
    }

    #[test]
    fn this_machine_itself_is_limited_only_when_asked_for() {
        let lenient = Arc::new(Admission::new(3, PerAddress::Others(1)));
        let permits: Vec<_> = (0..3).map(|_| lenient.admit(LAPTOP).unwrap()).collect();
        assert_eq!(lenient.admit(LAPTOP).err(), Some(Refusal::ServerFull));
        drop(permits);
        let strict = Arc::new(Admission::new(3, PerAddress::All(1)));
        let _permit = strict.admit(LAPTOP).unwrap();
        assert_eq!(strict.admit(LAPTOP).err(), Some(Refusal::AddressFull));
    }
}
