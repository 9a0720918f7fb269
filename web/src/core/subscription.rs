//! Subscription: a stream of server-sent events that is kept open.
//!
//! The browser reconnects by itself when a connection breaks, but not when the
//! server, or a proxy in front of it, answers with an error. Then this says when
//! to open the stream anew. It opens nothing itself and reads no clock.

use crate::core::clock::Moment;
use crate::core::connection::retry_delay;

/// What a stream of events brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent<T> {
    /// It is open, or open again.
    Opened,
    /// It is interrupted.
    Interrupted {
        /// Whether the browser has given up; else it reconnects by itself.
        is_final: bool,
    },
    /// An event of the server.
    Message(T),
}

/// What to do with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRequest {
    /// Open it anew.
    Open,
    /// Close it.
    Close,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub struct Subscription {
    state: State,
    /// Streams in a row that were refused.
    failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It is not wanted.
    #[default]
    Off,
    /// The browser has it, or tries to.
    On { is_live: bool },
    /// It was refused; when to try again.
    Refused { until: u64 },
}

impl Subscription {
    /// Whether events come as they happen.
    pub fn is_live(&self) -> bool {
        self.state == State::On { is_live: true }
    }

    /// Whether the browser has the stream, or tries to.
    pub fn is_on(&self) -> bool {
        matches!(self.state, State::On { .. })
    }

    /// The stream is open.
    pub fn opened(&mut self) {
        self.state = State::On { is_live: true };
        self.failures = 0;
    }

    /// The stream is interrupted.
    pub fn interrupted(&mut self, is_final: bool, moment: Moment) {
        self.state = if is_final {
            self.failures = self.failures.saturating_add(1);
            State::Refused { until: moment.millis + retry_delay(self.failures, moment.jitter) }
        } else {
            State::On { is_live: false }
        };
    }

    /// What to do now, if anything.
    pub fn next_request(&mut self, is_wanted: bool, now: u64) -> Option<StreamRequest> {
        let (state, request) = match self.state {
            State::Off if !is_wanted => return None,
            State::Refused { until } if is_wanted && until > now => return None,
            State::On { .. } if is_wanted => return None,
            _ if is_wanted => (State::On { is_live: false }, StreamRequest::Open),
            _ => (State::Off, StreamRequest::Close),
        };
        self.state = state;
        Some(request)
    }

    /// When to open it anew, if that is only a matter of time.
    pub fn due(&self) -> Option<u64> {
        match self.state {
            State::Refused { until } => Some(until),
            State::Off | State::On { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_stream_is_tried_again_ever_more_slowly_and_a_broken_one_is_left_to_the_browser() {
        let mut stream = Subscription::default();
        let mut now = 10_000;
        assert_eq!(stream.next_request(false, now), None);
        assert_eq!(stream.next_request(true, now), Some(StreamRequest::Open));
        stream.opened();
        assert!(stream.is_live());
        stream.interrupted(false, Moment { millis: now, jitter: 0 });
        assert!(!stream.is_live() && stream.is_on());
        assert_eq!((stream.next_request(true, now), stream.due()), (None, None));
        let mut waits = Vec::new();
        for _ in 0..5 {
            stream.interrupted(true, Moment { millis: now, jitter: 0 });
            let due = stream.due().unwrap();
            waits.push(due - now);
            assert_eq!(stream.next_request(true, due - 1), None);
            now = due;
            assert_eq!(stream.next_request(true, now), Some(StreamRequest::Open));
        }
        assert_eq!(waits, [1000, 2000, 4000, 8000, 8000]);
        stream.opened();
        assert_eq!(stream.next_request(false, now), Some(StreamRequest::Close));
    }
}
