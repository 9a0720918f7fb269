//! Lead: what the teacher has switched, the journal of what was done, and by what a
//! teacher is known.
//!
//! It switches only itself; what an act means for the book and for people is decided in
//! [`act`](super::act).

pub(crate) mod access;
mod journal;
pub(crate) mod shared;
mod undo;

use std::net::IpAddr;
use std::time::Duration;

use api::{Act, Action, Sticky};
use protocol::Stage;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::access::Access;
use self::journal::Journal;
pub(crate) use self::undo::{Done, REMEMBERED, Undo, Undoable};
use super::people::PersonId;
use crate::transport::conversation::ConversationOptions;
use crate::transport::live::LiveOptions;
use crate::transport::refusal::Refusal;

/// How long something that hinders students lasts unless it is ended before: "eyes on
/// me", and a block.
pub(crate) const HINDERED: Duration = Duration::from_secs(5 * 60);

/// Addresses that are blocked at once; the first one is let in again for another.
const MOST_BLOCKED: usize = 1_000;

/// All that the teacher can switch, as it stands now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Switches {
    /// The stage of the lesson.
    pub(crate) stage: Stage,
    /// Waited before each reply.
    pub(crate) pause: Duration,
    /// "Eyes on me": when it ends by itself.
    pub(crate) held_until: Option<Instant>,
    /// Whether the book takes no changes.
    pub(crate) frozen: bool,
    /// Whether no new clients are let in.
    pub(crate) closed: bool,
    /// Whether other computers may connect to students' servers.
    pub(crate) servers: bool,
    /// Whether the lesson's lines are on the board.
    pub(crate) shows_lines: bool,
    /// Whose conversation is on the board.
    pub(crate) shows: Option<PersonId>,
    /// What happens to everybody's replies on purpose.
    pub(crate) sticky: Sticky,
    /// A line for everybody.
    pub(crate) announcement: Option<String>,
    /// Addresses that are not let in, and until when.
    pub(crate) blocked: Vec<(IpAddr, Instant)>,
    /// The entry of the journal that can be undone.
    pub(crate) undo: Option<u64>,
    /// How many lessons have ended.
    pub(crate) lesson: u64,
}

impl Switches {
    /// When the next thing ends by itself.
    fn next_end(&self) -> Option<Instant> {
        self.blocked.iter().map(|(_, until)| *until).chain(self.held_until).min()
    }

    /// Refuses connections from an address for [`HINDERED`].
    pub(crate) fn block(&mut self, address: IpAddr, now: Instant) {
        self.unblock(address);
        if self.blocked.len() == MOST_BLOCKED {
            self.blocked.remove(0);
        }
        self.blocked.push((address, now + HINDERED));
    }

    /// Lets an address in again.
    pub(crate) fn unblock(&mut self, address: IpAddr) {
        self.blocked.retain(|(blocked, _)| *blocked != address);
    }
}

/// What the teacher does with one class.
#[derive(Debug)]
pub(crate) struct Lead {
    switches: watch::Sender<Switches>,
    /// What conversations read of the switches.
    live: LiveOptions,
    journal: Journal,
    undo: Undo,
    /// What tells this server's acts from those of other servers of the class.
    tag: u32,
    /// None where only this computer can lead.
    access: Option<Access>,
}

impl Lead {
    /// A class that nothing has been switched in since its server started.
    pub(crate) fn new(options: ConversationOptions) -> Self {
        let ConversationOptions { stage, pause, sticky } = options;
        let switches = Switches { stage, pause, sticky, ..Switches::default() };
        Lead {
            switches: watch::Sender::new(switches),
            live: LiveOptions::new(options),
            journal: Journal::default(),
            undo: Undo::default(),
            tag: 0,
            access: None,
        }
    }

    /// Lets the teacher lead from other computers, too.
    pub(crate) fn allow(&mut self, access: Access) {
        self.access = Some(access);
    }

    /// Makes this the lead at one of several servers of the class, which has this tag.
    pub(crate) fn at_server(&mut self, tag: u32) {
        self.tag = tag;
    }

    /// The tag of this server among those of the class.
    pub(crate) fn tag(&self) -> u32 {
        self.tag
    }

    /// By what a teacher is known, on other computers than this.
    pub(crate) fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    /// The switches, and word of each change of them.
    pub(crate) fn watch(&self) -> watch::Receiver<Switches> {
        self.switches.subscribe()
    }

    /// What conversations read of the switches, for every message.
    pub(crate) fn live(&self) -> &LiveOptions {
        &self.live
    }

    /// The stage of the messages to come.
    pub(crate) fn stage(&self) -> Stage {
        self.switches.borrow().stage
    }

    /// The journal of what was done.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What can be undone.
    pub(crate) fn undo(&self) -> &Undo {
        &self.undo
    }

