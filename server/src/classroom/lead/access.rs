//! Access: the secrets by which a teacher is known, and the limit on guessing them.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use constant_time_eq::{constant_time_eq, constant_time_eq_32};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// Bytes of a secret: 128 bits, which cannot be guessed at any rate.
const BYTES: usize = 16;

/// Wrong secrets that one address may send within [`WINDOW`].
const MOST_WRONG: u32 = 10;

/// The time in which they are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are counted at once, some 40 bytes each. Beyond it the oldest is
/// forgotten, which gives it ten more guesses at a number of 39 digits.
const MOST_ADDRESSES: usize = 4_096;

/// A secret: random, in hexadecimal digits. Shown by [`as_str`](Self::as_str) only.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one, from the system's source for cryptography.
    ///
    /// # Errors
    ///
    /// The system has none.
    pub fn random() -> anyhow::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
        Ok(Secret(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is it. Takes as long wherever the first difference is.
    fn is(&self, said: &str) -> bool {
        constant_time_eq(self.0.as_bytes(), said.as_bytes())
    }

    /// What is stored of a token where it outlives a server, and of the cookie that
    /// stands for it.
    pub(crate) fn stored(&self) -> Stored {
        let cookie = cookie_of(self.as_str());
        Stored { token: hash(b"token", self.as_str()), cookie: hash(b"stored cookie", &cookie) }
    }
}

/// Hashes of a token and its cookie. SHA-256 is enough for secrets that are random:
/// there are no likely ones to try first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) token: [u8; 32],
    pub(crate) cookie: [u8; 32],
}

