//! Live options: what conversations read before every message, while a teacher may
//! change it. One atomic number, so that reading it costs no more than a load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::Sticky;
use protocol::Stage;

use crate::transport::conversation::ConversationOptions;

/// The bits of the pause, in milliseconds: 49 days fit, and half a minute is the most.
const PAUSE: u64 = u32::MAX as u64;
/// Set in stage *echo*.
const ECHO: u64 = 1 << 32;
/// Where the two bits of [`Sticky`] begin.
const STICKY: u32 = 33;

/// [`ConversationOptions`] that can be changed at any time.
#[derive(Debug)]
pub(crate) struct LiveOptions(AtomicU64);

impl LiveOptions {
    pub(crate) fn new(options: ConversationOptions) -> Self {
        LiveOptions(AtomicU64::new(packed(options)))
    }

    /// Sets them for all messages to come.
    pub(crate) fn store(&self, options: ConversationOptions) {
        // Relaxed: no other memory is read because of it.
        self.0.store(packed(options), Ordering::Relaxed);
    }

    /// The options of the next message.
    pub(crate) fn load(&self) -> ConversationOptions {
        let bits = self.0.load(Ordering::Relaxed);
        ConversationOptions {
            stage: if bits & ECHO == 0 { Stage::Contacts } else { Stage::Echo },
            pause: Duration::from_millis(bits & PAUSE),
            sticky: match bits >> STICKY {
                0 => Sticky::Off,
                1 => Sticky::Joined,
                _ => Sticky::Split,
            },
        }
    }
}

fn packed(options: ConversationOptions) -> u64 {
    let ConversationOptions { stage, pause, sticky } = options;
    let pause = u64::try_from(pause.as_millis()).unwrap_or(PAUSE).min(PAUSE);
    let stage = if stage == Stage::Echo { ECHO } else { 0 };
    let sticky = match sticky {
        Sticky::Off => 0,
        Sticky::Joined => 1,
        Sticky::Split => 2,
    };
    pause | stage | sticky << STICKY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_as_they_were_stored() {
        let live = LiveOptions::new(ConversationOptions::default());
        for stage in [Stage::Contacts, Stage::Echo] {
            for sticky in [Sticky::Off, Sticky::Joined, Sticky::Split] {
                for pause in [0, 1, 30_000] {
                    let pause = Duration::from_millis(pause);
                    let options = ConversationOptions { stage, pause, sticky };
                    live.store(options);
                    assert_eq!(live.load(), options);
                }
            }
        }
    }
}
