//! Where the connection stands, and how long to wait before the next attempt.
//!
//! It opens no socket and reads no clock; times are the model's milliseconds.

/// How long a server may take to say `Welcome!` before the attempt is given
/// up: a browser alone would wait two minutes for a machine that is switched
/// off, and a classroom network answers within one second.
pub const CONNECT_TIMEOUT: u64 = 10_000;

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An attempt is under way, or the server has not said `Welcome!` yet.
    Connecting {
        /// When it began.
        since: u64,
    },
    /// `Welcome!` has come.
    Open,
    /// It broke; the next attempt comes by itself.
    Waiting {
        /// When it broke.
        since: u64,
        /// When the next attempt begins.
        until: u64,
    },
    /// The student said `exit`; the next one is theirs to begin.
    Ended,
}

/// The wait before the attempt after `failures` failures in a row, in
/// milliseconds: half a second, doubled up to eight.
///
/// `jitter` is in thousandths; with ±200 of it a class of fifty does not come
/// back in one instant when its server does.
pub fn retry_delay(failures: u32, jitter: i32) -> u64 {
    const FIRST: u64 = 500;
    const LONGEST: u64 = 8_000;
    spread((FIRST << failures.min(8)).min(LONGEST), jitter)
}

/// The wait before the next attempt if the teacher lets this page not in, in milliseconds:
/// half a minute. That lasts minutes, and the server's log has a line for each attempt.
pub fn refused_delay(jitter: i32) -> u64 {
    spread(30_000, jitter)
}

fn spread(base: u64, jitter: i32) -> u64 {
    base.saturating_add_signed(base as i64 * i64::from(jitter) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_half_a_second_to_eight() {
        let waits: Vec<u64> = (0..6).map(|failures| retry_delay(failures, 0)).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(retry_delay(u32::MAX, 0), 8000);
        assert_eq!((retry_delay(0, -200), retry_delay(9, 200)), (400, 9600));
        assert_eq!(refused_delay(200), 36_000);
    }
}