/// The cookie that stands for a stored token, the same on every server. The token cannot
/// be worked out from it, nor the cookie from what is stored.
fn cookie_of(token: &str) -> String {
    hash(b"cookie", token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `kind` keeps the hashes of one kind of secret from being those of another.
fn hash(kind: &[u8], secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update(b"\0").chain_update(secret).finalize().into()
}

/// Shows nothing of it, so that no log does.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// By what a teacher is known to one class.
#[derive(Debug)]
pub(crate) struct Access {
    expected: Expected,
    /// Tokens and cookies apart: an old page that comes back with a cookie of yesterday's
    /// server must not use up the tries of the teacher beside it.
    wrong: Mutex<HashMap<(Kind, IpAddr), Wrong>>,
}

/// The right secrets.
#[derive(Debug)]
enum Expected {
    /// Those of one server, until it stops: the token in the address that the banner
    /// shows, and what stands for it in a browser's cookie.
    Own { token: Secret, cookie: Secret },
    /// Those of a room, on every server.
    Stored(Stored),
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Token,
    Cookie,
}

/// Wrong secrets from one address.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

/// What somebody offers to be known as the teacher.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Offer<'o> {
    Token(&'o str),
    Cookie(&'o str),
}

/// What an offer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the teacher.
    Right,
    /// It is not.
    Wrong,
    /// Too many from this address were wrong; so long to wait.
    TooMany(Duration),
}

impl Access {
    pub(crate) fn new(token: Secret, cookie: Secret) -> Self {
        Access { expected: Expected::Own { token, cookie }, wrong: Mutex::default() }
    }

    /// Access with a token that is stored.
    pub(crate) fn stored(stored: Stored) -> Self {
        Access { expected: Expected::Stored(stored), wrong: Mutex::default() }
    }

    /// The value of the cookie for a browser that was let in, with this token if it gave
    /// one. None where it can be made of the token only.
    pub(crate) fn cookie(&self, token: Option<&str>) -> Option<String> {
        match &self.expected {
            Expected::Own { cookie, .. } => Some(cookie.as_str().to_owned()),
            Expected::Stored(_) => token.map(cookie_of),
        }
    }

    fn is_token(&self, said: &str) -> bool {
        match &self.expected {
            Expected::Own { token, .. } => token.is(said),
            Expected::Stored(stored) => constant_time_eq_32(&stored.token, &hash(b"token", said)),
        }
    }

    fn is_cookie(&self, said: &str) -> bool {
        match &self.expected {
            Expected::Own { cookie, .. } => cookie.is(said),
            Expected::Stored(stored) => {
                constant_time_eq_32(&stored.cookie, &hash(b"stored cookie", said))
            }
        }
    }

    /// Judges an offer from `address`, and counts it if it is wrong.
    ///
    /// An address that was wrong too often is not told whether a token is right. A
    /// right cookie is let in all the same: it was given to a teacher, whose page must
    /// go on where a student guesses behind the same router.
    pub(crate) fn judge(&self, offer: Offer<'_>, address: IpAddr, now: Instant) -> Verdict {
        let (kind, is_right) = match offer {
            Offer::Cookie(cookie) if self.is_cookie(cookie) => return Verdict::Right,
            Offer::Cookie(_) => (Kind::Cookie, false),
            Offer::Token(token) => (Kind::Token, self.is_token(token)),
        };
        let from = (kind, counted(address));
        let mut wrong = self.wrong();
        let known = wrong.get(&from).copied();
        let recent = known.filter(|wrong| now.duration_since(wrong.since) < WINDOW);
        let Wrong { since, count } = recent.unwrap_or(Wrong { since: now, count: 0 });
        if count >= MOST_WRONG {
            return Verdict::TooMany(WINDOW.saturating_sub(now.duration_since(since)));
        }
        if is_right {
            return Verdict::Right;
        }
        if known.is_none() && wrong.len() >= MOST_ADDRESSES {
            make_room(&mut wrong, now);
        }
        wrong.insert(from, Wrong { since, count: count + 1 });
        Verdict::Wrong
    }

    fn wrong(&self) -> MutexGuard<'_, HashMap<(Kind, IpAddr), Wrong>> {
        // Nothing under the lock can panic.
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(wrong: &mut HashMap<(Kind, IpAddr), Wrong>, now: Instant) {
    wrong.retain(|_, wrong| now.duration_since(wrong.since) < WINDOW);
    if wrong.len() >= MOST_ADDRESSES
        && let Some(oldest) = wrong.iter().min_by_key(|(_, w)| w.since).map(|(from, _)| *from)
    {
        wrong.remove(&oldest);
    }
}

/// What an address is counted as: of IPv6 the network, in which a machine takes as many
/// addresses as it likes.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access::new(Secret::random().unwrap(), Secret::random().unwrap())
    }

    #[test]
    fn a_stored_token_and_its_cookie_are_known_on_every_server_and_not_readable_there() {
        let (token, now) = (Secret::random().unwrap(), Instant::now());
        let [one, other] = [token.stored(), token.stored()].map(Access::stored);
        let judge = |offer: Offer<'_>| one.judge(offer, phone(1), now);
        assert_eq!(judge(Offer::Token(token.as_str())), Verdict::Right);
        let cookie = other.cookie(Some(token.as_str())).unwrap();
        assert_eq!(judge(Offer::Cookie(&cookie)), Verdict::Right);
        assert_eq!(one.cookie(None), None);
        let hex = |hash: [u8; 32]| hash.map(|byte| format!("{byte:02x}")).concat();
        for stored in [hex(token.stored().token), hex(token.stored().cookie)] {
            assert_eq!(judge(Offer::Cookie(&stored)), Verdict::Wrong);
            assert_eq!(judge(Offer::Token(&stored)), Verdict::Wrong);
            assert!(!stored.contains(token.as_str()) && !cookie.contains(&stored));
        }
        assert_eq!(judge(Offer::Cookie(token.as_str())), Verdict::Wrong);
        assert_eq!(judge(Offer::Token(&cookie)), Verdict::Wrong);
    }

    fn phone(n: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, n])
    }

    #[test]
    fn a_secret_is_new_each_time_has_128_bits_and_is_never_shown_by_debug() {
        let [one, other] = [Secret::random().unwrap(), Secret::random().unwrap()];
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 32);
        assert!(one.is(one.as_str()) && !one.is(other.as_str()) && !one.is(""));
        assert_eq!(format!("{one:?}"), "Secret");
        assert!(!format!("{:?}", Access::new(one.clone(), other)).contains(one.as_str()));
    }

    #[test]
    fn ten_wrong_tokens_a_minute_are_judged_and_then_none_and_others_are_not_concerned() {
        let (access, start) = (access(), Instant::now());
        let Expected::Own { token, cookie } = &access.expected else { panic!("{access:?}") };
        let judge = |said: &str, from, at| access.judge(Offer::Token(said), from, at);
        for _ in 0..MOST_WRONG {
            assert_eq!(judge("guess", phone(1), start), Verdict::Wrong);
        }
        let soon = start + Duration::from_secs(20);
        let wait = Verdict::TooMany(Duration::from_secs(40));
        assert_eq!(judge("guess", phone(1), soon), wait);
        assert_eq!(judge(token.as_str(), phone(1), soon), wait, "nothing is told by it");
        let mapped = "::ffff:192.168.1.1".parse().unwrap();
        assert_eq!(judge("guess", mapped, soon), wait);
        assert_eq!(judge(token.as_str(), phone(2), soon), Verdict::Right);
        assert_eq!(access.judge(Offer::Cookie(cookie.as_str()), phone(1), soon), Verdict::Right);
        for _ in 0..MOST_WRONG {
            assert_eq!(access.judge(Offer::Cookie("old"), phone(2), soon), Verdict::Wrong);
        }
        let judged = access.judge(Offer::Cookie("old"), phone(2), soon);
        assert_eq!(judged, Verdict::TooMany(WINDOW));
        assert_eq!(judge(token.as_str(), phone(2), soon), Verdict::Right, "an old page beside it");
        assert_eq!(judge(token.as_str(), phone(1), start + WINDOW), Verdict::Right);
    }

    #[test]
    fn a_machine_does_not_get_more_guesses_by_changing_its_ipv6_address() {
        let (access, now) = (access(), Instant::now());
        for number in 0..MOST_WRONG {
            let address: IpAddr = format!("2001:db8::{number}").parse().unwrap();
            assert_eq!(access.judge(Offer::Token("guess"), address, now), Verdict::Wrong);
        }
        let next = "2001:db8::ffff".parse().unwrap();
        assert!(matches!(access.judge(Offer::Token("x"), next, now), Verdict::TooMany(_)));
        let elsewhere = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(access.judge(Offer::Token("x"), elsewhere, now), Verdict::Wrong);
    }

    #[test]
    fn what_is_remembered_of_guesses_is_bounded() {
        let (access, now) = (access(), Instant::now());
        for number in 0..MOST_ADDRESSES as u32 + 50 {
            let address = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            access.judge(Offer::Token("guess"), address, now);
        }
        assert_eq!(access.wrong().len(), MOST_ADDRESSES);
    }
}
