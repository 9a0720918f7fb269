//! Admission control: limits on the connections, in all and from each address.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Limits;
use crate::transport::rate_limit::{AddressUsage, RateLimiter, RateLimits};
use crate::transport::refusal::Refusal;

/// Places reserved for this computer, so that the teacher gets in when the others
/// have taken all the rest: a browser's six connections for each of the
/// teacher's and the projector's page, and room for scripts.
const RESERVED_FOR_LOOPBACK: usize = 64;

/// At most one in so many of all places is reserved.
const RESERVED_SHARE: usize = 4;

/// Addresses remembered before those that left are looked for.
const SWEEP_AT: usize = 1024;

/// How often the same address is told of that is refused more connections: often enough
/// to be seen, and a program that tries on without end fills no journal.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Counts the connections, in all and from each address.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    most_per_address: PerAddress,
    rates: RateLimits,
    /// Addresses that stand for many clients, whose own are counted when they are known.
    proxies: Arc<[IpAddr]>,
    open: Mutex<Open>,
    on_crowded: Option<OnCrowded>,
}

/// What is told of each address that is refused for its many connections.
struct OnCrowded(Box<dyn Fn(IpAddr) + Send + Sync>);

impl fmt::Debug for OnCrowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnCrowded")
    }
}

#[derive(Debug)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, Client>,
    /// The number of addresses at which the next sweep is due.
    sweep_at: usize,
}

/// The connections of one address.
#[derive(Debug)]
struct Client {
    open: usize,
    /// Present where a rate limit holds. It outlives the connections as long as
    /// there is debt: reconnecting does not pay it.
    usage: Option<Arc<AddressUsage>>,
    /// When it was told of last that there are too many.
    told: Option<Instant>,
}

impl Client {
    fn is_gone(&self, now: Instant) -> bool {
        self.open == 0 && self.usage.as_ref().is_none_or(|usage| usage.is_spent(now))
    }
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

impl Admission {
    pub(crate) fn new(limits: &Limits, proxies: &Arc<[IpAddr]>) -> Self {
        let open = Open { total: 0, by_address: HashMap::new(), sweep_at: SWEEP_AT };
        let Limits { connections, per_address, rates, .. } = *limits;
        let proxies = Arc::clone(proxies);
        let open = Mutex::new(open);
        let (most, most_per_address, on_crowded) = (connections, per_address, None);
        Admission { most, most_per_address, rates, proxies, open, on_crowded }
    }

    /// Has an address told of that is refused more connections, at most once a minute.
    pub(crate) fn on_crowded(mut self, tell: impl Fn(IpAddr) + Send + Sync + 'static) -> Self {
        self.on_crowded = Some(OnCrowded(Box::new(tell)));
        self
    }

    /// Admits a connection for as long as the permit lives.
    ///
    /// # Errors
    ///
    /// One limit or the other is reached; the client is to be told.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        // A phone on a dual-stack socket is the same phone.
        let address = address.to_canonical();
        let reserved = match address.is_loopback() {
            true => 0,
            false => RESERVED_FOR_LOOPBACK.min(self.most / RESERVED_SHARE),
        };
        let is_proxy = self.proxies.contains(&address);
        let limit = match self.most_per_address {
            _ if is_proxy => usize::MAX,
            PerAddress::Others(_) if address.is_loopback() => usize::MAX,
            PerAddress::Others(limit) | PerAddress::All(limit) => limit,
        };
        let now = Instant::now();
        let mut open = self.open();
        if open.total >= self.most - reserved {
            return Err(Refusal::ServerFull);
        }
        open.sweep(now);
        let client = open.by_address.entry(address).or_insert_with(|| Client {
            open: 0,
            usage: AddressUsage::new(address, &self.rates_of(is_proxy), now),
            told: None,
        });
        if client.open >= limit {
            let is_news = client.told.is_none_or(|told| now - told >= TOLD_EVERY);
            if is_news {
                client.told = Some(now);
            }
            drop(open);
            if let Some(OnCrowded(tell)) = self.on_crowded.as_ref().filter(|_| is_news) {
                tell(address);
            }
            return Err(Refusal::AddressFull);
        }
        client.open += 1;
        let usage = client.usage.clone();
        open.total += 1;
        Ok(Permit { admission: Arc::clone(self), address, usage })
    }

