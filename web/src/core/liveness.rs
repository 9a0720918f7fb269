//! Liveness check: whether a connection that looks open still carries anything.
//!
//! A middlebox that forgets a connection, a laptop that slept, a phone that
//! changed its Wi-Fi: each leaves a WebSocket half-open, and the browser says
//! nothing of it for minutes. Browsers have no WebSocket ping for pages, so the
//! page asks the server something else: a fresh HTTP request. This says when to
//! ask and when to give the connection up. It sends nothing and reads no clock;
//! all times are the model's milliseconds.

/// How long an answer may take before the page says that there is none yet and
/// checks the server: ten times the pause of the lesson's own server.
pub const LATE: u64 = 10_000;

/// How long a check may take. TCP sends a lost first packet again after 1 s and
/// after 3 s (RFC 6298): a server is given up only when three are lost in a row.
pub const TIMEOUT: u64 = 4_000;

/// How long a server that answers checks may owe an answer on the connection.
/// The server pings every 20 s and closes a connection that has not answered for
/// 60 s: what is silent for longer is not the server but the connection.
pub const SILENT: u64 = 60_000;

/// How long a page must have been hidden for its connection to be checked when
/// it comes to the front: a glance at another tab is shorter, and after 30 s
/// most phones have switched their screen off.
pub const AWAY: u64 = 30_000;

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing now.
    Wait,
    /// Ask the server with a fresh request.
    Check,
    /// Close the connection and begin a new one.
    GiveUp,
}

/// What is known of the other end of an open connection.
#[derive(Debug, Default)]
pub struct Liveness {
    /// When a message last came on the connection.
    heard: u64,
    /// When a check last succeeded.
    checked: u64,
    /// When the check began that is under way.
    checking: Option<u64>,
    /// Whether the network may have changed since a message last came.
    suspect: bool,
}

impl Liveness {
    /// A message came on the connection. A check that is under way has become
    /// pointless.
    pub fn hear(&mut self, now: u64) {
        *self = Liveness { heard: now, ..Liveness::default() };
    }

    /// The network came back, or the page was hidden for [`AWAY`].
    pub fn suspect(&mut self, now: u64) -> Verdict {
        self.suspect = true;
        if self.checking.is_some() {
            return Verdict::Wait;
        }
        self.checking = Some(now);
        Verdict::Check
    }

    /// What is to be done now. `owed` is since when the oldest message without
    /// an answer waits for one.
    pub fn wake(&mut self, owed: Option<u64>, now: u64) -> Verdict {
        if self.due(owed).is_none_or(|due| due > now) {
            return Verdict::Wait;
        }
        if self.checking.is_some() {
            return Verdict::GiveUp;
        }
        self.checking = Some(now);
        Verdict::Check
    }

    /// The check has ended.
    pub fn checked(&mut self, is_alive: bool, owed: Option<u64>, now: u64) -> Verdict {
        if self.checking.take().is_none() {
            return Verdict::Wait;
        }
        self.checked = now;
        let timeout = if self.suspect { LATE } else { SILENT };
        let is_silent = owed.is_some_and(|owed| owed.max(self.heard) + timeout <= now);
        if is_alive && !is_silent { Verdict::Wait } else { Verdict::GiveUp }
    }

    /// When [`wake`](Self::wake) has something to do, if at all.
    pub fn due(&self, owed: Option<u64>) -> Option<u64> {
        match self.checking {
            Some(since) => Some(since + TIMEOUT),
            None => owed.map(|owed| owed.max(self.heard).max(self.checked) + LATE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: u64) -> Liveness {
        let mut liveness = Liveness::default();
        liveness.hear(at);
        liveness
    }

    #[test]
    fn a_connection_that_owes_nothing_is_never_checked() {
        let mut liveness = heard(0);
        assert_eq!(liveness.due(None), None);
        assert_eq!(liveness.wake(None, 1_000_000), Verdict::Wait);
    }

    #[test]
    fn a_late_answer_is_checked_once_and_an_unanswered_check_gives_up() {
        let mut liveness = heard(0);
        assert_eq!(liveness.wake(Some(5_000), 14_999), Verdict::Wait);
        assert_eq!(liveness.wake(Some(5_000), 15_000), Verdict::Check);
        assert_eq!(liveness.due(Some(5_000)), Some(15_000 + TIMEOUT));
        assert_eq!(liveness.wake(Some(5_000), 15_000 + TIMEOUT - 1), Verdict::Wait);
        assert_eq!(liveness.wake(Some(5_000), 15_000 + TIMEOUT), Verdict::GiveUp);
    }

    #[test]
    fn a_refused_check_gives_up_at_once() {
        let mut liveness = heard(0);
        assert_eq!(liveness.wake(Some(0), LATE), Verdict::Check);
        assert_eq!(liveness.checked(false, Some(0), LATE + 1), Verdict::GiveUp);
    }

    #[test]
    fn a_slow_server_that_answers_checks_keeps_its_connection_for_a_minute() {
        let mut liveness = heard(0);
        let mut checks = 0;
        loop {
            let due = liveness.due(Some(0)).expect("an answer is owed");
            assert_eq!(liveness.wake(Some(0), due), Verdict::Check);
            checks += 1;
            match liveness.checked(true, Some(0), due) {
                Verdict::Wait => assert!(due < SILENT),
                Verdict::GiveUp => break assert_eq!((due, checks), (SILENT, 6)),
                Verdict::Check => panic!("it has just been checked"),
            }
        }
    }

    #[test]
    fn each_message_that_comes_restarts_the_timeout() {
        // Sixty lines in one message at a pause of one second each.
        let mut liveness = heard(0);
        for second in 1..=60 {
            assert_eq!(liveness.wake(Some(0), second * 1_000), Verdict::Wait);
            liveness.hear(second * 1_000);
        }
        assert_eq!(liveness.due(Some(0)), Some(70_000));
    }

    #[test]
    fn after_a_change_of_network_one_late_answer_is_enough() {
        let mut liveness = heard(0);
        assert_eq!(liveness.suspect(1_000), Verdict::Check);
        assert_eq!(liveness.suspect(1_001), Verdict::Wait, "one check at a time");
        // Nothing is owed: the connection may be as good as the server.
        assert_eq!(liveness.checked(true, None, 1_100), Verdict::Wait);
        assert_eq!(liveness.wake(Some(5_000), 5_000 + LATE), Verdict::Check);
        assert_eq!(liveness.checked(true, Some(5_000), 5_000 + LATE), Verdict::GiveUp);
    }

    #[test]
    fn a_message_clears_the_suspicion_and_makes_a_check_pointless() {
        let mut liveness = heard(0);
        assert_eq!(liveness.suspect(1_000), Verdict::Check);
        liveness.hear(1_001);
        assert_eq!(liveness.checked(false, None, 1_002), Verdict::Wait);
        assert_eq!(liveness.due(None), None);
        assert_eq!(liveness.wake(Some(2_000), 12_000), Verdict::Check);
        assert_eq!(liveness.checked(true, Some(2_000), 12_000), Verdict::Wait);
    }
}
