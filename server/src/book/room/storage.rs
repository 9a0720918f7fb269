//! A room as the storage of a book: what a client asks goes to the lanes, and comes back
//! when the database has confirmed it.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Batch, Decoder, Next, Replies, Request};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::database::Database;
use super::feed::Mirror;
use super::lane::{Revising, Task};
use super::waiting::Job;
use super::{RoomId, authors};
use crate::book::commits::Commits;
use crate::book::contacts::SharedContacts;
use crate::book::revision::{NotRevised, Removed, Revision};
use crate::book::storage::{Lost, Storage, deliver, take_batch};

/// The room of one book on this server. Dropping it ends the following of its changes.
#[derive(Debug)]
pub(crate) struct Room {
    pub(super) id: RoomId,
    pub(super) database: Database,
    /// The lane of the room's changes, and one of finds.
    pub(super) writes: UnboundedSender<Task>,
    pub(super) finds: UnboundedSender<Task>,
    pub(super) commits: Commits,
    /// Follows the room's changes as long as it lives: the book's own map.
    pub(super) mirror: Arc<Mirror>,
}

impl Room {
    /// The contacts as far as this server knows them.
    pub(in crate::book) fn contacts(&self) -> SharedContacts {
        self.mirror.contacts().clone()
    }

    /// Who stored a contact, as it was told with the change, if that is known.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn author(&self, name: &str) -> anyhow::Result<Option<String>> {
        authors::of(&self.database, self.id, name).await
    }

    async fn submit(
        &self,
        batch: Batch,
        author: Option<&Arc<str>>,
        frozen: bool,
        replies: Replies,
    ) -> Result<Replies, Lost> {
        let changes = |(request, _): (Request<'_>, _)| matches!(request, Request::Change(_));
        let lane = if batch.requests().any(changes) { &self.writes } else { &self.finds };
        let (to, answered) = oneshot::channel();
        let (room, size, earlier) = (self.id, batch.requests().count(), replies.len());
        let (since, author) = (Instant::now(), author.cloned());
        let job = Job { room, batch, author, size, frozen, since, replies, earlier, to };
        // It comes back where the lane's task is gone, which a panic has ended.
        match lane.send(Task::Answer(job)) {
            Ok(()) => answered.await.map_err(|_| Lost(Replies::default())),
            Err(error) => match error.0 {
                Task::Answer(job) => Err(Lost(job.replies)),
                Task::Revise(_) => unreachable!("it comes back as it was sent"),
            },
        }
    }

    async fn answer_in_room(
        &self,
        contacts: &SharedContacts,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        author: Option<&Arc<str>>,
    ) -> Next {
        // Finds go to the database: the map may be behind other servers' changes.
        let (batch, next) = take_batch(decoder, replies, most, |request, ending, replies| {
            let Request::Answered(reply) = request else { return false };
            replies.push(reply, ending);
            true
        });
        if batch.is_empty() {
            return next;
        }
        let frozen = contacts.read().is_frozen();
        let answered = self.submit(batch, author, frozen, std::mem::take(replies)).await;
        deliver(answered, replies, next)
    }
}

impl Storage for Room {
    async fn answer(
        &self,
        contacts: &SharedContacts,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        author: Option<&Arc<str>>,
    ) -> Next {
        // Boxed, so that a conversation without a database is no larger for it.
        Box::pin(self.answer_in_room(contacts, decoder, replies, most, author)).await
    }

    async fn revise(&self, _: &SharedContacts, revision: Revision) -> Result<Removed, NotRevised> {
        let (to, revised) = oneshot::channel();
        let revising = Revising { room: self.id, revision, to };
        self.writes.send(Task::Revise(revising)).map_err(|_| NotRevised::Gone)?;
        revised.await.unwrap_or(Err(NotRevised::Gone))
    }

    fn commits(&self) -> Option<(u64, Duration)> {
        Some(self.commits.sums())
    }
}
