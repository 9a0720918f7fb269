//! Whether the server is still there: a connection that only looks open after a sleep, or
//! after the network has changed, is checked and given up.

use web::core::clock::Moment;
use web::core::connection::Connection;
use web::core::liveness::{AWAY, Verdict};
use web::core::message::Mode;

use super::{BROKEN, Conversation, ConversationEffect};

impl Conversation {
    pub(super) fn change_visibility(&mut self, is_visible: bool, wall: u64, moment: Moment) {
        let now = moment.millis;
        if !is_visible {
            self.hidden.get_or_insert((now, wall));
            return;
        }
        self.stop_waiting(now);
        if let Some((since, wall_since)) = self.hidden.take()
            && (now - since).max(wall.saturating_sub(wall_since)) >= AWAY
        {
            self.suspect(moment);
        }
    }

    /// With a connection to a server: since when the oldest message without a
    /// reply waits for one, if there is one.
    pub(super) fn owed(&self) -> Option<Option<u64>> {
        let is_open = self.mode == Mode::Server && self.connection == Connection::Open;
        is_open.then(|| self.pending.oldest_since())
    }

    /// The network may have changed under an open connection.
    pub(super) fn suspect(&mut self, moment: Moment) {
        if self.owed().is_some() {
            let verdict = self.liveness.suspect(moment.millis);
            self.act_on(verdict, moment);
        }
    }

    pub(super) fn act_on(&mut self, verdict: Verdict, moment: Moment) {
        match verdict {
            Verdict::Wait => {}
            Verdict::Check => self.effect(ConversationEffect::CheckServer),
            Verdict::GiveUp => {
                self.is_unreachable = true;
                self.close(BROKEN, String::new(), moment);
            }
        }
    }
}
