//! Connections by hand: the pages of a student that talk to the student's server between
//! runs.

use std::time::Duration;

use tokio::time::Instant;

use super::{Process, Session};
use crate::relay::bridge::{Bridge, Heard, Talk};
use crate::relay::messages::{Request, to_latin1};

/// Connections by hand to one server at the same time: some pages of one student.
const BRIDGES: usize = 4;

/// How long after its start a server is asked again until it listens, as long as in a
/// check, and how often. Python needs 50 ms, a school's laptop a second or more.
const LISTENS_WITHIN: Duration = Duration::from_secs(15);
const ASK_AGAIN: Duration = Duration::from_millis(100);

impl Session {
    /// Does what a page asks for.
    pub(super) fn bridge(&mut self, talk: Talk) {
        match talk {
            Talk::Open { conn, heard } => {
                if self.run.is_some() || self.run_is_due || self.bridges.len() >= BRIDGES {
                    // A channel of its own, with room.
                    let _ = heard.try_send(Heard::Checking);
                    return;
                }
                if self.file.is_some() && self.process == Process::Absent {
                    self.start();
                }
                let bridge = Bridge { heard, is_open: false, early: Vec::new() };
                self.bridges.insert(conn, bridge);
                self.connect(conn);
            }
            Talk::Send { conn, bytes } => match self.bridges.get_mut(&conn) {
                Some(Bridge { is_open: true, .. }) => self.send(conn, &bytes),
                Some(bridge) => {
                    let is_kept = bridge.keep(bytes);
                    if !is_kept {
                        self.drop_bridge(conn, None);
                    }
                }
                None => {}
            },
            Talk::Close { conn } => self.drop_bridge(conn, None),
            Talk::Check => {
                if self.said_hello && self.run.is_none() && !self.run_is_due {
                    self.request_run();
                }
            }
        }
    }

    fn connect(&mut self, conn: u32) {
        let port = self.server_port();
        self.tell(&Request::Connect { conn, port });
    }

    fn send(&mut self, conn: u32, bytes: &[u8]) {
        self.tell(&Request::Send { conn, bytes: to_latin1(bytes) });
    }

    /// A connection is open. Whether it is one by hand.
    pub(super) fn opened(&mut self, conn: u32) -> bool {
        let Some(bridge) = self.bridges.get_mut(&conn) else { return false };
        bridge.is_open = true;
        for bytes in std::mem::take(&mut bridge.early) {
            self.send(conn, &bytes);
        }
        true
    }

    /// A connection could not be opened. Whether it is one by hand. A server that was
    /// just started, or ends so that it can be started anew, is asked again.
    pub(super) fn refused(&mut self, conn: u32) -> bool {
        if !self.bridges.contains_key(&conn) {
            return false;
        }
        let may_listen = match self.process {
            Process::Absent => false,
            Process::Running => self.started.elapsed() < LISTENS_WITHIN,
            Process::Stopping => true,
        };
        if may_listen {
            self.retries.push_back((Instant::now() + ASK_AGAIN, conn));
        } else {
            self.drop_bridge(conn, Some(Heard::Refused));
        }
        true
    }

    pub(super) fn retry(&mut self) {
        if let Some((_, conn)) = self.retries.pop_front()
            && self.bridges.contains_key(&conn)
        {
            self.connect(conn);
        }
    }

    pub(super) fn drop_bridge(&mut self, conn: u32, last_word: Option<Heard>) {
        let Some(bridge) = self.bridges.remove(&conn) else { return };
        // `check.py` has let go of what ended by itself.
        if !matches!(last_word, Some(Heard::Closed | Heard::Reset | Heard::Refused)) {
            self.tell(&Request::Abort { conn });
        }
        if let Some(word) = last_word {
            // If there is no room, the end of the channel tells as much.
            let _ = bridge.heard.try_send(word);
        }
    }
}