    fn rates_of(&self, is_proxy: bool) -> RateLimits {
        match is_proxy {
            true => RateLimits { per_address: None, ..self.rates },
            false => self.rates,
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The counts are changed together and nothing in between can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Forgets the addresses that disconnected in debt and have paid since; amortised
    /// constant time a connection.
    fn sweep(&mut self, now: Instant) {
        if self.by_address.len() >= self.sweep_at {
            self.by_address.retain(|_, client| !client.is_gone(now));
            self.sweep_at = SWEEP_AT.max(2 * self.by_address.len());
        }
    }
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    address: IpAddr,
    usage: Option<Arc<AddressUsage>>,
}

impl Permit {
    /// Admits a client that this connection stands for, as a proxy says.
    ///
    /// # Errors
    ///
    /// As [`Admission::admit`].
    pub(crate) fn admit_behind(&self, address: IpAddr) -> Result<Permit, Refusal> {
        self.admission.admit(address)
    }

    /// The rate limits of a conversation on this connection, if there are any.
    /// Boxed, so that a conversation without limits is no larger for them.
    pub(crate) fn rate_limiter(&self) -> Option<Box<RateLimiter>> {
        let usage = Arc::clone(self.usage.as_ref()?);
        Some(Box::new(RateLimiter::new(&self.admission.rates, usage, Instant::now())))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut open = self.admission.open();
        open.total -= 1;
        if let Some(client) = open.by_address.get_mut(&self.address) {
            client.open -= 1;
            if client.is_gone(now) {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::rate_limit::Rate;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const LAPTOP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn admission(most: usize, per_address: PerAddress) -> Arc<Admission> {
        admission_with(most, per_address, RateLimits::default())
    }

    fn admission_with(most: usize, per_address: PerAddress, rates: RateLimits) -> Arc<Admission> {
        let limits = Limits { connections: most, per_address, rates, ..Limits::default() };
        Arc::new(Admission::new(&limits, &[PROXY].into()))
    }

    #[test]
    fn a_proxy_may_have_many_connections_and_its_clients_as_many_as_anybody() {
        let admission = admission(100, PerAddress::All(2));
        let proxied: Vec<_> = (0..9).map(|_| admission.admit(PROXY).unwrap()).collect();
        let of_phone: Vec<_> =
            proxied.iter().map_while(|permit| permit.admit_behind(phone(1)).ok()).collect();
        assert_eq!(of_phone.len(), 2);
        let refused = proxied[0].admit_behind(phone(1));
        assert_eq!(refused.err(), Some(Refusal::AddressFull));
        assert!(proxied[0].admit_behind(phone(2)).is_ok());
        drop(of_phone);
        assert!(proxied[0].admit_behind(phone(1)).is_ok());
    }

    fn phone(n: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, n])
    }

    #[test]
    fn one_address_cannot_take_all_places_and_a_closed_connection_gives_its_place_back() {
        let admission = admission(4, PerAddress::Others(2));
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

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_refused_again_and_again_is_told_of_once_a_minute() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&told);
        let limits = Limits { per_address: PerAddress::All(1), ..Limits::default() };
        let admission = Admission::new(&limits, &[].into());
        let admission =
            Arc::new(admission.on_crowded(move |address| note.lock().unwrap().push(address)));
        let _permits = [phone(1), phone(2)].map(|address| admission.admit(address).unwrap());
        let refused = |address| assert!(admission.admit(address).is_err());
        (0..100).for_each(|_| refused(phone(1)));
        refused(phone(2));
        tokio::time::advance(TOLD_EVERY).await;
        (0..100).for_each(|_| refused(phone(1)));
        assert_eq!(*told.lock().unwrap(), [phone(1), phone(2), phone(1)]);
    }

    #[test]
    fn this_machine_itself_is_limited_only_when_asked_for() {
        let lenient = admission(3, PerAddress::Others(1));
        let permits: Vec<_> = (0..3).map(|_| lenient.admit(LAPTOP).unwrap()).collect();
        assert_eq!(lenient.admit(LAPTOP).err(), Some(Refusal::ServerFull));
        drop(permits);
        let strict = admission(3, PerAddress::All(1));
        let _permit = strict.admit(LAPTOP).unwrap();
        assert_eq!(strict.admit(LAPTOP).err(), Some(Refusal::AddressFull));
    }

    #[test]
    fn when_the_others_have_taken_their_places_this_computer_still_gets_in() {
        for (most, kept) in [(10_240, 64), (100, 25), (2, 0)] {
            let admission = admission(most, PerAddress::Others(usize::MAX));
            let others: Vec<_> =
                (0..most - kept).map(|_| admission.admit(phone(1)).unwrap()).collect();
            assert_eq!(admission.admit(phone(2)).err(), Some(Refusal::ServerFull), "{most}");
            let v6 = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
            let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
            let here = [LAPTOP, v6, mapped].into_iter().cycle();
            let own: Vec<_> = here.take(kept).map(|here| admission.admit(here).unwrap()).collect();
            assert_eq!(admission.admit(LAPTOP).err(), Some(Refusal::ServerFull), "{most}");
            drop((others, own));
            assert_eq!(admission.open().total, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reconnecting_pays_no_debt_and_addresses_are_forgotten_once_theirs_is_paid() {
        let rate = |n| Some(Rate { per_second: std::num::NonZeroU32::MIN, burst: n });
        let rates =
            RateLimits { per_connection: None, per_address: rate(5), ..RateLimits::default() };
        let admission = admission_with(10_000, PerAddress::Others(9), rates);
        assert!(admission.admit(LAPTOP).unwrap().rate_limiter().is_none(), "not limited");
        let spend = |messages| {
            let permit = admission.admit(phone(1)).unwrap();
            permit.rate_limiter().unwrap().spend(messages, Instant::now())
        };
        assert_eq!(spend(6), Duration::from_secs(1));
        assert_eq!(spend(1), Duration::from_secs(2));
        assert_eq!(admission.open().by_address.len(), 1);
        tokio::time::advance(Duration::from_secs(120)).await;
        assert_eq!(spend(5), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(5)).await;
        let others = (0..SWEEP_AT as u32).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        let others: Vec<_> = others.map(|other| admission.admit(other).unwrap()).collect();
        assert!(!admission.open().by_address.contains_key(&phone(1)));
        drop(others);
        assert!(admission.open().by_address.is_empty());
    }
}
