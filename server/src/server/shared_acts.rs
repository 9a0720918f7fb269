//! What a teacher does on one server of a room, in the journals of all of them; and what
//! concerns one person, done on the server to which that one is connected.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::{Action, JournalEntry};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::book::room::acts::Acts;
use crate::classroom::Classroom;

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
    let mut sharing = Sharing { origin: origin.into(), told: 0, read: 0, taken: BTreeSet::new() };
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

struct Sharing {
    origin: i64,
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
                let number = i64::try_from(entry.id).unwrap_or(i64::MAX);
                let text = serde_json::to_string(&entry)?;
                acts.add(self.origin, number, &text, entry.act.action == Action::End).await?;
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
            let entry = serde_json::from_str::<JournalEntry>(&act.text);
            if act.origin != self.origin
                // What only another version of the program can do is not in this journal.
                && let Ok(entry) = entry
            {
                self.taken.insert(class.follow(entry));
            }
        }
        Ok(())
    }
}