    /// Whether a new client from this address is let in.
    ///
    /// # Errors
    ///
    /// It is not; the client is to be told why.
    pub(crate) fn let_in(&self, address: IpAddr) -> Result<(), Refusal> {
        let switches = self.switches.borrow();
        let address = address.to_canonical();
        if switches.blocked.iter().any(|(blocked, _)| *blocked == address) {
            return Err(Refusal::Blocked);
        }
        if switches.closed { Err(Refusal::DoorClosed) } else { Ok(()) }
    }

    /// Changes the switches, for conversations as well. Returns whether that changed
    /// anything.
    pub(crate) fn switch(&self, change: impl FnOnce(&mut Switches)) -> bool {
        self.switches.send_if_modified(|switches| {
            let before = switches.clone();
            change(switches);
            let Switches { stage, pause, sticky, .. } = *switches;
            self.live.store(ConversationOptions { stage, pause, sticky });
            *switches != before
        })
    }

    /// Ends what hinders students once its time is over, until `stop` is cancelled.
    pub(crate) async fn end_by_itself(&self, stop: &CancellationToken) {
        let mut switches = self.watch();
        loop {
            let next = switches.borrow_and_update().next_end();
            let time_over = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // Its sender lives as long as the class.
                _ = switches.changed() => {}
                () = time_over => self.end_what_is_over(Instant::now()),
            }
        }
    }

    /// Notes that connections of an address were refused, for there were as many as one
    /// may have.
    pub(crate) fn note_crowded(&self, address: IpAddr) {
        let act = Act { action: Action::Crowded, person: None, text: None, millis: None };
        self.journal.add(act, address.to_string(), true);
    }

    fn end_what_is_over(&self, now: Instant) {
        let mut ended = Vec::new();
        self.switch(|switches| {
            if switches.held_until.is_some_and(|until| until <= now) {
                switches.held_until = None;
                ended.push((Action::Resume, String::new()));
            }
            switches.blocked.retain(|(address, until)| {
                let is_over = *until <= now;
                if is_over {
                    ended.push((Action::Unblock, address.to_string()));
                }
                !is_over
            });
        });
        for (action, whom) in ended {
            let text = (!whom.is_empty()).then(|| whom.clone());
            self.journal.add(Act { action, person: None, text, millis: None }, whom, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_hinders_ends_by_itself_after_five_minutes_and_the_journal_says_so() {
        let lead = Lead::new(ConversationOptions::default());
        let (stop, address) = (CancellationToken::new(), IpAddr::from([192, 168, 1, 7]));
        let start = Instant::now();
        let act = async {
            lead.switch(|switches| switches.held_until = Some(start + HINDERED));
            tokio::time::sleep(Duration::from_secs(60)).await;
            lead.switch(|switches| switches.block(address, Instant::now()));
            assert_eq!(lead.let_in(address), Err(Refusal::Blocked));
            let mut watch = lead.watch();
            while watch.borrow_and_update().held_until.is_some() {
                watch.changed().await.unwrap();
            }
            assert_eq!(start.elapsed(), HINDERED);
            assert_eq!(lead.let_in(address), Err(Refusal::Blocked));
            while lead.let_in(address).is_err() {
                watch.changed().await.unwrap();
            }
            assert_eq!(start.elapsed(), HINDERED + Duration::from_secs(60));
            // The entries are added right behind the switch.
            tokio::task::yield_now().await;
            stop.cancel();
        };
        tokio::join!(act, lead.end_by_itself(&stop));
        let entries = lead.journal().since(0);
        let told: Vec<_> = entries.iter().map(|e| (e.act.action, e.by_itself)).collect();
        assert_eq!(told, [(Action::Resume, true), (Action::Unblock, true)]);
        assert_eq!(entries[1].whom, "192.168.1.7");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ended_before_does_not_end_a_second_time() {
        let lead = Lead::new(ConversationOptions::default());
        let stop = CancellationToken::new();
        let act = async {
            lead.switch(|switches| switches.held_until = Some(Instant::now() + HINDERED));
            tokio::time::sleep(Duration::from_secs(10)).await;
            lead.switch(|switches| switches.held_until = None);
            tokio::time::sleep(2 * HINDERED).await;
            stop.cancel();
        };
        tokio::join!(act, lead.end_by_itself(&stop));
        assert_eq!(lead.journal().since(0), []);
    }

    #[test]
    fn the_list_of_blocked_addresses_is_bounded() {
        let (mut switches, now) = (Switches::default(), Instant::now());
        let address = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        (0..MOST_BLOCKED as u32 + 3).for_each(|n| switches.block(address(n), now));
        switches.block(address(9), now);
        assert_eq!(switches.blocked.len(), MOST_BLOCKED);
        assert_eq!(switches.blocked[0].0, address(3));
    }
}
