//! Heartbeat: pings that tell a silent client from a dead one. It reads no clock; the
//! time is passed in.

use std::time::Duration;

use tokio::time::Instant;

/// When a quiet client is asked for a sign of life, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) ping_every: Duration,
    pub(crate) dead_after: Duration,
}

/// What to do about a client when a ping is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PingAction {
    Ping,
    GiveUp,
}

/// The liveness check of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    heartbeat: Heartbeat,
    /// When the client counts as dead, unless it is heard before.
    dead_at: Instant,
}

impl Liveness {
    pub(crate) fn new(heartbeat: Heartbeat, now: Instant) -> Self {
        Liveness { heartbeat, dead_at: now + heartbeat.dead_after }
    }

    /// Something came from the client.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.dead_at = now + self.heartbeat.dead_after;
    }

    /// What to do about a ping that was due at `due`.
    ///
    /// If that is longer ago than the time between two pings, it was the server
    /// that slept (a closed laptop, a stopped process) or did not listen: the
    /// client was not asked, and may have been asleep as well. So it is asked once
    /// more before it is given up.
    pub(crate) fn on_ping_due(&mut self, due: Instant, now: Instant) -> PingAction {
        if now.saturating_duration_since(due) >= self.heartbeat.ping_every {
            self.dead_at = self.dead_at.max(now + self.heartbeat.ping_every);
        }
        if now >= self.dead_at { PingAction::GiveUp } else { PingAction::Ping }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HEARTBEAT: Heartbeat =
        Heartbeat { ping_every: Duration::from_secs(20), dead_after: Duration::from_secs(60) };

    /// When the client is given up, in seconds from the start, if the pings come
    /// at these times and were due at those.
    fn given_up(heartbeat: Heartbeat, pings: impl IntoIterator<Item = (u32, u32)>) -> Option<u32> {
        let start = Instant::now();
        let mut liveness = Liveness::new(heartbeat, start);
        pings.into_iter().find_map(|(due, now)| {
            let action = liveness.on_ping_due(start + due * SECOND, start + now * SECOND);
            (action == PingAction::GiveUp).then_some(now)
        })
    }

    #[test]
    fn a_silent_client_is_pinged_and_given_up_when_its_time_is_over() {
        let on_time = (1..10).map(|n| (20 * n, 20 * n));
        assert_eq!(given_up(HEARTBEAT, on_time), Some(60));
        // A busy server is a little late.
        let late = (1..10).map(|n| (20 * n, 20 * n + 3));
        assert_eq!(given_up(HEARTBEAT, late), Some(63));
    }

    #[test]
    fn after_the_server_slept_every_client_is_asked_once_more() {
        for slept in [50, 60, 90, 28_800] {
            let woken = (20, 20 + slept);
            assert_eq!(given_up(HEARTBEAT, [woken]), None, "{slept} s");
            let next = 20 + slept + 20;
            assert_eq!(given_up(HEARTBEAT, [woken, (next, next)]), Some(next.max(60)), "{slept} s");
        }
        // Slept again before the answer could come.
        assert_eq!(given_up(HEARTBEAT, [(20, 500), (520, 900)]), None);
        // Pings as rare as death itself.
        let rare = Heartbeat { ping_every: 60 * SECOND, ..HEARTBEAT };
        assert_eq!(given_up(rare, [(60, 300)]), None);
        assert_eq!(given_up(rare, [(60, 60)]), Some(60));
    }

    #[test]
    fn a_client_that_is_heard_after_the_sleep_lives_on() {
        let start = Instant::now();
        let mut liveness = Liveness::new(HEARTBEAT, start);
        assert_eq!(
            liveness.on_ping_due(start + 20 * SECOND, start + 600 * SECOND),
            PingAction::Ping
        );
        liveness.heard(start + 601 * SECOND);
        assert_eq!(
            liveness.on_ping_due(start + 620 * SECOND, start + 620 * SECOND),
            PingAction::Ping
        );
        assert_eq!(
            liveness.on_ping_due(start + 640 * SECOND, start + 640 * SECOND),
            PingAction::Ping
        );
        assert_eq!(
            liveness.on_ping_due(start + 661 * SECOND, start + 661 * SECOND),
            PingAction::GiveUp
        );
    }
}
