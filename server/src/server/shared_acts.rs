//! What a teacher does on one server of a room, in the journals of all of them, with what
//! can be undone; and what concerns one person, done on the server to which that one is
//! connected.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::{Action, JournalEntry};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::book::room::acts::{Acts, NewAct};
use crate::classroom::Classroom;
use crate::classroom::act::DoneElsewhere;
use crate::classroom::lead::{Done, REMEMBERED};

/// Time until a next attempt where the database is away.
const RETRY: Duration = Duration::from_millis(500);

/// Tells other servers what was done here, and follows what was done there, until `ended`
/// is cancelled. `origin` is this server's name in the room.
pub(super) async fn share(
    classroom: Arc<Classroom>,
    acts: Acts,
    origin: u32,
    ended: CancellationToken,
) {
    let journal = classroom.lead().journal();
    let (mut here, mut there) = (journal.watch(), acts.number());
    let mut sharing = Sharing { origin, told: 0, read: 0, taken: BTreeSet::new() };
    let sharing = async {
        loop {
            here.mark_unchanged();
            let newest = *there.borrow_and_update();
            if let Err(error) = sharing.round(&classroom, &acts, newest).await {
                tracing::debug!("what the teacher does is not shared: {error:#}");
                sleep(RETRY).await;
                continue;
            }
            tokio::select! {
                // Both senders live as long as the room.
                _ = here.changed() => {}
                _ = there.changed() => {}
            }
        }
    };
    tokio::select! { () = sharing => {} () = ended.cancelled() => {} }
}

/// An act as servers tell each other; what it took out of the book is told beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    #[serde(flatten)]
    entry: JournalEntry,
    /// What it has undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undone: Option<Done>,
}

struct Sharing {
    origin: u32,
    /// The number of the last entry of the journal that was told.
    told: u64,
    /// The number of the last act that was read.
    read: i64,
    /// The entries of the journal that come from elsewhere and lie behind `told`.
    taken: BTreeSet<u64>,
}

impl Sharing {
    async fn round(&mut self, class: &Classroom, acts: &Acts, newest: i64) -> anyhow::Result<()> {
        for entry in class.lead().journal().since(self.told) {
            // What ends by itself does so on every server.
            if !self.taken.remove(&entry.id) && !entry.by_itself {
                self.tell(class, acts, &entry).await?;
            }
            self.told = entry.id;
        }
        // Those that were forgotten with a lesson did not come by.
        self.taken = self.taken.split_off(&(self.told + 1));
        if newest <= self.read {
            return Ok(());
        }
        for act in acts.since(self.read).await? {
            self.read = act.number;
            let server = u32::try_from(act.origin).unwrap_or_default();
            // What only another version of the program can do is not in this journal.
            if server != self.origin
                && let Ok(Told { entry, undone }) = serde_json::from_str(&act.text)
            {
                let done = Done { server, entry: entry.id };
                let removed = act.removed.and_then(|removed| serde_json::from_str(&removed).ok());
                let elsewhere = DoneElsewhere { entry, done, removed, undone };
                self.taken.insert(class.follow(elsewhere).await);
            }
        }
        Ok(())
    }

    /// Tells an entry of this server's journal.
    async fn tell(
        &self,
        class: &Classroom,
        acts: &Acts,
        entry: &JournalEntry,
    ) -> anyhow::Result<()> {
        let (removed, undone) = {
            // Behind a revision that is being made, whose entry is there first.
            let revisions = class.lead().undo().lock().await;
            let removed = revisions.removed_by(entry.id).map(serde_json::to_string).transpose()?;
            (removed, revisions.undone_by(entry.id))
        };
        let text = serde_json::to_string(&Told { entry: entry.clone(), undone })?;
        let act = NewAct {
            origin: self.origin.into(),
            entry: i64::try_from(entry.id).unwrap_or(i64::MAX),
            text: &text,
            removed: removed.as_deref(),
            most_removed: REMEMBERED,
        };
        match entry.act.action {
            Action::End => acts.add_alone(act).await,
            _ => acts.add(act).await,
        }
    }
}
