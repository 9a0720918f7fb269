//! Outbox: the replies of a conversation on their way out, and what a teacher has
//! happen to them on purpose so that a class sees sticky packets (粘包).
//!
//! The bytes stay the same and in order; only where one packet ends and the next one
//! begins is chosen. On a WebSocket the frames are joined and split just so, and the
//! browser takes them apart again: that is what framing is for.

use std::io;
use std::time::Duration;

use api::Sticky;
use protocol::Replies;
use tokio::time::Instant;

use crate::transport::conversation::Transport;

/// How long a reply waits for the one that it is to be joined with. A program that
/// sends its second message without waiting is there in milliseconds; one that waits
/// for the reply gets it alone, and the class sees that it took a second.
const JOIN: Duration = Duration::from_secs(1);

/// The time between the two parts of a reply: far longer than a classroom's network
/// takes, so that `recv` returns with the first part alone.
pub(crate) const GAP: Duration = Duration::from_millis(100);

/// Replies that were not sent yet, or were sent last.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    replies: Replies,
    /// Until when the replies wait for another one, if they do.
    waits_until: Option<Instant>,
}

impl Outbox {
    /// Forgets what was sent. Returns the replies, to which others are added, and how
    /// many there are.
    pub(crate) fn begin(&mut self) -> (&mut Replies, usize) {
        if self.waits_until.is_none() {
            self.replies.clear();
        }
        let held = self.replies.len();
        (&mut self.replies, held)
    }

    /// Until when a reply waits for another one, if it does.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.waits_until
    }

    /// Sends the replies, if there are any, or keeps a single one for the next if that is
    /// wished for and `may_wait`.
    ///
    /// # Errors
    ///
    /// As [`Transport::send`].
    pub(crate) async fn send<T: Transport>(
        &mut self,
        transport: &mut T,
        sticky: Sticky,
        may_wait: bool,
    ) -> io::Result<()> {
        if self.replies.is_empty() {
            return Ok(());
        }
        match sticky {
            Sticky::Joined if may_wait && self.replies.len() == 1 => {
                let now = Instant::now();
                if now < *self.waits_until.get_or_insert(now + JOIN) {
                    return Ok(());
                }
                transport.send(&self.replies).await?;
            }
            Sticky::Split => transport.send_split(&self.replies).await?,
            Sticky::Off | Sticky::Joined => transport.send(&self.replies).await?,
        }
        self.waits_until = None;
        Ok(())
    }

    /// Sends what still waits, before the conversation ends.
    ///
    /// # Errors
    ///
    /// As [`Transport::send`].
    pub(crate) async fn send_rest<T: Transport>(&mut self, transport: &mut T) -> io::Result<()> {
        match self.waits_until.take() {
            Some(_) => transport.send(&self.replies).await,
            None => Ok(()),
        }
    }
}
